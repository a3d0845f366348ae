"""What clusters last said, converted between its rows and the domain's `Facts`.

The shapes of the JSON columns are here and nowhere else.

MeshObservation.facts        {"istiods": [Istiod], "foreign_networks": {network: [[host, port]]},
                             "remote_clusters": [ID], "cluster_domain": str, "checks": ChecksResult}
MeshObservation.findings     [Alert]
ClusterObservation.facts     {"webhooks": [WebhookEntry], "pod_cidrs": [{"network", "source"}], "version": str,
                             "stale": StaleCount}
GatewayObservation.facts     {"addresses": [host], "replicas": int, "ready": int, "injected": bool, "reason": str}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from interconnect.domain.checks import ChecksResult
from interconnect.domain.facts import Facts, Istiod, WebhookEntry
from interconnect.domain.findings import Alert
from interconnect.domain.json_types import Json
from interconnect.domain.stale import StaleCount
from interconnect.domain.topology import GatewayKey
from interconnect.models import Cluster, ClusterObservation, GatewayObservation, Mesh, MeshObservation


def facts(mesh: Mesh, *, cluster_uid: str | None = None) -> Facts:
    """Return all that is known of a mesh, or only of its control plane and one cluster, in two queries."""
    row = MeshObservation.objects.filter(mesh=mesh).first()
    clusters = ClusterObservation.objects.filter(cluster__mesh=mesh)
    if cluster_uid is not None:
        clusters = clusters.filter(cluster__uid=cluster_uid)
    return facts_of(row, clusters.values_list("cluster__uid", "facts"))


def facts_of(row: MeshObservation | None, clusters: Iterable[tuple[str, Json]]) -> Facts:
    """Return the facts from rows that were read already: the mesh's observation, and each cluster's UID and facts."""
    said: Json = row.facts if row else {}
    webhooks = {
        uid: tuple(map(WebhookEntry.from_json, seen["webhooks"])) for uid, seen in clusters if "webhooks" in seen
    }
    return Facts(
        istiods=tuple(Istiod.from_json(item) for item in said.get("istiods", ())),
        webhooks=webhooks,
        foreign_networks={
            name: frozenset((host, port) for host, port in pairs)
            for name, pairs in said.get("foreign_networks", {}).items()
        },
        remote_clusters=frozenset(said.get("remote_clusters", ())),
        cluster_domain=said.get("cluster_domain", "cluster.local"),
    )


def known_addresses(mesh: Mesh) -> dict[GatewayKey, tuple[str, ...]]:
    """Return what each gateway's load balancer last said: hosts by gateway."""
    rows = GatewayObservation.objects.filter(gateway__cluster__mesh=mesh).values_list(
        "gateway__cluster__name", "gateway__number", "facts"
    )
    return {GatewayKey(cluster, number): tuple(seen.get("addresses", ())) for cluster, number, seen in rows}


def note_istiods(
    mesh: Mesh,
    istiods: Iterable[Istiod],
    *,
    foreign: Mapping[str, Iterable[tuple[str, int]]] | None = None,
    remote_clusters: Iterable[str] | None = None,
) -> None:
    """Remember the control plane; what is None wasn't asked for and stays as it was."""
    said: Json = {"istiods": [istiod.to_json() for istiod in istiods]}
    if foreign is not None:
        said["foreign_networks"] = {
            name: sorted([host, port] for host, port in pairs) for name, pairs in foreign.items()
        }
    if remote_clusters is not None:
        said["remote_clusters"] = sorted(remote_clusters)
    _note_mesh(mesh, said)


def note_remote_clusters(mesh: Mesh, names: Iterable[str]) -> None:
    """Remember the cluster IDs that istiod knows now."""
    _note_mesh(mesh, {"remote_clusters": sorted(names)})


def alerts_of(row: MeshObservation | None) -> tuple[Alert, ...]:
    """Return what the last look at a mesh found."""
    return tuple(Alert.from_json(item) for item in (row.findings if row else ()))


def note_alerts(mesh: Mesh, alerts: Iterable[Alert]) -> None:
    MeshObservation.objects.update_or_create(
        mesh=mesh, defaults={"at": Now(), "findings": [alert.to_json() for alert in alerts]}
    )


def checks_of(row: MeshObservation | None) -> ChecksResult:
    """Return what *Run checks* last found; without a time if nobody has run them."""
    return ChecksResult.from_json(row.facts.get("checks", {}) if row else {})


def note_checks(mesh: Mesh, found: ChecksResult) -> None:
    _note_mesh(mesh, {"checks": found.to_json()})


def _note_mesh(mesh: Mesh, said: Json) -> None:
    with transaction.atomic():
        row = MeshObservation.objects.select_for_update().filter(mesh=mesh).first()
        MeshObservation.objects.update_or_create(
            mesh=mesh, defaults={"at": Now(), "facts": {**(row.facts if row else {}), **said}}
        )


def note_cluster(cluster: Cluster, **said: Any) -> None:
    """Remember what a cluster said just now, key by key: others may be noting other keys at this moment."""
    answered: Json = {"at": Now(), "answered_at": Now(), "error_code": "", "error_params": {}}
    with transaction.atomic():
        row = ClusterObservation.objects.select_for_update().filter(cluster=cluster).first()
        if row:
            ClusterObservation.objects.filter(cluster=cluster).update(**answered, facts={**row.facts, **said})
        else:
            ClusterObservation.objects.update_or_create(cluster=cluster, defaults={**answered, "facts": said})


def stale_of(said: Mapping[str, Any]) -> StaleCount:
    """Return the count of Pods on another network from a cluster's facts; empty if nobody has counted."""
    stale = said.get("stale")
    return StaleCount.from_json(stale) if isinstance(stale, Mapping) else StaleCount()


def note_stale(cluster: Cluster, counted: StaleCount) -> None:
    note_cluster(cluster, stale=counted.to_json())


def note_silence(cluster: Cluster, code: str, params: Json) -> None:
    """Remember that a cluster didn't answer, or not as it should; what it said before stays, with its time."""
    ClusterObservation.objects.update_or_create(
        cluster=cluster, defaults={"at": Now(), "error_code": code, "error_params": params}
    )


def note_gateway(gateway: UUID, **said: Any) -> None:
    """Remember what was seen of the gateway with this ID, key by key."""
    with transaction.atomic():
        row = GatewayObservation.objects.select_for_update().filter(gateway_id=gateway).first()
        if row:
            GatewayObservation.objects.filter(gateway_id=gateway).update(at=Now(), facts={**row.facts, **said})
        else:
            first = GatewayObservation(gateway_id=gateway, at=Now(), facts=said)
            GatewayObservation.objects.bulk_create(
                [first], update_conflicts=True, unique_fields=["gateway"], update_fields=["at", "facts"]
            )
