"""Looks at a mesh: who is asked when, under which lease, and what becomes of it.

A look starts once per period, however often it is rung for. It asks clusters side by side, each under a lease of its
own, and stores what they answer within a moment, each whole, several together. Silent ones are asked apart from the
others, and delay nobody's next look.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connection, connections, transaction
from django.db.models import Q
from django.utils import timezone

from interconnect import clients
from interconnect.domain.diagnosis import diagnose
from interconnect.domain.seen import ControlPlane, ControlPlaneSeen, MemberDetails, MemberSeen
from interconnect.domain.summary import summary_of
from interconnect.domain.topology import ServiceType
from interconnect.kube.errors import KubeError, Permanent
from interconnect.models import Cluster, ClusterObservation, Mesh, MeshObservation
from interconnect.observing import control_plane, member
from interconnect.observing.member import Asked
from interconnect.rollouts import bell
from interconnect.state import applied, desired, findings, observed, pages
from interconnect.state.observed import DetailsLook, MemberLook

if TYPE_CHECKING:
    from interconnect.domain.entries import Applied, Target
    from interconnect.domain.facts import Facts, Istiod
    from interconnect.domain.seen import ControlPlaneDetails
    from interconnect.domain.topology import Gateway, Topology
    from interconnect.domain.violations import Violation
    from interconnect.kube.api import Api
    from interconnect.observing.control_plane import Foreign

log = logging.getLogger(__name__)

AT_ONCE, SUSPECTS_AT_ONCE = 16, 8
# A cluster that has answered waits this long for others, to be stored with them: a worker that dies loses no more.
NOTED_AT_ONCE, NOTING_SECONDS = 32, 0.2
CONCLUDING_SECONDS, CONCLUDING_SHARE = 5.0, 4.0
# So many times the looks at a mesh could repeat its slow looks before the last of them is too old.
SLOW_SHARE = 4
# The call was never made: no place among the calls to silent clusters, which says nothing about this one.
BUSY = "kube.busy"
_Some = TypeVar("_Some")


@dataclass(slots=True)
class Look:
    """One look at some clusters of a mesh, and at its control plane if `central`.

    `plane` is what was known of the control plane before. `doubtful` are the names of clusters about which a second
    look should follow soon; an empty one is the control plane. `aged` is how many slow looks have turned out to be too
    old.
    """

    mesh: Mesh
    topology: Topology
    rows: list[Cluster]
    central: bool = True
    slow: bool = False
    plane: ControlPlane = field(default_factory=ControlPlane)
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)
    doubtful: set[str] = field(default_factory=set)
    aged: int = 0


def look(
    mesh: Mesh, *, only: Collection[str] | None = None, central: bool = True, slow: bool = False
) -> frozenset[str]:
    """Look at a mesh, or `only` at these of its clusters (by name), and if `central` at its control plane, and store
    what was seen.

    Return the names of clusters about which a second look should follow soon. Clusters that another look is asking now
    are left to it, and looked at again soon if they were named. With `slow`, what changes rarely is read too; else only
    where that is due. Calls every cluster, so only workers call this.
    """
    topology = desired.load(mesh)
    wanted = Cluster.objects.filter(mesh=mesh).select_related("connection", "observation")
    wanted = wanted if only is None else wanted.filter(name__in=only)
    # One that was registered a moment ago has a look of its own.
    known = [row for row in wanted if row.name in topology.clusters]
    current = Look(mesh, topology, sorted(known, key=_asked_at), central=central, slow=slow)
    asked = {row.name for row in current.rows}
    current.plane = observed.known_plane(mesh) if central else current.plane
    current.rows = _leased(current)
    _run(current)
    conclude(mesh)
    left = asked - {row.name for row in current.rows}
    if left and only is not None and central:
        # The look that asks them now began before what this one is for.
        bell.ring_look(mesh.id, left, slow=slow, seconds=relook_seconds())
    return frozenset(current.doubtful)


def _asked_at(row: Cluster) -> float:
    """When a cluster was last asked: where a look lasts too long for its leases, nobody is always the last."""
    at = row.observation.at if hasattr(row, "observation") else None
    return at.timestamp() if at else 0.0


def look_surely(mesh: Mesh) -> None:
    """Look at everything, slow facts included, and at once again at what was surprising, so that all of it counts."""
    doubtful = look(mesh, slow=True)
    if doubtful:
        look(mesh, only=[name for name in doubtful if name])


def start(mesh: Mesh) -> bool:
    """Whether a look of this period may start: one that has begun keeps others out until its period is nearly over."""
    now = timezone.now()
    MeshObservation.objects.get_or_create(mesh=mesh)
    seconds = 0.9 * float(settings.MESHCONSOLE_PROBE_SECONDS)
    free = MeshObservation.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=now), mesh=mesh)
    return bool(free.update(lease_until=now + timedelta(seconds=seconds)))


def _leased(current: Look) -> list[Cluster]:
    """Return the clusters that no other look is asking now, leased to this one."""
    now = timezone.now()
    ClusterObservation.objects.bulk_create(
        [ClusterObservation(cluster=row) for row in current.rows if not hasattr(row, "observation")],
        ignore_conflicts=True,
    )
    ids = [row.id for row in current.rows]
    free = ClusterObservation.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=now), cluster__in=ids)
    until = now + timedelta(seconds=_most_seconds())
    free.update(lease_owner=current.owner, lease_until=until)
    mine = set(ClusterObservation.objects.filter(lease_owner=current.owner).values_list("cluster_id", flat=True))
    return [row for row in current.rows if row.id in mine]


def _most_seconds() -> float:
    """A lease outlives the longest look at one cluster, waiting for a place among the silent ones included."""
    return float(max(settings.MESHCONSOLE_LEASE_SECONDS, settings.MESHCONSOLE_PROBE_SECONDS))


def _run(current: Look) -> None:
    """Ask clusters that answered last time first, and the others a few at a time; conclude now and then meanwhile.

    The threads only ask. What they learn is stored here, that of several clusters at once.
    """
    scene = _Scene.of(current)
    with (
        ThreadPoolExecutor(AT_ONCE, "look") as pool,
        ThreadPoolExecutor(SUSPECTS_AT_ONCE, "suspect") as apart,
    ):
        jobs = _Jobs()
        if current.central:
            jobs.submit(pool, lambda: _look_centrally(current, scene))
        for row in current.rows:
            jobs.submit(apart if _suspected(row) else pool, lambda row=row: _look_at(current, scene, row))  # type: ignore[misc]
        due, news = _due(time.monotonic()), False
        while jobs.open:
            found = jobs.results(seconds=due - time.monotonic() if news else None)
            for closer in _note(current, found):
                jobs.submit(pool, closer)
            news = news or bool(found)
            if news and jobs.open and time.monotonic() >= due:
                began = time.monotonic()
                conclude(current.mesh)
                due, news = _due(began), False


def _due(began: float) -> float:
    """When to conclude again after a conclusion that has taken since then: it is to be a small part of the time."""
    now = time.monotonic()
    return now + max(CONCLUDING_SECONDS, CONCLUDING_SHARE * (now - began))


class _CentralLook(NamedTuple):
    seen: ControlPlaneSeen
    foreign: Foreign
    at: datetime


class _CentralDetails(NamedTuple):
    details: ControlPlaneDetails
    at: datetime


_Told = _CentralLook | _CentralDetails | MemberLook | DetailsLook
_Job = Callable[[], "_Told | None"]


class _Jobs:
    """What a look asks in threads, and what comes of it. `open` is how many have not been given out yet."""

    def __init__(self) -> None:
        self.open = 0
        self._ended: SimpleQueue[_Told | None] = SimpleQueue()

    def submit(self, pool: ThreadPoolExecutor, job: _Job) -> None:
        context = copy_context()

        def run() -> None:
            found = None
            try:
                found = context.run(job)
            except Exception:
                # One cluster's unforeseen failure is told in the log, and leaves the others' looks alone.
                log.exception("a look at one cluster failed unexpectedly")
            finally:
                connections.close_all()
                self._ended.put(found)

        self.open += 1
        pool.submit(run)

    def results(self, *, seconds: float | None) -> list[_Told]:
        """Return what the next jobs came to: at most NOTED_AT_ONCE that end within NOTING_SECONDS of the first of them,
        which is waited for this long (None: until there is one).
        """
        found: list[_Told | None] = []
        until = None if seconds is None else time.monotonic() + seconds
        while self.open and len(found) < NOTED_AT_ONCE:
            try:
                found.append(self._ended.get(timeout=None if until is None else max(0.0, until - time.monotonic())))
            except Empty:
                break
            self.open -= 1
            until = time.monotonic() + NOTING_SECONDS if len(found) == 1 else until
        return [each for each in found if each is not None]


def _suspected(row: Cluster) -> bool:
    return hasattr(row, "observation") and bool(row.observation.error_code)


@dataclass(frozen=True, slots=True)
class _Scene:
    """What all clusters of a look are compared with, by cluster where it is about one."""

    facts: Facts
    applied: Mapping[str, Mapping[Target, Applied]]
    consents: frozenset[str]

    @classmethod
    def of(cls, current: Look) -> _Scene:
        rows: dict[str, dict[Target, Applied]] = {}
        for target, row in applied.rows(current.mesh).items():
            rows.setdefault(target.cluster, {})[target] = row
        return cls(observed.facts(current.mesh), rows, applied.consents(current.mesh))

    def asked(self, current: Look, *uids: str) -> Asked:
        own = {target: row for uid in uids for target, row in self.applied.get(uid, {}).items()}
        return Asked(current.topology, self.facts, own, self.consents)


def _look_centrally(current: Look, scene: _Scene) -> _CentralLook:
    mesh, at = current.mesh, timezone.now()
    asked = scene.asked(current, *{mesh.config_uid, mesh.control_plane.uid})
    try:
        with clients.waiting_for_a_place(_most_seconds()):
            return _CentralLook(*control_plane.look(mesh, asked), at)
    except Exception as error:
        return _CentralLook(ControlPlaneSeen(failure=_failure(error, "the control plane")), {}, at)


def _look_closely_centrally(current: Look, istiods: Sequence[Istiod]) -> _CentralDetails | None:
    at = timezone.now()
    try:
        return _CentralDetails(control_plane.look_closely(current.mesh, istiods), at)
    except KubeError as error:
        log.info("the slow look at the control plane ended early: %s", error.code)
        return None


def _look_at(current: Look, scene: _Scene, row: Cluster) -> MemberLook:
    at, cluster = timezone.now(), current.topology.clusters[row.name]
    try:
        with clients.waiting_for_a_place(_most_seconds()):
            asked = replace(scene.asked(current, row.uid), drift=_drift_before(row))
            return MemberLook(row.id, member.look(_api(row), cluster, asked), at)
    except Exception as error:
        return MemberLook(row.id, MemberSeen(failure=_failure(error, row.name)), at)


def _failure(error: Exception, where: str) -> Violation:
    """Return what went wrong while one cluster was asked: whatever it is, it's an answer about that cluster."""
    if isinstance(error, KubeError):
        # Such as a credential that can't be opened.
        return error.violation()
    log.error("a look at %s failed unexpectedly", where, exc_info=error)
    return Permanent("unexpected").violation()


def _look_closely(current: Look, row: Cluster) -> DetailsLook | None:
    at, group = timezone.now(), current.topology.group_of(row.name)
    try:
        namespace = current.topology.system_namespace
        found = member.look_closely(_api(row), system_namespace=namespace, group=group.name if group else "")
    except KubeError as error:
        log.info("the slow look at %s ended early: %s", row.name, error.code)
        return None
    before = observed.member_of(row.observation).details if hasattr(row, "observation") else MemberDetails()
    return DetailsLook(row.id, found.after(before, at), at)


def _api(row: Cluster) -> Api:
    return clients.api_of(row.connection).within(float(settings.MESHCONSOLE_PROBE_CALL_SECONDS))


def _drift_before(row: Cluster) -> tuple[Violation, ...]:
    return observed.member_of(row.observation).seen.drift if hasattr(row, "observation") else ()


def _note(current: Look, found: Sequence[_Told]) -> list[_Job]:
    """Store what was seen; return the slow looks that are to follow."""
    rows = {row.id: row for row in current.rows}
    members = [each for each in found if isinstance(each, MemberLook)]
    busy = [each.cluster for each in members if _is_busy(each.seen.failure)]
    if busy:
        ClusterObservation.objects.filter(cluster__in=busy, lease_owner=current.owner).update(lease_until=None)
    asked = [each for each in members if each.cluster not in busy]
    central = [each for each in found if isinstance(each, _CentralLook)]
    closely = [each for each in found if isinstance(each, _CentralDetails)]
    _store(central, lambda some: _note_centrally(current, *some))
    _store(closely, lambda some: _note_details_centrally(current, *some))
    _store(asked, lambda some: _note_members(current, rows, some))
    _store([each for each in found if isinstance(each, DetailsLook)], observed.note_details)
    answered = [each for each in asked if each.seen.failure is None]
    due = [rows[each.cluster] for each in answered if _slow_is_due(current, rows[each.cluster], each)]
    due_centrally = [each for each in central if _slow_is_due_centrally(current, each)]
    return [
        *(partial(_look_closely_centrally, current, _istiods(current, each)) for each in due_centrally),
        *(partial(_look_closely, current, row) for row in due),
    ]


def _istiods(current: Look, look: _CentralLook) -> Sequence[Istiod]:
    """The istiods as just seen or, where they couldn't be read, as they were known."""
    return look.seen.istiods or current.plane.seen.istiods


def _store(found: Sequence[_Some], note: Callable[[Sequence[_Some]], None]) -> None:
    """Store several at once; where that fails, each for itself, so that the others' aren't lost."""
    try:
        if found:
            note(found)
    except DatabaseError:
        connection.close_if_unusable_or_obsolete()
        if len(found) == 1:
            log.exception("a look at one cluster couldn't be stored")
            return
        for each in found:
            _store([each], note)


def _note_centrally(current: Look, look: _CentralLook) -> None:
    failure = look.seen.failure
    if _is_busy(failure):
        return
    foreign = look.foreign if failure is None else None
    if observed.note_control_plane(current.mesh, look.seen, at=look.at, foreign=foreign):
        current.doubtful.add("")


def _note_details_centrally(current: Look, look: _CentralDetails) -> None:
    observed.note_plane_details(current.mesh, look.details, at=look.at)


def _note_members(current: Look, rows: Mapping[UUID, Cluster], looks: Sequence[MemberLook]) -> None:
    for look in looks:
        if look.seen.admitted:
            applied.note_admitted(current.mesh, look.seen.admitted)
    current.doubtful |= {rows[each].name for each in observed.note_members(looks, owner=current.owner)}


def _is_busy(failure: Violation | None) -> bool:
    return failure is not None and failure.code == BUSY


def _slow_is_due(current: Look, row: Cluster, look: MemberLook) -> bool:
    """By hand, for a cluster that has had no slow look yet, when a right turns out to be missing that the last one
    doesn't know of, and hourly.

    Clusters that were registered together would make one look long every hour: by age, only some have their turn now.
    """
    known = row.observation if hasattr(row, "observation") else None
    if current.slow or known is None or known.details_at is None or known.details.get("missing") is None:
        return True
    if set(look.seen.lacking) - set(known.facts.get("lacking", ())):
        return True
    if not _is_old(known.details_at, look.at):
        return False
    current.aged += 1
    share = SLOW_SHARE * settings.MESHCONSOLE_PROBE_SECONDS / settings.MESHCONSOLE_SLOW_PROBE_SECONDS
    return current.aged <= max(AT_ONCE, share * len(current.rows))


def _slow_is_due_centrally(current: Look, look: _CentralLook) -> bool:
    """When it is for a cluster that answers, but by age always at once."""
    known = current.plane
    if look.seen.failure is not None:
        return False
    if current.slow or known.details_at is None or set(look.seen.lacking) - set(known.seen.lacking):
        return True
    return _is_old(known.details_at, look.at)


def _is_old(details_at: datetime, now: datetime) -> bool:
    return now - details_at >= timedelta(seconds=settings.MESHCONSOLE_SLOW_PROBE_SECONDS)


def look_at_pending_addresses(mesh: Mesh) -> list[str]:
    """Look at the clusters whose load balancers have assigned no address; return the gateways that still have none."""
    clusters = {gateway.key.cluster for gateway in _without_address(mesh)}
    if clusters:
        look(mesh, only=clusters, central=False)
    return [gateway.name for gateway in _without_address(mesh)]


def _without_address(mesh: Mesh) -> list[Gateway]:
    known, topology = observed.known_addresses(mesh), desired.load(mesh)
    grouped = {name for group in topology.groups.values() for name in group.clusters}
    return [
        gateway
        for gateway in topology.gateways.values()
        if gateway.key.cluster in grouped
        and gateway.spec.service_type is ServiceType.LOAD_BALANCER
        and not known.get(gateway.key)
    ]


_concluding = threading.Lock()


def conclude(mesh: Mesh) -> None:
    """Store the findings and the summary that follow from all that is known of a mesh now.

    Other workers may do so at once. What counts is who has read last: whoever finds that another has stored a
    conclusion since reads again.
    """
    # Within a process they wait for each other, which costs less than to read twice.
    with _concluding:
        while not _concluded(mesh):
            pass


def _concluded(mesh: Mesh) -> bool:
    """Whether there is nothing more to do."""
    fresh = Mesh.objects.select_related("control_plane", "config", "observation").filter(id=mesh.id).first()
    if fresh is None:
        return True
    if not hasattr(fresh, "observation"):
        MeshObservation.objects.get_or_create(mesh=mesh)
        return False
    before = fresh.observation.summarized_at
    sight = pages.sight(fresh)
    found = diagnose(sight.statuses)
    at, summary = sight.seen.now, summary_of(sight.statuses)
    with transaction.atomic():
        findings.note_findings(fresh, findings.LOOK, found.findings, at=at, held=found.held, keeps=found.keeps)
        latest = observed.note_summary(fresh, summary, at=at, after=before)
        if not latest:
            transaction.set_rollback(True)
    return latest


def relook_seconds() -> float:
    """How soon a second look follows one that saw something for the first time."""
    return float(min(5.0, settings.MESHCONSOLE_PROBE_SECONDS / 2))
