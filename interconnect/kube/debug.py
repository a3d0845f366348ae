"""istiod's debug interface (`pilot/pkg/xds/debug.go`): what one replica has loaded and tells its proxies.

Through the API server the connection comes from the Pod's own loopback, which istiod lets in unauthenticated; every
replica has a view of its own. A URL set on the mesh reaches one of them directly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlencode

from interconnect.kube import forward
from interconnect.kube.errors import Permanent, plain
from interconnect.kube.reading import items, mapping, number, text
from interconnect.kube.transport import parse, parse_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interconnect.kube.api import Api
    from interconnect.kube.guard import Before, DenyList

MONITORING_PORT = 15014


class NetworkGateway(NamedTuple):
    """One resolved gateway of a network. `cluster` is empty for static ones, which stand in meshNetworks."""

    network: str
    cluster: str
    address: str
    port: int


class RemoteCluster(NamedTuple):
    """A cluster that istiod reads.

    `status` is synced, syncing, timeout or closed; `secret` is empty for the config cluster.
    """

    id: str
    secret: str
    status: str


class Endpoint(NamedTuple):
    """One endpoint of a service as its cluster reported it. `mtls`: its proxy takes mutual TLS."""

    service: str
    namespace: str
    cluster: str
    network: str
    addresses: tuple[str, ...]
    port_name: str
    port: int
    mtls: bool


class Told(NamedTuple):
    """An address that istiod tells a proxy.

    `cluster` is that of the Pod that has it; empty for a gateway, which stands for many.
    """

    address: str
    port: int
    cluster: str = ""


Assigned = dict[str, frozenset[Told]]
"""What a proxy is told, by Envoy cluster such as `outbound|8080||echo.shop.svc.cluster.local`: nothing of one of which
istiod knows no endpoint, and one that the proxy does not watch is missing.
"""


class Proxy(NamedTuple):
    """A proxy that is connected to a replica. `id` is `<pod>.<namespace>`, as `edsz` takes it; `cluster` is the cluster
    ID, `kind` sidecar, router, waypoint or ztunnel.
    """

    id: str
    cluster: str
    kind: str = ""


class Source(Protocol):
    """Where the debug interface is: `get` gives the body of a path, or raises KubeError."""

    def get(self, path: str) -> bytes: ...


class PodSource(NamedTuple):
    """One replica, by port-forward."""

    api: Api
    namespace: str
    pod: str
    deadline: float = forward.FORWARD_DEADLINE

    def get(self, path: str) -> bytes:
        return forward.get(self.api, self.namespace, self.pod, MONITORING_PORT, path, self.deadline)


class UrlSource(NamedTuple):
    """Whatever answers at `http(s)://host:port`; no credential is sent."""

    url: str
    deny: DenyList
    before: Before
    deadline: float = forward.FORWARD_DEADLINE

    def get(self, path: str) -> bytes:
        return forward.get_url(self.url, path, deny=self.deny, before=self.before, deadline=self.deadline)


def networkz_of(source: Source) -> tuple[NetworkGateway, ...]:
    """All gateways of all networks, sorted; host names are resolved already, or missing."""
    found = (
        NetworkGateway(text(entry, "Network"), text(entry, "Cluster"), text(entry, "Addr"), number(entry, "Port"))
        for entry in _entries(source.get("/debug/networkz"))
    )
    return tuple(sorted(found))


def clusterz_of(source: Source) -> tuple[RemoteCluster, ...]:
    found = (
        RemoteCluster(text(entry, "id"), text(entry, "secretName"), text(entry, "syncStatus"))
        for entry in _entries(source.get("/debug/clusterz"))
    )
    return tuple(sorted(found))


def unresolved_of(source: Source) -> frozenset[tuple[str, str, int]]:
    """(network, host, port) of every gateway as it was loaded, whether its name resolves or not; networkz has the
    resolved ones.
    """
    found = items(parse_object(source.get("/debug/pushcontext")), "UnresolvedGateways")
    return frozenset((text(entry, "Network"), text(entry, "Addr"), number(entry, "Port")) for entry in found)


def endpoint_shards_of(source: Source) -> tuple[Endpoint, ...]:
    return tuple(_endpoints(parse_object(source.get("/debug/endpointShardz"))))


def edsz_of(source: Source, proxy: str) -> Assigned | None:
    """What `proxy` (`<pod>.<namespace>`) is told; None when it is not connected to this replica."""
    try:
        body = source.get("/debug/edsz?" + urlencode({"proxyID": proxy}))
    except Permanent as error:
        if error.code == "not-served":
            return None
        raise
    return _assigned(parse_object(body))


def proxies_of(source: Source) -> tuple[Proxy, ...]:
    """The proxies that are connected to this replica now, sorted."""
    found = (
        Proxy(text(entry, "proxy"), text(entry, "cluster_id"), text(entry, "proxy_type"))
        for entry in _entries(source.get("/debug/syncz"))
    )
    return tuple(sorted(proxy for proxy in found if proxy.id))


def version_of(source: Source) -> str:
    """As istiod says it: `1.31.0-<revision>-<state>`."""
    return plain(source.get("/version").decode("utf-8", "replace"), 100)


def networkz(api: Api, namespace: str, pod: str) -> tuple[NetworkGateway, ...]:
    return networkz_of(PodSource(api, namespace, pod))


def clusterz(api: Api, namespace: str, pod: str) -> tuple[RemoteCluster, ...]:
    return clusterz_of(PodSource(api, namespace, pod))


def pushcontext(api: Api, namespace: str, pod: str) -> frozenset[tuple[str, str, int]]:
    """The gateways before resolution: `unresolved_of`."""
    return unresolved_of(PodSource(api, namespace, pod))


def endpoint_shards(api: Api, namespace: str, pod: str) -> tuple[Endpoint, ...]:
    return endpoint_shards_of(PodSource(api, namespace, pod))


def edsz(api: Api, namespace: str, pod: str, proxy: str) -> Assigned | None:
    return edsz_of(PodSource(api, namespace, pod), proxy)


def version(api: Api, namespace: str, pod: str) -> str:
    return version_of(PodSource(api, namespace, pod))


def _entries(body: bytes) -> list[dict[str, Any]]:
    """A list of objects; istiod writes `null` for an empty one."""
    try:
        value = parse(body)
    except Permanent:
        raise Permanent("bad-body", resource="istiod") from None
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise Permanent("bad-body", resource="istiod")
    return value


def _endpoints(services: dict[str, Any]) -> Iterator[Endpoint]:
    for service, namespaces in services.items():
        for namespace, holder in mapping(namespaces).items():
            for shard, entries in mapping(holder, "Shards").items():
                for entry in items(entries):
                    yield _endpoint(service, namespace, shard, entry)


def _endpoint(service: str, namespace: str, shard: str, entry: dict[str, Any]) -> Endpoint:
    found = entry.get("Addresses")
    addresses = tuple(address for address in found if isinstance(address, str)) if isinstance(found, list) else ()
    return Endpoint(
        service,
        namespace,
        shard.partition("/")[2],
        text(entry, "Network"),
        addresses,
        text(entry, "ServicePortName"),
        number(entry, "EndpointPort"),
        text(entry, "TLSMode") == "istio",
    )


def _assigned(dump: dict[str, Any]) -> Assigned:
    return {text(assignment, "clusterName"): frozenset(_told(assignment)) for assignment in items(dump, "configs")}


def _told(assignment: dict[str, Any]) -> Iterator[Told]:
    for locality in items(assignment, "endpoints"):
        for endpoint in items(locality, "lbEndpoints"):
            address = mapping(endpoint, "endpoint", "address", "socketAddress")
            # name;namespace;canonical name;canonical revision;cluster (pilot/pkg/networking/util,
            # AppendLbEndpointMetadata)
            workload = text(endpoint, "metadata", "filterMetadata", "istio", "workload")
            yield Told(text(address, "address"), number(address, "portValue"), workload.rpartition(";")[2])
