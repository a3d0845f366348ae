"""The roles. Pure."""

from __future__ import annotations

from enum import IntEnum

PLATFORM_SCOPE = ""


class Role(IntEnum):
    """Each role includes the ones below it."""

    VIEWER = 10
    OPERATOR = 20
    MESH_ADMIN = 30
    PLATFORM_ADMIN = 40

    @property
    def slug(self) -> str:
        """The name in files, on the command line and in the audit, such as `mesh-admin`."""
        return self.name.lower().replace("_", "-")
