from __future__ import annotations

import typing

from interconnect.domain.changes import Change, CreateGroup, DeleteGroup, Remove, UpdateAddresses
from interconnect.domain.roles import Role, required_role, required_role_of_all

OPERATORS = {
    "AddCluster",
    "CreateGateway",
    "CreateGroup",
    "DeleteGateway",
    "EditGateway",
    "MoveCluster",
    "RemoveCluster",
    "UpdateAddresses",
}


def test_an_operator_changes_groups_gateways_and_addresses_and_a_mesh_admin_the_rest() -> None:
    kinds = typing.get_args(Change)
    assert {kind.__name__ for kind in kinds if required_role(kind.__new__(kind)) is Role.OPERATOR} == OPERATORS


def test_several_changes_need_the_role_of_the_strictest() -> None:
    create, update = CreateGroup("blue", frozenset()), UpdateAddresses("blue", ())
    assert required_role_of_all([create, update]) is Role.OPERATOR
    assert required_role_of_all([create, DeleteGroup("blue")]) is Role.MESH_ADMIN
    assert required_role_of_all([Remove("blue")]) is Role.MESH_ADMIN


def test_overriding_a_finding_is_a_mesh_admins_decision() -> None:
    assert required_role_of_all([CreateGroup("blue", frozenset())], overriding=True) is Role.MESH_ADMIN
