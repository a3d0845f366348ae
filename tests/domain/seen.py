"""What was seen of a small mesh in which all is well, for tests to spoil."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from interconnect.domain.facts import ConfigMapRef, Facts, Istiod
from interconnect.domain.render import networks_of, networks_target
from interconnect.domain.seen import (
    ControlPlane,
    ControlPlaneSeen,
    GatewayKnown,
    GatewaySeen,
    Member,
    MemberDetails,
    MemberSeen,
    MeshSeen,
    Readiness,
    ReplicaKnown,
    ReplicaSeen,
    RuleSeen,
    Unread,
    Work,
)
from interconnect.domain.status import Statuses
from interconnect.domain.topology import Address, GatewayKey, Topology
from interconnect.domain.verify import SYNCED, expected_of
from interconnect.domain.violations import Violation
from tests.domain.meshes import HUB, grouped

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
A, B = GatewayKey("member-a", 1), GatewayKey("member-b", 1)
ISTIOD = Istiod("istiod", "default", 2, "hub", "1.31.0", ConfigMapRef(HUB, "istio-system", "istio"))
PUBLISHED = frozenset({networks_target(ISTIOD.networks)} if ISTIOD.networks else ())
HOSTS = {A: "203.0.113.1", B: "203.0.113.2"}


def host_of(key: GatewayKey) -> str:
    return HOSTS.get(key, f"{key.cluster}.example.org")


def joined() -> Topology:
    """green (member-b) has joined with its gateway's address; blue (member-a, member-d) has a gateway."""
    topology = grouped()
    green = replace(topology.groups["green"], addresses=(Address(HOSTS[B], gateway=B),))
    return topology.with_group(green)


def unread(kind: str, code: str = "kube.server-error", since: datetime | None = None) -> Unread:
    """What the last look couldn't read, nor one a minute before, unless that is only so `since` a later time."""
    return Unread(Violation(code, {}), kind, since=since or ago(minutes=1))


def well(topology: Topology | None = None, **more: Any) -> MeshSeen:
    """Everything as it should be, seen now."""
    topology = topology or joined()
    replicas = tuple(replica(topology, f"istiod-{number}") for number in (1, 2))
    own = {
        "members": {name: member() for name in topology.clusters},
        "gateways": {key: gateway(key) for key in topology.gateways},
        "control_plane": ControlPlane(
            seen=ControlPlaneSeen(istiods=(ISTIOD,), rule=RuleSeen(present=True)),
            seen_at=NOW,
            looked_at=NOW,
            replicas=replicas,
        ),
        "work": Work(
            created=frozenset(each.id for each in topology.gateways.values()), rule_written=True, networks=PUBLISHED
        ),
        "facts": Facts(istiods=(ISTIOD,)),
    }
    return MeshSeen(topology=topology, now=NOW, **(own | more))


def member(**more: Any) -> Member:
    details = MemberDetails(version="v1.35.1", missing=(), root_ca="root", trust_domain="cluster.local")
    own = {"seen": MemberSeen(namespace=True), "seen_at": NOW, "looked_at": NOW, "details": details, "details_at": NOW}
    return Member(**(own | more))


def gateway(key: GatewayKey, readiness: Readiness = Readiness.ALL, at: datetime = NOW, **seen: Any) -> GatewayKnown:
    own = {"present": True, "replicas": 2, "available": 2, "injected": True, "addresses": (host_of(key),)}
    return GatewayKnown(GatewaySeen(**(own | seen)), at, readiness, NOW)


def replica(topology: Topology, name: str, **seen: Any) -> ReplicaKnown:
    clusters = dict.fromkeys(("hub", *topology.clusters), SYNCED)
    own = {"networks": expected_of(networks_of(topology)), "clusters": clusters}
    return ReplicaKnown(ReplicaSeen(name, "istiod", **(own | seen)), NOW, looked_at=NOW)


def spoiled(**changes: Any) -> Statuses:
    """The states with some of it changed: `members`, `gateways` by name or key, `plane` and `work` field by field."""
    mesh = well()
    members = {**mesh.members, **changes.pop("members", {})}
    gateways = {**mesh.gateways, **changes.pop("gateways", {})}
    plane = replace(mesh.control_plane, **changes.pop("plane", {}))
    work = replace(mesh.work, **changes.pop("work", {}))
    return Statuses(replace(mesh, members=members, gateways=gateways, control_plane=plane, work=work, **changes))


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)
