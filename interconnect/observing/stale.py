"""Count Pods that carry another network than their cluster's group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interconnect.domain import stale
from interconnect.domain.json_types import Json
from interconnect.kube import kinds

if TYPE_CHECKING:
    from interconnect.kube.api import Api


def count_stale(api: Api, group: str) -> Json:
    """As an observation stores it.

    `{"stale": n, "unlabelled": n, "workloads": [{"namespace", "kind", "name", "stale", "unlabelled"}], "networks":
    {network: n}}`
    """
    counted = stale.count(api.list(kinds.POD, metadata_only=True), group or None)
    workloads = [
        {
            "namespace": workload.namespace,
            "kind": workload.kind,
            "name": workload.name,
            "stale": counted.stale.get(workload, 0),
            "unlabelled": counted.unlabelled.get(workload, 0),
        }
        for workload in sorted({*counted.stale, *counted.unlabelled})
    ]
    return {
        "stale": counted.total,
        "unlabelled": counted.total_unlabelled,
        "workloads": workloads,
        "networks": dict(counted.networks),
    }
