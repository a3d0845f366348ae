"""The list of meshes: each in one row, as its last look has left it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET

from interconnect.domain.findings import SubjectKind
from interconnect.domain.status import Level, State
from interconnect.domain.summary import Order, ordered
from interconnect.models import RolloutStatus
from interconnect.state import pages
from interconnect.views.parts import alerts, menus, states
from interconnect.views.parts.manual import address_of
from interconnect.wording import phrases
from meshconsole.access.actor import Actor
from meshconsole.access.policy import visible_scopes
from meshconsole.access.roles import PLATFORM_SCOPE
from meshconsole.htmx import page
from meshconsole.tables import csv_answer
from meshconsole.ui.tones import Badge, Tone

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse
    from django.utils.functional import Promise

    from interconnect.domain.status import Part
    from interconnect.domain.summary import Summary, Tally

RUNNING = "running"
# The tiles, by key: label and the tone that gives the icon.
TILES: Mapping[str, tuple[str | Promise, Tone]] = {
    "critical": (gettext_lazy("Critical"), Tone.BAD),
    "warning": (gettext_lazy("Warning"), Tone.WARN),
    "unknown": (gettext_lazy("Unknown"), Tone.UNKNOWN),
    "healthy": (gettext_lazy("Healthy"), Tone.GOOD),
    RUNNING: (gettext_lazy("Rollout running"), Tone.BUSY),
}
_TILE_OF: Mapping[Level, str] = {Level.BAD: "critical", Level.WARN: "warning", Level.UNKNOWN: "unknown"}
ORDERS: Mapping[Order, str | Promise] = {
    Order.ATTENTION: gettext_lazy("Needs attention first"),
    Order.NAME: gettext_lazy("By name"),
    Order.SILENCE: gettext_lazy("Longest without an answer first"),
}
MOST_EXCEPTIONS = 2
# Why nothing is known: the page of the finding that says so.
STANDSTILL = "console.standstill"


@dataclass(frozen=True, slots=True)
class Tile:
    key: str
    label: str | Promise
    icon: str
    tone: str
    count: int
    current: bool


@dataclass(frozen=True, slots=True)
class Cause:
    """A part of a mesh that needs attention, and the page of the object."""

    name: str
    url: str
    state: Badge


@dataclass(frozen=True, slots=True)
class Count:
    """*k of n* with a mark, and the exceptions in words."""

    state: Badge | None
    note: str

    @property
    def deviates(self) -> bool:
        """Whether it is more than one number of many that are as they should be."""
        return self.state is not None and self.state.tone not in (Tone.GOOD, Tone.UNKNOWN)


class Wanted(NamedTuple):
    """What somebody wants to see: `state` is a tile's key or empty."""

    state: str
    search: str
    order: Order


@dataclass(frozen=True, slots=True)
class MeshRow:
    """`progress` is that of a rollout that runs or has failed; `title` what it does. `why` is the page that says why
    nothing is known. `counts` are all the numbers in one line, for where there is no room for columns; empty where
    one of them needs attention.
    """

    id: UUID
    name: str
    kind: str
    simulated: bool
    size: str
    state: Badge
    reason: str
    why: str
    causes: tuple[Cause, ...]
    more: str
    counts: str
    clusters: Count
    gateways: Count
    groups: Count
    drift: Count
    progress: pages.Progress | None
    title: str
    running: bool
    istio: str
    kubernetes: str
    answered_at: datetime | None
    istiods: str
    sight: pages.MeshSight

    @property
    def edge(self) -> str:
        return states.edge(self.state)

    @property
    def keys(self) -> tuple[str, ...]:
        """The tiles that count it."""
        own = _TILE_OF.get(self.sight.summary.level, "healthy")
        return (own, RUNNING) if self.running else (own,)


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Show the meshes in which this person has a role, those that need attention most first."""
    wanted, found = _wanted(request), _rows(request)
    worst_first = _chosen(found, Wanted("", "", Order.ATTENTION))
    return page(
        request,
        "meshes/index.html",
        {
            "rows": _chosen(found, wanted),
            "mesh_count": len(found),
            "tiles": _tiles(found, wanted.state),
            "search": wanted.search,
            "sorts": list(ORDERS.items()),
            "sort": wanted.order,
            "register": menus.of_meshes(Actor.for_user(request.user, PLATFORM_SCOPE)),
            **alerts.of_meshes(request.user, [row.sight.mesh for row in worst_first]),
        },
        parts=("live",),
    )


@require_GET
def table(request: HttpRequest) -> HttpResponse:
    """Return the meshes that the page shows, in its order, as a file."""
    heads = (
        _("Mesh"),
        _("Kind"),
        _("State"),
        _("Reason"),
        _("Groups"),
        _("Clusters"),
        _("Clusters reachable"),
        _("Gateways"),
        _("Gateways ready"),
        _("Groups joined"),
        _("Groups in effect"),
        _("Drift"),
        _("Rollout"),
        "Istio",
        "Kubernetes",
        _("Last answer"),
    )
    return csv_answer("meshes", heads, map(_cells, _chosen(_rows(request), _wanted(request))))


def _cells(row: MeshRow) -> tuple[object, ...]:
    summary = row.sight.summary
    reasons = [row.reason] if row.reason else [f"{cause.name}: {cause.state.text}" for cause in row.causes]
    return (
        row.name,
        row.kind,
        row.state.text,
        "; ".join(filter(None, (*reasons, row.more))),
        row.sight.group_count,
        row.sight.cluster_count,
        summary.clusters.good,
        summary.gateways.total,
        summary.gateways.good,
        summary.groups.total,
        summary.groups.good,
        summary.drifted,
        f"{row.title}: {row.progress.rollout.get_status_display()}" if row.progress else "",
        row.istio,
        row.kubernetes,
        row.answered_at,
    )


def _wanted(request: HttpRequest) -> Wanted:
    """Read the query; what is unknown counts as not asked for."""
    state, order = request.GET.get("state", ""), request.GET.get("sort", "")
    return Wanted(
        state if state in TILES else "",
        request.GET.get("q", "").strip(),
        Order(order) if order in list(Order) else Order.ATTENTION,
    )


def _rows(request: HttpRequest) -> list[MeshRow]:
    return [_row(sight) for sight in pages.mesh_sights(visible_scopes(request.user))]


def _chosen(rows: list[MeshRow], wanted: Wanted) -> list[MeshRow]:
    found = {
        row.name: row
        for row in rows
        if (not wanted.state or wanted.state in row.keys) and wanted.search.lower() in row.name.lower()
    }
    return [found[name] for name in ordered({name: row.sight.summary for name, row in found.items()}, wanted.order)]


def _tiles(rows: list[MeshRow], wanted: str) -> list[Tile]:
    """Return the tiles; one without a mesh keeps its place."""
    found = [key for row in rows for key in row.keys]
    return [
        Tile("", _("All meshes"), "list-check", "", len(rows), not wanted),
        *(Tile(key, label, tone.shape, tone, found.count(key), wanted == key) for key, (label, tone) in TILES.items()),
    ]


def _row(sight: pages.MeshSight) -> MeshRow:
    mesh, summary, progress = sight.mesh, sight.summary, sight.progress
    known = summary.level is not Level.UNKNOWN or summary.last is None
    clusters = ngettext("%(count)s cluster", "%(count)s clusters", sight.cluster_count) % {"count": sight.cluster_count}
    groups = ngettext("%(count)s group", "%(count)s groups", sight.group_count) % {"count": sight.group_count}
    return MeshRow(
        id=mesh.id,
        name=mesh.name,
        kind=mesh.get_kind_display(),
        simulated=mesh.simulated,
        size=f"{groups} · {clusters}",
        state=_state(summary),
        reason=_reason(summary),
        why="" if known else address_of(STANDSTILL),
        causes=tuple(_cause(mesh.name, part) for part in summary.worst) if known else (),
        more=_more(summary) if known else "",
        counts=_counts(summary, known=known),
        clusters=_count(summary.clusters, known=known),
        gateways=_count(summary.gateways, known=known),
        groups=_count(summary.groups, known=known),
        drift=_drift(summary, known=known),
        progress=progress,
        title=phrases.rollout_title(progress.rollout) if progress else "",
        running=progress is not None and progress.rollout.status != RolloutStatus.FAILED,
        istio=", ".join(summary.istio),
        kubernetes=_range(summary.kubernetes),
        answered_at=summary.answered_at,
        istiods=_istiods(summary),
        sight=sight,
    )


def _state(summary: Summary) -> Badge:
    key = _TILE_OF.get(summary.level)
    if key:
        return Badge(states.tone(summary.level), TILES[key][0])
    if summary.level is Level.BUSY:
        return Badge(Tone.BUSY, _("Changing"))
    return states.badge(State(summary.code, summary.level))


def _reason(summary: Summary) -> str:
    """Return why nothing is known, and what was known last; empty for a mesh that is known."""
    if summary.level is not Level.UNKNOWN or (summary.worst and summary.last is None):
        return ""
    if summary.last is None:
        return _("Not checked yet.")
    last = str(TILES[_TILE_OF.get(summary.last, "healthy")][0])
    return _("Nothing has been checked for a while. Last known: %(last)s.") % {"last": last.lower()}


def _more(summary: Summary) -> str:
    """Return how many more parts need attention than are named."""
    rest = sum(number for level, number in summary.counts.items() if Level(level).needs_attention) - len(summary.worst)
    return ngettext("%(count)s more", "%(count)s more", rest) % {"count": rest} if rest > 0 else ""


def _cause(mesh: str, part: Part) -> Cause:
    named = part.subject.name or _of_the_mesh(part.subject.kind)
    label = phrases.state_label(part.state) if part.subject.name else phrases.part_label(part.state)
    return Cause(named, _url(mesh, part), Badge(states.tone(part.state.level), label))


def _of_the_mesh(kind: SubjectKind) -> str:
    names = {
        SubjectKind.CONTROL_PLANE: _("Control plane"),
        SubjectKind.RULE: _("Gateway rule"),
        SubjectKind.MESH: _("Mesh"),
    }
    return names.get(kind, "")


def _url(mesh: str, part: Part) -> str:
    """Return the page that shows an object."""
    if part.subject.kind is SubjectKind.CONTROL_PLANE:
        return reverse("mesh-settings", kwargs={"name": mesh})
    name = "clusters" if part.subject.kind is SubjectKind.CLUSTER else "interconnect"
    query = f"?{urlencode({'q': part.subject.name})}" if part.subject.name else ""
    return reverse(name, kwargs={"name": mesh}) + query


def _count(tally: Tally, *, known: bool) -> Count:
    if not tally.total:
        return Count(None, "")
    text = _("%(good)s of %(total)s") % {"good": tally.good, "total": tally.total}
    if not (known and tally.known):
        return Count(Badge(Tone.UNKNOWN, text), _("last known"))
    exceptions = [f"{number} {_short(code).lower()}" for code, number in list(tally.wrong.items())[:MOST_EXCEPTIONS]]
    return Count(Badge(states.tone(tally.level), text), _(", ").join(exceptions))


def _counts(summary: Summary, *, known: bool) -> str:
    clusters, gateways, groups = summary.clusters, summary.gateways, summary.groups
    if known and any(_count(each, known=True).deviates for each in (clusters, gateways, groups)):
        return ""
    texts = (
        (clusters, ngettext("%(good)s of %(total)s cluster", "%(good)s of %(total)s clusters", clusters.total)),
        (gateways, ngettext("%(good)s of %(total)s gateway", "%(good)s of %(total)s gateways", gateways.total)),
        (groups, ngettext("%(good)s of %(total)s group", "%(good)s of %(total)s groups", groups.total)),
    )
    listed = _(", ").join(text % {"good": each.good, "total": each.total} for each, text in texts if each.total)
    return listed if known or not listed else _("Last known: %(listed)s") % {"listed": listed}


def _short(code: str) -> str:
    """Return a state in a word or two, without its numbers."""
    state = State(code, Level.WARN)
    return phrases.part_label(state) if code.startswith("joined.") else phrases.state_label(state)


def _drift(summary: Summary, *, known: bool) -> Count:
    number = summary.drifted
    text = ngettext("%(count)s object", "%(count)s objects", number) % {"count": number} if number else _("None")
    if not known:
        return Count(Badge(Tone.UNKNOWN, text), _("last known")) if summary.looked_at else Count(None, "")
    if summary.looked_at is None:
        return Count(None, "")
    owners = _("by %(owners)s") % {"owners": phrases.listed(summary.owners)} if summary.owners else ""
    return Count(Badge(Tone.WARN if number else Tone.GOOD, text), owners)


def _range(minors: tuple[str, ...]) -> str:
    if len(minors) < 2:
        return "".join(minors)
    return _("%(oldest)s to %(newest)s") % {"oldest": minors[0], "newest": minors[-1]}


def _istiods(summary: Summary) -> str:
    found = summary.istiods
    if not found.total:
        return ""
    text = _("%(listing)s of %(replicas)s istiod") % {"listing": found.good, "replicas": found.total}
    return text if found.known else f"{text} · {_('last known')}"
