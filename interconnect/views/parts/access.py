"""Fetching a mesh is the permission check: what is not visible does not exist, what is visible may
still be forbidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from interconnect.scope import scope_of
from interconnect.state import pages
from meshconsole.access.actor import Actor
from meshconsole.access.roles import Role

if TYPE_CHECKING:
    from interconnect.models import Mesh


@dataclass(frozen=True, slots=True)
class Visit:
    """A mesh, and who looks at it."""

    mesh: Mesh
    actor: Actor


def mesh_for(request: HttpRequest, name: str, role: Role = Role.VIEWER) -> Visit:
    """The mesh for somebody who has `role` in it. Http404 without any role there, PermissionDenied with a lower one."""
    mesh = pages.mesh_by_name(name)
    if mesh is None:
        raise Http404
    actor = Actor.for_user(request.user, scope_of(mesh.id))
    if not actor.may(Role.VIEWER):
        raise Http404
    if not actor.may(role):
        raise PermissionDenied
    return Visit(mesh, actor)
