"""The state of everything that the console shows: pure functions of what was seen and when.

Pages, the command line, and whatever else tells a state look it up here and add nothing. What was seen too long ago is
*unknown*, whatever it was; the last known state stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from interconnect.domain.credentials import ENDED, expiry
from interconnect.domain.findings import Subject, SubjectKind
from interconnect.domain.names import natural
from interconnect.domain.render import networks_of
from interconnect.domain.seen import MeshSeen, Readiness, misses
from interconnect.domain.topology import Address, Gateway, GatewayKey, Group, ServiceType
from interconnect.domain.verify import compare_seen, expected_of

if TYPE_CHECKING:
    from interconnect.domain.seen import ControlPlane, GatewayKnown, Member
    from interconnect.domain.verify import ReplicaReport
    from interconnect.domain.violations import Violation


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
AT_ONCE = REFUSALS | {WRONG_CLUSTER}
"""Failures that were read, not missed: they count without a second look."""

CODES = (
    "unknown",
    "cluster.wrong-cluster",
    "cluster.refuses-us",
    "cluster.no-answer",
    "cluster.rights-missing",
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
        return {name: _cluster(self.mesh, self.mesh.members.get(name)) for name in self.mesh.topology.clusters}

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
        """What each istiod replica lacks or has in excess, by its name."""
        return _reports(self.mesh)

    @cached_property
    def drift(self) -> tuple[Drift, ...]:
        """What differs from what the console wrote, as last seen, on the control plane first; without what a running
        rollout is about to write.
        """
        own, rule, work = Subject(SubjectKind.CONTROL_PLANE), self.rule.known, self.mesh.work
        central = [] if work.publishing else [Drift(own, each) for each in self.mesh.control_plane.seen.drift]
        if rule.code == "rule.changed" and rule.cause is not None and not work.publishing:
            central.insert(0, Drift(Subject(SubjectKind.RULE), rule.cause))
        names = sorted(self.mesh.members.keys() - work.busy, key=natural)
        clusters = ((Subject(SubjectKind.CLUSTER, name), name) for name in names)
        return (*central, *(Drift(subject, each) for subject, name in clusters for each in self.drifted(name)))

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

    def leads_in(self, group: Group, address: Address) -> bool:
        """Whether an address in use leads to a gateway that serves, as far as the console can know."""
        if address.awaited:
            return False
        if address.gateway is None:
            return True
        known = self.mesh.gateways.get(address.gateway)
        if known is None or address.gateway not in self.mesh.topology.gateways:
            return True
        return _serves(known) and not (known.seen.addresses and address.host not in known.seen.addresses)

    def replicas_listing(self, group: str) -> tuple[str, ...]:
        """Return the istiod replicas that list the group as they should."""
        return tuple(
            sorted(
                name
                for name, report in self.reports.items()
                if report.answered and group not in report.missing and group not in report.unexpected
            )
        )

    def _gateway(self, gateway: Gateway) -> State:
        known, created = self.mesh.gateways.get(gateway.key), gateway.id in self.mesh.work.created
        if known is None or (known.seen.present is None and not known.seen.available):
            return State("unknown", Level.UNKNOWN) if created else State("gateway.not-created", Level.CALM)
        if known.seen.present is False and not created:
            return State("gateway.not-created", Level.CALM, at=known.at)
        state = replace(self._gateway_seen(gateway, known), at=known.at)
        if gateway.key.cluster in self.mesh.work.busy and state.level in (Level.BAD, Level.WARN):
            state = replace(state, level=Level.BUSY)
        return _aged(state, self.mesh.fresh(known.at))

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
        if seen.addresses == ():
            return State("gateway.address-pending", Level.WARN, {"reason": seen.address_reason})
        used = [each for each in (group.addresses if group else None) or () if each.gateway == gateway.key]
        gone = sorted({each.host for each in used if not each.awaited and each.host not in (seen.addresses or ())})
        if group is None or not gone or seen.addresses is None:
            return State("gateway.ready", Level.GOOD)
        inside = any(self.leads_in(group, each) for each in group.addresses or ())
        params = {"used": gone, "addresses": list(seen.addresses)}
        return State("gateway.address-changed", Level.WARN if inside else Level.BAD, params)

    def _joined(self, group: Group) -> State:
        plane = self.mesh.control_plane
        if all(address.awaited for address in group.addresses or ()):
            return State("joined.address-pending", Level.WARN)
        if not plane.replicas:
            return State("unknown", Level.UNKNOWN, at=plane.seen_at)
        times = [each.seen_at for each in plane.replicas if each.seen_at]
        state = replace(self._joined_seen(group), at=max(times, default=None))
        return _aged(state, any(self.mesh.fresh(at) for at in times))

    def _joined_seen(self, group: Group) -> State:
        listing, total = self.replicas_listing(group.name), len(self.reports)
        lacking = sorted(set(self.reports) - set(listing))
        numbers = {"listing": len(listing), "replicas": total, "lacking": lacking}
        if len(listing) < total and self.mesh.work.publishing:
            return State("joined.changing", Level.BUSY, numbers)
        if not listing:
            return State("joined.not-in-effect", Level.BAD, numbers)
        if not any(self.leads_in(group, each) for each in group.addresses or ()):
            return State("joined.no-way-in", Level.BAD, numbers)
        if others := self.others(group):
            ours = self._known_hosts(group)
            alien = any(host not in ours for _cluster, host in others)
            names = sorted({cluster for cluster, _host in others})
            params = numbers | {"clusters": names, "addresses": sorted({host for _cluster, host in others})}
            return State("joined.others-decide", Level.BAD if alien else Level.WARN, params)
        if len(listing) < total:
            return State("joined.in-effect-partly", Level.WARN, numbers)
        used = [each for each in group.addresses or () if not each.awaited]
        outside = [each.host for each in used if not self.leads_in(group, each)]
        if outside:
            return State("joined.degraded", Level.WARN, numbers | {"addresses": outside, "of": len(used)})
        return State("joined.in-effect", Level.GOOD, numbers)

    def others(self, group: Group) -> frozenset[tuple[str, str]]:
        """Return (cluster, host) of what somebody's labelled Services register for a group's network."""
        found = (each.seen.labelled.get(group.name, {}) for each in self.mesh.control_plane.replicas)
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
        if drift := self.drifted(name):
            yield Part(Subject(SubjectKind.CLUSTER, name), self._drift(drift, name))

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
                level = Level.BAD if found.code == ENDED else Level.WARN
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
    needed = {*member.seen.lacking, *(member.details.missing or ())} - set(member.details.optional)
    lacking = sorted({*needed, *member.seen.lacking, *member.details.optional})
    if lacking:
        level = Level.WARN if needed else Level.GOOD
        state = State("cluster.rights-missing", level, {"rights": lacking}, member.seen_at)
    else:
        state = State("cluster.reachable", Level.GOOD, at=member.seen_at)
    return _aged(state, mesh.fresh(member.seen_at))


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
        return State("rule.not-written", Level.BUSY if mesh.work.publishing else Level.WARN, at=plane.rule_at)
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
    return _aged(replace(_replicas(plane), at=plane.seen_at), mesh.fresh(plane.seen_at))


def _replicas(plane: ControlPlane) -> State:
    if not plane.seen.istiods and not misses(plane.seen.unread, "Deployment"):
        return State("control-plane.no-istiod", Level.BAD)
    silent = sorted(each.seen.name for each in plane.replicas if each.silent_since is not None)
    wanted = max(len(plane.replicas), sum(istiod.replicas for istiod in plane.seen.istiods))
    numbers = {"answering": len(plane.replicas) - len(silent), "replicas": wanted, "silent": silent}
    if plane.seen.lacking:
        return State("control-plane.rights-missing", Level.WARN, numbers | {"rights": list(plane.seen.lacking)})
    if plane.seen.restarting:
        return State("control-plane.restarting", Level.BUSY, numbers)
    if len(silent) == len(plane.replicas):
        return State("control-plane.no-answer", Level.BAD, numbers)
    if len(plane.replicas) - len(silent) < wanted:
        return State("control-plane.replicas-silent", Level.WARN, numbers)
    return State("control-plane.answers", Level.GOOD, numbers)


def _reports(mesh: MeshSeen) -> dict[str, ReplicaReport]:
    known = [
        replace(each.seen, answers=each.silent_since is None and each.seen_at is not None)
        for each in mesh.control_plane.replicas
    ]
    expected = expected_of(networks_of(mesh.topology))
    return dict(compare_seen(known, expected, foreign=mesh.facts.foreign_networks).replicas)
