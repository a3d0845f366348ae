"""Roles of people in a mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interconnect.permissions import role_for
from interconnect.scope import scope_of
from interconnect.services.authority import audited, require
from meshconsole.access.models import Binding
from meshconsole.access.roles import Role

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from interconnect.models import Mesh
    from meshconsole.access.actor import Actor


def member_set(*, actor: Actor, mesh: Mesh, user: User, role: Role) -> Binding:
    """Give somebody a role in the mesh, replacing the one they had."""
    with audited(actor, "member.set", mesh=mesh, subject=user.get_username(), params={"role": role.slug}):
        require(actor, role_for("member.set"))
        binding, _created = Binding.objects.update_or_create(
            scope=scope_of(mesh.id), user=user, defaults={"role": role}
        )
    return binding


def member_remove(*, actor: Actor, mesh: Mesh, binding: Binding) -> None:
    """Remove a role. People without any role can no longer see the mesh."""
    name = str(binding.user or binding.group)
    with audited(actor, "member.remove", mesh=mesh, subject=name, params={"role": Role(binding.role).slug}):
        require(actor, role_for("member.remove"))
        Binding.objects.filter(id=binding.id, scope=scope_of(mesh.id)).delete()
