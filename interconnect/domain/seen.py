"""What a look saw: of a member cluster, of a gateway on it, and of the control plane.

One look is one value, noted whole. Everything that wasn't read is None, never taken for good or bad.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from interconnect.domain.facts import Facts, Istiod, WebhookEntry
from interconnect.domain.json_types import Json
from interconnect.domain.stale import StaleCount
from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from interconnect.domain.entries import Admitted, Target
    from interconnect.domain.topology import GatewayKey, Topology

Endpoint = tuple[str, int]
PODS, STALE_PODS = "Pod", "stale Pods"
"""What `Unread.kind` says of the Pods of gateways or istiods, and of those that are counted in the whole cluster."""
ROOT_CA, MESH_CONFIG = "istio-ca-root-cert", "istio"
"""The names of the ConfigMaps of the root that Pods trust, and of a cluster's own mesh configuration."""
STALE_AFTER, AT_LEAST = 2.5, timedelta(seconds=30)


class Readiness(StrEnum):
    """How many replicas of a gateway serve."""

    ALL = "all"
    SOME = "some"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Unread:
    """What a look that was answered couldn't read, `cause` says why: objects of a `kind`, all or the one of this
    `name`; without a kind everything. `since` is when a look first couldn't.

    What was known of it before stays known, and nothing new is.
    """

    cause: Violation
    kind: str = ""
    name: str = ""
    since: datetime | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the credential lacks the right, which is told as that."""
        return self.cause.code == "kube.forbidden"

    def covers(self, kind: str, name: str = "") -> bool:
        return self.kind in ("", kind) and (not self.name or not name or self.name == name)

    def to_json(self) -> Json:
        since = self.since.isoformat() if self.since else None
        return {"cause": self.cause.to_json(), "kind": self.kind, "name": self.name, "since": since}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        since = datetime.fromisoformat(data["since"]) if data.get("since") else None
        return cls(Violation.from_json(data["cause"]), data.get("kind", ""), data.get("name", ""), since)


def misses(unread: Iterable[Unread], kind: str, name: str = "") -> bool:
    """Return whether objects of a kind, or the one of this name, are among what wasn't read."""
    return any(each.covers(kind, name) for each in unread)


def lasting(unread: Iterable[Unread], at: datetime | None) -> tuple[Unread, ...]:
    """Return what two looks couldn't read, the last of them `at` a time, for another reason than a missing right."""
    return tuple(each for each in unread if each.since and at and each.since < at and not each.is_refused)


def _dated(unread: Iterable[Unread], before: Iterable[Unread], at: datetime) -> tuple[Unread, ...]:
    """Return what wasn't read in a look `at` a time, since when."""
    known = {(each.kind, each.name): each.since for each in before}
    return tuple(replace(each, since=known.get((each.kind, each.name)) or at) for each in unread)


def _drift_kept(
    drift: Iterable[Violation], before: Iterable[Violation], unread: Iterable[Unread]
) -> tuple[Violation, ...]:
    """Return what differs now, and what differed before of what wasn't read now."""
    unread = tuple(unread)
    return (*drift, *(each for each in before if _is_of(each, str(each.params.get("kind")), unread)))


def _is_of(found: Violation, kind: str, unread: Iterable[Unread]) -> bool:
    return misses(unread, kind, str(found.params.get("name")))


@dataclass(frozen=True, slots=True)
class GatewaySeen:
    """A gateway as its cluster showed it.

    `present`: its Deployment exists. `replicas` are those that the Deployment asks for, `available` those that serve.
    `reason` is what Kubernetes says of a missing one, `address_reason` of a missing address. `injected` is None while
    unknown, such as during a rolling update; `uninjected` names the cause (a code with parameters). `addresses` is None
    until the Service has been read, and `local_only` says that its nodes pass on traffic only to Pods of their own.
    `blocked`: its PodDisruptionBudget allows no disruption although all replicas
    serve. `at_limit`: its autoscaler wants more replicas than it may make.
    """

    present: bool | None = None
    replicas: int = 0
    available: int = 0
    reason: str = ""
    injected: bool | None = None
    uninjected: Violation | None = None
    addresses: tuple[str, ...] | None = None
    address_reason: str = ""
    local_only: bool = False
    blocked: bool = False
    at_limit: bool = False

    @property
    def readiness(self) -> Readiness:
        if self.available <= 0:
            return Readiness.NONE
        return Readiness.SOME if self.available < self.replicas else Readiness.ALL

    def with_numbers_of(self, other: GatewaySeen) -> GatewaySeen:
        """Return this gateway with the replicas that another look has counted."""
        return replace(self, replicas=other.replicas, available=other.available, reason=other.reason)

    def after(self, before: GatewaySeen, unread: Iterable[Unread]) -> GatewaySeen:
        """Return this gateway with what couldn't be read now as it was known `before`."""
        unread = tuple(unread)
        if not self.present:
            return self
        kept = [name for kind, names in _OF_OBJECTS.items() if misses(unread, kind) for name in names]
        if self.injected is False and self.uninjected is None and any(misses(unread, kind) for kind in _CAUSES):
            kept.append("uninjected")
        return replace(self, **{name: getattr(before, name) for name in kept})

    def to_json(self) -> Json:
        said = asdict(self) | {"uninjected": self.uninjected.to_json() if self.uninjected else None}
        return said | {"addresses": None if self.addresses is None else list(self.addresses)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        if known.get("addresses") is not None:
            known["addresses"] = tuple(known["addresses"])
        if known.get("uninjected") is not None:
            known["uninjected"] = Violation.from_json(known["uninjected"])
        return cls(**known)


_OF_OBJECTS = {
    PODS: ("injected", "uninjected"),
    "Service": ("addresses", "address_reason", "local_only"),
    "Event": ("address_reason",),
    "PodDisruptionBudget": ("blocked",),
    "HorizontalPodAutoscaler": ("at_limit",),
}
"""What is read of a gateway from other objects than its Deployment."""
_CAUSES = ("Namespace", "MutatingWebhookConfiguration")
"""The objects that say why a gateway isn't injected."""


@dataclass(frozen=True, slots=True)
class MemberSeen:
    """A member cluster in one fast look.

    `failure` says why it didn't answer as it should; nothing else is known then. `unread` is what couldn't be read
    although it answers, `lacking` the reads for which the credential lacks the rights, as `verb resource`. `network` is
    the network label of its system namespace (empty: none), `namespace` whether that exists, `control_planes` the
    cluster IDs of the istiods that its annotation lets lead there (empty: none). `gateways` are by UUID.
    `stale` counts Pods of other networks. `drift` is what differs from what the console wrote, `notes` what admission
    made of it, `admitted` are leaves that it was just found to change.
    """

    failure: Violation | None = None
    lacking: tuple[str, ...] = ()
    namespace: bool | None = None
    network: str | None = None
    control_planes: tuple[str, ...] | None = None
    webhooks: tuple[WebhookEntry, ...] | None = None
    gateways: Mapping[str, GatewaySeen] = field(default_factory=dict)
    stale: StaleCount | None = None
    drift: tuple[Violation, ...] = ()
    notes: tuple[Violation, ...] = ()
    admitted: Mapping[Target, tuple[Admitted, ...]] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()

    def after(self, before: MemberSeen, at: datetime) -> MemberSeen:
        """Return this look, `at` a time, with what it couldn't read as it was known `before`; the gateways, which are
        kept apart, are as they were seen.
        """
        holder = misses(self.unread, "Namespace")
        return replace(
            self,
            namespace=before.namespace if holder else self.namespace,
            network=before.network if holder else self.network,
            control_planes=before.control_planes if holder else self.control_planes,
            # Rendering needs some.
            webhooks=before.webhooks if self.webhooks is None else self.webhooks,
            stale=before.stale if misses(self.unread, STALE_PODS) else self.stale,
            drift=_drift_kept(self.drift, before.drift, self.unread),
            notes=before.notes if any(not each.kind for each in self.unread) else self.notes,
            unread=_dated(self.unread, before.unread, at),
        )

    def to_json(self) -> Json:
        """Return all but the failure, and the gateways and `admitted`, which have rows of their own."""
        said: Json = {"lacking": list(self.lacking), "namespace": self.namespace, "network": self.network}
        said |= {name: [each.to_json() for each in getattr(self, name)] for name in ("drift", "notes", "unread")}
        if self.control_planes is not None:
            said["control_planes"] = list(self.control_planes)
        if self.webhooks is not None:
            said["webhooks"] = [entry.to_json() for entry in self.webhooks]
        if self.stale is not None:
            said["stale"] = self.stale.to_json()
        return said

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            lacking=tuple(data.get("lacking", ())),
            namespace=data.get("namespace"),
            network=data.get("network"),
            control_planes=tuple(data["control_planes"]) if "control_planes" in data else None,
            webhooks=tuple(map(WebhookEntry.from_json, data["webhooks"])) if "webhooks" in data else None,
            stale=StaleCount.from_json(data["stale"]) if isinstance(data.get("stale"), Mapping) else None,
            drift=tuple(map(Violation.from_json, data.get("drift", ()))),
            notes=tuple(map(Violation.from_json, data.get("notes", ()))),
            unread=tuple(map(Unread.from_json, data.get("unread", ()))),
        )


@dataclass(frozen=True, slots=True)
class MemberDetails:
    """What changes rarely, from a slow look: rights that the credential lacks (`optional` ones serve a single feature),
    the Kubernetes version, Pod CIDRs as `(network, source)`, the SHA-256 of the root that its Pods trust, its trust
    domain, and injected Pods without a network label.
    """

    version: str = ""
    missing: tuple[str, ...] | None = None
    optional: tuple[str, ...] = ()
    pod_cidrs: tuple[tuple[str, str], ...] = ()
    root_ca: str | None = None
    trust_domain: str | None = None
    unlabelled: StaleCount | None = None
    unread: tuple[Unread, ...] = ()

    def after(self, before: MemberDetails, at: datetime) -> MemberDetails:
        """Return these details, from `at` a time, with what couldn't be read as it was known `before`."""
        unread = tuple(self.unread)
        kept = [name for kind, name in _OF_DETAILS if misses(unread, *kind)]
        more = {name: getattr(before, name) for name in kept}
        return replace(self, **more, unread=_dated(unread, before.unread, at))

    def to_json(self) -> Json:
        said: Json = {name: getattr(self, name) for name in ("version", "root_ca", "trust_domain")}
        said |= {"missing": None if self.missing is None else list(self.missing), "optional": list(self.optional)}
        said["pod_cidrs"] = [{"network": network, "source": source} for network, source in self.pod_cidrs]
        said["unread"] = [each.to_json() for each in self.unread]
        return said | {"unlabelled": self.unlabelled.to_json() if self.unlabelled else None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        missing = data.get("missing")
        return cls(
            version=data.get("version", ""),
            missing=None if missing is None else tuple(missing),
            optional=tuple(data.get("optional", ())),
            pod_cidrs=tuple((each["network"], each["source"]) for each in data.get("pod_cidrs", ())),
            root_ca=data.get("root_ca"),
            trust_domain=data.get("trust_domain"),
            unlabelled=StaleCount.from_json(data["unlabelled"]) if data.get("unlabelled") else None,
            unread=tuple(map(Unread.from_json, data.get("unread", ()))),
        )


_OF_DETAILS = (
    (("version",), "version"),
    (("Pod CIDRs",), "pod_cidrs"),
    (("ConfigMap", ROOT_CA), "root_ca"),
    (("ConfigMap", MESH_CONFIG), "trust_domain"),
    ((STALE_PODS,), "unlabelled"),
)
"""What is unread by kind and name, and what of the details it costs."""


@dataclass(frozen=True, slots=True)
class ReplicaSeen:
    """One istiod replica and what it says now.

    `networks` are the addresses that it has loaded from meshNetworks by network, `labelled` those that somebody's
    labelled Service registers, by network and cluster, and `unresolved` host names that it can't resolve, by network;
    `clusters` is the sync status by cluster ID. All are empty for one that doesn't answer; `failure` says why.
    """

    name: str
    deployment: str
    answers: bool = True
    networks: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    labelled: Mapping[str, Mapping[str, tuple[Endpoint, ...]]] = field(default_factory=dict)
    unresolved: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    clusters: Mapping[str, str] = field(default_factory=dict)
    failure: Violation | None = None

    def to_json(self) -> Json:
        return asdict(self) | {"failure": self.failure.to_json() if self.failure else None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            name=data["name"],
            deployment=data["deployment"],
            answers=data.get("answers", True),
            networks={name: _endpoints(pairs) for name, pairs in data.get("networks", {}).items()},
            labelled={
                network: {cluster: _endpoints(pairs) for cluster, pairs in found.items()}
                for network, found in data.get("labelled", {}).items()
            },
            unresolved={name: tuple(hosts) for name, hosts in data.get("unresolved", {}).items()},
            clusters=data.get("clusters", {}),
            failure=Violation.from_json(data["failure"]) if data.get("failure") else None,
        )


def _endpoints(pairs: Any) -> tuple[Endpoint, ...]:
    return tuple((str(host), int(port)) for host, port in pairs)


@dataclass(frozen=True, slots=True)
class RuleSeen:
    """The gateway rule on the config cluster. `changed` is how it differs from what was written (None: it doesn't),
    `others` are other Gateways (`namespace/name`) on its port that select our gateways.
    """

    present: bool
    changed: Violation | None = None
    others: tuple[str, ...] = ()

    def to_json(self) -> Json:
        changed = self.changed.to_json() if self.changed else None
        return {"present": self.present, "changed": changed, "others": list(self.others)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        changed = Violation.from_json(data["changed"]) if data.get("changed") else None
        return cls(bool(data.get("present")), changed, tuple(data.get("others", ())))


@dataclass(frozen=True, slots=True)
class ControlPlaneSeen:
    """The two API servers of a mesh and its istiods in one look.

    `failure` says why one of the API servers didn't answer (`part`: `control-plane` or `config`). `replicas` are those
    that should answer, ready or not. `direct`: they are asked by the mesh's direct URL, however many there are behind
    it. `restarting`: an istiod Deployment is being rolled, and hasn't failed. `drift` is what differs from what the
    console wrote there. `invalid`: why istiod can't use a ConfigMap's meshNetworks, the first reason for each, with
    `namespace`, `name` and the `count`. `unread` is what couldn't be read although both answer.
    """

    failure: Violation | None = None
    part: str = ""
    lacking: tuple[str, ...] = ()
    istiods: tuple[Istiod, ...] = ()
    replicas: tuple[ReplicaSeen, ...] = ()
    direct: bool = False
    restarting: bool = False
    rule: RuleSeen | None = None
    drift: tuple[Violation, ...] = ()
    invalid: tuple[Violation, ...] = ()
    root_ca: str | None = None
    trust_domain: str | None = None
    selectors: bool | None = None
    unread: tuple[Unread, ...] = ()

    def after(self, before: ControlPlaneSeen, at: datetime) -> ControlPlaneSeen:
        """Return this look, `at` a time, with what it couldn't read as it was known `before`; the replicas, which are
        kept apart, are as they were seen.
        """
        istiods, config = misses(self.unread, "Deployment"), misses(self.unread, "ConfigMap")
        return replace(
            self,
            istiods=before.istiods if istiods else self.istiods,
            restarting=before.restarting if istiods else self.restarting,
            rule=before.rule if misses(self.unread, "Gateway") else self.rule,
            drift=_drift_kept(self.drift, before.drift, self.unread),
            invalid=(*self.invalid, *(each for each in before.invalid if _is_of(each, "ConfigMap", self.unread))),
            root_ca=before.root_ca if misses(self.unread, "ConfigMap", ROOT_CA) else self.root_ca,
            trust_domain=before.trust_domain if config and self.trust_domain is None else self.trust_domain,
            selectors=before.selectors if self.unread and self.selectors is None else self.selectors,
            unread=_dated(self.unread, before.unread, at),
        )

    def to_json(self) -> Json:
        """Return what isn't kept elsewhere: failure, istiods and replicas have places of their own."""
        names = ("direct", "restarting", "root_ca", "trust_domain", "selectors")
        said: Json = {name: getattr(self, name) for name in names}
        said |= {"lacking": list(self.lacking), "rule": self.rule.to_json() if self.rule else None}
        return said | {
            name: [each.to_json() for each in getattr(self, name)] for name in ("drift", "invalid", "unread")
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            lacking=tuple(data.get("lacking", ())),
            invalid=tuple(map(Violation.from_json, data.get("invalid", ()))),
            istiods=tuple(map(Istiod.from_json, data.get("istiods", ()))),
            direct=bool(data.get("direct")),
            restarting=bool(data.get("restarting")),
            rule=RuleSeen.from_json(data["rule"]) if data.get("rule") else None,
            drift=tuple(map(Violation.from_json, data.get("drift", ()))),
            root_ca=data.get("root_ca"),
            trust_domain=data.get("trust_domain"),
            selectors=data.get("selectors"),
            unread=tuple(map(Unread.from_json, data.get("unread", ()))),
        )


@dataclass(frozen=True, slots=True)
class ControlPlaneDetails:
    """What changes rarely, from a slow look: the rights that the credentials of the two API servers lack."""

    missing: tuple[str, ...] | None = None

    def to_json(self) -> Json:
        return {"missing": None if self.missing is None else list(self.missing)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        missing = data.get("missing")
        return cls(None if missing is None else tuple(missing))


@dataclass(frozen=True, slots=True)
class Member:
    """What is known of a member cluster. `seen` is its last answer, from `seen_at`; `looked_at` is the last try.

    `failure` says why it doesn't answer as it should, once that is steady, and `since` when that began. `details` are
    from `details_at`. `ends_at` is when its credential expires. `noted_at` is when a step last worked there.
    """

    seen: MemberSeen = field(default_factory=MemberSeen)
    seen_at: datetime | None = None
    looked_at: datetime | None = None
    failure: Violation | None = None
    since: datetime | None = None
    details: MemberDetails = field(default_factory=MemberDetails)
    details_at: datetime | None = None
    ends_at: datetime | None = None
    noted_at: datetime | None = None

    @property
    def awaits_look(self) -> bool:
        """Whether a step has worked there since the last look began, so that nobody has seen the whole."""
        return _awaits_look(self.looked_at, self.noted_at)


@dataclass(frozen=True, slots=True)
class GatewayKnown:
    """A gateway as last seen, `at` a time; `readiness` counts `since` two looks agreed on it."""

    seen: GatewaySeen
    at: datetime
    readiness: Readiness
    since: datetime


@dataclass(frozen=True, slots=True)
class ReplicaKnown:
    """An istiod replica as it last answered, at `seen_at` (None: never). `silent_since` is set once two looks agreed
    that it doesn't; `looked_at` is the last try.
    """

    seen: ReplicaSeen
    seen_at: datetime | None
    silent_since: datetime | None = None
    looked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """What is known of the control plane, as `Member` is of a cluster. `ends` are the ends of the credentials of its
    `control-plane` and `config` connections. `restarting_since` is when a look first saw it being restarted, if it is.
    """

    seen: ControlPlaneSeen = field(default_factory=ControlPlaneSeen)
    seen_at: datetime | None = None
    looked_at: datetime | None = None
    failure: Violation | None = None
    since: datetime | None = None
    replicas: tuple[ReplicaKnown, ...] = ()
    ends: Mapping[str, datetime] = field(default_factory=dict)
    details: ControlPlaneDetails = field(default_factory=ControlPlaneDetails)
    details_at: datetime | None = None
    restarting_since: datetime | None = None
    noted_at: datetime | None = None
    rule_noted_at: datetime | None = None

    @property
    def awaits_look(self) -> bool:
        """Whether a step has worked there since the last look began, so that nobody has seen the whole."""
        return _awaits_look(self.looked_at, self.noted_at)

    @property
    def rule_at(self) -> datetime | None:
        """When the gateway rule was last seen: in a look, or by the step that wrote it."""
        return max(filter(None, (self.seen_at, self.rule_noted_at)), default=None)


def _awaits_look(looked_at: datetime | None, noted_at: datetime | None) -> bool:
    return noted_at is not None and (looked_at is None or noted_at > looked_at)


@dataclass(frozen=True, slots=True)
class Work:
    """What the console itself has done and is doing: UUIDs of gateways that it has created, whether the rule is
    written, the ConfigMaps whose networks it has written, and how many steps the last failed rollout left undone.

    Of a running rollout: the clusters that it works on (`busy`), whether it publishes networks and which groups' among
    them (`groups`), and whether it writes the rule (`on_rule`).
    """

    created: frozenset[str] = frozenset()
    rule_written: bool = False
    networks: frozenset[Target] = frozenset()
    busy: frozenset[str] = frozenset()
    publishing: bool = False
    groups: frozenset[str] = frozenset()
    on_rule: bool = False
    failed: str = ""
    left: int = 0


@dataclass(frozen=True, slots=True)
class MeshSeen:
    """All that is known of a mesh at a moment: what is desired, what was seen and when, and what the console does.

    `period` is the time between two fast looks, `slow_period` between two slow ones.
    """

    topology: Topology
    now: datetime
    facts: Facts = field(default_factory=Facts)
    members: Mapping[str, Member] = field(default_factory=dict)
    gateways: Mapping[GatewayKey, GatewayKnown] = field(default_factory=dict)
    control_plane: ControlPlane = field(default_factory=ControlPlane)
    work: Work = field(default_factory=Work)
    period: timedelta = timedelta(seconds=60)
    slow_period: timedelta = timedelta(hours=1)

    def fresh(self, at: datetime | None) -> bool:
        """Whether what was seen in a fast look at that time can still be told as true."""
        return at is not None and self.now - at <= stale_after(self.period)

    def fresh_details(self, at: datetime | None) -> bool:
        """Whether what was seen in a slow look at that time can still be told as true."""
        return at is not None and self.now - at <= stale_after(self.slow_period)

    def details(self, cluster: str) -> MemberDetails:
        """Return what is still known from the last slow look at a cluster."""
        member = self.members.get(cluster)
        return member.details if member is not None and self.fresh_details(member.details_at) else MemberDetails()

    @property
    def lacking(self) -> tuple[str, ...]:
        """The rights that the control plane's credentials are known to lack."""
        plane = self.control_plane
        missing = plane.details.missing if self.fresh_details(plane.details_at) else None
        return tuple(sorted({*plane.seen.lacking, *(missing or ())}))

    @property
    def answering(self) -> tuple[ReplicaKnown, ...]:
        """The istiod replicas that answer."""
        replicas = self.control_plane.replicas
        return tuple(each for each in replicas if each.silent_since is None and self.fresh(each.seen_at))

    @property
    def silent(self) -> tuple[ReplicaKnown, ...]:
        """The istiod replicas that don't answer. Of a new one, or one that may not be asked, neither is known."""
        replicas = self.control_plane.replicas
        return tuple(each for each in replicas if each.silent_since is not None and self.fresh(each.looked_at))

    def answers_now(self, member: Member | None) -> bool:
        """Whether what the fast look saw of a cluster is true now: it answered, and lately."""
        return member is not None and member.failure is None and self.fresh(member.seen_at)

    @property
    def depended_on(self) -> frozenset[str]:
        """The clusters of joined groups: what is broken there breaks traffic."""
        return frozenset(name for group in self.topology.joined for name in group.clusters)


def stale_after(period: timedelta) -> timedelta:
    """Return the age from which on what a look saw is no longer known: two and a half periods, never below 30 s."""
    return max(period * STALE_AFTER, AT_LEAST)
