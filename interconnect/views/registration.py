"""Register meshes and clusters, and replace credentials: a form, a check by a worker, its report, then the change."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from interconnect.domain.accounts import Place
from interconnect.domain.credentials import ENDINGS
from interconnect.domain.refusal import Refused
from interconnect.domain.reports import ClusterSummary, MeshSummary
from interconnect.forms.registration import ClusterForm, ControlPlaneForm, KubeconfigForm, MeshForm
from interconnect.kube.kubeconfig import SIZE_LIMIT
from interconnect.models import InquiryStatus
from interconnect.permissions import role_for
from interconnect.services import registration
from interconnect.services.inquiries import Kind, inquiry_drop, inquiry_keep, inquiry_of, inquiry_start
from interconnect.state import observed, pages
from interconnect.views.parts import states
from interconnect.views.parts.access import Visit, mesh_for, role_needed
from interconnect.views.parts.accounts import accounts, download, valid_namespace
from interconnect.views.parts.frame import frame
from interconnect.wording import phrases, word
from meshconsole.access.actor import Actor
from meshconsole.access.roles import PLATFORM_SCOPE
from meshconsole.htmx import page, redirect

if TYPE_CHECKING:
    from interconnect.models import Inquiry, Mesh
    from meshconsole.ui.tones import Badge

PARTS = ("live", "account")
PATIENCE = timedelta(seconds=20)
OF_A_CONTROL_PLANE = (Place.CONTROL_PLANE_AND_CONFIG, Place.CONTROL_PLANE, Place.CONFIG)
CONFLICTING = {
    "cluster.name.taken",
    "cluster.uid.taken",
    "cluster.in-another-mesh",
    "mesh.name-taken",
    "mesh.control-plane-taken",
}


@dataclass(frozen=True)
class Flow:
    """One of the four flows. `fields` maps the prefix of a violation's code to the field beside which it is shown.

    `places` are those that a cluster of this flow can have in a mesh.
    """

    kind: Kind
    title: str
    verb: str
    intro: str
    form: type[KubeconfigForm]
    actor: Actor
    start: str
    done_url: str
    done_text: Callable[[Inquiry], str]
    url_of: Callable[[UUID], str]
    context: dict[str, Any]
    template: str
    places: tuple[Place, ...]
    mesh: Mesh | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)

    def make_form(self, kept: Inquiry | None, data: Any = None, files: Any = None) -> KubeconfigForm:
        form = self.form(data, files, kept=kept, may_be_insecure=self.actor.may(role_for("kubeconfig.insecure")))
        if "system_namespace" in form.fields:
            # The panel beside the form follows what is typed here.
            asks = {"hx-get": self.start, "hx-trigger": "change", "hx-target": "#account", "hx-swap": "morph"}
            form.fields["system_namespace"].widget.attrs |= asks
        return form

    def file_url(self, system_namespace: str, place: Place, ending: str) -> str:
        """Return the address of the script or the YAML of a place."""
        parts = {"place": place, "ending": ending}
        if self.mesh:
            return reverse("account-file", kwargs={"name": self.mesh.name, **parts})
        return f"{reverse('mesh-account-file', kwargs=parts)}?{urlencode({'system_namespace': system_namespace})}"


@dataclass(frozen=True, slots=True)
class Part:
    """One cluster of a report, under its heading.

    `said` holds all notes in words, `ending` the one about the credential's expiry, which is shown beside the
    credential, and `others` the rest.
    """

    label: str
    cluster: ClusterSummary
    said: tuple[str, ...]
    ending: Badge | None
    others: tuple[str, ...]


@require_http_methods(["GET", "POST"])
def mesh_register(request: HttpRequest, inquiry_id: UUID | None = None) -> HttpResponse:
    actor = Actor.for_user(request.user, PLATFORM_SCOPE)
    if not actor.may(role_needed(request)):
        raise PermissionDenied
    flow = Flow(
        kind=registration.MESH_REGISTER,
        title=_("Register mesh"),
        verb=_("Register"),
        intro=_(
            "The console checks the control plane first: which istiods run there, where they read "
            "meshNetworks, and what the console is allowed to do."
        ),
        form=MeshForm,
        actor=actor,
        start=reverse("mesh-register"),
        done_url="",
        done_text=_registered,
        url_of=lambda found: reverse("mesh-register-check", kwargs={"inquiry_id": found}),
        context={},
        template="meshes/register.html",
        places=OF_A_CONTROL_PLANE,
        fields={"mesh.name": "name", "mesh.control-plane": "system_namespace"},
    )
    return _run(request, flow, inquiry_id)


@require_http_methods(["GET", "POST"])
def mesh_credential(request: HttpRequest, name: str, inquiry_id: UUID | None = None) -> HttpResponse:
    visit = mesh_for(request, name)
    flow = Flow(
        kind=registration.MESH_CREDENTIAL,
        title=_("Replace the control plane's credential"),
        verb=_("Replace"),
        intro=_("It must be for the same cluster. The old credential is deleted when the new one is stored."),
        form=ControlPlaneForm,
        start=reverse("mesh-credential", kwargs={"name": name}),
        done_url=reverse("mesh-settings", kwargs={"name": name}),
        done_text=_replaced,
        url_of=lambda found: reverse("mesh-credential-check", kwargs={"name": name, "inquiry_id": found}),
        places=OF_A_CONTROL_PLANE,
        **_of_mesh(visit, "mesh-settings"),
    )
    return _run(request, flow, inquiry_id)


@require_http_methods(["GET", "POST"])
def cluster_register(request: HttpRequest, name: str, inquiry_id: UUID | None = None) -> HttpResponse:
    visit = mesh_for(request, name)
    taken = set(pages.cluster_names(visit.mesh).values())
    known = sorted(observed.facts(visit.mesh).remote_clusters - taken)
    options = _of_mesh(visit, "clusters")
    options["context"] |= {"known_clusters": known}
    flow = Flow(
        kind=registration.CLUSTER_REGISTER,
        title=_("Register cluster"),
        verb=_("Register"),
        intro=_("Its name is the cluster ID by which istiod knows it. Nothing on the cluster changes."),
        form=ClusterForm,
        start=reverse("cluster-register", kwargs={"name": name}),
        done_url=reverse("clusters", kwargs={"name": name}),
        done_text=_registered,
        url_of=lambda found: reverse("cluster-register-check", kwargs={"name": name, "inquiry_id": found}),
        fields={"cluster.name": "name"},
        places=(Place.MEMBER,),
        **options,
    )
    return _run(request, flow, inquiry_id)


@require_http_methods(["GET", "POST"])
def cluster_credential(request: HttpRequest, name: str, cluster: str, inquiry_id: UUID | None = None) -> HttpResponse:
    visit = mesh_for(request, name)
    row = pages.cluster_of(visit.mesh, cluster)
    if row is None:
        raise Http404
    parts = {"name": name, "cluster": cluster}
    flow = Flow(
        kind=registration.CLUSTER_CREDENTIAL,
        title=_("Replace the credential of %(name)s") % {"name": cluster},
        verb=_("Replace"),
        intro=_("It must be for the same cluster. The old credential is deleted when the new one is stored."),
        form=KubeconfigForm,
        start=reverse("cluster-credential", kwargs=parts),
        done_url=reverse("clusters", kwargs={"name": name}),
        done_text=_replaced,
        url_of=lambda found: reverse("cluster-credential-check", kwargs={**parts, "inquiry_id": found}),
        fixed={"cluster": str(row.id), "name": cluster},
        places=(Place.MEMBER,),
        **_of_mesh(visit, "clusters"),
    )
    return _run(request, flow, inquiry_id)


@require_GET
def mesh_account_file(request: HttpRequest, place: str, ending: str) -> HttpResponse:
    """Send the script or the YAML that somebody needs who registers a mesh."""
    if not Actor.for_user(request.user, PLATFORM_SCOPE).may(role_needed(request)):
        raise PermissionDenied
    return download(place, ending, valid_namespace(request.GET.get("system_namespace")))


@require_GET
def account_file(request: HttpRequest, name: str, place: str, ending: str) -> HttpResponse:
    """Send the script or the YAML of a mesh that is registered, for its clusters and its control plane."""
    return download(place, ending, mesh_for(request, name).mesh.system_namespace)


def _registered(asked: Inquiry) -> str:
    return _told(_("%(name)s is registered.") % {"name": asked.params["name"]}, asked)


def _replaced(asked: Inquiry) -> str:
    return _told(_("The credential has been replaced."), asked)


def _told(text: str, asked: Inquiry) -> str:
    """Append each kubeconfig's context and server to `text`, so that a wrong one is noticed, and the notes on them."""
    parts = _parts(registration.report_of(asked))
    places = [
        _("Context %(context)s, %(server)s.") % {"context": part.cluster.context, "server": part.cluster.server}
        for part in parts
    ]
    return " ".join(dict.fromkeys((text, *places, *(note for part in parts for note in part.said))))


def _of_mesh(visit: Visit, tab: str) -> dict[str, Any]:
    return {
        "mesh": visit.mesh,
        "actor": visit.actor,
        "context": frame(visit, tab),
        "template": "clusters/register.html",
    }


def _run(request: HttpRequest, flow: Flow, inquiry_id: UUID | None) -> HttpResponse:
    asked = _kept(request, flow, inquiry_id)
    if inquiry_id is not None and asked is None and request.method != "POST":
        messages.warning(request, _("This check has expired. Paste the kubeconfig again."))
        return redirect(request, flow.start)
    if request.method == "POST":
        return _posted(request, flow, asked)
    if asked is None:
        return _show(request, flow, flow.make_form(None))
    return _answered(request, flow, asked)


def _kept(request: HttpRequest, flow: Flow, wanted: UUID | str | None) -> Inquiry | None:
    """Return the person's own check in this same flow; None if it is somebody else's, an older one, or missing."""
    try:
        inquiry_id = UUID(str(wanted))
    except ValueError:
        return None
    found = inquiry_of(inquiry_id=inquiry_id, user_id=flow.actor.user_id or 0)
    if found is None or found.kind not in (flow.kind.name, registration.KEPT):
        return None
    same = found.mesh_id == (flow.mesh.id if flow.mesh else None) and found.params.get("cluster") == flow.fixed.get(
        "cluster"
    )
    return found if same else None


def _posted(request: HttpRequest, flow: Flow, asked: Inquiry | None) -> HttpResponse:
    kept = asked or _kept(request, flow, request.POST.get("kept"))
    form = flow.make_form(kept, request.POST, request.FILES)
    if not form.is_valid():
        return _show(request, flow, form, kept=_keep(flow, form, kept), status=422)
    params = {**form.cleaned_data, **flow.fixed, "conclude": request.POST.get("do") == "conclude"}
    params = {name: value for name, value in params.items() if name not in ("kept", *_secret_fields(form))}
    if asked and registration.is_concluded(asked):
        return _done(request, flow, asked)
    if params["conclude"] and asked and asked.status == InquiryStatus.DONE and _unchanged(flow, form, params, asked):
        asked.params = params
        return _conclude(request, flow, form, asked)
    inquiry = _ask(flow, params, form.secret)
    if kept and kept.id != inquiry.id:
        inquiry_drop(inquiry=kept)
    return redirect(request, flow.url_of(inquiry.id))


def _secret_fields(form: KubeconfigForm) -> tuple[str, ...]:
    return tuple(name for part in form.PARTS for name in (part.text, part.file))


def _ask(flow: Flow, params: Mapping[str, Any], secret: Mapping[str, str]) -> Inquiry:
    return inquiry_start(
        user_id=flow.actor.user_id or 0, kind=flow.kind, mesh=flow.mesh, params=params, secret=json.dumps(secret)
    )


def _keep(flow: Flow, form: KubeconfigForm, kept: Inquiry | None) -> Inquiry | None:
    """Keep what could be read, so that a mistake in another field doesn't lose the kubeconfig."""
    if not form.given_anew:
        return kept
    form.say_what_is_kept()
    secret = {**form.kept_secret, **form.secret}
    if not form.secret:
        return kept
    user_id = flow.actor.user_id or 0
    return inquiry_keep(
        user_id=user_id, kind=registration.KEPT, mesh=flow.mesh, params=flow.fixed, secret=json.dumps(secret)
    )


def _unchanged(flow: Flow, form: KubeconfigForm, params: Mapping[str, Any], asked: Inquiry) -> bool:
    """Return whether what was checked is what would be stored.

    A mesh's name and CIDRs may still change. How the clusters are reached may not, and neither may a cluster's name,
    which was compared with what the cluster says.
    """
    reach = ("context", "config_context", "insecure", "system_namespace", *(("name",) if flow.mesh else ()))
    return not form.given_anew and all(params.get(name) == asked.params.get(name) for name in reach)


def _conclude(request: HttpRequest, flow: Flow, form: KubeconfigForm, asked: Inquiry) -> HttpResponse:
    try:
        registration.conclude(inquiry=asked, actor=flow.actor)
    except Refused as refused:
        _put_beside(flow, form, refused.violations)
        conflict = any(violation.code in CONFLICTING for violation in refused.violations)
        return _show(request, flow, form, kept=asked, status=409 if conflict else 422)
    return _done(request, flow, asked)


def _done(request: HttpRequest, flow: Flow, asked: Inquiry) -> HttpResponse:
    inquiry_drop(inquiry=asked)
    messages.success(request, flow.done_text(asked))
    return redirect(request, flow.done_url or reverse("interconnect", kwargs={"name": asked.params["name"]}))


def _answered(request: HttpRequest, flow: Flow, asked: Inquiry) -> HttpResponse:
    if registration.is_concluded(asked):
        return _done(request, flow, asked)
    if asked.status in (InquiryStatus.WAITING, InquiryStatus.RUNNING):
        slow = timezone.now() - asked.asked_at > PATIENCE
        return _render(request, flow, {"asking": True, "slow": slow, "poll_url": flow.url_of(asked.id)}, 200)
    form = flow.make_form(
        asked, {**asked.params, "pod_cidrs": ", ".join(asked.params.get("pod_cidrs", ())), "kept": str(asked.id)}
    )
    form.is_valid()
    _put_beside(flow, form, Refused.from_json(asked.errors).violations)
    return _show(request, flow, form, kept=asked)


def _put_beside(flow: Flow, form: KubeconfigForm, violations: Any) -> None:
    """Put each violation beside its field; a cluster's own errors go beside the kubeconfig that led to it."""
    for violation in violations:
        found = next((name for prefix, name in flow.fields.items() if violation.code.startswith(prefix)), None)
        part = "config" if violation.params.get("part") == "config" and "config" in form.fields else "kubeconfig"
        internal = violation.code in ("step.internal", "role.missing") or violation.code.startswith("asking.")
        form.add_error(None if internal else found or part, phrases.reason(violation))


def _show(
    request: HttpRequest, flow: Flow, form: KubeconfigForm, *, kept: Inquiry | None = None, status: int = 200
) -> HttpResponse:
    report = registration.report_of(kept) if kept and kept.status == InquiryStatus.DONE else None
    context = {
        "form": form,
        "kept": kept.id if kept else "",
        "action": flow.url_of(kept.id) if kept and kept.kind == flow.kind.name else flow.start,
        "report": report,
        "of_mesh": isinstance(report, MeshSummary),
        "held": bool(report and kept and kept.params.get("conclude") and not form.errors),
        "parts": _parts(report),
        **_account(request, flow, form),
    }
    return _render(request, flow, context, status)


def _account(request: HttpRequest, flow: Flow, form: KubeconfigForm) -> dict[str, Any]:
    """Return the context of the panel beside the form, for the system namespace that is typed or the mesh's."""
    if flow.mesh:
        namespace = flow.mesh.system_namespace
    else:
        namespace = valid_namespace(request.GET.get("system_namespace"), form["system_namespace"].value())
    found = accounts(flow.places, namespace, lambda place, ending: flow.file_url(namespace, place, ending))
    return {"accounts": found, "system_namespace": namespace}


def _parts(report: ClusterSummary | MeshSummary | None) -> list[Part]:
    """Return the clusters that a report is about, each with its own heading."""
    if report is None:
        return []
    if isinstance(report, ClusterSummary):
        return [_part(_("Cluster"), report)]
    hub, config = report.control_plane, report.config
    if hub.uid == config.uid:
        missing = tuple(dict.fromkeys((*hub.missing, *config.missing)))
        optional = tuple(dict.fromkeys((*hub.optional, *config.optional)))
        return [_part(_("Control plane and config cluster"), replace(hub, missing=missing, optional=optional))]
    return [_part(_("Control plane"), hub), _part(_("Config cluster"), config)]


def _part(label: str, cluster: ClusterSummary) -> Part:
    notes = [(note.code, phrases.reason(note)) for note in cluster.notes]
    ending = [states.ending(code, text) for code, text in notes if code in ENDINGS]
    others = tuple(text for code, text in notes if code not in ENDINGS)
    return Part(label, cluster, tuple(text for _code, text in notes), ending[0] if ending else None, others)


def _render(request: HttpRequest, flow: Flow, context: dict[str, Any], status: int) -> HttpResponse:
    upload = {"file_limit": SIZE_LIMIT, "file_too_large": word("kubeconfig.too-large", {"limit": SIZE_LIMIT})}
    return page(request, flow.template, {**flow.context, "flow": flow, **upload, **context}, parts=PARTS, status=status)
