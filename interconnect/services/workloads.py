"""Restart workloads whose Pods carry another network than their cluster's group, in waves, and single gateways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from interconnect import clients
from interconnect.domain.injection import prevents_restart
from interconnect.domain.kinds import RELABELLING, RESTARTING
from interconnect.domain.refusal import Refused
from interconnect.domain.results import GatewayPods, WorkloadsResult
from interconnect.domain.stale import StaleCount, Workload
from interconnect.domain.steps import Phase, StepKind
from interconnect.domain.violations import Violation
from interconnect.kube.errors import KubeError
from interconnect.models import Cluster, Gateway, Mesh, Rollout, RolloutKind, RolloutStatus, Step
from interconnect.models.rollout import UNFINISHED
from interconnect.observing.gateways import pods_of_gateway
from interconnect.observing.istiods import side_by_side
from interconnect.observing.stale import count_stale
from interconnect.permissions import role_to_restart
from interconnect.rollouts import engine
from interconnect.services.authority import audited, require
from interconnect.state import observed

if TYPE_CHECKING:
    from meshconsole.access.actor import Actor
    from meshconsole.access.roles import Role

Counted = StaleCount | Violation

WAVE = 5


def stale_workloads(mesh: Mesh, clusters: Iterable[Cluster]) -> dict[str, Counted]:
    """Count the stale workloads now, by cluster name, and store the counts; why not, where a cluster doesn't answer."""

    def look(cluster: Cluster) -> Counted:
        try:
            counted = count_stale(clients.api_of(cluster.connection), cluster.group.name if cluster.group else "")
        except KubeError as error:
            return error.violation()
        observed.note_stale(cluster, counted)
        return counted

    rows = list(clusters)
    return dict(zip([row.name for row in rows], side_by_side(look, rows), strict=True))


def _not_counted(counted: Mapping[str, Counted]) -> list[Violation]:
    """Why it is not known whether anything has to be restarted, cluster by cluster."""
    return [
        Violation("workloads.not-counted", {**said.params, "cluster": name, "violation": said.code})
        for name, said in counted.items()
        if isinstance(said, Violation)
    ]


def workloads_counted(*, mesh: Mesh, group: str = "", cluster: str = "") -> WorkloadsResult:
    """Return what a restart would find. Calls the clusters, so only workers call this."""
    return WorkloadsResult(stale_workloads(mesh, _chosen(mesh, group, cluster)))


def workloads_restart(
    *, actor: Actor, mesh: Mesh, group: str = "", cluster: str = "", counted: Mapping[str, Counted] | None = None
) -> Rollout:
    """Restart workloads: one chain per cluster, one step per wave. A wave that doesn't become ready ends its chain.

    `counted` is what was just seen; without it the clusters are asked.
    """
    params = {"group": group, "cluster": cluster}
    with audited(actor, "workloads.restart", mesh=mesh, params=params, asks_clusters=True) as request:
        rows = _chosen(mesh, group, cluster)
        _require_rights(actor, rows)
        found = stale_workloads(mesh, rows) if counted is None else counted
        todo = {row: _restartable(found.get(row.name)) for row in rows}
        if not any(todo.values()):
            raise Refused(_not_counted(found) or [Violation("workloads.none")])
        rollout = _start(actor, mesh, list(_waves(todo)))
        request.rollout_id = str(rollout.id)
    return rollout


def gateway_pods(*, gateway: Gateway) -> GatewayPods:
    """Return what a restart of a gateway would replace. Calls its cluster: pages have a worker call this.

    Raises Refused if the Deployment is gone, and KubeError.
    """
    cluster = gateway.cluster
    api, network = clients.api_of(cluster.connection), cluster.group.name if cluster.group else ""
    found = pods_of_gateway(api, cluster.system_namespace, gateway.name, str(gateway.id), network)
    if found is None:
        raise Refused.because("gateway.no-deployment", gateway=gateway.name, cluster=cluster.name)
    return found


def gateway_restart(*, actor: Actor, gateway: Gateway, pods: GatewayPods | None = None) -> Rollout:
    """Have the Deployment of a gateway replace its Pods. Nothing else of the gateway changes.

    `pods` is what was just seen; without it the cluster is asked. Refused while new Pods would be made without
    injection.
    """
    cluster = gateway.cluster
    params = {"gateway": gateway.name, "cluster": cluster.name}
    with audited(
        actor, "gateway.restart", mesh=cluster.mesh, subject=gateway.name, params=params, asks_clusters=True
    ) as request:
        _require_rights(actor, [cluster])
        cause = (pods or _asked(gateway)).hindrance
        if cause is not None:
            raise Refused([prevents_restart(gateway.name, cause)])
        step = Step(
            phase=Phase.PREPARE,
            chain=cluster.uid,
            position=1,
            kind=StepKind.GATEWAY_RESTART,
            subject=str(gateway.id),
            params={"restarted_at": timezone.now().isoformat()},
        )
        rollout = _start(actor, cluster.mesh, [step], subject=gateway.name)
        request.rollout_id = str(rollout.id)
    return rollout


def _asked(gateway: Gateway) -> GatewayPods:
    try:
        return gateway_pods(gateway=gateway)
    except KubeError as error:
        raise Refused([error.violation()]) from None


def _chosen(mesh: Mesh, group: str, cluster: str) -> list[Cluster]:
    rows = Cluster.objects.filter(mesh=mesh).select_related("connection", "group", "group__membership")
    if group:
        rows = rows.filter(group__name=group)
    if cluster:
        rows = rows.filter(name=cluster)
    found = list(rows)
    if not found:
        raise Refused.because("workloads.none")
    return found


def role_for_clusters(rows: Iterable[Cluster]) -> Role:
    """Return the role that a restart of these clusters' workloads needs."""
    return role_to_restart(joined=bool(_joined_group(rows)))


def _joined_group(rows: Iterable[Cluster]) -> str:
    return next((row.group.name for row in rows if row.group and hasattr(row.group, "membership")), "")


def _require_rights(actor: Actor, rows: Sequence[Cluster]) -> None:
    joined = _joined_group(rows)
    if joined and not actor.may(role_to_restart(joined=True)):
        raise Refused.because("workloads.joined", group=joined)
    require(actor, role_to_restart(joined=False))


def _restartable(counted: Counted | None) -> tuple[Workload, ...]:
    return counted.restartable if isinstance(counted, StaleCount) else ()


def _waves(todo: Mapping[Cluster, tuple[Workload, ...]]) -> Iterator[Step]:
    now = timezone.now().isoformat()
    for row, items in todo.items():
        for number, start in enumerate(range(0, len(items), WAVE), 1):
            workloads = [workload._asdict() for workload in items[start : start + WAVE]]
            yield Step(
                phase=Phase.PREPARE,
                chain=row.uid,
                position=number,
                kind=StepKind.WORKLOADS,
                params={"workloads": workloads, "restarted_at": now},
            )
        if items:
            yield Step(phase=Phase.WITHDRAW, chain=row.uid, position=1, kind=StepKind.STALE)


def _start(actor: Actor, mesh: Mesh, steps: Sequence[Step], *, subject: str = "") -> Rollout:
    with transaction.atomic():
        # A change of the topology writes this row first: one of the two waits and then sees the other.
        Mesh.objects.select_for_update().get(id=mesh.id)
        require_free(mesh, sorted({step.chain for step in steps}))
        rollout = Rollout.objects.create(
            mesh=mesh,
            kind=RolloutKind.WORKLOADS,
            subject=subject,
            exclusive=False,
            status=RolloutStatus.QUEUED,
            restart=mesh.restart,
            revision=mesh.revision,
            actor=actor.name,
            actor_user_id=actor.user_id,
        )
        for step in steps:
            step.rollout = rollout
        Step.objects.bulk_create(steps)
        engine.begin(rollout)
    return rollout


def require_free(mesh: Mesh, uids: Sequence[str]) -> None:
    """Raise Refused while another rollout changes the group or webhook path of one of these clusters, or restarts their
    workloads or gateways.
    """
    busy = Step.objects.filter(rollout__mesh=mesh, rollout__status__in=UNFINISHED, chain__in=uids)
    running = busy.filter(kind__in=RELABELLING | RESTARTING).select_related("rollout").first()
    if running:
        raise Refused.because("rollout.running", rollout=str(running.rollout_id), actor=running.rollout.actor)


def restarting(mesh: Mesh, uids: Iterable[str]) -> list[str]:
    """Return the names of these clusters whose workloads or gateways are being restarted now."""
    chains = Step.objects.filter(
        rollout__mesh=mesh, rollout__kind=RolloutKind.WORKLOADS, rollout__status__in=UNFINISHED, chain__in=list(uids)
    ).values_list("chain", flat=True)
    return sorted(Cluster.objects.filter(mesh=mesh, uid__in=set(chains)).values_list("name", flat=True))
