from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from interconnect.forms.members import MemberForm
from interconnect.services.members import member_remove, member_set
from interconnect.state import pages
from interconnect.views.parts.access import mesh_for
from interconnect.views.parts.dialogs import done, posted
from interconnect.views.parts.frame import frame
from meshconsole.htmx import page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_http_methods(["GET", "POST"])
def index(request: HttpRequest, name: str) -> HttpResponse:
    """Show who has which role in the mesh; a mesh admin can give roles to existing accounts."""
    visit = mesh_for(request, name)
    form = MemberForm(posted(request))
    if request.method == "POST" and form.is_valid():
        member_set(
            actor=visit.actor, mesh=visit.mesh, user=form.cleaned_data["username"], role=form.cleaned_data["role"]
        )
        return done(request, visit.mesh, _("Saved."), url_name="members")
    context = frame(visit, "members") | {
        "form": form,
        "may_change": visit.may("members"),
        "bindings": pages.bindings(visit.mesh),
        "platform": pages.platform_bindings(),
    }
    return page(request, "members/index.html", context, status=422 if form.errors else 200)


@require_POST
def remove(request: HttpRequest, name: str, binding_id: int) -> HttpResponse:
    visit = mesh_for(request, name)
    binding = pages.binding_of(visit.mesh, binding_id)
    if binding is None:
        raise Http404
    member_remove(actor=visit.actor, mesh=visit.mesh, binding=binding)
    return done(request, visit.mesh, _("The role has been removed."), url_name="members")
