from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from interconnect.state import pages
from interconnect.views.parts import alerts, menus
from meshconsole.access.actor import Actor
from meshconsole.access.policy import visible_scopes
from meshconsole.access.roles import PLATFORM_SCOPE
from meshconsole.htmx import page
from meshconsole.ui.tones import Badge, Tone

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from interconnect.models import Mesh


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Show the meshes in which this person has a role."""
    meshes = pages.visible_meshes(visible_scopes(request.user))
    rows = [(mesh, state_of(mesh)) for mesh in meshes]
    return page(
        request,
        "meshes/index.html",
        {
            "rows": rows,
            "register": menus.of_meshes(Actor.for_user(request.user, PLATFORM_SCOPE)),
            **alerts.of_meshes(request.user, meshes),
        },
        parts=("live",),
    )


def state_of(mesh: Mesh) -> Badge:
    if mesh.running:  # type: ignore[attr-defined]
        return Badge(Tone.BUSY, _("Rollout running"))
    if not mesh.enabled:
        return Badge(Tone.CALM, _("Not enabled"))
    joined = mesh.joined_count  # type: ignore[attr-defined]
    if not joined:
        return Badge(Tone.CALM, _("Enabled, nothing joined"))
    return Badge(Tone.GOOD, ngettext("%(count)s group joined", "%(count)s groups joined", joined) % {"count": joined})
