"""Fetching a mesh is the permission check: what is not visible does not exist, what is visible may
still be forbidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from interconnect.permissions import role_for, role_for_page
from interconnect.scope import scope_of
from interconnect.state import pages
from interconnect.wording import word
from meshconsole.access.actor import Actor

if TYPE_CHECKING:
    from interconnect.models import Mesh
    from meshconsole.access.roles import Role


@dataclass(frozen=True, slots=True)
class Visit:
    """A mesh, and who looks at it."""

    mesh: Mesh
    actor: Actor

    def may(self, url_name: str) -> bool:
        """Whether they may send what is on that page of the mesh."""
        return self.actor.may(role_for_page(url_name))


def role_needed(request: HttpRequest) -> Role:
    """The role that the page of this request needs, opened or sent."""
    match = request.resolver_match
    return role_for_page((match and match.url_name) or "", sends=request.method == "POST")


def why_not(actor: Actor, role: Role) -> tuple[str, ...]:
    """Empty for somebody who has the role."""
    return () if actor.may(role) else (word("role.missing", {"role": role.slug}),)


def mesh_for(request: HttpRequest, name: str) -> Visit:
    """The mesh for somebody who has the role that the page needs. Http404 without any role there, PermissionDenied with
    a lower one.
    """
    mesh = pages.mesh_by_name(name)
    if mesh is None:
        raise Http404
    actor = Actor.for_user(request.user, scope_of(mesh.id))
    if not actor.may(role_for("mesh.see")):
        raise Http404
    if not actor.may(role_needed(request)):
        raise PermissionDenied
    return Visit(mesh, actor)
