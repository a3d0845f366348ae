"""A mesh's *Settings* page, and deleting the mesh."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from interconnect.domain.refusal import Refused
from interconnect.domain.topology import RestartPolicy
from interconnect.forms.groups import ConfirmForm
from interconnect.forms.settings import IstiodUrlForm, NetworksForm, SettingsForm
from interconnect.services.meshes import mesh_delete, mesh_istiod_url, mesh_networks_source, mesh_restart_policy
from interconnect.state import observed
from interconnect.views.parts import dialogs, menus
from interconnect.views.parts.access import Visit, mesh_for
from interconnect.views.parts.dialogs import Dialog, done, posted, refuse
from interconnect.views.parts.frame import frame
from interconnect.wording import phrases
from meshconsole.htmx import page, redirect

if TYPE_CHECKING:
    from django.forms import Form
    from django.http import HttpRequest, HttpResponse

# The page's forms, as its template names them.
RESTART, NETWORKS, ISTIOD_URL = "form", "networks_form", "istiod_url_form"


@require_http_methods(["GET", "POST"])
def show(request: HttpRequest, name: str) -> HttpResponse:
    """Show and change the mesh's settings; read-only for anyone who isn't a mesh admin."""
    visit = mesh_for(request, name)
    form = SettingsForm(posted(request), initial={"restart": visit.mesh.restart})

    def save(chosen: Mapping[str, Any]) -> None:
        mesh_restart_policy(actor=visit.actor, mesh=visit.mesh, restart=RestartPolicy(chosen["restart"]))

    return _changed(request, visit, RESTART, form, save)


@require_http_methods(["GET", "POST"])
def networks(request: HttpRequest, name: str) -> HttpResponse:
    """Set where istiod reads meshNetworks, for when somebody knows better than its Deployment says."""
    visit = mesh_for(request, name)
    form = NetworksForm(posted(request), mesh=visit.mesh)

    def save(chosen: Mapping[str, Any]) -> None:
        mesh_networks_source(
            actor=visit.actor, mesh=visit.mesh, cluster_uid=chosen["source"], config_map=chosen["config_map"]
        )

    return _changed(request, visit, NETWORKS, form, save)


@require_http_methods(["GET", "POST"])
def istiod_url(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name)
    form = IstiodUrlForm(posted(request), initial={"url": visit.mesh.istiod_url})

    def save(chosen: Mapping[str, Any]) -> None:
        mesh_istiod_url(actor=visit.actor, mesh=visit.mesh, url=chosen["url"].strip())

    return _changed(request, visit, ISTIOD_URL, form, save)


def _changed(
    request: HttpRequest, visit: Visit, key: str, form: Form, save: Callable[[Mapping[str, Any]], None]
) -> HttpResponse:
    """Save what was sent with one of the page's forms; a refusal is shown beside the form's last field."""
    if request.method != "POST" or not form.is_valid():
        return _page(request, visit, key, form)
    try:
        save(form.cleaned_data)
    except Refused as refused:
        form.add_error(list(form.fields)[-1], " ".join(phrases.reasons(refused.violations)))
        return _page(request, visit, key, form)
    return done(request, visit.mesh, _("Saved."), url_name="mesh-settings")


@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, name: str) -> HttpResponse:
    """Delete the mesh from the console; only when nothing of ours is left on its clusters."""
    visit = mesh_for(request, name)
    intro = (
        _(
            "This deletes %(name)s from the console, with its rollout history, its roles and its "
            "control plane credentials."
        )
        % {"name": name},
        _("Nothing on its clusters changes. The audit record is kept."),
    )
    dialog = Dialog(_("Delete mesh"), _("Delete"), ConfirmForm(posted(request)), intro=intro, danger=True)
    if request.method != "POST" or not dialog.form.is_valid():
        return dialogs.show(request, visit, dialog)
    try:
        mesh_delete(actor=visit.actor, mesh=visit.mesh)
    except Refused as refused:
        refuse(dialog, refused)
        return dialogs.show(request, visit, dialog)
    messages.success(request, _("%(name)s has been deleted.") % {"name": name})
    return redirect(request, reverse("meshes"))


def _page(request: HttpRequest, visit: Visit, key: str, form: Form) -> HttpResponse:
    """Show the whole page: this form as it is, including any errors, and the others as stored."""
    mesh, page_of = visit.mesh, {NETWORKS: "mesh-networks", ISTIOD_URL: "mesh-istiod-url"}
    forms: dict[str, Form] = {
        RESTART: SettingsForm(initial={"restart": mesh.restart}),
        NETWORKS: NetworksForm(mesh=mesh),
        ISTIOD_URL: IstiodUrlForm(initial={"url": mesh.istiod_url}),
        key: form,
    }
    for each, shown in forms.items():
        for bound in shown:
            bound.field.disabled = not visit.may(page_of.get(each, "mesh-settings"))
    context = frame(visit, "mesh-settings") | {
        **forms,
        "may_change": visit.may("mesh-settings"),
        "platform_admin": visit.may("mesh-istiod-url"),
        "istiods": observed.facts_of(getattr(mesh, "observation", None), ()).istiods,
    }
    context["delete"] = menus.delete_mesh(mesh, visit.actor)
    failed = bool(form.is_bound and form.errors)
    return page(request, "meshes/settings.html", context, status=422 if failed else 200)
