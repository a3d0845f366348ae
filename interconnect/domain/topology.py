"""The desired state of one mesh: an immutable value that every rule reads and from which every change returns a new
one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple, Self, TypeVar

GATEWAY_PORT = 15443
_Found = TypeVar("_Found")


class MeshKind(StrEnum):
    HOSTED = "hosted"
    DEDICATED = "dedicated"
    EXTERNAL = "external"


class RestartPolicy(StrEnum):
    ALWAYS = "always"
    AUTOMATIC = "automatic"
    NEVER = "never"


class ServiceType(StrEnum):
    LOAD_BALANCER = "LoadBalancer"
    NODE_PORT = "NodePort"
    CLUSTER_IP = "ClusterIP"


class CidrSource(StrEnum):
    """How a Pod CIDR is known; only the first two are sure enough to refuse a group (rule 6)."""

    TYPED = "typed"
    POOL = "pool"
    NODES = "nodes"


@dataclass(frozen=True, slots=True, order=True)
class PodCidr:
    network: str
    source: CidrSource


@dataclass(frozen=True, slots=True)
class Cluster:
    """A member cluster. `name` is its Istio cluster ID, `uid` the UID of its `kube-system`."""

    name: str
    uid: str
    pod_cidrs: tuple[PodCidr, ...] = ()


class GatewayKey(NamedTuple):
    """The identity of a gateway: `cluster/number`, as in the file and in `eastwest-<cluster>-<number>`.

    It stays the same when the cluster moves.
    """

    cluster: str
    number: int

    def __str__(self) -> str:
        return f"{self.cluster}/{self.number}"


@dataclass(frozen=True, slots=True)
class Autoscaling:
    min: int
    max: int


@dataclass(frozen=True, slots=True)
class GatewaySpec:
    """The part of a gateway that people choose. `annotations` are sorted pairs, so that equal specs are equal
    values.
    """

    replicas: int = 1
    autoscaling: Autoscaling | None = None
    annotations: tuple[tuple[str, str], ...] = ()
    load_balancer_ip: str = ""
    service_type: ServiceType = ServiceType.LOAD_BALANCER


@dataclass(frozen=True, slots=True)
class Gateway:
    """`id` is a UUID that never changes, `name` the name of its Kubernetes objects."""

    key: GatewayKey
    id: str
    name: str
    spec: GatewaySpec = GatewaySpec()


@dataclass(frozen=True, slots=True)
class Address:
    """Where other groups reach a joined group.

    `host` is an IP or a DNS name. With a `gateway` it is what that gateway's load balancer assigned, and empty while
    awaited. Without a gateway it was added by hand.
    """

    host: str
    port: int = GATEWAY_PORT
    gateway: GatewayKey | None = None

    @property
    def awaited(self) -> bool:
        return not self.host


@dataclass(frozen=True, slots=True)
class Group:
    """Clusters whose Pods reach each other; `name` is the Istio network. `addresses` is None unless it is joined."""

    name: str
    clusters: frozenset[str]
    addresses: tuple[Address, ...] | None = None

    @property
    def joined(self) -> bool:
        return self.addresses is not None


@dataclass(frozen=True)
class Topology:
    """The desired state of one mesh.

    `mesh` is the mesh's UUID; `control_plane` and `config` are the `kube-system` UIDs of the clusters that run istiod
    and hold its configuration. The mappings are read-only and keyed by the name of what they hold. What is asked of one
    cluster or group is indexed once, when it is first asked: asking all of them takes a time that grows with the mesh,
    not with its square.
    """

    mesh: str
    kind: MeshKind
    control_plane: str
    config: str
    system_namespace: str = "istio-system"
    enabled: bool = False
    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    gateways: Mapping[GatewayKey, Gateway] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("clusters", "groups", "gateways"):
            object.__setattr__(self, name, MappingProxyType(dict(sorted(getattr(self, name).items()))))

    def with_group(self, group: Group) -> Self:
        return replace(self, groups={**self.groups, group.name: group})

    def without_group(self, name: str) -> Self:
        return replace(self, groups={key: group for key, group in self.groups.items() if key != name})

    def with_gateway(self, gateway: Gateway) -> Self:
        return replace(self, gateways={**self.gateways, gateway.key: gateway})

    def without_gateways(self, *keys: GatewayKey) -> Self:
        return replace(self, gateways={key: gateway for key, gateway in self.gateways.items() if key not in keys})

    def group_of(self, cluster: str) -> Group | None:
        return self._groups.get(cluster)

    def gateways_of_cluster(self, cluster: str) -> tuple[Gateway, ...]:
        return self._gateways.get(cluster, ())

    def gateways_of_group(self, name: str) -> tuple[Gateway, ...]:
        clusters = sorted(self.groups[name].clusters)
        return tuple(gateway for cluster in clusters for gateway in self.gateways_of_cluster(cluster))

    def cluster_by_uid(self, uid: str) -> Cluster | None:
        return self._clusters.get(uid)

    @property
    def joined(self) -> tuple[Group, ...]:
        return tuple(group for group in self.groups.values() if group.joined)

    @cached_property
    def _groups(self) -> Mapping[str, Group]:
        return _first((cluster, group) for group in self.groups.values() for cluster in group.clusters)

    @cached_property
    def _clusters(self) -> Mapping[str, Cluster]:
        return _first((cluster.uid, cluster) for cluster in self.clusters.values())

    @cached_property
    def _gateways(self) -> Mapping[str, tuple[Gateway, ...]]:
        found: dict[str, list[Gateway]] = {}
        for gateway in self.gateways.values():
            found.setdefault(gateway.key.cluster, []).append(gateway)
        return {cluster: tuple(gateways) for cluster, gateways in found.items()}


def _first(pairs: Iterable[tuple[str, _Found]]) -> dict[str, _Found]:
    """Return the first value of each key."""
    found: dict[str, _Found] = {}
    for key, value in pairs:
        found.setdefault(key, value)
    return found
