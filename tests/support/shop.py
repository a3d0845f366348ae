"""A mesh that exists only as rows, without clusters behind it: all that pages read.

Tests set the steps of its rollouts by hand where they need to.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from interconnect.domain.changes import Change, CreateGateway, CreateGroup, Enable, Join
from interconnect.domain.facts import ConfigMapRef, Istiod
from interconnect.domain.networks import digest
from interconnect.domain.plan import expected_networks
from interconnect.domain.render import networks_of, render
from interconnect.domain.seen import ControlPlaneSeen, MemberDetails, MemberSeen, ReplicaSeen, RuleSeen
from interconnect.domain.topology import Address, GatewayKey, GatewaySpec, MeshKind
from interconnect.domain.verify import SYNCED, expected_of
from interconnect.domain.violations import Violation
from interconnect.models import Cluster, Connection, Gateway, Mesh, Rollout, RolloutStatus, StepStatus
from interconnect.services import watching
from interconnect.services.rollouts import Start, rollout_start
from interconnect.state import applied, desired, observed
from interconnect.state.observed import DetailsLook, MemberLook
from meshconsole.access.actor import Actor

WEI = Actor("wei", all_rights=True)


def connection(uid: str, server: str) -> Connection:
    return Connection.objects.create(uid=uid, server=server, sealed="sealed", fingerprint="0000")


def new_mesh(name: str, kind: MeshKind = MeshKind.HOSTED) -> Mesh:
    hub = connection(f"hub-of-{name}", f"https://hub.{name}.example.com:6443")
    mesh = Mesh.objects.create(name=name, kind=kind, control_plane=hub, config=hub, config_uid=hub.uid)
    look_centrally(mesh)
    return mesh


def look_centrally(mesh: Mesh, at: datetime | None = None, **seen: Any) -> None:
    """Store a look at the control plane as it is when all that is desired is in effect, but for what `seen` says."""
    topology = desired.load(mesh)
    networks = ConfigMapRef(mesh.config_uid, "istio-system", "istio")
    listed = {name: tuple(pairs) for name, pairs in expected_of(networks_of(topology)).items()}
    replicas = tuple(
        ReplicaSeen(f"istiod-{letter}", "istiod", networks=listed, clusters=dict.fromkeys(topology.clusters, SYNCED))
        for letter in "ab"
    )
    as_desired = {
        "istiods": (Istiod("istiod", "", 2, "Kubernetes", "1.31.0", networks),),
        "replicas": replicas,
        "rule": RuleSeen(present=topology.enabled),
    }
    observed.note_control_plane(mesh, ControlPlaneSeen(**(as_desired | seen)), at=at or timezone.now())


def look_at(cluster: Cluster, at: datetime | None = None, **seen: Any) -> None:
    """Store a look at a cluster on which nothing is wrong, but for what `seen` says."""
    look = MemberSeen(**({"namespace": True, "webhooks": ()} | seen))
    observed.note_members([MemberLook(cluster.id, look, at or timezone.now())])


def conclude(mesh: Mesh) -> None:
    """Do what a look does at its end: store the findings and the mesh's summary."""
    watching.conclude(mesh)


def add_cluster(mesh: Mesh, name: str, cidr: str = "") -> Cluster:
    uid = str(uuid4())
    cluster = Cluster.objects.create(
        mesh=mesh,
        name=name,
        uid=uid,
        system_namespace="istio-system",
        connection=connection(uid, f"https://{name}.example.com:6443"),
    )
    cidrs = ((cidr, "pool"),) if cidr else ()
    note_details(cluster, version="v1.35.1", pod_cidrs=cidrs, missing=())
    look_at(cluster)
    return cluster


def note_details(cluster: Cluster, **details: Any) -> None:
    observed.note_details([DetailsLook(cluster.id, MemberDetails(**details), timezone.now())])


def silence(cluster: Cluster, code: str = "kube.unreachable", at: datetime | None = None) -> None:
    """Store two looks that the cluster didn't answer: one alone doesn't count."""
    for _each in range(2):
        failure = Violation(code, {"said": "connection refused"})
        observed.note_members([MemberLook(cluster.id, MemberSeen(failure=failure), at or timezone.now())])
    Connection.objects.filter(id=cluster.connection_id).update(open_since=timezone.now(), open_code="unreachable")


def started(mesh: Mesh, *changes: Change) -> Rollout:
    return rollout_start(actor=WEI, start=Start(mesh, list(changes)))


def settled(mesh: Mesh, *changes: Change) -> Rollout:
    """Return a rollout that has succeeded and whose objects are recorded as written and verified."""
    rollout = started(mesh, *changes)
    end(rollout, RolloutStatus.SUCCEEDED, StepStatus.SUCCEEDED)
    all_applied(mesh)
    mesh.refresh_from_db()
    look_centrally(mesh)
    return rollout


def end(rollout: Rollout, status: RolloutStatus, steps: StepStatus, **values: Any) -> None:
    now = timezone.now()
    rollout.steps.update(status=steps, attempts=1, started_at=now - timedelta(seconds=3), ended_at=now, **values)
    Rollout.objects.filter(id=rollout.id).update(status=status, started_at=now - timedelta(seconds=48), ended_at=now)
    rollout.refresh_from_db()


def all_applied(mesh: Mesh) -> None:
    topology, facts = desired.load(mesh), observed.facts(mesh)
    for target, wanted in render(topology, facts).items():
        applied.intend(mesh, [applied.Intention(target, wanted.value, gateway=wanted.gateway)], (), rollout=None)
        applied.written(mesh, {target: "object"})
    for name, networks in expected_networks(topology, render(topology, facts), facts).items():
        applied.note_restart(mesh, name, networks)
        applied.note_verified(mesh, name, digest(networks))


def gateway_in(cluster: str, number: int = 1, **spec: Any) -> CreateGateway:
    return CreateGateway(GatewayKey(cluster, number), str(uuid4()), GatewaySpec(**spec))


def note_gateway(mesh: Mesh, cluster: str, **facts: Any) -> None:
    said = {"present": True, "replicas": 1, "available": 1, "injected": True, "reason": ""} | facts
    observed.note_gateway(Gateway.objects.get(cluster__mesh=mesh, cluster__name=cluster, number=1).id, **said)


def storefront() -> Mesh:
    """Return a mesh with three groups, a free cluster and a spare cluster that doesn't answer.

    The group aws is joined, asia has a gateway, and 1-onprem has one whose address is pending.
    """
    mesh = new_mesh("storefront")
    for number, name in enumerate(("frankfurt", "ireland", "taiwan", "hangzhou")):
        add_cluster(mesh, name, f"10.{number}.0.0/16")
    silence(add_cluster(mesh, "spare", "10.0.0.0/16"))
    add_cluster(mesh, "free", "10.9.0.0/16")
    settled(mesh, Enable())
    settled(
        mesh,
        CreateGroup("aws", frozenset({"frankfurt", "ireland"})),
        CreateGroup("asia", frozenset({"taiwan"})),
        CreateGroup("1-onprem", frozenset({"hangzhou"})),
        *(gateway_in(name) for name in ("frankfurt", "taiwan", "hangzhou")),
    )
    note_gateway(mesh, "frankfurt", addresses=["203.0.113.7"])
    note_gateway(mesh, "taiwan", addresses=["203.0.113.8"])
    note_gateway(mesh, "hangzhou", addresses=[], address_reason="SyncLoadBalancerFailed: quota exceeded")
    settled(mesh, Join("aws", (Address("203.0.113.7", 15443, GatewayKey("frankfurt", 1)),)))
    mesh.refresh_from_db()
    conclude(mesh)
    return mesh
