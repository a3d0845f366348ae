"""The table of who may do what: complete, and as it was decided."""

from __future__ import annotations

import typing

import pytest

from interconnect.domain.changes import Change, CreateGroup, DeleteGroup, Remove, UpdateAddresses
from interconnect.permissions import OPEN, PAGES, SENT, role_for, role_for_all, role_for_page, role_to_restart
from interconnect.urls import urlpatterns
from meshconsole.access.roles import Role

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
PLATFORM_ADMINS = {
    *("mesh-register", "mesh-register-check", "mesh-account-file", "mesh-credential", "mesh-credential-check"),
    *("mesh-istiod-url", "mesh-delete"),
}


def test_an_operator_changes_groups_gateways_and_addresses_and_a_mesh_admin_the_rest() -> None:
    kinds = typing.get_args(Change)
    assert {kind.__name__ for kind in kinds if role_for(kind) is Role.OPERATOR} == OPERATORS
    assert {role_for(kind) for kind in kinds} == {Role.OPERATOR, Role.MESH_ADMIN}


def test_several_changes_need_the_role_of_the_strictest() -> None:
    create, update = CreateGroup("blue", frozenset()), UpdateAddresses("blue", ())
    assert role_for_all([create, update]) is Role.OPERATOR
    assert role_for_all([create, DeleteGroup("blue")]) is Role.MESH_ADMIN
    assert role_for_all([Remove("blue")]) is Role.MESH_ADMIN
    assert role_for_all([]) is Role.OPERATOR


def test_overriding_a_finding_is_a_mesh_admins_decision() -> None:
    assert role_for_all([CreateGroup("blue", frozenset())], overriding=True) is Role.MESH_ADMIN
    assert role_for_all([], overriding=True) is Role.MESH_ADMIN


def test_restarting_workloads_of_a_joined_group_is_a_mesh_admins_decision() -> None:
    assert (role_to_restart(joined=False), role_to_restart(joined=True)) == (Role.OPERATOR, Role.MESH_ADMIN)


def test_every_url_has_a_row_and_every_row_a_url() -> None:
    assert set(PAGES) | OPEN == {pattern.name for pattern in urlpatterns}
    assert not set(PAGES) & OPEN
    assert set(SENT) <= set(PAGES)


@pytest.mark.parametrize("url_name", sorted(PAGES))
def test_sending_needs_no_less_than_opening(url_name: str) -> None:
    assert role_for_page(url_name) >= role_for_page(url_name, sends=False)


def test_credentials_of_a_control_plane_are_a_platform_admins() -> None:
    assert {name for name in PAGES if role_for_page(name) is Role.PLATFORM_ADMIN} == PLATFORM_ADMINS
