"""Which Pods still carry a network other than their cluster's group: judged from metadata alone, by workload.

A Pod's own network label wins over everything else, so Pods that carry another network's label stay in that network
until they are recreated.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from interconnect.domain.entries import NETWORK_LABEL
from interconnect.domain.json_types import Json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RESTARTABLE = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_TEMPLATE_HASH = "pod-template-hash"
_INJECTED_ANNOTATION = "sidecar.istio.io/status"
INJECTED_LABEL = "security.istio.io/tlsMode"


class Workload(NamedTuple):
    """The controller of a Pod; the kind is `Pod` for one without an owner."""

    namespace: str
    kind: str
    name: str

    @property
    def restartable(self) -> bool:
        return self.kind in RESTARTABLE


@dataclass(frozen=True, slots=True)
class StaleCount:
    """Numbers of Pods by workload. `stale`: another network's label; `unlabelled`: injected without one;
    `networks`: the stale ones by the network they carry."""

    stale: Mapping[Workload, int] = field(default_factory=dict)
    unlabelled: Mapping[Workload, int] = field(default_factory=dict)
    networks: Mapping[str, int] = field(default_factory=dict)

    @property
    def workloads(self) -> tuple[Workload, ...]:
        return tuple(sorted({*self.stale, *self.unlabelled}))

    @property
    def restartable(self) -> tuple[Workload, ...]:
        """Those that a restart helps; others are listed only."""
        return tuple(workload for workload in self.workloads if workload.restartable)

    @property
    def total(self) -> int:
        return sum(self.stale.values())

    @property
    def total_unlabelled(self) -> int:
        return sum(self.unlabelled.values())

    def without_unlabelled(self) -> Self:
        """Return the part that a fast look counts."""
        return replace(self, unlabelled={})

    def only_unlabelled(self) -> Self:
        """Return the part that only a slow look counts."""
        return replace(self, stale={}, networks={})

    def to_json(self) -> Json:
        workloads = [
            {**workload._asdict(), "stale": self.stale.get(workload, 0), "unlabelled": self.unlabelled.get(workload, 0)}
            for workload in self.workloads
        ]
        return {
            "stale": self.total,
            "unlabelled": self.total_unlabelled,
            "workloads": workloads,
            "networks": dict(self.networks),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        stale, unlabelled = {}, {}
        for item in data.get("workloads", ()):
            workload = Workload(item["namespace"], item["kind"], item["name"])
            if item.get("unlabelled"):
                unlabelled[workload] = item["unlabelled"]
            if item.get("stale") or workload not in unlabelled:
                stale[workload] = item.get("stale", 0)
        return cls(stale, unlabelled, data.get("networks", {}))


def count(pods: Iterable[Json], group: str | None) -> StaleCount:
    """Pods (PartialObjectMetadata or whole) of a cluster that is in `group`, or in none.

    Pods that are being deleted are not counted. In no group, every Pod with a network label is stale, none unlabelled.
    """
    stale: Counter[Workload] = Counter()
    unlabelled: Counter[Workload] = Counter()
    networks: Counter[str] = Counter()
    for metadata in _living(pods):
        network = _labels(metadata).get(NETWORK_LABEL)
        if network and network != group:
            stale[workload_of(metadata)] += 1
            networks[network] += 1
        elif not network and group is not None and _injected(metadata):
            unlabelled[workload_of(metadata)] += 1
    return StaleCount(_sorted(stale), _sorted(unlabelled), _sorted(networks))


def carrying(pods: Iterable[Json], network: str) -> int:
    """Return how many Pods carry this network's name."""
    return sum(1 for metadata in _living(pods) if _labels(metadata).get(NETWORK_LABEL) == network)


def workload_of(metadata: Json) -> Workload:
    """Return the workload of a Pod: its controller, or the Deployment behind a ReplicaSet."""
    namespace = str(metadata.get("namespace", ""))
    owners = [owner for owner in metadata.get("ownerReferences") or [] if isinstance(owner, dict)]
    owner = next((owner for owner in owners if owner.get("controller")), owners[0] if owners else None)
    if owner is None:
        return Workload(namespace, "Pod", str(metadata.get("name", "")))
    kind, name = str(owner.get("kind", "")), str(owner.get("name", ""))
    suffix = f"-{_labels(metadata).get(_TEMPLATE_HASH) or ''}"
    if kind == "ReplicaSet" and suffix != "-" and name.endswith(suffix):
        return Workload(namespace, "Deployment", name.removesuffix(suffix))
    return Workload(namespace, kind, name)


_Key = TypeVar("_Key", Workload, str)


def _living(pods: Iterable[Json]) -> Iterable[Json]:
    return (
        pod["metadata"]
        for pod in pods
        if isinstance(pod.get("metadata"), dict) and not pod["metadata"].get("deletionTimestamp")
    )


def _labels(metadata: Json) -> Mapping[str, Any]:
    labels = metadata.get("labels")
    return labels if isinstance(labels, dict) else {}


def _injected(metadata: Json) -> bool:
    return _INJECTED_ANNOTATION in (metadata.get("annotations") or {}) or INJECTED_LABEL in _labels(metadata)


def _sorted(counter: Counter[_Key]) -> dict[_Key, int]:
    return dict(sorted(counter.items(), key=lambda item: str(item[0])))
