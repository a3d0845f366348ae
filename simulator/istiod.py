"""One istiod process as the console sees it: what it has loaded, which clusters it has read, and its debug pages."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs, urlsplit

from simulator import networks
from simulator.networks import Gateway
from simulator.resources import BY_KIND, Json
from simulator.workloads import ready

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from simulator.member import Member, Surroundings

VERSION = "1.31.0-simulated"
NETWORK_LABEL = "topology.istio.io/network"
PODS, SERVICES, CONFIG_MAPS = BY_KIND["v1", "Pod"], BY_KIND["v1", "Service"], BY_KIND["v1", "ConfigMap"]
NAMESPACES = BY_KIND["v1", "Namespace"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    host: str
    namespace: str
    cluster: str
    network: str
    address: str
    port: int
    service_port: Json
    mtls: bool
    headless: bool
    pod: Json


def environment(pod: Json, container: str = "") -> dict[str, str]:
    """Return the literal environment variables of a Pod's container (its first one by default)."""
    found = [item for item in pod["spec"]["containers"] if container in ("", item["name"])]
    return {item["name"]: item["value"] for item in (found[0].get("env", ()) if found else ()) if "value" in item}


def injected(pod: Json) -> bool:
    return any(item["name"] == "istio-proxy" and item["image"] != "auto" for item in pod["spec"]["containers"])


class ServedMesh(Protocol):
    """What an istiod needs from its mesh.

    `config` and `members` are names of clusters; `hosts` are the host names that it can resolve.
    """

    @property
    def fleet(self) -> Surroundings: ...

    @property
    def config(self) -> str: ...

    @property
    def members(self) -> Sequence[str]: ...

    @property
    def namespace(self) -> str: ...

    @property
    def hosts(self) -> Mapping[str, Sequence[str]]: ...

    @property
    def config_cluster(self) -> Member: ...

    def replicas(self) -> list[str]:
        """Return the istiod Pods that are ready."""


class Istiod:
    """The process behind one istiod Pod.

    Its state starts fresh: a restart forgets the last good networks and reads the clusters again.
    """

    def __init__(self, mesh: ServedMesh, pod: Json) -> None:
        self.mesh, self.pod = mesh, pod["metadata"]["name"]
        self.started = time.monotonic()
        variables = environment(pod)
        self.revision = variables.get("REVISION") or pod["metadata"]["labels"].get("istio.io/rev", "default")
        self.shared = variables.get("SHARED_MESH_CONFIG", "")
        self.loaded, self.had_gateways = networks.NONE, False
        self.clusters = {name: "synced" if mesh.fleet.cluster(name).answers else "timeout" for name in mesh.members}
        self.reload()

    @property
    def config_map(self) -> str:
        """The ConfigMap it takes meshNetworks from: the shared one if it exists, else its revision's."""
        own = "istio" if self.revision == "default" else f"istio-{self.revision}"
        return self.shared if self.shared and self._config_map(self.shared) else own

    def _config_map(self, name: str) -> Json | None:
        return self.mesh.config_cluster.cluster.store.get(CONFIG_MAPS, self.mesh.namespace, name)

    def reload(self) -> None:
        """Take over the ConfigMap's networks. If the value is invalid, keep the previous ones."""
        found = self._config_map(self.config_map)
        try:
            self.loaded = networks.parse((found or {}).get("data", {}).get("meshNetworks", ""))
        except ValueError:
            return
        self.had_gateways = self.had_gateways or bool(self.loaded.gateways)

    def reach(self) -> None:
        """Read the clusters that didn't answer at the start and do now."""
        for name, status in self.clusters.items():
            if status != "synced" and self.mesh.fleet.cluster(name).answers:
                self.clusters[name] = "synced"

    def members(self) -> Iterator[Member]:
        for name, status in self.clusters.items():
            if status == "synced":
                yield self.mesh.fleet.cluster(name)

    def gateways(self) -> list[Gateway]:
        """Return the listed gateways and those of labeled Services, with host names unresolved."""
        return [*self.loaded.gateways, *(found for member in self.members() for found in self._labelled(member))]

    def _labelled(self, member: Member) -> Iterator[Gateway]:
        for service in member.cluster.store.list(SERVICES):
            network = service["metadata"].get("labels", {}).get(NETWORK_LABEL)
            if not network or not any(port["port"] == 15443 for port in service["spec"].get("ports", ())):
                continue
            for ingress in service.get("status", {}).get("loadBalancer", {}).get("ingress", ()):
                yield Gateway(network, member.name, ingress.get("ip") or ingress["hostname"], 15443)

    def endpoints(self) -> Iterator[Endpoint]:
        for member in self.members():
            store = member.cluster.store
            system = store.get(NAMESPACES, "", self.mesh.namespace)
            fallback = (system or {}).get("metadata", {}).get("labels", {}).get(
                NETWORK_LABEL
            ) or self.loaded.registries.get(member.name, "")
            for service in store.list(SERVICES):
                selector = service["spec"].get("selector")
                if not selector:
                    continue
                for pod in store.list(PODS, service["metadata"]["namespace"]):
                    labels = pod["metadata"].get("labels", {})
                    if selector.items() <= labels.items() and ready(pod):
                        yield from self._of_pod(member, service, pod, labels.get(NETWORK_LABEL) or fallback)

    def _of_pod(self, member: Member, service: Json, pod: Json, network: str) -> Iterator[Endpoint]:
        meta = service["metadata"]
        host = f"{meta['name']}.{meta['namespace']}.svc.cluster.local"
        for port in service["spec"].get("ports", ()):
            target = port.get("targetPort")
            number = target if isinstance(target, int) else port["port"]
            address, headless = pod["status"]["podIP"], service["spec"].get("clusterIP") == "None"
            yield Endpoint(
                host, meta["namespace"], member.name, network, address, number, port, injected(pod), headless, pod
            )

    def page(self, port: int, target: str) -> tuple[int, str, bytes]:
        """Return the answer to a GET: status, content type, body."""
        url = urlsplit(target)
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        if url.path == "/ready" and port == 8080:
            return 200, "text/plain; charset=utf-8", b""
        if url.path == "/version" and port == 15014:
            return 200, "text/plain; charset=utf-8", VERSION.encode()
        pages: dict[str, Callable[[], Any]] = {
            "/debug/networkz": self.networkz,
            "/debug/clusterz": self.clusterz,
            "/debug/pushcontext": self.pushcontext,
            "/debug/endpointShardz": self.endpoint_shards,
            "/debug/syncz": self.syncz,
        }
        if url.path in pages:
            return 200, "application/json", json.dumps(pages[url.path](), separators=(",", ":")).encode()
        if url.path == "/debug/edsz":
            return self.edsz(query.get("proxyID", ""))
        return 404, "text/plain; charset=utf-8", b"404 page not found\n"

    def networkz(self) -> Any:
        found = [item.describe() for item in networks.resolve(self.gateways(), self.mesh.hosts)]
        return found if found or self.had_gateways else None  # null until there has been one

    def pushcontext(self) -> Json:
        """Return the push context.

        `UnresolvedGateways` lists all gateways, even those that resolve, as real istiod does.
        """
        every = [item.describe() for item in sorted(set(self.gateways()))]
        policies = {"namespace_to_policies": {}, "root_namespace": self.mesh.namespace}
        return {
            "AuthorizationPolicies": policies,
            "NetworkGateways": self.networkz() or None,
            "UnresolvedGateways": every or None,
        }

    def clusterz(self) -> list[Json]:
        own = {"id": self.mesh.config, "secretName": "", "syncStatus": "synced"}
        prefix = f"{self.mesh.namespace}/istio-remote-secret-"
        return [
            own,
            *(
                {"id": name, "secretName": f"{prefix}{name}", "syncStatus": status}
                for name, status in self.clusters.items()
            ),
        ]

    def endpoint_shards(self) -> Json:
        shards: Json = {}
        for item in self.endpoints():
            place = shards.setdefault(item.host, {}).setdefault(item.namespace, {"Shards": {}, "ServiceAccounts": {}})
            place["Shards"].setdefault(f"Kubernetes/{item.cluster}", []).append(_shard(item))
        return shards

    def syncz(self) -> list[Json]:
        return [
            {"cluster_id": member.name, "proxy": proxy, "proxy_type": "sidecar", "istio_version": "1.31.0"}
            for member, proxy, _pod in self._proxies()
        ]

    def edsz(self, proxy: str) -> tuple[int, str, bytes]:
        """Return the endpoints that a proxy (`pod.namespace`) is given, if it is connected to this replica."""
        if not proxy:
            return 400, "text/plain; charset=utf-8", b"You must provide a proxyID in the query string\n"
        pod = self._connected(proxy)
        if pod is None:
            text = b"Proxy not connected to this Pilot instance. It may be connected to another instance.\n"
            return 404, "text/plain; charset=utf-8", text
        clusters: dict[str, list[tuple[str, int, str]]] = {}
        for item in self.endpoints():
            if item.headless:  # a sidecar uses the address that the client asked for, and gets no endpoints
                continue
            told = clusters.setdefault(f"outbound|{item.service_port['port']}||{item.host}", [])
            told += [address for address in self._told(pod, item) if address not in told]
        dump = {"configs": [_assignment(name, told) for name, told in sorted(clusters.items())]}
        return 200, "application/json", json.dumps(dump, separators=(",", ":")).encode()

    def _connected(self, proxy: str) -> Json | None:
        return next((pod for _member, name, pod in self._proxies() if name == proxy), None)

    def _proxies(self) -> Iterator[tuple[Member, str, Json]]:
        """Yield the proxies that are connected here, with their Pods.

        The proxies of each cluster are spread evenly over the replicas.
        """
        replicas = sorted(self.mesh.replicas())
        for member in self.members():
            pods = [pod for pod in member.cluster.store.list(PODS) if injected(pod) and ready(pod)]
            for index, pod in enumerate(pods):
                if replicas and replicas[index % len(replicas)] == self.pod:
                    yield member, f"{pod['metadata']['name']}.{pod['metadata']['namespace']}", pod

    def _told(self, proxy: Json, item: Endpoint) -> list[tuple[str, int, str]]:
        """Return address, port and the workload that istiod reports there; behind a gateway it reports none."""
        network = proxy["metadata"].get("labels", {}).get(NETWORK_LABEL, "")
        view = environment(proxy, "istio-proxy").get("ISTIO_META_REQUESTED_NETWORK_VIEW")
        if view and item.network != view:
            return []
        found = [
            gateway for gateway in networks.resolve(self.gateways(), self.mesh.hosts) if gateway.network == item.network
        ]
        direct = (item.address, item.port, _workload(item))
        if item.network in ("", network) or not found:
            return [direct]
        if not item.mtls:
            return []
        near = [gateway for gateway in found if gateway.cluster == item.cluster]
        return [(gateway.address, gateway.port, ";;;;") for gateway in near or found]


def _shard(item: Endpoint) -> Json:
    meta, spec = item.pod["metadata"], item.pod["spec"]
    labels = {
        **meta.get("labels", {}),
        "kubernetes.io/hostname": spec["nodeName"],
        "security.istio.io/tlsMode": "istio" if item.mtls else "disabled",
        "topology.istio.io/cluster": item.cluster,
        NETWORK_LABEL: item.network,
    }
    account = f"spiffe://cluster.local/ns/{meta['namespace']}/sa/{spec.get('serviceAccountName', 'default')}"
    return {
        "Labels": labels,
        "Addresses": [item.address],
        "ServicePortName": item.service_port.get("name", ""),
        "LegacyClusterPortKey": 0,
        "ServiceAccount": account,
        "Network": item.network,
        "Locality": {"Label": "", "ClusterID": item.cluster},
        "EndpointPort": item.port,
        "LbWeight": 0,
        "TLSMode": "istio" if item.mtls else "disabled",
        "Namespace": meta["namespace"],
        "WorkloadName": labels.get("service.istio.io/canonical-name", meta["name"]),
        "HostName": "",
        "SubDomain": "",
        "HealthStatus": 1,
        "SendUnhealthyEndpoints": True,
        "NodeName": spec["nodeName"],
    }


def _workload(item: Endpoint) -> str:
    name = item.pod["metadata"].get("labels", {}).get("service.istio.io/canonical-name", item.pod["metadata"]["name"])
    return f"{name};{item.pod['metadata']['namespace']};{name};;{item.cluster}"


def _assignment(name: str, told: list[tuple[str, int, str]]) -> Json:
    endpoints = [
        {
            "endpoint": {"address": {"socketAddress": {"address": address, "portValue": port}}},
            "healthStatus": "HEALTHY",
            "metadata": {"filterMetadata": {"istio": {"workload": workload}}},
            "loadBalancingWeight": 1,
        }
        for address, port, workload in told
    ]
    assignment: Json = {
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "clusterName": name,
    }
    if endpoints:
        assignment["endpoints"] = [{"locality": {}, "lbEndpoints": endpoints, "loadBalancingWeight": len(endpoints)}]
    return assignment
