"""The roles. Pure."""

from __future__ import annotations

from enum import IntEnum

PLATFORM_SCOPE = ""


class Role(IntEnum):
    """Each may all that the ones below it may."""

    VIEWER = 10
    OPERATOR = 20
    MESH_ADMIN = 30
    PLATFORM_ADMIN = 40

    @property
    def slug(self) -> str:
        """As in files, on the command line and in the audit: `mesh-admin`."""
        return self.name.lower().replace("_", "-")
