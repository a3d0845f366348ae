"""*Settings* of a mesh, and its deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from interconnect.domain.refusal import Refused
from interconnect.domain.topology import RestartPolicy
from interconnect.forms.groups import ConfirmForm
from interconnect.forms.settings import IstiodUrlForm, NetworksForm, SettingsForm
from interconnect.services.meshes import mesh_delete, mesh_istiod_url, mesh_networks_source, mesh_restart_policy
from interconnect.views.parts import dialogs, menus
from interconnect.views.parts.access import Visit, mesh_for
from interconnect.views.parts.dialogs import Dialog, done, posted, refuse
from interconnect.views.parts.frame import frame, observed_istiods
from interconnect.wording import phrases
from meshconsole.htmx import page, redirect

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_http_methods(["GET", "POST"])
def show(request: HttpRequest, name: str) -> HttpResponse:
    """What is set for the mesh; who is no mesh admin reads it."""
    visit = mesh_for(request, name)
    form = SettingsForm(posted(request), initial={"restart": visit.mesh.restart})
    if request.method == "POST" and form.is_valid():
        mesh_restart_policy(actor=visit.actor, mesh=visit.mesh, restart=RestartPolicy(form.cleaned_data["restart"]))
        return done(request, visit.mesh, _("Saved."), url_name="mesh-settings")
    return _page(request, visit, restart=form)


@require_http_methods(["GET", "POST"])
def networks(request: HttpRequest, name: str) -> HttpResponse:
    """Where istiod reads meshNetworks, when somebody knows it better than its Deployment says."""
    visit = mesh_for(request, name)
    form = NetworksForm(posted(request), mesh=visit.mesh)
    if request.method != "POST" or not form.is_valid():
        return _page(request, visit, networks=form)
    chosen = form.cleaned_data
    try:
        mesh_networks_source(
            actor=visit.actor, mesh=visit.mesh, cluster_uid=chosen["source"], config_map=chosen["config_map"]
        )
    except Refused as refused:
        form.add_error("config_map", " ".join(phrases.reasons(refused.violations)))
        return _page(request, visit, networks=form)
    return done(request, visit.mesh, _("Saved."), url_name="mesh-settings")


@require_http_methods(["GET", "POST"])
def istiod_url(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name)
    form = IstiodUrlForm(posted(request), initial={"url": visit.mesh.istiod_url})
    if request.method != "POST" or not form.is_valid():
        return _page(request, visit, istiod_url=form)
    try:
        mesh_istiod_url(actor=visit.actor, mesh=visit.mesh, url=form.cleaned_data["url"].strip())
    except Refused as refused:
        form.add_error("url", " ".join(phrases.reasons(refused.violations)))
        return _page(request, visit, istiod_url=form)
    return done(request, visit.mesh, _("Saved."), url_name="mesh-settings")


@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, name: str) -> HttpResponse:
    """The mesh is taken out of the console; only when nothing of ours is left on its clusters."""
    visit = mesh_for(request, name)
    intro = (
        _(
            "%(name)s leaves the console with its history of rollouts, its roles and the credentials of its "
            "control plane."
        )
        % {"name": name},
        _("Nothing on its clusters changes. What people have done stays in the audit record."),
    )
    dialog = Dialog(_("Delete mesh"), _("Delete"), ConfirmForm(posted(request)), intro=intro, danger=True)
    if request.method != "POST" or not dialog.form.is_valid():
        return dialogs.show(request, visit, dialog)
    try:
        mesh_delete(actor=visit.actor, mesh=visit.mesh)
    except Refused as refused:
        refuse(dialog, refused)
        return dialogs.show(request, visit, dialog)
    messages.success(request, _("%(name)s is deleted.") % {"name": name})
    return redirect(request, reverse("meshes"))


def _page(
    request: HttpRequest,
    visit: Visit,
    *,
    restart: SettingsForm | None = None,
    networks: NetworksForm | None = None,
    istiod_url: IstiodUrlForm | None = None,
) -> HttpResponse:
    """The whole page: the form that was sent, if any, with what is wrong in it, the others as they are stored."""
    mesh, page_of = visit.mesh, {"networks_form": "mesh-networks", "istiod_url_form": "mesh-istiod-url"}
    forms = {
        "form": restart or SettingsForm(initial={"restart": mesh.restart}),
        "networks_form": networks or NetworksForm(mesh=mesh),
        "istiod_url_form": istiod_url or IstiodUrlForm(initial={"url": mesh.istiod_url}),
    }
    for key, form in forms.items():
        for bound in form:
            bound.field.disabled = not visit.may(page_of.get(key, "mesh-settings"))
    context = frame(visit, "mesh-settings") | {
        **forms,
        "may_change": visit.may("mesh-settings"),
        "platform_admin": visit.may("mesh-istiod-url"),
        "istiods": observed_istiods(mesh),
    }
    context["delete"] = menus.delete_mesh(mesh, visit.actor)
    failed = any(form.is_bound and form.errors for form in forms.values())
    return page(request, "meshes/settings.html", context, status=422 if failed else 200)
