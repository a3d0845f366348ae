"""Looks at a mesh: who is asked when, under which lease, and what becomes of it.

A look starts once per period, however often it is rung for. It asks clusters side by side, each under a lease of its
own, and stores each as soon as it has answered. Silent ones are asked apart from the others, and delay nobody's next
look.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connections
from django.db.models import Q
from django.utils import timezone

from interconnect import clients
from interconnect.domain.diagnosis import diagnose
from interconnect.domain.seen import MemberSeen
from interconnect.domain.summary import summary_of
from interconnect.domain.topology import ServiceType
from interconnect.kube.errors import KubeError
from interconnect.models import Cluster, ClusterObservation, Mesh, MeshObservation
from interconnect.observing import control_plane, member
from interconnect.observing.member import Asked
from interconnect.state import applied, desired, findings, observed, pages

if TYPE_CHECKING:
    from interconnect.domain.entries import Applied, Target
    from interconnect.domain.facts import Facts
    from interconnect.domain.topology import Gateway, Topology
    from interconnect.domain.violations import Violation

log = logging.getLogger(__name__)

AT_ONCE, SUSPECTS_AT_ONCE = 16, 8
CONCLUDING_SECONDS = 5.0
# The call was never made: no place among the calls to silent clusters, which says nothing about this one.
BUSY = "kube.busy"


@dataclass(slots=True)
class Look:
    """One look at some clusters of a mesh, and at its control plane if `central`.

    `doubtful` are the names of clusters about which a second look should follow soon; an empty one is the control
    plane.
    """

    mesh: Mesh
    topology: Topology
    rows: list[Cluster]
    central: bool = True
    slow: bool = False
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)
    doubtful: set[str] = field(default_factory=set)


def look(
    mesh: Mesh, *, only: Collection[str] | None = None, central: bool = True, slow: bool = False
) -> frozenset[str]:
    """Look at a mesh, or `only` at these of its clusters (by name), and if `central` at its control plane, and store
    what was seen.

    Return the names of clusters about which a second look should follow soon. Clusters that another look is asking now
    are left to it. With `slow`, what changes rarely is read too; else only where that is due. Calls every cluster, so
    only workers call this.
    """
    topology = desired.load(mesh)
    wanted = Cluster.objects.filter(mesh=mesh).select_related("connection", "observation")
    wanted = wanted if only is None else wanted.filter(name__in=only)
    current = Look(mesh, topology, list(wanted), central=central, slow=slow)
    current.rows = _leased(current)
    _run(current)
    conclude(mesh)
    return frozenset(current.doubtful)


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
    """Ask clusters that answered last time first, and the others a few at a time; conclude now and then meanwhile."""
    suspects = [row for row in current.rows if _suspected(row)]
    trusted = [row for row in current.rows if not _suspected(row)]
    scene = _Scene.of(current)
    with (
        ThreadPoolExecutor(AT_ONCE, "look") as pool,
        ThreadPoolExecutor(SUSPECTS_AT_ONCE, "suspect") as apart,
    ):
        open_ones = {_submitted(pool, lambda: _look_centrally(current, scene))} if current.central else set()
        open_ones |= {_submitted(pool, lambda row=row: _look_at(current, scene, row)) for row in trusted}  # type: ignore[misc]
        open_ones |= {_submitted(apart, lambda row=row: _look_at(current, scene, row)) for row in suspects}  # type: ignore[misc]
        concluded = time.monotonic()
        while open_ones:
            done, open_ones = wait(open_ones, timeout=CONCLUDING_SECONDS, return_when=FIRST_COMPLETED)
            for each in done:
                _raise_or_log(each)
            if open_ones and time.monotonic() - concluded > CONCLUDING_SECONDS:
                conclude(current.mesh)
                concluded = time.monotonic()


def _submitted(pool: ThreadPoolExecutor, job: Callable[[], None]) -> Future[None]:
    context = copy_context()

    def run() -> None:
        try:
            context.run(job)
        finally:
            connections.close_all()

    return pool.submit(run)


def _raise_or_log(done: Future[None]) -> None:
    """One cluster's unforeseen failure is told in the log, and leaves the others' looks alone."""
    error = done.exception()
    if error is not None:
        log.error("a look at one cluster failed unexpectedly", exc_info=error)


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


def _look_centrally(current: Look, scene: _Scene) -> None:
    mesh, at = current.mesh, timezone.now()
    asked = scene.asked(current, *{mesh.config_uid, mesh.control_plane.uid})
    with clients.waiting_for_a_place(_most_seconds()):
        seen, foreign = control_plane.look(mesh, asked)
    if seen.failure is not None and seen.failure.code == BUSY:
        return
    if observed.note_control_plane(mesh, seen, at=at, foreign=foreign if seen.failure is None else None):
        current.doubtful.add("")


def _look_at(current: Look, scene: _Scene, row: Cluster) -> None:
    at, cluster = timezone.now(), current.topology.clusters[row.name]
    seconds = float(settings.MESHCONSOLE_PROBE_CALL_SECONDS)
    try:
        with clients.waiting_for_a_place(_most_seconds()):
            api = clients.api_of(row.connection).within(seconds)
            asked = replace(scene.asked(current, row.uid), drift=_drift_before(row))
            seen = member.look(api, cluster, asked)
    except KubeError as error:
        # A credential that can't be opened is an answer about this cluster.
        seen = MemberSeen(failure=error.violation())
    if seen.failure is not None and seen.failure.code == BUSY:
        ClusterObservation.objects.filter(cluster=row, lease_owner=current.owner).update(lease_until=None)
        return
    if seen.admitted:
        applied.note_admitted(current.mesh, seen.admitted)
    if observed.note_member(row, seen, at=at, owner=current.owner):
        current.doubtful.add(row.name)
    if seen.failure is None and (current.slow or _slow_is_due(row, seen, at)):
        _look_closely(current, row, at)


def _drift_before(row: Cluster) -> tuple[Violation, ...]:
    return observed.member_of(row.observation).seen.drift if hasattr(row, "observation") else ()


def _slow_is_due(row: Cluster, seen: MemberSeen, at: datetime) -> bool:
    """Hourly, and when a right turns out to be missing that the last slow look doesn't know of."""
    known = row.observation if hasattr(row, "observation") else None
    if known is None or known.details_at is None or known.details.get("missing") is None:
        return True
    if at - known.details_at >= timedelta(seconds=settings.MESHCONSOLE_SLOW_PROBE_SECONDS):
        return True
    return bool(set(seen.lacking) - set(known.facts.get("lacking", ())))


def _look_closely(current: Look, row: Cluster, at: datetime) -> None:
    group = current.topology.group_of(row.name)
    api = clients.api_of(row.connection)
    try:
        namespace = current.topology.system_namespace
        found = member.look_closely(api, system_namespace=namespace, group=group.name if group else "")
    except KubeError as error:
        log.info("the slow look at %s ended early: %s", row.name, error.code)
        return
    observed.note_details(row, found, at=at)


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
    """Store the findings and the summary that follow from all that is known of a mesh now."""
    with _concluding:
        fresh = Mesh.objects.select_related("control_plane", "config", "observation").filter(id=mesh.id).first()
        if fresh is None:
            return
        sight = pages.sight(fresh)
        found = diagnose(sight.statuses)
        findings.note_findings(
            fresh, findings.LOOK, found.findings, at=sight.seen.now, held=found.held, keeps=found.keeps
        )
        observed.note_summary(fresh, summary_of(sight.statuses), at=sight.seen.now)


def relook_seconds() -> float:
    """How soon a second look follows one that saw something for the first time."""
    return float(min(5.0, settings.MESHCONSOLE_PROBE_SECONDS / 2))
