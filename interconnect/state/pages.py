"""What pages read, each with a number of queries that doesn't grow with the mesh.

The browser never waits for a cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from interconnect.domain.entries import RULE_NAME
from interconnect.domain.summary import Summary, current
from interconnect.models import (
    AppliedEntry,
    Cluster,
    Gateway,
    Mesh,
    NetworkGroup,
    Rollout,
    RolloutKind,
    RolloutStatus,
    Step,
    StepStatus,
)
from interconnect.models.rollout import OPEN_STEPS
from interconnect.scope import scope_of
from interconnect.state import applied, desired, observed, watched
from interconnect.state.watched import UNDONE as UNDONE
from meshconsole.access.models import Binding
from meshconsole.access.roles import PLATFORM_SCOPE
from meshconsole.audit.models import Entry

if TYPE_CHECKING:
    from interconnect.domain.facts import Facts
    from interconnect.domain.seen import Member, MeshSeen
    from interconnect.domain.status import Statuses
    from interconnect.domain.topology import Topology
    from meshconsole.access.policy import VisibleScopes


@dataclass(frozen=True, slots=True)
class ClusterSight:
    """A cluster's row with its connection, and what is known of it."""

    row: Cluster
    member: Member

    @property
    def group(self) -> str:
        """The name of its network group; empty while it is in none."""
        return getattr(self.row, "group_name", None) or ""


@dataclass(frozen=True, slots=True)
class Sight:
    """A mesh as it is desired and as it was last seen. All states are in `statuses`."""

    mesh: Mesh
    topology: Topology
    facts: Facts
    statuses: Statuses
    clusters: Mapping[str, ClusterSight]
    group_ids: Mapping[str, UUID]
    joined_at: Mapping[str, datetime]
    rule: AppliedEntry | None

    @property
    def seen(self) -> MeshSeen:
        return self.statuses.mesh


@dataclass(frozen=True, slots=True)
class Progress:
    """A rollout, how many of its steps have ended, and what it is doing now."""

    rollout: Rollout
    done: int
    failed: int
    total: int
    current: tuple[Step, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class MeshSight:
    """A mesh in the list of meshes. `progress` is of its last rollout if that is under way or has failed."""

    mesh: Mesh
    cluster_count: int
    group_count: int
    summary: Summary
    progress: Progress | None


class StepCounts(NamedTuple):
    """How many steps have ended, how many of those weren't applied, and how many there are."""

    ended: int
    failed: int
    total: int


class StepLine(NamedTuple):
    """Where a step stands in its rollout, and how far it is."""

    id: int
    phase: int
    chain: str
    status: str


def visible_meshes(scopes: VisibleScopes) -> list[Mesh]:
    return [mesh for mesh in Mesh.objects.order_by("name") if scope_of(mesh.id) in scopes]


def mesh_sights(scopes: VisibleScopes) -> list[MeshSight]:
    """Return the meshes in these scopes by name, each as its last look has left it: no cluster of any is read."""

    def number(rows: QuerySet[Any], of: str = "mesh") -> Any:
        """Count in a subquery: with joins, every cluster would be multiplied by every group and every rollout."""
        counted = (
            rows.filter(**{of: OuterRef("pk")}).order_by().values(of).annotate(number=Count("pk")).values("number")
        )
        return Coalesce(Subquery(counted), 0)

    rollouts = Rollout.objects.filter(mesh=OuterRef("pk"), exclusive=True).order_by("-created_at")
    meshes = (
        Mesh.objects.select_related("observation")
        .defer("observation__facts")
        .annotate(
            cluster_count=number(Cluster.objects.all()),
            group_count=number(NetworkGroup.objects.all()),
            last_rollout=Subquery(rollouts.values("id")[:1]),
        )
        .order_by("name")
    )
    shown = [mesh for mesh in meshes if scope_of(mesh.id) in scopes]
    found = _needing_attention(mesh.last_rollout for mesh in shown if mesh.last_rollout)
    return [_mesh_sight(mesh, found.get(mesh.last_rollout)) for mesh in shown]


def _needing_attention(ids: Iterable[UUID]) -> dict[UUID, Progress]:
    """Return the progress of those rollouts that are under way, or have failed without anyone dealing with it."""
    rows = Rollout.objects.filter(id__in=list(ids)).defer("before", "after")
    needing = [rollout for rollout in rows if _needs_attention(rollout)]
    counts = step_counts(needing) if needing else {}
    return {rollout.id: Progress(rollout, *counts[rollout.id]) for rollout in needing}


def _mesh_sight(mesh: Any, progress: Progress | None) -> MeshSight:
    left = progress.failed if progress and progress.rollout.status == RolloutStatus.FAILED else None
    return MeshSight(mesh, mesh.cluster_count, mesh.group_count, kept_summary(mesh, left), progress)


def kept_summary(mesh: Mesh, left: int | None = None) -> Summary:
    """Return what the last look at a mesh has left, as it is now. `left` is as for `summary.current`."""
    row = getattr(mesh, "observation", None)
    period = timedelta(seconds=settings.MESHCONSOLE_PROBE_SECONDS)
    return current(Summary.from_json(row.summary if row else {}), now=timezone.now(), period=period, left=left)


def mesh_by_name(name: str) -> Mesh | None:
    return Mesh.objects.select_related("control_plane", "config", "observation").filter(name=name).first()


def sight(mesh: Mesh) -> Sight:
    """Return a mesh as it is desired and as it was last seen. Every row is read once and serves both."""
    return desired.steady(mesh, lambda: _sight(mesh))


def _sight(mesh: Mesh) -> Sight:
    rows = _clusters(mesh)
    gateways = list(Gateway.objects.filter(cluster__mesh=mesh).select_related("observation"))
    topology = desired.read(mesh, clusters=rows, gateways=gateways)
    seen = [(row.uid, row.observation.facts) for row in rows if hasattr(row, "observation")]
    facts = observed.facts_of(getattr(mesh, "observation", None), seen)
    groups = list(NetworkGroup.objects.filter(mesh=mesh).values_list("name", "id", "membership__joined_at"))
    statuses = watched.statuses_of(mesh, topology, facts, rows, gateways)
    return Sight(
        mesh=mesh,
        topology=topology,
        facts=facts,
        statuses=statuses,
        clusters={row.name: ClusterSight(row, statuses.mesh.members[row.name]) for row in rows},
        group_ids={name: group for name, group, _joined_at in groups},
        joined_at={name: joined_at for name, _id, joined_at in groups if joined_at},
        rule=AppliedEntry.objects.filter(mesh=mesh, archived=False, kind="Gateway", name=RULE_NAME).first(),
    )


def _clusters(mesh: Mesh) -> list[Cluster]:
    rows = Cluster.objects.filter(mesh=mesh).select_related("connection", "observation").defer("connection__sealed")
    return list(rows.annotate(group_name=F("group__name")))


def last_rollout(mesh: Mesh) -> Rollout | None:
    """Return the mesh's newest exclusive rollout, running or ended; these run one at a time."""
    return Rollout.objects.filter(mesh=mesh, exclusive=True).defer("before", "after").order_by("-created_at").first()


def attention(rollout: Rollout | None) -> Progress | None:
    """Return the progress of the last rollout if every page of the mesh shows it, else None.

    Pages show it while it is under way, or if it has failed and nobody has dealt with it.
    """
    return progress(rollout) if rollout is not None and _needs_attention(rollout) else None


def _needs_attention(rollout: Rollout) -> bool:
    ended = rollout.status in (RolloutStatus.SUCCEEDED, RolloutStatus.CANCELLED)
    return not ended and rollout.dismissed_at is None


def progress(rollout: Rollout) -> Progress:
    counts = step_counts([rollout])[rollout.id]
    busy = rollout.steps.filter(status__in=(StepStatus.ACTIVE, StepStatus.WAITING)).order_by(
        "phase", "started_at", "id"
    )[:3]
    return Progress(rollout, counts.ended, counts.failed, counts.total, tuple(busy))


def rollouts(mesh: Mesh) -> QuerySet[Rollout]:
    return Rollout.objects.filter(mesh=mesh).defer("before", "after").order_by("-created_at")


def step_counts(rollouts: Iterable[Rollout]) -> dict[UUID, StepCounts]:
    """Return the counts by rollout.

    They are queried apart from the rollouts: with a join, every step would carry its rollout's changes along.
    """
    ids = [rollout.id for rollout in rollouts]
    rows = Step.objects.filter(rollout__in=ids).order_by().values_list("rollout")
    counted = rows.annotate(
        ended=Count("id", filter=~Q(status__in=OPEN_STEPS)),
        failed=Count("id", filter=Q(status__in=UNDONE)),
        total=Count("id"),
    )
    found = {rollout: StepCounts(ended, failed, total) for rollout, ended, failed, total in counted}
    return {rollout: found.get(rollout, StepCounts(0, 0, 0)) for rollout in ids}


def rollout_of(mesh: Mesh, rollout_id: UUID) -> Rollout | None:
    return Rollout.objects.filter(mesh=mesh, id=rollout_id).first()


def step_lines(rollout: Rollout) -> list[StepLine]:
    """Return every step in order, without its contents: there may be thousands, each with a lot of evidence."""
    rows = rollout.steps.order_by("phase", "chain", "position").values_list("id", "phase", "chain", "status")
    return [StepLine(*row) for row in rows]


def steps_by_id(ids: Iterable[int]) -> dict[int, Step]:
    return {step.pk: step for step in Step.objects.filter(id__in=list(ids)).order_by("phase", "chain", "position")}


def cluster_names(mesh: Mesh) -> dict[str, str]:
    """Return the names of clusters by UID."""
    return dict(Cluster.objects.filter(mesh=mesh).values_list("uid", "name"))


def group_names(mesh: Mesh) -> set[str]:
    return set(NetworkGroup.objects.filter(mesh=mesh).values_list("name", flat=True))


def is_newest_topology_rollout(rollout: Rollout) -> bool:
    newest = (
        Rollout.objects.filter(mesh_id=rollout.mesh_id, kind=RolloutKind.TOPOLOGY)
        .order_by("-created_at")
        .values_list("id", flat=True)
    )
    return newest.first() == rollout.id


def activity(mesh: Mesh) -> QuerySet[Entry]:
    return Entry.objects.filter(scope=scope_of(mesh.id)).order_by("-time", "-pk")


def cluster_of(mesh: Mesh, name: str) -> Cluster | None:
    return Cluster.objects.filter(mesh=mesh, name=name).select_related("connection", "group").first()


def gateway_of(mesh: Mesh, gateway_id: UUID) -> Gateway | None:
    found = Gateway.objects.filter(cluster__mesh=mesh, id=gateway_id)
    return found.select_related("cluster__connection", "cluster__mesh", "cluster__group__membership").first()


def gateway_names(mesh: Mesh) -> dict[str, str]:
    """Return the names of gateways by UUID."""
    rows = Gateway.objects.filter(cluster__mesh=mesh).values_list("id", "name")
    return {str(gateway): name for gateway, name in rows}


def left_on(mesh: Mesh, cluster: Cluster) -> list[str]:
    """Return what the console may still have on a cluster, object by object."""
    rows = applied.of_members(mesh).filter(cluster_uid=cluster.uid).order_by("kind", "name").distinct()
    return list(dict.fromkeys(f"{row.kind} {row.name}" for row in rows))


def written_of(mesh: Mesh, gateways: Iterable[str]) -> list[tuple[str, str]]:
    """Return (cluster name, kind and name) of every object that may have been written for these gateways."""
    names = dict(Cluster.objects.filter(mesh=mesh).values_list("uid", "name"))
    rows = AppliedEntry.objects.filter(mesh=mesh, archived=False, field="", gateway__in=list(gateways))
    return sorted((names.get(row.cluster_uid, row.cluster_uid), f"{row.kind} {row.name}") for row in rows)


def written_rule(mesh: Mesh) -> list[str]:
    """Return the kind and name of the gateway rule if we may have written it; an adopted one isn't ours to delete."""
    rows = AppliedEntry.objects.filter(mesh=mesh, archived=False, field="", gateway="", adopted=False)
    return [f"{row.kind} {row.name}" for row in rows]


def bindings(mesh: Mesh) -> list[Binding]:
    return list(
        Binding.objects.filter(scope=scope_of(mesh.id))
        .select_related("user", "group")
        .order_by("-role", "user__username")
    )


def platform_bindings() -> list[Binding]:
    return list(
        Binding.objects.filter(scope=PLATFORM_SCOPE).select_related("user", "group").order_by("-role", "user__username")
    )


def binding_of(mesh: Mesh, binding_id: int) -> Binding | None:
    return Binding.objects.filter(scope=scope_of(mesh.id), id=binding_id).select_related("user", "group").first()


def occupied(mesh: Mesh, topology: Topology) -> frozenset[str]:
    """Return the names of clusters that may still hold something of ours."""
    uids = set(applied.of_members(mesh).values_list("cluster_uid", flat=True))
    return frozenset(name for name, cluster in topology.clusters.items() if cluster.uid in uids)


def names(rows: Iterable[Cluster]) -> list[str]:
    return sorted(row.name for row in rows)
