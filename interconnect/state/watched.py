"""All that is known of a mesh, from its rows: what every state and finding is worked out from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from interconnect.domain.entries import RULE_NAME, AppliedState, Target
from interconnect.domain.render import NETWORKS_FIELD
from interconnect.domain.seen import MeshSeen, Work
from interconnect.domain.status import Statuses
from interconnect.domain.steps import Phase
from interconnect.domain.topology import GatewayKey
from interconnect.models import (
    AppliedEntry,
    Cluster,
    Connection,
    Gateway,
    Mesh,
    Rollout,
    RolloutStatus,
    Step,
    StepStatus,
)
from interconnect.models.rollout import UNFINISHED
from interconnect.state import observed
from interconnect.state.applied import PLACE

if TYPE_CHECKING:
    from interconnect.domain.facts import Facts
    from interconnect.domain.topology import Topology

UNDONE = (StepStatus.FAILED, StepStatus.BLOCKED, StepStatus.CANCELLED)


def statuses_of(
    mesh: Mesh, topology: Topology, facts: Facts, clusters: Iterable[Cluster], gateways: Iterable[Gateway]
) -> Statuses:
    """Return the states of a mesh now. `clusters` have their `observation` and `connection`, `gateways` their
    `observation`.
    """
    rows = list(clusters)
    names = {row.id: row.name for row in rows}
    known = {
        GatewayKey(names[row.cluster_id], row.number): observed.gateway_of(row.observation)
        for row in gateways
        if row.cluster_id in names and hasattr(row, "observation")
    }
    members = {row.name: observed.member_of(getattr(row, "observation", None), row.connection.ends_at) for row in rows}
    plane = observed.control_plane_of(getattr(mesh, "observation", None), mesh.replicas.order_by("name"), _ends(mesh))
    return Statuses(
        MeshSeen(
            topology=topology,
            now=timezone.now(),
            facts=facts,
            members=members,
            gateways=known,
            control_plane=plane,
            work=work_of(mesh, {row.uid: row.name for row in rows}),
            period=timedelta(seconds=settings.MESHCONSOLE_PROBE_SECONDS),
            slow_period=timedelta(seconds=settings.MESHCONSOLE_SLOW_PROBE_SECONDS),
        )
    )


def _ends(mesh: Mesh) -> Mapping[str, datetime]:
    """When the credentials of the mesh's own connections expire; one connection that serves both counts once."""
    own: list[tuple[str, Connection]] = [("control-plane", mesh.control_plane)]
    own += [("config", mesh.config)] if mesh.config_id != mesh.control_plane_id else []
    return {part: row.ends_at for part, row in own if row.ends_at is not None}


def work_of(mesh: Mesh, names: Mapping[str, str]) -> Work:
    """Return what the console has done and is doing; `names` are the clusters' by UID."""
    objects = Q(kind__in=("Deployment", "Gateway"), field="") | Q(field=NETWORKS_FIELD)
    written = AppliedEntry.objects.filter(objects, mesh=mesh, archived=False)
    places = [
        (Target(*place), gateway, state) for *place, gateway, state in written.values_list(*PLACE, "gateway", "state")
    ]
    running = Step.objects.filter(rollout__mesh=mesh, rollout__status__in=UNFINISHED).order_by()
    touched = set(running.values_list("chain", "phase").distinct())
    last = (
        Rollout.objects.filter(mesh=mesh, exclusive=True).only("id", "status", "dismissed_at").order_by("-created_at")
    )
    newest = last.first()
    failed = newest is not None and newest.status == RolloutStatus.FAILED and newest.dismissed_at is None
    left = newest.steps.filter(status__in=UNDONE).count() if newest is not None and failed else 0
    return Work(
        created=frozenset(gateway for _p, gateway, state in places if gateway and state != AppliedState.INTENDED),
        rule_written=any(place.kind == "Gateway" and place.name == RULE_NAME for place, _g, _s in places),
        networks=frozenset(place for place, _g, _s in places if place.field == NETWORKS_FIELD),
        busy=frozenset(names[chain] for chain, _phase in touched if chain in names),
        publishing=any(phase in (Phase.PUBLISH, Phase.CLOSE) for _chain, phase in touched),
        failed=str(newest.id) if newest is not None and failed else "",
        left=left,
    )
