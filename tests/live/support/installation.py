"""The installation that the live tier runs on, as `MESHCONSOLE_LIVE` describes it, and what an observer sees of it."""

from __future__ import annotations

import datetime
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from interconnect.domain.json_types import Json
from tests.live.support import ads
from tests.live.support.client import STRATEGIC, Client
from tests.live.support.forward import Forward
from tests.live.support.traffic import Identity, Served, served_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Undo = Callable[[Callable[[], object]], None]

REPOSITORY = Path(__file__).parents[3]
NETWORK_LABEL = "topology.istio.io/network"


@dataclass(frozen=True)
class LiveCluster:
    name: str
    kubeconfig: Path
    pod_cidr: str
    member: bool
    namespace: str  # network namespace of the data path
    api: Client = field(repr=False, compare=False)

    @classmethod
    def described(cls, item: Json) -> Self:
        path = Path(item["kubeconfig"])
        return cls(item["name"], path, item["pod_cidr"], item["member"], item["namespace"], Client(path))


class Live:
    """Every question goes to the clusters at once; nothing is remembered."""

    def __init__(self, description: Path) -> None:
        self.description = description
        content = json.loads(description.read_text())
        self.clusters = {
            item["name"]: LiveCluster(
                item["name"],
                Path(item["kubeconfig"]),
                item["pod_cidr"],
                item["member"],
                item["namespace"],
                Client(Path(item["kubeconfig"])),
            )
            for item in content["clusters"]
        }
        self.hub = self.clusters[content["control_plane_cluster"]]
        self.config = self.clusters[content["config_cluster"]]
        self.members = [cluster for cluster in self.clusters.values() if cluster.member]
        self.system: str = content["system_namespace"]
        self.data_path: bool = content["data_path"]
        self.ads: bool = bool(content["xds"])

    @property
    def split(self) -> bool:
        return self.hub is not self.config

    def api(self, cluster: str) -> Client:
        return self.clusters[cluster].api

    def uid(self, cluster: str) -> str:
        return str(self.api(cluster).get("/api/v1/namespaces/kube-system")["metadata"]["uid"])

    def stop_cluster(self, name: str, *, hang: bool = False) -> None:
        self._rig("stop-cluster", name, *(["--hang"] if hang else []))

    def start_cluster(self, name: str) -> None:
        self._rig("start-cluster", name)

    def _rig(self, action: str, name: str, *options: str) -> None:
        done = subprocess.run(
            [sys.executable, rig(), action, str(self.description), name, *options],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr

    def istiods(self, revision: str = "default") -> list[str]:
        """Names of the ready Pods of one revision."""
        pods = self.hub.api.items(
            f"/api/v1/namespaces/{self.system}/pods", labelSelector=f"app=istiod,istio.io/rev={revision}"
        )
        return sorted(pod["metadata"]["name"] for pod in pods if _ready(pod))

    def debug(self, pod: str, path: str) -> Any:
        status, body = self.ask(pod, path)
        assert status == 200, f"{path} of {pod}: {status} {body[:200]!r}"
        return json.loads(body)

    def ask(self, pod: str, path: str) -> tuple[int, bytes]:
        """The answer of one istiod's debug interface."""
        with Forward(self.hub.api, self.system, pod, 8080) as forward:
            connection = http.client.HTTPConnection("127.0.0.1", forward.port, timeout=10)
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                return response.status, response.read()
            finally:
                connection.close()

    def networkz(self, pod: str) -> dict[str, set[tuple[str, int]]]:
        """The gateways that one istiod has loaded, by network."""
        found: dict[str, set[tuple[str, int]]] = {}
        for entry in self.debug(pod, "/debug/networkz") or []:
            found.setdefault(entry["Network"], set()).add((entry["Addr"], entry["Port"]))
        return found

    def clusterz(self, pod: str) -> dict[str, str]:
        return {entry["id"]: entry["syncStatus"] for entry in self.debug(pod, "/debug/clusterz")}

    def endpoints(self, pod: str, cluster: str, network: str = "") -> set[ads.Endpoint]:
        """Where one istiod would send a proxy of `cluster` (its Pod in `network`) for echo.shop:8080.

        Where istiod has no ADS it is what it says that it tells a proxy that runs there, whatever network that one
        wears.
        """
        if not self.ads:
            return self._told(pod, cluster)
        with self.proxy(pod, cluster, network) as proxy:
            return proxy.told()

    @contextmanager
    def proxy(self, pod: str, cluster: str, network: str = "", name: str = "observer") -> Iterator[ads.Proxy]:
        """A sidecar of `cluster`, its Pod in `network`, connected to one istiod while the `with` block lasts."""
        with Forward(self.hub.api, self.system, pod, 15010) as forward:
            proxy = ads.Proxy("127.0.0.1", forward.port, cluster=cluster, network=network, name=name)
            try:
                yield proxy
            finally:
                proxy.close()

    def _told(self, pod: str, cluster: str) -> set[ads.Endpoint]:
        proxies = (f"{item['metadata']['name']}.{item['metadata']['namespace']}" for item in self.pods(cluster))
        answers = (self.ask(pod, f"/debug/edsz?proxyID={proxy}") for proxy in proxies)
        told = next((json.loads(body) for status, body in answers if status == 200), {"configs": []})
        name = "outbound|8080||echo.shop.svc.cluster.local"
        addresses = [
            endpoint["endpoint"]["address"]["socketAddress"]
            for assignment in told["configs"]
            for locality in assignment.get("endpoints", [])
            for endpoint in locality.get("lbEndpoints", [])
            if assignment["clusterName"] == name
        ]
        return {ads.Endpoint(address["address"], address["portValue"]) for address in addresses}

    def networks(self, revision: str = "") -> str | None:
        """The text of meshNetworks where istiod reads it."""
        name = f"istio-{revision}" if revision else "istio"
        data = self.config.api.get(f"/api/v1/namespaces/{self.system}/configmaps/{name}").get("data") or {}
        return data.get("meshNetworks")

    def write_networks(self, text: str, revision: str = "", manager: str = "observer") -> None:
        name = f"istio-{revision}" if revision else "istio"
        self.config.api.merge(
            f"/api/v1/namespaces/{self.system}/configmaps/{name}", {"data": {"meshNetworks": text}}, manager
        )

    def system_namespace(self, cluster: str) -> Json:
        return self.api(cluster).get(f"/api/v1/namespaces/{self.system}")

    def network_of(self, cluster: str) -> str | None:
        return (self.system_namespace(cluster)["metadata"].get("labels") or {}).get(NETWORK_LABEL)

    def injection_urls(self, cluster: str) -> set[str]:
        """What every injecting webhook of a cluster calls: its URL, or the path of its service."""
        configurations = self.api(cluster).items("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations")
        clients = [webhook["clientConfig"] for item in configurations for webhook in item.get("webhooks", [])]
        urls = [client.get("url") or (client.get("service") or {}).get("path", "") for client in clients]
        return {url for url in urls if "/inject" in url}

    def pods(self, cluster: str, namespace: str = "shop", selector: str = "app=echo") -> list[Json]:
        pods = self.api(cluster).items(f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector)
        return [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]

    def pod_addresses(self, cluster: str) -> set[ads.Endpoint]:
        return {ads.Endpoint(pod["status"]["podIP"], 8080) for pod in self.pods(cluster) if pod["status"].get("podIP")}

    def pod_networks(self, cluster: str) -> set[str | None]:
        return {pod["metadata"]["labels"].get(NETWORK_LABEL) for pod in self.pods(cluster)}

    def restart(self, cluster: str, namespace: str, deployment: str) -> None:
        """As `kubectl rollout restart` does it."""
        template = {
            "metadata": {
                "annotations": {"kubectl.kubernetes.io/restartedAt": datetime.datetime.now(datetime.UTC).isoformat()}
            }
        }
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}"
        self.api(cluster).call("PATCH", path, {"spec": {"template": template}}, STRATEGIC)

    def load_balancer(self, cluster: str, service: str) -> set[str]:
        """The addresses that a gateway's load balancer has."""
        found = self.api(cluster).get(f"/api/v1/namespaces/{self.system}/services/{service}")
        ingress = found.get("status", {}).get("loadBalancer", {}).get("ingress") or []
        return {item.get("ip") or item.get("hostname") for item in ingress}

    def request(self, source: str, endpoint: ads.Endpoint) -> Served:
        """A mutual-TLS request to echo.shop:8080 from the network namespace of `source`, as a sidecar there would send
        it.
        """
        return served_by(
            self.clusters[source].namespace, Identity.of(self.config.api, self.system), endpoint.host, endpoint.port
        )


def rig() -> str:
    """Return the program that builds, stops and starts clusters; tests on simulated ones set theirs."""
    return os.environ.get("MESHCONSOLE_RIG", str(REPOSITORY.parent / "shared" / "rig"))


def kubectl() -> Path:
    """The rig's own, else the one on PATH."""
    built = subprocess.run([sys.executable, rig(), "build"], capture_output=True, text=True, timeout=1200)
    found = (
        Path(built.stdout.strip() or ".") / "kubectl" if built.returncode == 0 else Path(shutil.which("kubectl") or "")
    )
    assert found.is_file(), f"there is no kubectl: {built.stderr}"
    return found


def eventually(question: Callable[[], Any], seconds: float = 30) -> Any:
    """The first true answer; after `seconds` the last one. For what other programs take a moment to notice."""
    until = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < until:
        time.sleep(0.2)
    return answer


def settled(question: Callable[[], Any], wanted: Any, seconds: float = 30) -> Any:
    """The answer as soon as it is `wanted`, else the last one."""
    until = time.monotonic() + seconds
    while (answer := question()) != wanted and time.monotonic() < until:
        time.sleep(0.2)
    return answer


def _ready(pod: Json) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return not pod["metadata"].get("deletionTimestamp") and any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions
    )
