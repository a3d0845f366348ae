"""Which role a change needs (the product's policy; who has which role is not decided here)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from interconnect.domain.changes import (
    AddCluster,
    Change,
    CreateGateway,
    CreateGroup,
    DeleteGateway,
    EditGateway,
    MoveCluster,
    RemoveCluster,
    UpdateAddresses,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


class Role(StrEnum):
    OPERATOR = "operator"
    MESH_ADMIN = "mesh-admin"


_OPERATORS = (
    AddCluster,
    CreateGateway,
    CreateGroup,
    DeleteGateway,
    EditGateway,
    MoveCluster,
    RemoveCluster,
    UpdateAddresses,
)


def required_role(change: Change) -> Role:
    return Role.OPERATOR if isinstance(change, _OPERATORS) else Role.MESH_ADMIN


def required_role_of_all(changes: Iterable[Change], *, overriding: bool = False) -> Role:
    """Return the role for several changes at once. Overriding a finding always needs a mesh admin."""
    admin = overriding or any(required_role(change) is Role.MESH_ADMIN for change in changes)
    return Role.MESH_ADMIN if admin else Role.OPERATOR
