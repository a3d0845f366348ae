"""A console with a mesh on simulated clusters.

The mesh is registered and changed through the services; its rollouts are carried out in this process.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connections
from django.utils import timezone

from interconnect import clients
from interconnect.domain.changes import (
    Change,
    CreateGateway,
    CreateGroup,
    DeleteGroup,
    Disable,
    Enable,
    Join,
    Remove,
    apply_all,
)
from interconnect.domain.rights import ClusterRole
from interconnect.domain.topology import Address, GatewayKey, GatewaySpec, MeshKind, RestartPolicy
from interconnect.models import AppliedEntry, Cluster, Mesh, Rollout, Step, StepStatus
from interconnect.models.rollout import UNFINISHED
from interconnect.observing.newcomer import credential_of, inspect_cluster, inspect_mesh
from interconnect.rollouts import engine, lease
from interconnect.rollouts.driver import drive
from interconnect.services.clusters import cluster_register
from interconnect.services.meshes import mesh_register
from interconnect.services.rollouts import Start, rollout_start
from interconnect.state import desired, observed
from meshconsole.access.actor import Actor
from simulator import Cut

if TYPE_CHECKING:
    from simulator import Fleet

NAMESPACE = "istio-system"
ACTOR = Actor.for_cli("tester")
GATEWAY_IDS = uuid.UUID("6f1a1f0e-2f43-4a6c-9d0e-3c5d2f6b7a10")


def register_mesh(fleet: Fleet, name: str = "prod", *, actor: Actor = ACTOR, kind: MeshKind = MeshKind.HOSTED) -> Mesh:
    hub = credential_of(fleet.kubeconfig(fleet.hub))
    config = credential_of(fleet.kubeconfig(fleet.config)) if fleet.config != fleet.hub else None
    report = inspect_mesh(hub, config, system_namespace=NAMESPACE)
    return mesh_register(actor=actor, name=name, kind=kind, report=report, system_namespace=NAMESPACE)


def register_cluster(fleet: Fleet, mesh: Mesh, name: str, *, actor: Actor = ACTOR) -> Cluster:
    credential = credential_of(fleet.kubeconfig(name))
    report = inspect_cluster(credential, role=ClusterRole.MEMBER, system_namespace=mesh.system_namespace)
    return cluster_register(actor=actor, mesh=mesh, name=name, report=report)


def registered_mesh(fleet: Fleet, members: Sequence[str] | None = None, name: str = "prod") -> Mesh:
    """Register the fleet's mesh with these members (None: all of them)."""
    mesh = register_mesh(fleet, name)
    for member in (
        members if members is not None else [key for key, member in fleet.members.items() if member.is_member]
    ):
        register_cluster(fleet, mesh, member)
    return mesh


def gateway_of(cluster: str, number: int = 1, spec: GatewaySpec | None = None) -> CreateGateway:
    """Return the creation of a gateway whose UUID is derived from its key, so that equal changes compare equal."""
    key = GatewayKey(cluster, number)
    return CreateGateway(key, str(uuid.uuid5(GATEWAY_IDS, str(key))), spec or GatewaySpec())


def awaited(cluster: str, number: int = 1) -> Address:
    return Address("", gateway=GatewayKey(cluster, number))


def joining(*clusters: str) -> list[Change]:
    """Return the changes that enable the interconnect and join one group for each cluster.

    Each group is named `group-<cluster>`, has one gateway, and joins with its awaited address.
    """
    changes: list[Change] = [Enable()]
    changes += [CreateGroup(f"group-{cluster}", frozenset({cluster})) for cluster in clusters]
    changes += [gateway_of(cluster) for cluster in clusters]
    changes += [Join(f"group-{cluster}", (awaited(cluster),)) for cluster in clusters]
    return changes


def leaving(*clusters: str) -> list[Change]:
    """Return the changes that undo `joining` and disable the interconnect."""
    return [
        *(Remove(f"group-{cluster}") for cluster in clusters),
        *(DeleteGroup(f"group-{cluster}") for cluster in clusters),
        Disable(),
    ]


def start(
    mesh: Mesh, changes: Sequence[Change], *, actor: Actor = ACTOR, restart: RestartPolicy | None = None, **options: Any
) -> Rollout:
    return rollout_start(actor=actor, start=Start(mesh, changes, restart=restart, **options))


def follow(rollout: Rollout, *, seconds: float = 60.0) -> Rollout:
    """Carry out the rollout with the driver's threads, as the command line does. Raises TimeoutError."""
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    try:
        drive(rollout.id, "test:driver", tick=lambda: None, stop=stop)
    finally:
        timer.cancel()
    rollout.refresh_from_db()
    if rollout.status in UNFINISHED:
        raise TimeoutError(f"rollout is still {rollout.status}: {described(rollout)}")
    return rollout


def due_steps(rollout: Rollout) -> list[int]:
    return list(
        Step.objects.filter(lease.due(), rollout=rollout).order_by("phase", "chain").values_list("id", flat=True)
    )


def finish(rollout: Rollout, *, worker: str = "test:loop", seconds: float = 60.0) -> Rollout:
    """Carry out the rollout in this thread, step by step: deterministic except for how long the clusters take.

    Raises TimeoutError.
    """
    until = time.monotonic() + seconds
    while Rollout.objects.filter(id=rollout.id, status__in=UNFINISHED).exists():
        due = due_steps(rollout)
        for step in due:
            engine.run_chain(step, worker)
        if not due:
            engine.advance(rollout.id)
            time.sleep(0.005)
        if time.monotonic() > until:
            raise TimeoutError(f"rollout is still {rollout.status}: {described(rollout)}")
    rollout.refresh_from_db()
    return rollout


def forget_workers(rollout: Rollout) -> None:
    """Make it look as if every worker had died and its lease had expired since."""
    past = timezone.now() - timedelta(seconds=1)
    Step.objects.filter(rollout=rollout, status=StepStatus.ACTIVE).update(lease_until=past)


def steps_of(rollout: Rollout) -> list[Step]:
    return list(Step.objects.filter(rollout=rollout).order_by("phase", "chain", "position"))


def described(rollout: Rollout) -> str:
    """Describe the steps that haven't succeeded or been skipped, for the message of a failed assertion."""
    quiet = (StepStatus.SUCCEEDED, StepStatus.SKIPPED)
    lines = [
        f"{step.kind} {step.chain[:8]} {step.status} {step.error_code} {step.error_params} {step.evidence}"
        for step in steps_of(rollout)
        if step.status not in quiet
    ]
    return "; ".join(lines) or "all steps are through"


def applied_places(mesh: Mesh) -> list[tuple[str, str, str, str, str]]:
    """Return (cluster UID, kind, name, field, state) for every row that records something of ours on a cluster."""
    rows = AppliedEntry.objects.filter(mesh=mesh, archived=False)
    return sorted(rows.values_list("cluster_uid", "kind", "name", "field", "state"))


def forget_connections() -> None:
    """Drop every kept client, since a new process would have none."""
    with clients._cache_lock:
        for _, transport in clients._cache.values():
            transport.close()
        clients._cache.clear()


def is_ours(mesh: Mesh, obj: dict[str, Any]) -> bool:
    return bool((obj["metadata"].get("labels") or {}).get("meshconsole.io/mesh") == str(mesh.id))


def ours_on(fleet: Fleet, mesh: Mesh) -> set[tuple[str, str, str]]:
    """Return (cluster UID, kind, name) for every object on the fleet with the mesh's label.

    Objects that controllers create are left out.
    """
    made = ("Pod", "ReplicaSet")
    return {
        (member.uid, obj["kind"], obj["metadata"]["name"])
        for member in fleet.members.values()
        for obj in member.objects
        if is_ours(mesh, obj) and obj["kind"] not in made
    }


def cut_at(n: int, stage: str) -> Any:
    """Return a hook that cuts the connection at the `n`-th write, before or after it is stored."""

    def hook(cluster: str, number: int, request: Any, at: str) -> None:
        if number == n and at == stage:
            raise Cut

    return hook


def agrees_with_the_fleet(fleet: Fleet, mesh: Mesh) -> None:
    """Assert that the applied state and the fleet agree in both directions, and that nothing is only intended."""
    places = applied_places(mesh)
    assert {state for *_, state in places} <= {"written"}
    assert ours_on(fleet, mesh) == {(uid, kind, name) for uid, kind, name, field, _ in places if not field}


def run(step: int, worker: str = "test:run") -> None:
    engine.run_chain(step, worker)


def close_connections() -> None:
    """Close the database connections of this thread. Hooks call it at their end, since they run in other threads."""
    connections.close_all()


def tokens(mesh: Mesh, changes: Sequence[Change]) -> list[str]:
    """Return the tokens of everything in these changes that a mesh admin may override."""
    found = apply_all(desired.load(mesh), changes, facts=observed.facts(mesh))
    return [violation.token for violation in found if violation.token] if isinstance(found, tuple) else []
