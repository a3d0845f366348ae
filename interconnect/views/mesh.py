"""What every page of a mesh has in common: head, tabs, and the rollout that is under way or has failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from interconnect.domain.refusal import Refused
from interconnect.domain.topology import RestartPolicy
from interconnect.forms.groups import ConfirmForm
from interconnect.forms.settings import IstiodUrlForm, NetworksForm, SettingsForm
from interconnect.models import Mesh, RolloutStatus
from interconnect.services.meshes import mesh_delete, mesh_istiod_url, mesh_networks_source, mesh_restart_policy
from interconnect.state import pages
from interconnect.views import actions, wording
from interconnect.views.access import Visit, mesh_for
from interconnect.views.dialogs import Dialog, done, posted, refuse, show
from meshconsole.access.roles import Role
from meshconsole.htmx import page, redirect

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.utils.functional import Promise

    from interconnect.models import Rollout

FAST_SECONDS, SLOW_SECONDS = 2, 15


@dataclass(frozen=True, slots=True)
class Tab:
    url_name: str
    label: str | Promise
    icon: str


TABS = (
    Tab("interconnect", gettext_lazy("Interconnect"), "route-alt-left"),
    Tab("topology", gettext_lazy("Topology"), "topology-star-3"),
    Tab("clusters", gettext_lazy("Clusters"), "server-2"),
    Tab("rollouts", gettext_lazy("Rollouts"), "list-check"),
    Tab("checks", gettext_lazy("Checks"), "stethoscope"),
    Tab("activity", gettext_lazy("Activity"), "history"),
    Tab("members", gettext_lazy("Members"), "users"),
    Tab("mesh-settings", gettext_lazy("Settings"), "settings"),
)


def frame(visit: Visit, tab: str) -> dict[str, Any]:
    """The context of templates/meshes/base.html."""
    rollout = pages.last_rollout(visit.mesh)
    strip = pages.attention(rollout)
    istiods = observed_istiods(visit.mesh)
    return {
        "mesh": visit.mesh,
        "actor": visit.actor,
        "tabs": TABS,
        "tab": tab,
        "istio_versions": sorted({str(item.get("version", "")) for item in istiods} - {""}),
        "istiod_replicas": sum(int(item.get("replicas", 0)) for item in istiods),
        "seen_at": visit.mesh.observation.at if hasattr(visit.mesh, "observation") else None,
        "poll_seconds": FAST_SECONDS if strip and strip.rollout.status != RolloutStatus.FAILED else SLOW_SECONDS,
        **strip_context(visit, rollout, strip),
    }


def observed_istiods(mesh: Mesh) -> list[dict[str, Any]]:
    return list(mesh.observation.facts.get("istiods", [])) if hasattr(mesh, "observation") else []


def strip_context(visit: Visit, rollout: Rollout | None, strip: pages.Progress | None) -> dict[str, Any]:
    """The strip is there while something is to be seen; what is said aloud includes how the last rollout ended."""
    if rollout is None:
        return {"strip": None}
    title = wording.rollout_title(rollout)
    if strip is None:
        return {"strip": None, "strip_rollout": rollout.id, "strip_announce": _ended(title, rollout)}
    now = ", ".join(dict.fromkeys(wording.step_name(step.kind) for step in strip.current))
    running = rollout.status != RolloutStatus.FAILED
    said = _("%(title)s: %(now)s") % {"title": title, "now": now} if now else title
    return {
        "strip": strip,
        "strip_rollout": rollout.id,
        "strip_title": title,
        "strip_now": now,
        "strip_running": running,
        "strip_announce": said if running else _ended(title, rollout),
        "may_dismiss": visit.actor.may(Role.OPERATOR),
    }


def _ended(title: str, rollout: Rollout) -> str:
    sentences = {
        RolloutStatus.SUCCEEDED: _("%(title)s: succeeded"),
        RolloutStatus.FAILED: _("%(title)s: failed"),
        RolloutStatus.CANCELLED: _("%(title)s: cancelled"),
    }
    return sentences[RolloutStatus(rollout.status)] % {"title": title}


@require_GET
def status(request: HttpRequest, name: str) -> HttpResponse:
    """The strip alone, for pages whose content is not polled."""
    visit = mesh_for(request, name)
    context = frame(visit, "") | {"content_polls": False}
    return page(request, "meshes/status.html", context, parts=("rollout-strip",))


@require_http_methods(["GET", "POST"])
def settings(request: HttpRequest, name: str) -> HttpResponse:
    """What is set for the mesh; who is no mesh admin reads it."""
    visit = mesh_for(request, name, Role.MESH_ADMIN if request.method == "POST" else Role.VIEWER)
    form = SettingsForm(posted(request), initial={"restart": visit.mesh.restart})
    if request.method == "POST" and form.is_valid():
        mesh_restart_policy(actor=visit.actor, mesh=visit.mesh, restart=RestartPolicy(form.cleaned_data["restart"]))
        return done(request, visit.mesh, _("Saved."), url_name="mesh-settings")
    return _settings(request, visit, restart=form)


@require_http_methods(["GET", "POST"])
def networks(request: HttpRequest, name: str) -> HttpResponse:
    """Where istiod reads meshNetworks, when somebody knows it better than its Deployment says."""
    visit = mesh_for(request, name, Role.MESH_ADMIN)
    form = NetworksForm(posted(request), mesh=visit.mesh)
    if request.method != "POST" or not form.is_valid():
        return _settings(request, visit, networks=form)
    chosen = form.cleaned_data
    try:
        mesh_networks_source(actor=visit.actor, mesh=visit.mesh, cluster_uid=chosen["source"], config_map=chosen["config_map"])
    except Refused as refused:
        form.add_error("config_map", " ".join(wording.reasons(refused.violations)))
        return _settings(request, visit, networks=form)
    return done(request, visit.mesh, _("Saved."), url_name="mesh-settings")


@require_http_methods(["GET", "POST"])
def istiod_url(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name, Role.PLATFORM_ADMIN)
    form = IstiodUrlForm(posted(request), initial={"url": visit.mesh.istiod_url})
    if request.method != "POST" or not form.is_valid():
        return _settings(request, visit, istiod_url=form)
    try:
        mesh_istiod_url(actor=visit.actor, mesh=visit.mesh, url=form.cleaned_data["url"].strip())
    except Refused as refused:
        form.add_error("url", " ".join(wording.reasons(refused.violations)))
        return _settings(request, visit, istiod_url=form)
    return done(request, visit.mesh, _("Saved."), url_name="mesh-settings")


@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, name: str) -> HttpResponse:
    """The mesh is taken out of the console; only when nothing of ours is left on its clusters."""
    visit = mesh_for(request, name, Role.PLATFORM_ADMIN)
    intro = (
        _("%(name)s leaves the console with its history of rollouts, its roles and the credentials of its control plane.") % {"name": name},
        _("Nothing on its clusters changes. What people have done stays in the audit record."),
    )
    dialog = Dialog(_("Delete mesh"), _("Delete"), ConfirmForm(posted(request)), intro=intro, danger=True)
    if request.method != "POST" or not dialog.form.is_valid():
        return show(request, visit, dialog)
    try:
        mesh_delete(actor=visit.actor, mesh=visit.mesh)
    except Refused as refused:
        refuse(dialog, refused)
        return show(request, visit, dialog)
    messages.success(request, _("%(name)s is deleted.") % {"name": name})
    return redirect(request, reverse("meshes"))


def _settings(
    request: HttpRequest,
    visit: Visit,
    *,
    restart: SettingsForm | None = None,
    networks: NetworksForm | None = None,
    istiod_url: IstiodUrlForm | None = None,
) -> HttpResponse:
    """The whole page: the form that was sent, if any, with what is wrong in it, the others as they are stored."""
    mesh, admin = visit.mesh, visit.actor.may(Role.MESH_ADMIN)
    forms = {
        "form": restart or SettingsForm(initial={"restart": mesh.restart}),
        "networks_form": networks or NetworksForm(mesh=mesh),
        "istiod_url_form": istiod_url or IstiodUrlForm(initial={"url": mesh.istiod_url}),
    }
    platform = visit.actor.may(Role.PLATFORM_ADMIN)
    for key, form in forms.items():
        for bound in form:
            bound.field.disabled = not (platform if key == "istiod_url_form" else admin)
    context = frame(visit, "mesh-settings") | {**forms, "may_change": admin, "platform_admin": platform, "istiods": observed_istiods(mesh)}
    context["delete"] = actions.delete_mesh(mesh, visit.actor)
    failed = any(form.is_bound and form.errors for form in forms.values())
    return page(request, "meshes/settings.html", context, status=422 if failed else 200)
