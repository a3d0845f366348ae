"""Clusters with more Pods than anybody would make through an API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.member import resource_of

if TYPE_CHECKING:
    from simulator.member import Member

EACH = 10


def put_pods(cluster: Member, number: int, *, network: str, kilobytes: float = 0) -> None:
    """Put so many running Pods of injected workloads, ten each, into a cluster; they carry `network`.

    `kilobytes` are the size of each Pod's managedFields, which are 4 to 8 in real clusters.
    """
    pods, fields = resource_of("Pod"), {"f:metadata": {"f:pad": "x" * int(kilobytes * 1024)}}
    for index in range(number):
        cluster.cluster.store.put(pods, _pod(index, network, fields))


def _pod(index: int, network: str, fields: dict[str, Any]) -> dict[str, Any]:
    owner = f"many-{index // EACH}-5d4f8c7b6d"
    labels = {"app": "many", "pod-template-hash": "5d4f8c7b6d", "topology.istio.io/network": network}
    written = {"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1"}
    metadata = {
        "name": f"{owner}-{index % EACH}",
        "namespace": "shop",
        "uid": f"00000000-0000-4000-9000-{index:012d}",
        "labels": labels | {"security.istio.io/tlsMode": "istio"},
        "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": "many", "controller": True}
        ],
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [written | {"fieldsV1": fields}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}, "status": {"phase": "Running"}}
