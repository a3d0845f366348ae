"""The *Checks* page: what the last look found, cluster by cluster, and the matrix of the groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from interconnect.domain.checks import Pair, Reach, Told, pairs
from interconnect.domain.findings import parameters
from interconnect.permissions import role_for_page
from interconnect.services import checking
from interconnect.state import observed, pages
from interconnect.views.parts.access import Visit, mesh_for, why_not
from interconnect.views.parts.frame import FAST_SECONDS, SLOW_SECONDS, frame
from interconnect.wording import matrix as messages
from interconnect.wording import phrases
from interconnect.wording.values import evidence_text
from meshconsole.htmx import events, is_htmx, page
from meshconsole.ui.tones import Action, Badge, Tone

if TYPE_CHECKING:
    from interconnect.domain.checks import ChecksResult, Matrix
    from interconnect.domain.findings import Alert, Finding
    from interconnect.domain.topology import Topology

PLACES_PER_PAGE, PAIRS_PER_PAGE = 25, 50
RESTORABLE = ("drift.", "writes.", "networks.revision-lacks-groups")

TOLD_TONES = {
    Told.GATEWAY: Tone.GOOD,
    Told.RAW: Tone.BAD,
    Told.MIXED: Tone.BAD,
    Told.ABSENT: Tone.BAD,
    Told.UNKNOWN: Tone.CALM,
}
REACH_TONES = {Reach.SERVED: Tone.GOOD, Reach.FAILED: Tone.WARN, Reach.UNTESTED: Tone.CALM}
TOLD = {told: Badge(tone, messages.TOLD[told]) for told, tone in TOLD_TONES.items()}
REACH = {reach: Badge(tone, messages.REACH[reach]) for reach, tone in REACH_TONES.items()}
DIRECT = Badge(Tone.CALM, gettext_lazy("Directly: not joined"))


@dataclass(frozen=True, slots=True)
class Line:
    code: str
    text: str
    state: Badge
    evidence: str
    restorable: bool

    @property
    def rank(self) -> tuple[bool, str]:
        return (self.state.tone is not Tone.BAD, self.code)


@dataclass(slots=True)
class Place:
    """A cluster, or the mesh itself, with what was found there."""

    name: str
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PairRow:
    pair: Pair
    told: Badge
    told_evidence: str
    reach: Badge | None
    reach_evidence: str


@require_GET
def index(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name)
    topology, sights = pages.members(visit.mesh)
    observation = getattr(visit.mesh, "observation", None)
    checked = observed.checks_of(observation)
    running = checking.running_checks(visit.mesh)
    busy = running is not None and running.status in checking.OPEN
    places = _places((*observed.alerts_of(observation), *checked.findings), sights)
    found = Paginator(places, PLACES_PER_PAGE).get_page(request.GET.get("page"))
    rows = Paginator(pair_rows(topology, checked), PAIRS_PER_PAGE).get_page(request.GET.get("members"))
    context = frame(visit, "checks") | {
        "places": found,
        "finding_count": sum(len(place.lines) for place in places),
        "quiet_count": len(sights) - sum(1 for place in places if place.name in sights),
        "pairs": rows,
        "problem_count": sum(1 for row in rows.paginator.object_list if row.pair.problem),
        "disagree_count": sum(1 for row in rows.paginator.object_list if row.pair.disagree),
        "looked_at": observation.at if observation else None,
        "checked_at": checked.at,
        "failure": phrases.reason(checked.failure) if checked.failure else "",
        "errors": phrases.refusal(running.errors) if running else (),
        "busy": busy,
        "run": _run(visit, busy=busy),
        "may_restore": visit.may("restore"),
        "checks_poll": FAST_SECONDS if busy else SLOW_SECONDS,
    }
    return page(request, "checks/index.html", context, parts=("live",))


def _run(visit: Visit, *, busy: bool) -> Action:
    running = (_("Checks are already running."),) if busy else ()
    why = why_not(visit.actor, role_for_page("checks-run")) or running
    return Action(_("Run checks"), reverse("checks-run", kwargs={"name": visit.mesh.name}), "refresh", why)


@require_POST
def run(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name)
    checking.checks_start(mesh=visit.mesh, user_id=visit.actor.user_id or 0)
    if is_htmx(request):
        return events(HttpResponse(status=204), refresh=True)
    return HttpResponseRedirect(reverse("checks", kwargs={"name": visit.mesh.name}))


def _places(items: Iterable[Alert | Finding], sights: Mapping[str, pages.ClusterSight]) -> list[Place]:
    """Return the places with findings, those with grave ones first; findings about no cluster belong to the mesh."""
    places: dict[str, Place] = {}
    for item in items:
        name = str(parameters(item).get("cluster", ""))
        place = places.setdefault(name if name in sights else "", Place(name if name in sights else _("Mesh")))
        line = _line(item)
        if line not in place.lines:
            place.lines.append(line)
    for name, seen in sights.items():
        if seen.silent_code and not (
            name in places and any(line.code.startswith("kube.") for line in places[name].lines)
        ):
            places.setdefault(name, Place(name)).lines.append(_silence(seen))
    for place in places.values():
        place.lines.sort(key=lambda line: line.rank)
    return sorted(places.values(), key=lambda place: (place.lines[0].rank[0], place.name))


def _silence(seen: pages.ClusterSight) -> Line:
    params = seen.observation.error_params if seen.observation else {}
    text = phrases.cluster_error(seen.silent_code, params)
    return Line(f"kube.{seen.silent_code}", text, Badge(Tone.BAD, _("Problem")), _evidence(params), restorable=False)


def _line(item: Alert | Finding) -> Line:
    said = parameters(item)
    state = Badge(Tone.BAD, _("Problem")) if item.grave else Badge(Tone.WARN, _("Warning"))
    evidence = "" if "violation" in said else _evidence(said)
    return Line(item.code, phrases.reason(item), state, evidence, item.code.startswith(RESTORABLE))


def _evidence(params: Mapping[str, Any]) -> str:
    """Return what was observed, as a lead to the cause, without what is already shown beside it."""
    return evidence_text({key: value for key, value in params.items() if key not in ("cluster", "object", "token")})


def pair_rows(topology: Topology, checked: ChecksResult) -> list[PairRow]:
    """Return a row for every pair; none until checks have been run."""
    if checked.at is None:
        return []
    found = checked.matrix
    return [_pair(pair, found) for pair in pairs(topology, found.told, found.reach)]


def _pair(pair: Pair, found: Matrix) -> PairRow:
    lines = found.evidence.get((pair.source, pair.target), ())
    if not pair.joined:
        known = bool(lines) or pair.told is not Told.UNKNOWN
        return PairRow(
            pair, DIRECT if known else TOLD[Told.UNKNOWN], "" if known else _why_unknown(pair, found), None, ""
        )
    way = found.ways.get(pair.target)
    return PairRow(
        pair=pair,
        told=TOLD[pair.told],
        told_evidence=_why_unknown(pair, found) if pair.told is Told.UNKNOWN else ", ".join(lines),
        reach=REACH[pair.reach],
        reach_evidence=", ".join(filter(None, (way.service, *map(messages.answer_text, way.evidence)))) if way else "",
    )


def _why_unknown(pair: Pair, found: Matrix) -> str:
    if pair.source not in found.asked:
        return _("no proxy in this group")
    if (pair.source, pair.target) not in found.evidence:
        return _("no service to compare")
    return _("Its Pods have the same IP addresses as Pods of other groups")
