"""The state of everything that the console shows: pure functions of what was seen and when.

Pages, the command line, and whatever else tells a state look it up here and add nothing. What was seen too long ago is
*unknown*, whatever it was; the last known state stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from interconnect.domain.credentials import ENDED, expiry
from interconnect.domain.findings import Finding, Severity, Subject, SubjectKind
from interconnect.domain.names import natural
from interconnect.domain.patience import ISTIOD_SECONDS
from interconnect.domain.render import networks_of
from interconnect.domain.seen import PODS, MemberDetails, MeshSeen, Readiness, Unread, lasting, misses
from interconnect.domain.topology import Address, Gateway, GatewayKey, Group, ServiceType
from interconnect.domain.troubles import troubles_of
from interconnect.domain.verify import compare_seen, expected_of
from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from interconnect.domain.seen import GatewayKnown, Member, ReplicaKnown
    from interconnect.domain.stale import StaleCount
    from interconnect.domain.verify import Endpoint, ReplicaReport


class Level(StrEnum):
    """How much attention a state needs, most first."""

    BAD = "bad"
    WARN = "warn"
    UNKNOWN = "unknown"
    BUSY = "busy"
    CALM = "calm"
    GOOD = "good"

    @property
    def rank(self) -> int:
        return _RANKS[self]

    @property
    def needs_attention(self) -> bool:
        return self in (Level.BAD, Level.WARN, Level.UNKNOWN)


_RANKS = {level: number for number, level in enumerate(Level)}

WRONG_CLUSTER = "kube.wrong-cluster"
REFUSALS = frozenset(
    {
        "kube.unauthorized",
        "kube.credential-unreadable",
        "kube.tls-client-ended",
        "kube.tls-client-missing",
        "kube.tls-client-refused",
    }
)
RESTARTS_WITHIN = timedelta(seconds=ISTIOD_SECONDS)
AT_ONCE = REFUSALS | {WRONG_CLUSTER}
"""Failures that were read, not missed: they count without a second look."""

CODES = (
    "unknown",
    "cluster.wrong-cluster",
    "cluster.refuses-us",
    "cluster.no-answer",
    "cluster.rights-missing",
    "cluster.unread",
    "cluster.reachable",
    "cluster.never-seen",
    "gateway.missing",
    "gateway.not-injected",
    "gateway.not-ready",
    "gateway.degraded",
    "gateway.address-changed",
    "gateway.address-pending",
    "gateway.ready",
    "gateway.not-created",
    "rule.missing",
    "rule.changed",
    "rule.other-rule",
    "rule.in-place",
    "rule.not-written",
    "rule.leaving",
    "rule.not-created",
    "joined.not-in-effect",
    "joined.no-way-in",
    "joined.others-decide",
    "joined.in-effect-partly",
    "joined.other-addresses",
    "joined.degraded",
    "joined.address-pending",
    "joined.changing",
    "joined.in-effect",
    "control-plane.wrong-cluster",
    "control-plane.refuses-us",
    "control-plane.no-answer",
    "control-plane.no-istiod",
    "control-plane.replicas-silent",
    "control-plane.rights-missing",
    "control-plane.unread",
    "control-plane.restarting",
    "control-plane.answers",
    "control-plane.never-seen",
    "group.no-gateway",
    "group.healthy",
    "mesh.drift",
    "mesh.rollout-failed",
    "mesh.credential-ends",
    "mesh.not-enabled",
    "mesh.nothing-joined",
    "mesh.healthy",
)


@dataclass(frozen=True, slots=True)
class State:
    """One state: a code with parameters, worded elsewhere. `at` is when it was seen, `since` when it began, if known.

    `cause` is the reason in words of its own. `last` is set for *unknown*: what it was when last seen.
    """

    code: str
    level: Level
    params: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None
    since: datetime | None = None
    cause: Violation | None = None
    last: State | None = None

    @property
    def known(self) -> State:
        """The state itself or, for *unknown*, what it was when last seen."""
        return self.last or self


class Part(NamedTuple):
    """A state, and whose it is."""

    subject: Subject
    state: State


class Drift(NamedTuple):
    """What differs from what the console wrote, and where; the subject is a cluster or the control plane."""

    subject: Subject
    found: Violation


@dataclass(frozen=True)
class Statuses:
    """The states of one mesh. Each is worked out once, however often it is looked up."""

    mesh: MeshSeen

    @cached_property
    def clusters(self) -> dict[str, State]:
        depended_on = self.mesh.depended_on
        states = {name: _cluster(self.mesh, self.mesh.members.get(name)) for name in self.mesh.topology.clusters}
        return {name: state if name in depended_on else _lesser(state) for name, state in states.items()}

    @cached_property
    def gateways(self) -> dict[GatewayKey, State]:
        return {key: self._gateway(gateway) for key, gateway in self.mesh.topology.gateways.items()}

    @cached_property
    def rule(self) -> State:
        return _rule(self.mesh)

    @cached_property
    def control_plane(self) -> State:
        return _control_plane(self.mesh)

    @cached_property
    def joined(self) -> dict[str, State]:
        """The states of joined groups, by name."""
        return {group.name: self._joined(group) for group in self.mesh.topology.joined}

    @cached_property
    def groups(self) -> dict[str, Part]:
        """The worst part of each group, by name; the group itself if nothing is wrong with any."""
        return {name: self._group(group) for name, group in self.mesh.topology.groups.items()}

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """All that is wrong or unknown in the mesh, worst first; of a group only the worst part."""
        wrong = (part for part in self._parts() if part.state.level.rank < Level.CALM.rank)
        return tuple(sorted(wrong, key=_attention))

    @cached_property
    def whole(self) -> Part:
        """The worst part of the mesh; the mesh itself if nothing is wrong with any."""
        return next(iter(self.parts), Part(Subject(SubjectKind.MESH, ""), self.calm))

    @cached_property
    def reports(self) -> dict[str, ReplicaReport]:
        """What each istiod replica that answers lacks or has in excess, by its name."""
        return self._compared(self.mesh.answering)

    @cached_property
    def _last_reports(self) -> dict[str, ReplicaReport]:
        """What each istiod replica lacked or had in excess when it last answered, by its name."""
        return self._compared(each for each in self.mesh.control_plane.replicas if each.seen_at)

    @cached_property
    def _expected(self) -> dict[str, tuple[Endpoint, ...]]:
        return expected_of(networks_of(self.mesh.topology))

    @cached_property
    def troubles(self) -> tuple[Finding, ...]:
        """What is wrong beyond the states of objects."""
        return troubles_of(self.mesh)

    @cached_property
    def _grave(self) -> dict[Subject, list[State]]:
        """The critical troubles as states of what they are about: each is a finding too."""
        found: dict[Subject, list[State]] = {}
        for each in self.troubles:
            if each.severity is Severity.CRITICAL:
                found.setdefault(each.subject, []).append(self._state_of(each))
        return found

    def _state_of(self, found: Finding) -> State:
        work = self.mesh.work
        busy = found.subject.name in work.busy if found.subject.kind is SubjectKind.CLUSTER else work.publishing
        return State(found.code, Level.BUSY if busy else Level.BAD, found.params)

    @cached_property
    def drift(self) -> tuple[Drift, ...]:
        """What differs from what the console wrote, the control plane first; without what a running rollout is about
        to write.
        """
        mesh, rule, work = self.mesh, self.rule, self.mesh.work
        own, plane = Subject(SubjectKind.CONTROL_PLANE), mesh.control_plane
        known = mesh.fresh(plane.seen_at) and not work.publishing
        central = [Drift(own, each) for each in plane.seen.drift] if known else []
        if rule.code == "rule.changed" and rule.cause is not None and not work.on_rule:
            central.insert(0, Drift(Subject(SubjectKind.RULE), rule.cause))
        seen = (name for name, member in mesh.members.items() if mesh.fresh(member.seen_at))
        names = sorted(set(seen) - work.busy, key=natural)
        clusters = ((Subject(SubjectKind.CLUSTER, name), name) for name in names)
        return (*central, *(Drift(subject, each) for subject, name in clusters for each in self.drifted(name)))

    @property
    def drift_level(self) -> Level:
        """How much attention `drift` needs: what differs centrally concerns every group, the rest one cluster each."""
        return Level.BAD if any(each.subject.kind is not SubjectKind.CLUSTER for each in self.drift) else Level.WARN

    @cached_property
    def credentials(self) -> tuple[Part, ...]:
        """Credentials that have expired or soon will, the earliest first."""
        return tuple(self._credentials())

    def of_cluster(self, name: str) -> State:
        """Return the state of a cluster, or that something on it differs from what was written, whichever is worse."""
        return min((part.state for part in self._on_cluster(name)), key=lambda state: state.level.rank)

    def worst_on(self, cluster: str) -> Level:
        """Return the worst level of a cluster and everything on it."""
        return min((part.state.level for part in self.parts_of_cluster(cluster)), key=lambda level: level.rank)

    def drifted(self, cluster: str) -> tuple[Violation, ...]:
        """Return what differs on a cluster from what the console wrote there, as last seen."""
        member = self.mesh.members.get(cluster)
        return member.seen.drift if member else ()

    def workloads(self, cluster: str) -> tuple[StaleCount | None, StaleCount | None]:
        """Return the workloads of a cluster whose Pods are on another network, and those whose Pods are on none; None
        where that isn't known.
        """
        member = self.mesh.members.get(cluster)
        stale = member.seen.stale if member is not None and self.mesh.fresh(member.seen_at) else None
        return stale, self.mesh.details(cluster).unlabelled

    def leads_in(self, address: Address) -> bool | None:
        """Whether an address in use leads to a gateway that serves; None where that isn't known. Of one that was added
        by hand the console can't know more.
        """
        if address.awaited:
            return False
        gateway = self.mesh.topology.gateways.get(address.gateway) if address.gateway else None
        if gateway is None:
            return True
        known = self.mesh.gateways.get(gateway.key)
        return self._led(gateway, known, address) if known and self.mesh.fresh(known.at) else None

    def has_moved(self, address: Address) -> bool:
        """Whether the load balancer of an address in use is known to report others instead."""
        known = self.mesh.gateways.get(address.gateway) if address.gateway else None
        hosts = known.seen.addresses if known and self.mesh.fresh(known.at) else None
        return hosts is not None and not address.awaited and address.host not in hosts

    def _led(self, gateway: Gateway, known: GatewayKnown, address: Address) -> bool | None:
        if not _serves(known) or self._diverted(gateway):
            return False
        if gateway.spec.service_type is not ServiceType.LOAD_BALANCER:
            return True
        return None if known.seen.addresses is None else address.host in known.seen.addresses

    def _diverted(self, gateway: Gateway) -> bool:
        """Whether somebody has changed what traffic through a gateway depends on, such as its Service's ports."""
        cluster = gateway.key.cluster
        drift = () if cluster in self.mesh.work.busy else self.drifted(cluster)
        theirs = (each.params for each in drift if each.code != "drift.not-applied")
        return any(params.get("needed") and params.get("name") == gateway.name for params in theirs)

    def _gateway(self, gateway: Gateway) -> State:
        known, created = self.mesh.gateways.get(gateway.key), gateway.id in self.mesh.work.created
        if known is None or (known.seen.present is None and not known.seen.available):
            return State("unknown", Level.UNKNOWN) if created else State("gateway.not-created", Level.CALM)
        if known.seen.present is False and not created:
            return State("gateway.not-created", Level.CALM, at=known.at)
        state = replace(self._gateway_seen(gateway, known), at=known.at)
        state = state if self._is_used(gateway, known) else _lesser(state)
        if gateway.key.cluster in self.mesh.work.busy and state.level in (Level.BAD, Level.WARN):
            state = replace(state, level=Level.BUSY)
        return _aged(state, self.mesh.fresh(known.at))

    def _is_used(self, gateway: Gateway, known: GatewayKnown) -> bool:
        """Whether calls to a joined group may go through a gateway; where an address added by hand leads is unknown."""
        group = self.mesh.topology.group_of(gateway.key.cluster)
        if group is None or not group.joined:
            return False
        own = known.seen.addresses or ()
        return any(
            each.gateway == gateway.key or (each.gateway is None and (each.host in own or each.host not in self._hosts))
            for each in group.addresses or ()
        )

    @cached_property
    def _hosts(self) -> frozenset[str]:
        """Every address that a load balancer of some gateway reports."""
        return frozenset(host for known in self.mesh.gateways.values() for host in known.seen.addresses or ())

    def _gateway_seen(self, gateway: Gateway, known: GatewayKnown) -> State:
        seen = known.seen
        numbers = {"available": seen.available, "replicas": seen.replicas, "reason": seen.reason}
        if seen.present is False:
            return State("gateway.missing", Level.BAD, {"gateway": gateway.name})
        if seen.injected is False:
            cause = seen.uninjected
            return State("gateway.not-injected", Level.BAD, {"gateway": gateway.name}, cause=cause)
        if known.readiness is Readiness.NONE:
            return State("gateway.not-ready", Level.BAD, numbers, since=known.since)
        if known.readiness is Readiness.SOME:
            return State("gateway.degraded", Level.WARN, numbers, since=known.since)
        return self._gateway_address(gateway, known)

    def _gateway_address(self, gateway: Gateway, known: GatewayKnown) -> State:
        seen, group = known.seen, self.mesh.topology.group_of(gateway.key.cluster)
        if gateway.spec.service_type is not ServiceType.LOAD_BALANCER:
            return State("gateway.ready", Level.GOOD)
        addresses = (group.addresses if group else None) or ()
        used = {each.host for each in addresses if each.gateway == gateway.key and not each.awaited}
        if seen.addresses == () and not used:
            return State("gateway.address-pending", Level.WARN, {"reason": seen.address_reason})
        gone = sorted(used - set(seen.addresses or ()))
        if not gone or seen.addresses is None:
            return State("gateway.ready", Level.GOOD)
        return State("gateway.address-changed", Level.WARN, {"used": gone, "addresses": list(seen.addresses)})

    def _joined(self, group: Group) -> State:
        plane = self.mesh.control_plane
        if all(address.awaited for address in group.addresses or ()):
            return State("joined.address-pending", Level.WARN)
        answering = self.mesh.answering
        times = [each.seen_at for each in answering or plane.replicas if each.seen_at]
        if not times:
            return State("unknown", Level.UNKNOWN, at=plane.seen_at)
        reports = self.reports if answering else self._last_reports
        return _aged(self._joined_seen(group, reports, max(times)), bool(answering))

    def _joined_seen(self, group: Group, reports: Mapping[str, ReplicaReport], at: datetime) -> State:
        """The state of a joined group by what replicas say: one that is silent neither lists it nor doesn't."""
        lacking = sorted(name for name, report in reports.items() if group.name in report.missing)
        more = {name: each.unexpected[group.name] for name, each in reports.items() if group.name in each.unexpected}
        silent = sorted({each.seen.name for each in self.mesh.silent} - reports.keys())
        listing = len(reports) - len(lacking)
        numbers: dict[str, Any] = {"listing": listing, "replicas": len(reports), "lacking": lacking, "silent": silent}
        if (lacking or more) and group.name in self.mesh.work.groups:
            return State("joined.changing", Level.BUSY, numbers, at)
        if all(self._lists_none(report, group.name) for report in reports.values()):
            return State("joined.not-in-effect", Level.BAD, numbers, at)
        listed = State("joined.in-effect", Level.GOOD, numbers, at)
        if lacking:
            listed = replace(listed, code="joined.in-effect-partly", level=Level.WARN)
        elif more:
            hosts = sorted({host for endpoints in more.values() for host, _port in endpoints})
            params = numbers | {"more": sorted(more), "extra": hosts}
            listed = State("joined.other-addresses", Level.WARN, params, at)
        return self._entered(group, listed)

    def _entered(self, group: Group, listed: State) -> State:
        """The state of a group that istiod lists, with whether anybody gets in by its addresses."""
        used = {each: self.leads_in(each) for each in group.addresses or () if not each.awaited}
        if not any(way is not False for way in used.values()):
            return replace(listed, code="joined.no-way-in", level=Level.BAD)
        if others := self.others(group):
            ours = self._known_hosts(group)
            alien = any(host not in ours for _cluster, host in others)
            names = sorted({cluster for cluster, _host in others})
            params = {**listed.params, "clusters": names, "addresses": sorted({host for _cluster, host in others})}
            return State("joined.others-decide", Level.BAD if alien else Level.WARN, params, listed.at)
        if listed.level is not Level.GOOD:
            return listed
        if True not in used.values():
            return self._entered_as_remembered(list(used), listed)
        outside = [each.host for each, way in used.items() if way is False]
        if outside:
            params = {**listed.params, "addresses": outside, "of": len(used)}
            return State("joined.degraded", Level.WARN, params, listed.at)
        return listed

    def _entered_as_remembered(self, used: list[Address], listed: State) -> State:
        """Of none of these addresses it is known whether it leads in; the last known state stands beside that."""
        gateways = ((each, self.mesh.topology.gateways[each.gateway]) for each in used if each.gateway)
        known = [(each, gateway, self.mesh.gateways.get(gateway.key)) for each, gateway in gateways]
        seen = [(each, gateway, found) for each, gateway, found in known if found is not None]
        if not seen:
            return State("unknown", Level.UNKNOWN)
        at = max(found.at for _each, _gateway, found in seen)
        led = any(self._led(gateway, found, each) is not False for each, gateway, found in seen)
        last = listed if led else replace(listed, code="joined.no-way-in", level=Level.BAD)
        return State("unknown", Level.UNKNOWN, at=at, last=replace(last, at=at))

    def _compared(self, replicas: Iterable[ReplicaKnown]) -> dict[str, ReplicaReport]:
        known = [replace(each.seen, answers=True) for each in replicas]
        return dict(compare_seen(known, self._expected, foreign=self.mesh.facts.foreign_networks).replicas)

    def _lists_none(self, report: ReplicaReport, group: str) -> bool:
        missing, unresolved = report.missing.get(group, ()), report.unresolved.get(group, ())
        return bool(missing) and len(missing) + len(unresolved) >= len(self._expected.get(group, ()))

    def others(self, group: Group) -> frozenset[tuple[str, str]]:
        """Return (cluster, host) of what somebody's labelled Services register for a group's network."""
        found = (each.seen.labelled.get(group.name, {}) for each in self.mesh.answering)
        return frozenset(
            (cluster, host) for labelled in found for cluster, pairs in labelled.items() for host, _port in pairs
        )

    def _known_hosts(self, group: Group) -> frozenset[str]:
        """The hosts that lead to gateways of this group, whether in use or not."""
        hosts = {each.host for each in group.addresses or ()}
        for name in group.clusters:
            for gateway in self.mesh.topology.gateways_of_cluster(name):
                known = self.mesh.gateways.get(gateway.key)
                hosts |= set(known.seen.addresses or ()) if known else set()
        return frozenset(hosts)

    def parts_of(self, group: Group) -> Iterator[Part]:
        """Yield the group's own state, if it has joined, and those of its clusters and gateways and what drifted."""
        if group.joined:
            yield Part(Subject(SubjectKind.GROUP, group.name), self.joined[group.name])
        for name in sorted(group.clusters, key=natural):
            yield from self.parts_of_cluster(name)

    def parts_of_cluster(self, name: str) -> Iterator[Part]:
        """Yield the states of a cluster, of what differs there, and of its gateways."""
        yield from self._on_cluster(name)
        for gateway in self.mesh.topology.gateways_of_cluster(name):
            yield Part(Subject(SubjectKind.GATEWAY, gateway.name), self.gateways[gateway.key])

    def _on_cluster(self, name: str) -> Iterator[Part]:
        yield Part(Subject(SubjectKind.CLUSTER, name), self.clusters[name])
        own = Subject(SubjectKind.CLUSTER, name)
        yield from (Part(own, state) for state in self._grave.get(own, ()))
        if drift := self.drifted(name):
            yield Part(own, self._drift(drift, name))

    def _drift(self, drift: tuple[Violation, ...], cluster: str) -> State:
        member = self.mesh.members[cluster]
        state = State("mesh.drift", Level.WARN, _drift_params(drift), at=member.seen_at, cause=drift[0])
        if cluster in self.mesh.work.busy:
            state = replace(state, level=Level.BUSY)
        return _aged(state, self.mesh.fresh(member.seen_at))

    def _group(self, group: Group) -> Part:
        worst = min(self.parts_of(group), key=_attention, default=None)
        if worst is not None and worst.state.level.rank < Level.CALM.rank:
            return worst
        own = Subject(SubjectKind.GROUP, group.name)
        if group.joined:
            return Part(own, self.joined[group.name])
        if not self.mesh.topology.gateways_of_group(group.name):
            return Part(own, State("group.no-gateway", Level.CALM))
        if worst is not None and worst.state.level is Level.CALM:
            return worst
        return Part(own, State("group.healthy", Level.GOOD))

    def _parts(self) -> Iterator[Part]:
        mesh, topology = Subject(SubjectKind.MESH, ""), self.mesh.topology
        yield Part(Subject(SubjectKind.CONTROL_PLANE, ""), self.control_plane)
        if topology.enabled:
            yield Part(Subject(SubjectKind.RULE, ""), self.rule)
        yield from self.groups.values()
        yield from (
            Part(subject, state)
            for subject, states in self._grave.items()
            for state in states
            if subject.kind is not SubjectKind.CLUSTER or self.mesh.topology.group_of(subject.name) is None
        )
        yield from (
            Part(Subject(SubjectKind.CLUSTER, name), state)
            for name, state in self.clusters.items()
            if topology.group_of(name) is None
        )
        plane = self.mesh.control_plane
        if plane.seen.drift:
            level = Level.BUSY if self.mesh.work.publishing else Level.BAD
            state = State("mesh.drift", level, _drift_params(plane.seen.drift), cause=plane.seen.drift[0])
            yield Part(mesh, _aged(replace(state, at=plane.seen_at), self.mesh.fresh(plane.seen_at)))
        if self.mesh.work.failed:
            yield Part(mesh, State("mesh.rollout-failed", Level.WARN, {"left": self.mesh.work.left}))
        yield from self.credentials

    def _credentials(self) -> Iterator[Part]:
        own = [(SubjectKind.CONTROL_PLANE, name, ends) for name, ends in self.mesh.control_plane.ends.items()]
        theirs = [(SubjectKind.CLUSTER, name, each.ends_at) for name, each in self.mesh.members.items()]
        known = [(kind, name, ends) for kind, name, ends in (*own, *theirs) if ends is not None]
        for kind, name, ends in sorted(known, key=lambda each: each[2]):
            found = expiry(ends, self.mesh.now)
            if found is not None:
                needed = kind is SubjectKind.CONTROL_PLANE or name in self.mesh.depended_on
                level = Level.BAD if found.code == ENDED and needed else Level.WARN
                state = State("mesh.credential-ends", level, {**found.params, "part": name}, cause=found)
                yield Part(Subject(kind, "" if kind is SubjectKind.CONTROL_PLANE else name), state)

    @property
    def calm(self) -> State:
        """The state of the mesh itself, where nothing is wrong with any part."""
        topology = self.mesh.topology
        if not topology.enabled:
            return State("mesh.not-enabled", Level.CALM)
        if not topology.joined:
            return State("mesh.nothing-joined", Level.CALM)
        return State("mesh.healthy", Level.GOOD, {"groups": len(topology.joined)})


def _attention(part: Part) -> tuple[int, int, tuple[Any, ...]]:
    """Worst first; of equal ones first what is most of the mesh, then by name in natural order."""
    return (part.state.level.rank, list(SubjectKind).index(part.subject.kind), natural(part.subject.name))


def worst_first(names: Iterable[str], states: Mapping[str, State]) -> list[str]:
    """Return names by their states, worst first, equal ones in natural order."""
    return sorted(names, key=lambda name: (states[name].level.rank, natural(name)))


def _aged(state: State, fresh: bool) -> State:
    if fresh or state.level is Level.UNKNOWN:
        return state
    return State("unknown", Level.UNKNOWN, at=state.at, last=state)


def _lesser(state: State) -> State:
    """Return the state of what no traffic depends on: what is broken there needs attention, and is an outage of
    nothing.
    """
    last = _lesser(state.last) if state.last is not None else None
    return replace(state, level=Level.WARN if state.level is Level.BAD else state.level, last=last)


def _drift_params(drift: tuple[Violation, ...]) -> dict[str, Any]:
    owners = sorted({str(owner) for each in drift for owner in each.params.get("owners", ())})
    return {"count": len(drift), "owners": owners}


def _failed(of: str, failure: Violation, since: datetime | None) -> State:
    if failure.code == WRONG_CLUSTER:
        return State(f"{of}.wrong-cluster", Level.BAD, failure.params, since=since, cause=failure)
    if failure.code in REFUSALS:
        return State(f"{of}.refuses-us", Level.BAD, failure.params, since=since, cause=failure)
    return State(f"{of}.no-answer", Level.BAD, failure.params, since=since, cause=failure)


def _cluster(mesh: MeshSeen, member: Member | None) -> State:
    if member is None or (member.seen_at is None and member.failure is None):
        return State("cluster.never-seen", Level.CALM)
    if member.failure is not None:
        return _aged(
            replace(_failed("cluster", member.failure, member.since), at=member.looked_at),
            mesh.fresh(member.looked_at),
        )
    details = member.details if mesh.fresh_details(member.details_at) else MemberDetails()
    needed = {*member.seen.lacking, *(details.missing or ())} - set(details.optional)
    lacking = sorted({*needed, *member.seen.lacking, *details.optional})
    unread = (*lasting(member.seen.unread, member.seen_at), *lasting(details.unread, member.details_at))
    if needed or (lacking and not unread):
        level = Level.WARN if needed else Level.GOOD
        state = State("cluster.rights-missing", level, {"rights": lacking}, member.seen_at)
    elif unread:
        state = _unread("cluster", unread, member.seen_at)
    else:
        state = State("cluster.reachable", Level.GOOD, at=member.seen_at)
    return _aged(state, mesh.fresh(member.seen_at))


def _unread(of: str, unread: tuple[Unread, ...], at: datetime | None) -> State:
    since = min(each.since for each in unread if each.since)
    return State(f"{of}.unread", Level.WARN, at=at, since=since, cause=unread[0].cause)


def _serves(known: GatewayKnown) -> bool:
    return known.seen.present is not False and known.seen.injected is not False and known.readiness != Readiness.NONE


def _rule(mesh: MeshSeen) -> State:
    plane, written = mesh.control_plane, mesh.work.rule_written
    if not mesh.topology.enabled:
        return State("rule.leaving", Level.CALM) if written else State("rule.not-created", Level.CALM)
    seen = plane.seen.rule
    if seen is None:
        return State("unknown", Level.UNKNOWN) if written else State("rule.not-written", Level.WARN)
    if not written:
        return State("rule.not-written", Level.BUSY if mesh.work.on_rule else Level.WARN, at=plane.rule_at)
    if not seen.present:
        state = State("rule.missing", Level.BAD)
    elif seen.changed is not None:
        owners = list(seen.changed.params.get("owners", ()))
        state = State("rule.changed", Level.BAD, {"owners": owners}, cause=seen.changed)
    elif seen.others:
        state = State("rule.other-rule", Level.WARN, {"others": list(seen.others)})
    else:
        state = State("rule.in-place", Level.GOOD)
    return _aged(replace(state, at=plane.rule_at), mesh.fresh(plane.rule_at))


def _control_plane(mesh: MeshSeen) -> State:
    plane = mesh.control_plane
    if plane.seen_at is None and plane.failure is None:
        return State("control-plane.never-seen", Level.CALM)
    if plane.failure is not None:
        state = replace(_failed("control-plane", plane.failure, plane.since), at=plane.looked_at)
        return _aged(state, mesh.fresh(plane.looked_at))
    return _aged(replace(_replicas(mesh), at=plane.seen_at), mesh.fresh(plane.seen_at))


def _replicas(mesh: MeshSeen) -> State:
    plane = mesh.control_plane
    if not plane.seen.istiods and not misses(plane.seen.unread, "Deployment"):
        return State("control-plane.no-istiod", Level.BAD)
    silent, wanted = sorted(each.seen.name for each in mesh.silent), wanted_replicas(mesh)
    numbers = {"answering": len(mesh.answering), "replicas": wanted, "silent": silent}
    if len(silent) == len(plane.replicas) and (silent or not misses(plane.seen.unread, PODS)):
        why = "istiod.none-answers" if wanted else "istiod.scaled-to-zero"
        return State("control-plane.no-answer", Level.BAD, numbers, cause=Violation(why))
    restarting = _restarting(mesh)
    if (silent or 0 < len(plane.replicas) < wanted) and not restarting:
        return State("control-plane.replicas-silent", Level.WARN, numbers)
    if mesh.lacking:
        return State("control-plane.rights-missing", Level.WARN, numbers | {"rights": list(mesh.lacking)})
    if unread := lasting(plane.seen.unread, plane.seen_at):
        return _unread("control-plane", unread, plane.seen_at)
    if restarting:
        return State("control-plane.restarting", Level.BUSY, numbers)
    return State("control-plane.answers", Level.GOOD, numbers)


def wanted_replicas(mesh: MeshSeen) -> int:
    """Return how many istiod replicas should answer. Behind a direct URL nobody can count them."""
    plane = mesh.control_plane
    own = 0 if plane.seen.direct else sum(istiod.replicas for istiod in plane.seen.istiods)
    return max(len(plane.replicas), own)


def _restarting(mesh: MeshSeen) -> bool:
    """Whether a rollout of istiod is under way that may still end well, or a replica is only starting."""
    plane = mesh.control_plane
    late = plane.restarting_since is not None and mesh.now - plane.restarting_since > RESTARTS_WITHIN
    starting = any(each.seen_at is None and each.silent_since is None for each in plane.replicas)
    return starting or (plane.seen.restarting and not late)
