"""One mesh of a fleet: its clusters with their controllers, the injection of its Pods, and its istiods."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from simulator.cluster import clone
from simulator.controllers import Controllers
from simulator.errors import ApiError
from simulator.istiod import CONFIG_MAPS, NAMESPACES, NETWORK_LABEL, PODS, Istiod
from simulator.resources import BY_KIND, Json
from simulator.selectors import selects
from simulator.workloads import ready

if TYPE_CHECKING:
    from simulator.member import Member, Surroundings
    from simulator.store import Event

WEBHOOKS = BY_KIND["admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"]
PROXY_IMAGE = "docker.io/istio/proxyv2:1.31.0"
_PATH = re.compile(r"/inject(?:/cluster/(?P<cluster>[^/]+))?(?:/net/(?P<network>[^/]+))?")


class Mesh:
    """A mesh of the fleet.

    With `hot_reload`, istiods follow their ConfigMap as real ones do; without it they read it again only after a
    restart. `hosts` are the names that istiods can resolve.
    """

    def __init__(
        self, fleet: Surroundings, hub: str, config: str, members: Sequence[str], namespace: str = "istio-system"
    ) -> None:
        self.fleet, self.hub, self.config, self.members, self.namespace = fleet, hub, config, tuple(members), namespace
        self.hot_reload = True
        self.hosts: dict[str, list[str]] = {}
        self.istiods: dict[str, Istiod] = {}
        self.started = False
        self.controllers: dict[str, Controllers] = {}
        for name in self._clusters():
            self.controllers[name] = Controllers(fleet, fleet.cluster(name), f"10.255.{next(fleet.clouds) % 250}.0/24")
        self.config_cluster.cluster.store.listeners.append(self._configured)
        self.hub_cluster.cluster.store.listeners.append(self._pod_seen)

    def _clusters(self) -> Iterator[str]:
        yield from dict.fromkeys((self.hub, self.config, *self.members))

    @property
    def hub_cluster(self) -> Member:
        return self.fleet.cluster(self.hub)

    @property
    def config_cluster(self) -> Member:
        return self.fleet.cluster(self.config)

    def configure(self, hot_reload: bool | None = None, hosts: Mapping[str, Sequence[str]] | None = None) -> Json:
        """Change how the istiods behave; None leaves a setting as it is. Return the resulting settings."""
        self.hot_reload = self.hot_reload if hot_reload is None else hot_reload
        if hosts is not None:
            self.hosts = {name: list(addresses) for name, addresses in hosts.items()}
        return {"hot_reload": self.hot_reload, "hosts": self.hosts}

    def replicas(self) -> list[str]:
        """Return the istiod Pods that are ready."""
        pods = self.hub_cluster.cluster.store.list(PODS, self.namespace)
        return [pod["metadata"]["name"] for pod in pods if _is_istiod(pod) and ready(pod)]

    def istiod_of(self, pod: str) -> Istiod | None:
        return self.istiods.get(pod)

    def starts(self, member: Member, pod: Json) -> float:
        """Return how many seconds an istiod must still wait before it is ready; 0 for other Pods.

        It is ready once it has read every cluster, or has given up on those that don't answer.
        """
        if member.name != self.hub or not _is_istiod(pod) or pod["metadata"]["namespace"] != self.namespace:
            return 0.0
        name = pod["metadata"]["name"]
        process = self.istiods.get(name)
        if process is None:
            process = self.istiods[name] = Istiod(self, pod)
        process.reach()
        if all(status == "synced" for status in process.clusters.values()):
            return 0.0
        return max(0.0, process.started + self.fleet.timing.remote_timeout - time.monotonic())

    def wake(self) -> None:
        """React to a change in whether clusters can be reached."""
        for process in list(self.istiods.values()):
            self.fleet.at(self.fleet.timing.reload, process.reach)

    def _configured(self, event: Event) -> None:
        if (
            event.resource is not CONFIG_MAPS
            or event.new["metadata"]["namespace"] != self.namespace
            or not self.hot_reload
        ):
            return
        name = event.new["metadata"]["name"]
        for process in list(self.istiods.values()):
            if name in (process.config_map, process.shared):
                self.fleet.at(self.fleet.timing.reload, process.reload)

    def _pod_seen(self, event: Event) -> None:
        if event.resource is not PODS or not _is_istiod(event.new):
            return
        name = event.new["metadata"]["name"]
        if event.type == "DELETED":
            self.istiods.pop(name, None)
        elif ready(event.new) and name not in self.istiods:  # a fleet that was restarted from its saved state
            self.istiods[name] = Istiod(self, event.new)

    def resume(self) -> None:
        """Start the processes of the istiod Pods in a loaded state."""
        for pod in self.hub_cluster.cluster.store.list(PODS, self.namespace):
            if _is_istiod(pod) and ready(pod):
                self.istiods[pod["metadata"]["name"]] = Istiod(self, pod)

    def inject(self, member: Member, pod: Json) -> Json:
        """Return the Pod as its cluster's injection webhooks make it, if one of them selects it.

        Raise ApiError if no istiod is there to answer.
        """
        if member.name not in self.members:
            return pod
        namespace = member.cluster.store.get(NAMESPACES, "", pod["metadata"]["namespace"]) or {"metadata": {}}
        for configuration in member.cluster.store.list(WEBHOOKS):
            for webhook in configuration.get("webhooks", ()):
                path = _inject_path(webhook)
                chosen = (
                    path
                    and selects(webhook["namespaceSelector"], namespace)
                    and selects(webhook["objectSelector"], pod)
                )
                if path and chosen:
                    self._ask(webhook["name"], path)
                    return _injected(pod, path, member.name)
        return pod

    def _ask(self, webhook: str, path: str) -> None:
        if self.started and not self.replicas():
            call = f'Post "https://istiod:15017{path}?timeout=10s": connect: connection refused'
            text = f'failed calling webhook "{webhook}": failed to call webhook: {call}'
            raise ApiError(500, "InternalError", f"Internal error occurred: {text}")


def _is_istiod(pod: Json) -> bool:
    return bool(pod["metadata"].get("labels", {}).get("app") == "istiod")


def _inject_path(webhook: Json) -> str:
    client = webhook.get("clientConfig", {})
    text = client.get("url") or (client.get("service") or {}).get("path") or ""
    return text[text.index("/inject") :] if "/inject" in text else ""


def _injected(pod: Json, path: str, cluster: str) -> Json:
    pod = clone(pod)
    match = _PATH.match(path)
    labels = pod["metadata"].setdefault("labels", {})
    network = labels.get(NETWORK_LABEL) or (match["network"] if match else "") or ""
    network = network.replace("--slash--", "/")
    owners = pod["metadata"].get("ownerReferences") or [pod["metadata"]]
    named = labels.get("app") or owners[0].get("name") or pod["metadata"].get("generateName", "")
    labels |= {"security.istio.io/tlsMode": "istio", "service.istio.io/canonical-revision": "latest"}
    labels.setdefault("service.istio.io/canonical-name", named)
    if network:
        labels[NETWORK_LABEL] = network
    variables = {
        "ISTIO_META_CLUSTER_ID": (match["cluster"] if match else "") or cluster,
        **({"ISTIO_META_NETWORK": network} if network else {}),
    }
    annotations = pod["metadata"].setdefault("annotations", {})
    annotations |= {
        "istio.io/rev": "default",
        "sidecar.istio.io/status": '{"containers":["istio-proxy"],"revision":"default"}',
    }
    proxy = next((item for item in pod["spec"]["containers"] if item["name"] == "istio-proxy"), None)
    if proxy is None:
        ports = [{"containerPort": 15090, "name": "http-envoy-prom", "protocol": "TCP"}]
        proxy = {"name": "istio-proxy", "image": "auto", "args": ["proxy", "sidecar"], "ports": ports}
        pod["spec"]["containers"].append(proxy)
    if proxy["image"] == "auto":
        proxy["image"] = PROXY_IMAGE
    known = {item["name"] for item in proxy.setdefault("env", [])}
    proxy["env"] += [{"name": key, "value": value} for key, value in variables.items() if key not in known]
    return pod
