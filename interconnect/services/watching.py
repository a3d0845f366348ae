"""Look at clusters between rollouts: gateways with a pending address, drift, and whether every cluster answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from interconnect import clients
from interconnect.domain.credentials import expiry
from interconnect.domain.findings import Alert
from interconnect.domain.json_types import Json
from interconnect.domain.render import networks_target
from interconnect.domain.stale import StaleCount
from interconnect.domain.topology import ServiceType, Topology
from interconnect.domain.writes import Verb
from interconnect.kube import kinds, probe
from interconnect.kube.errors import KubeError
from interconnect.models import Cluster, Connection, Gateway, Mesh
from interconnect.observing.gateways import look_at_readiness
from interconnect.observing.istiods import look_at_istiods, remote_clusters
from interconnect.planning.preview import PlannedWrite, preview, scene_of
from interconnect.services.workloads import stale_workloads
from interconnect.state import applied, desired, observed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from interconnect.domain.facts import Facts


def look_at_pending_addresses(mesh: Mesh) -> list[str]:
    """Return the names of gateways whose load balancer has assigned no address yet; store addresses that have been
    assigned since.
    """
    waiting = []
    rows = Gateway.objects.filter(
        cluster__mesh=mesh, cluster__group__isnull=False, service_type=ServiceType.LOAD_BALANCER
    )
    for row in rows.select_related("cluster", "observation"):
        known = getattr(row, "observation", None)
        if known is not None and known.facts.get("addresses"):
            continue
        try:
            service = clients.member_api(mesh, row.cluster.uid).get(kinds.SERVICE, row.name, mesh.system_namespace)
        except KubeError:
            waiting.append(row.name)
            continue
        hosts = probe.service_addresses(service or {})
        if hosts:
            observed.note_gateway(row.id, addresses=list(hosts), address_reason="")
        else:
            waiting.append(row.name)
    return waiting


def look(mesh: Mesh) -> list[Alert]:
    """Compare the desired state with every cluster, and store what was observed.

    Covers drift of what the console wrote, istiods that lack the joined groups, clusters that don't answer, Pods of
    another network, and gateways without an address. Calls every cluster, so only workers call this.
    """
    alerts: list[Alert] = []
    try:
        facts = look_at_istiods(mesh)
        if known := remote_clusters(mesh, facts.istiods):
            observed.note_remote_clusters(mesh, known)
    except KubeError as error:
        facts = observed.facts(mesh)
        failure = error.violation()
        alerts.append(Alert(failure.code, {**failure.params, "cluster": "control plane"}))
    topology = desired.load(mesh)
    seen = preview(topology, scene_of(mesh))
    names = {cluster.uid: cluster.name for cluster in topology.clusters.values()}
    alerts += [
        Alert(failure.code, {**failure.params, "cluster": names.get(uid, uid)})
        for uid, failure in seen.unreachable.items()
    ]
    alerts += [_drift(write, names) for write in seen.writes if write.verb is not Verb.LOOK]
    alerts += _unpublished(mesh, topology, facts)
    rows = list(Cluster.objects.filter(mesh=mesh).select_related("connection", "group"))
    for row in rows:
        if row.uid in seen.unreachable:
            failure = seen.unreachable[row.uid]
            observed.note_silence(row, failure.code.removeprefix("kube."), dict(failure.params))
    alerts += _expiring(mesh, rows)
    for name, counted in stale_workloads(mesh, rows).items():
        if isinstance(counted, StaleCount) and counted.total:
            alerts.append(Alert("stale.pods", {"cluster": name, "pods": counted.total}, grave=False))
    look_at_readiness(mesh)
    alerts += [
        Alert("gateway.address-pending", {"gateway": name}, grave=False) for name in look_at_pending_addresses(mesh)
    ]
    observed.note_alerts(mesh, alerts)
    return alerts


def _expiring(mesh: Mesh, rows: Iterable[Cluster]) -> Iterator[Alert]:
    """Credentials that have ended or soon will; those of the mesh's own connections have no cluster's name."""
    own = [("", row) for row in Connection.objects.filter(id__in={mesh.control_plane_id, mesh.config_id})]
    for name, row in (*own, *((cluster.name, cluster.connection) for cluster in rows)):
        if found := expiry(row.ends_at, timezone.now()):
            yield Alert(found.code, {**found.params, "cluster": name}, grave=found.code == "credential.ended")


def _drift(write: PlannedWrite, names: dict[str, str]) -> Alert:
    """A target that is not what was written: who rewrote it, where that can be told."""
    target = write.target
    params: Json = {
        "cluster": names.get(target.cluster, target.cluster),
        "kind": target.kind,
        "name": target.name,
        "field": target.field,
        "owners": list(write.owners),
    }
    if write.problem is not None:
        # Of an object it is the problem that knows which of its fields.
        field = write.problem.params.get("field") or target.field
        return Alert(
            write.problem.code, {**write.problem.params, **params, "field": field, "token": write.problem.token}
        )
    return Alert("drift.overwritten" if write.note == "writes.note.overwritten" else "drift.not-applied", params)


def _unpublished(mesh: Mesh, topology: Topology, facts: Facts) -> list[Alert]:
    """istiods whose ConfigMap was never given the joined groups, such as a revision that has just been installed."""
    joined = sorted(group.name for group in topology.joined)
    given = applied.rows(mesh)
    alerts = []
    for istiod in facts.istiods:
        if istiod.networks is None:
            alerts.append(Alert("networks.source-unknown", {"istiods": [istiod.deployment]}))
        elif joined and networks_target(istiod.networks) not in given:
            alerts.append(
                Alert(
                    "networks.revision-lacks-groups",
                    {"istiod": istiod.deployment, "revision": istiod.revision, "groups": joined},
                )
            )
    return alerts
