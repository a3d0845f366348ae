"""All that is known of a mesh, from its rows: what every state and finding is worked out from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.utils import timezone

from interconnect.domain.changes import published_by
from interconnect.domain.entries import RULE_NAME, AppliedState, Target
from interconnect.domain.render import NETWORKS_FIELD
from interconnect.domain.seen import MeshSeen, Work
from interconnect.domain.serial import changes_from_json
from interconnect.domain.status import Statuses
from interconnect.domain.steps import GROUP_CHAIN, Phase, StepKind
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
    of_rule = Q(kind__in=(StepKind.RULE, StepKind.RULE_DELETE))
    touched = set(
        running.annotate(of_rule=ExpressionWrapper(of_rule, BooleanField()))
        .values_list("chain", "phase", "of_rule")
        .distinct()
    )
    fields = ("id", "status", "dismissed_at", "changes")
    newest = Rollout.objects.filter(mesh=mesh, exclusive=True).only(*fields).order_by("-created_at").first()
    changes = newest.changes if newest is not None and newest.status in UNFINISHED else []
    groups = published_by(changes_from_json(changes))
    failed = newest is not None and newest.status == RolloutStatus.FAILED and newest.dismissed_at is None
    left = newest.steps.filter(status__in=UNDONE).count() if newest is not None and failed else 0
    return Work(
        created=frozenset(gateway for _p, gateway, state in places if gateway and state != AppliedState.INTENDED),
        rule_written=any(place.kind == "Gateway" and place.name == RULE_NAME for place, _g, _s in places),
        networks=frozenset(place for place, _g, _s in places if place.field == NETWORKS_FIELD),
        busy=frozenset(names[chain] for chain, _phase, on_rule in touched if chain in names and not on_rule),
        publishing=any(phase in (Phase.PUBLISH, Phase.CLOSE) for _chain, phase, _rule in touched),
        # A join that an earlier rollout has left undone has a preflight of its own.
        groups=groups | {chain.removeprefix(GROUP_CHAIN) for chain, _p, _r in touched if chain.startswith(GROUP_CHAIN)},
        on_rule=any(on_rule for _chain, _phase, on_rule in touched),
        failed=str(newest.id) if newest is not None and failed else "",
        left=left,
    )
