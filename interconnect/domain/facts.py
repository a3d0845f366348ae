"""What clusters last reported, as far as rendering and rules need it: observed, never desired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from interconnect.domain.json_types import Json


@dataclass(frozen=True, slots=True)
class ConfigMapRef:
    """The ConfigMap that an istiod takes meshNetworks from; `cluster` is a `kube-system` UID."""

    cluster: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Istiod:
    """One istiod Deployment of the control plane cluster.

    `networks` is None when it can't be determined where it reads meshNetworks. `mounted`: it reads a mounted file,
    which follows the ConfigMap up to two minutes late. `strategy` is the Deployment's (`RollingUpdate`, `Recreate`).
    `ambient`: it does multi-network for ambient mode too.
    """

    deployment: str
    revision: str
    replicas: int
    cluster_id: str
    version: str
    networks: ConfigMapRef | None
    mounted: bool = False
    strategy: str = "RollingUpdate"
    ambient: bool = False

    def to_json(self) -> Json:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        networks = ConfigMapRef(**data["networks"]) if data.get("networks") else None
        empty = {"revision": "", "cluster_id": "", "version": ""}
        return cls(**{**empty, **data, "networks": networks})


@dataclass(frozen=True, slots=True)
class WebhookEntry:
    """One entry of a MutatingWebhookConfiguration whose URL or path contains `/inject`.

    `attribute` is `url` or `path` (of `clientConfig.service`), `value` what stands there now. `without_ca`: the API
    server has no CA bundle by which it would know istiod.
    """

    configuration: str
    webhook: str
    attribute: str
    value: str
    without_ca: bool = False

    def to_json(self) -> Json:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Facts:
    """`webhooks` is keyed by cluster UID (absent: never read). `foreign_networks`: networks in meshNetworks that are
    not ours, with their (host, port) pairs. `remote_clusters`: the cluster IDs that istiod knows (clusterz).
    """

    istiods: tuple[Istiod, ...] = ()
    webhooks: Mapping[str, tuple[WebhookEntry, ...]] = field(default_factory=dict)
    foreign_networks: Mapping[str, frozenset[tuple[str, int]]] = field(default_factory=dict)
    remote_clusters: frozenset[str] = frozenset()
    cluster_domain: str = "cluster.local"
