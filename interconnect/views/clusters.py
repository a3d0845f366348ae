from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.core.paginator import Paginator
from django.http import Http404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from interconnect.domain import cidrs
from interconnect.domain.changes import ForgetCluster
from interconnect.domain.findings import Subject, SubjectKind
from interconnect.domain.refusal import Refused
from interconnect.domain.status import worst_first
from interconnect.domain.warnings import warnings
from interconnect.forms.groups import ConfirmForm, ForgetForm
from interconnect.forms.registration import CidrsForm
from interconnect.services.clusters import cluster_forget, cluster_pod_cidrs, cluster_unregister
from interconnect.state import desired, pages
from interconnect.views.parts import dialogs, menus, rows, states
from interconnect.views.parts.access import mesh_for
from interconnect.views.parts.dialogs import Dialog, posted
from interconnect.views.parts.frame import frame
from interconnect.wording import phrases
from meshconsole.htmx import page
from meshconsole.ui.tones import Badge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse

    from interconnect.domain.status import State
    from interconnect.domain.topology import Topology
    from interconnect.models import Cluster
    from interconnect.views.parts.access import Visit
    from meshconsole.ui.tones import Action

MOST_IN_MATRIX = 20
CLUSTERS_PER_PAGE = 50
ATTENTION = "attention"


@dataclass(frozen=True, slots=True)
class ClusterLine:
    id: UUID
    name: str
    server: str
    version: str
    state: Badge
    reason: str
    fix: Action | None
    expiry: Badge | None
    pod_cidrs: tuple[tuple[str, str], ...]
    group: str
    restarts: tuple[str, ...]
    seen_at: datetime | None
    actions: tuple[Action, ...]

    @property
    def edge(self) -> str:
        return states.edge(self.state)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Overlaps of Pod CIDRs: as pairs, and as a square whose cells are (is on the diagonal, what overlaps)."""

    pairs: list[tuple[str, str, str, str]]
    names: list[str]
    rows: list[tuple[str, list[tuple[bool, str]]]]


@require_GET
def index(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name)
    sight = pages.sight(visit.mesh)
    occupied = pages.occupied(visit.mesh, sight.topology)
    states_of = {each: sight.statuses.of_cluster(each) for each in sight.topology.clusters}
    wanted, search = request.GET.get("state", ""), request.GET.get("q", "").strip()
    filters = _filters(states_of)
    state = wanted if wanted in [key for key, _label, _count in filters] else ""
    found = [
        each
        for each in worst_first(states_of, states_of)
        if _is_wanted(states_of[each], state) and search.lower() in each.lower()
    ]
    shown = Paginator(found, CLUSTERS_PER_PAGE).get_page(request.GET.get("page"))
    context = frame(visit, "clusters", sight) | {
        "lines": [line(visit, sight, each, occupied) for each in shown],
        "pages": shown,
        "cluster_count": len(states_of),
        "filters": filters,
        "state_filter": state,
        "search": search,
        "register": menus.of_clusters(visit.mesh, visit.actor),
        "matrix": matrix(sight.topology),
        "suggested": suggested(sight.topology),
    }
    return page(request, "clusters/index.html", context, parts=("live",))


def _filters(found: Mapping[str, State]) -> list[tuple[str, str, int]]:
    """Return (key, label, number of clusters) of all, of those that need attention, and of each state there is."""
    by_code: dict[str, State] = {}
    for each in sorted(found.values(), key=lambda state: state.level.rank):
        by_code.setdefault(each.code, each)
    counts = Counter(each.code for each in found.values())
    attention = sum(1 for each in found.values() if each.level.needs_attention)
    return [
        ("", _("All"), len(found)),
        (ATTENTION, _("Needs attention"), attention),
        *((_key(code), phrases.state_label(each), counts[code]) for code, each in by_code.items()),
    ]


def _key(code: str) -> str:
    return code.rpartition(".")[2]


def _is_wanted(state: State, wanted: str) -> bool:
    if wanted == ATTENTION:
        return state.level.needs_attention
    return not wanted or _key(state.code) == wanted


def line(visit: Visit, sight: pages.Sight, name: str, occupied: frozenset[str]) -> ClusterLine:
    seen, cluster, state = sight.clusters[name], sight.topology.clusters[name], sight.statuses.of_cluster(name)
    return ClusterLine(
        id=seen.row.id,
        name=name,
        server=seen.row.connection.server,
        version=seen.member.details.version,
        state=states.badge(state),
        reason=phrases.state_reason(state),
        fix=menus.fix_of_cluster(visit.mesh, visit.actor, name, state),
        expiry=_expiry(sight, name),
        pod_cidrs=tuple((cidr.network, cidr.source.value) for cidr in cluster.pod_cidrs),
        group=seen.group,
        restarts=rows.stale_texts(sight, name),
        seen_at=seen.member.seen_at,
        actions=menus.leaving(visit.mesh, sight.topology, visit.actor, cluster, occupied),
    )


def _expiry(sight: pages.Sight, name: str) -> Badge | None:
    """Return a badge that a cluster's credential has expired or soon will; None if that is far off."""
    subject = Subject(SubjectKind.CLUSTER, name)
    ending = next((part.state for part in sight.statuses.credentials if part.subject == subject), None)
    return Badge(states.tone(ending.level), phrases.state_reason(ending)) if ending else None


def overlaps(topology: Topology) -> list[tuple[str, str, str, str]]:
    """Return pairs of clusters whose Pod CIDRs overlap, with both CIDRs: they don't belong in the same group."""
    found = cidrs.overlaps(topology.clusters.values())
    return [(one, other, pair[0].network, pair[1].network) for (one, other), pair in found.items()]


def matrix(topology: Topology) -> Matrix | None:
    """Return the clusters that overlap with another one; None without an overlap.

    If there are too many for a square, only the list of pairs is filled.
    """
    pairs = overlaps(topology)
    if not pairs:
        return None
    cells = {(one, other): f"{network} · {others}" for one, other, network, others in pairs}
    cells |= {(other, one): text for (one, other), text in cells.items()}
    names = sorted({name for pair in cells for name in pair})
    shown = names if len(names) <= MOST_IN_MATRIX else []
    rows_of = [(name, [(name == other, cells.get((name, other), "")) for other in shown]) for name in shown]
    return Matrix(pairs, shown, rows_of)


def suggested(topology: Topology) -> list[tuple[str, ...]]:
    """Return suggested groups, without overlaps, of the clusters that aren't in a group yet."""
    grouped = {name for group in topology.groups.values() for name in group.clusters}
    free = [cluster for name, cluster in topology.clusters.items() if name not in grouped]
    return list(cidrs.suggested_groups(free)) if len(free) > 1 else []


def _cluster(visit: Visit, name: str) -> Cluster:
    found = pages.cluster_of(visit.mesh, name)
    if found is None:
        raise Http404
    found.mesh = visit.mesh
    return found


@require_http_methods(["GET", "POST"])
def pod_cidrs(request: HttpRequest, name: str, cluster: str) -> HttpResponse:
    """Set a cluster's Pod CIDRs, for when an administrator knows better than pools and nodes."""
    visit = mesh_for(request, name)
    row = _cluster(visit, cluster)
    form = CidrsForm(posted(request), initial={"pod_cidrs": ", ".join(row.pod_cidrs)})
    intro = (_("The IP ranges from which the Pods of %(cluster)s get their addresses.") % {"cluster": cluster},)
    dialog = Dialog(_("Set Pod CIDRs"), _("OK"), form, intro=intro)
    if request.method != "POST" or not form.is_valid():
        return dialogs.show(request, visit, dialog)
    cluster_pod_cidrs(actor=visit.actor, cluster=row, pod_cidrs=tuple(form.cleaned_data["pod_cidrs"]))
    return dialogs.done(request, visit.mesh, _("Saved."), url_name="clusters")


@require_http_methods(["GET", "POST"])
def unregister(request: HttpRequest, name: str, cluster: str) -> HttpResponse:
    """Remove a cluster from the mesh; only when nothing of ours is on it."""
    visit = mesh_for(request, name)
    row = _cluster(visit, cluster)
    intro = (
        _("This removes %(cluster)s from the mesh and deletes its stored credential. Nothing on the cluster changes.")
        % {"cluster": cluster},
    )
    dialog = Dialog(_("Remove from mesh"), _("Remove"), ConfirmForm(posted(request)), intro=intro, danger=True)
    if request.method != "POST" or not dialog.form.is_valid():
        return dialogs.show(request, visit, dialog)
    try:
        cluster_unregister(actor=visit.actor, cluster=row)
    except Refused as refused:
        dialogs.refuse(dialog, refused)
        return dialogs.show(request, visit, dialog)
    return dialogs.done(
        request, visit.mesh, _("%(cluster)s has left the mesh.") % {"cluster": cluster}, url_name="clusters"
    )


@require_http_methods(["GET", "POST"])
def forget(request: HttpRequest, name: str, cluster: str) -> HttpResponse:
    """Remove a cluster from the mesh even though something of ours may still be on it. Its name must be typed."""
    visit = mesh_for(request, name)
    row = _cluster(visit, cluster)
    left = pages.left_on(visit.mesh, row)
    intro = [
        _(
            "Use this for a cluster that is gone for good. It leaves the mesh, and what the console "
            "wrote to it stays there."
        )
    ]
    if left:
        intro.append(
            _("Still on the cluster: %(objects)s. If you register it again, the console picks these up again.")
            % {"objects": ", ".join(left)}
        )
    found = warnings(desired.load(visit.mesh), ForgetCluster(cluster))
    form = ForgetForm(posted(request), cluster=cluster)
    dialog = Dialog(
        _("Forget cluster"), _("Forget"), form, intro=tuple(intro), warnings=dialogs.in_words(found), danger=True
    )
    dialog.fields = {"cluster.forget": "confirmation"}
    if request.method != "POST" or not form.is_valid():
        return dialogs.show(request, visit, dialog)
    try:
        cluster_forget(actor=visit.actor, cluster=row, confirmation=form.cleaned_data["confirmation"])
    except Refused as refused:
        dialogs.refuse(dialog, refused)
        return dialogs.show(request, visit, dialog)
    return dialogs.done(
        request, visit.mesh, _("%(cluster)s has been forgotten.") % {"cluster": cluster}, url_name="clusters"
    )
