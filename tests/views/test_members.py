"""Roles in a mesh, given and taken in the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse

from meshconsole.access.models import Binding
from meshconsole.access.policy import role_of
from meshconsole.access.roles import Role
from meshconsole.audit.models import Entry

if TYPE_CHECKING:
    from interconnect.models import Mesh


def test_a_mesh_admin_gives_changes_and_takes_a_role(as_ada: Any, mesh: Mesh, mallory: Any, scope: str) -> None:
    url = reverse("members", kwargs={"name": mesh.name})
    as_ada.post(url, {"username": "mallory", "role": "10"})
    assert role_of(mallory, scope) is Role.VIEWER
    as_ada.post(url, {"username": "mallory", "role": "20"})
    assert role_of(mallory, scope) is Role.OPERATOR
    binding = Binding.objects.get(user=mallory)
    as_ada.post(reverse("member-remove", kwargs={"name": mesh.name, "binding_id": binding.id}))
    assert role_of(mallory, scope) is None
    assert [entry.action for entry in Entry.objects.order_by("pk")][-3:] == [
        "member.set",
        "member.set",
        "member.remove",
    ]


def test_nobody_becomes_an_admin_of_the_platform_in_a_mesh(as_ada: Any, mesh: Mesh, mallory: Any) -> None:
    response = as_ada.post(reverse("members", kwargs={"name": mesh.name}), {"username": "mallory", "role": "40"})
    assert response.status_code == 422 and response.context["form"].errors["role"]


def test_an_account_that_is_not_there_is_said_beside_the_field(as_ada: Any, mesh: Mesh) -> None:
    response = as_ada.post(reverse("members", kwargs={"name": mesh.name}), {"username": "nobody", "role": "10"})
    assert response.status_code == 422 and response.context["form"].errors["username"]


def test_a_role_in_another_mesh_cannot_be_taken_from_here(as_ada: Any, mesh: Mesh, pia: Any) -> None:
    binding = Binding.objects.get(user=pia)
    response = as_ada.post(reverse("member-remove", kwargs={"name": mesh.name, "binding_id": binding.id}))
    assert response.status_code == 404 and Binding.objects.filter(id=binding.id).exists()
