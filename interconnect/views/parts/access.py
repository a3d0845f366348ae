"""Fetching a mesh is the permission check: what isn't visible doesn't exist; what is visible may still be forbidden."""

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
    """A mesh, and the person visiting it."""

    mesh: Mesh
    actor: Actor

    def may(self, url_name: str) -> bool:
        """Return whether they may submit that page of the mesh."""
        return self.actor.may(role_for_page(url_name))


def role_needed(request: HttpRequest) -> Role:
    """Return the role that this request's page needs, to open it or to submit it."""
    match = request.resolver_match
    return role_for_page((match and match.url_name) or "", sends=request.method == "POST")


def why_not(actor: Actor, role: Role) -> tuple[str, ...]:
    """Return the reason why the actor isn't allowed to do it; empty if they have the role."""
    return () if actor.may(role) else (word("role.missing", {"role": role.slug}),)


def mesh_for(request: HttpRequest, name: str) -> Visit:
    """Return the visit to a mesh if the person has the role that the page needs.

    Raise Http404 if they have no role in the mesh, and PermissionDenied if their role is too low.
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
