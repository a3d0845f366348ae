"""What is on the clusters before the console comes, and stays whatever it does; and how Pods are injected meanwhile."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tests.live.support.ads import Endpoint
from tests.live.support.installation import eventually
from tests.live.support.meshfile import CLUSTER, Mesh, Networks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interconnect.domain.json_types import Json
    from tests.live.support.installation import Live

FOREIGN = {"elsewhere": {Endpoint("198.51.100.7", 15443)}}
FOREIGN_TEXT = """\
# kept by hand
networks:
  elsewhere:
    endpoints: []
    gateways:
    - {address: 198.51.100.7, port: 15443}
"""


class Walk(Mesh):
    """A mesh among foreign things."""

    def expect_networks(
        self, foreign: Networks | None = None, revision: str = "default", **joined: set[Endpoint]
    ) -> None:
        super().expect_networks(FOREIGN | (foreign or {}), revision, **joined)


@contextmanager
def foreign_things(live: Live) -> Iterator[None]:
    """A network that somebody keeps by hand, and a label of others on every system namespace."""
    found = live.networks()
    live.write_networks(FOREIGN_TEXT, manager="somebody")
    labelled = f"/api/v1/namespaces/{live.system}"
    for member in live.members:
        member.api.merge(labelled, {"metadata": {"labels": {"example.org/team": "networks"}}})
    yield
    for member in live.members:
        member.api.merge(labelled, {"metadata": {"labels": {"example.org/team": None}}})
    live.write_networks(found or "")


@contextmanager
def sidecars(live: Live) -> Iterator[None]:
    """A proxy of each group is connected, not all to one istiod. Where istiod has no ADS the Pods' own proxies are."""
    replicas = live.istiods()
    with ExitStack() as stack:
        for number, (group, cluster) in enumerate(CLUSTER.items() if live.ads else ()):
            proxy = stack.enter_context(
                live.proxy(replicas[number % len(replicas)], cluster, group, name=f"observer-{group}")
            )
            assert proxy.told()
            proxy.stay()
        yield


def wear_the_default_network(live: Live) -> None:
    """Pods of member-c as its installer's webhook makes them, also when an earlier walk has restarted them."""
    if live.pod_networks("member-c") == {"default"}:
        return
    live.restart("member-c", "shop", "echo")
    assert eventually(lambda: live.pod_networks("member-c") == {"default"}, 60)


def injected(live: Live, cluster: str) -> Json:
    """A Pod as the injection webhook would make it now; nothing is stored."""
    spec = {"containers": [{"name": "app", "image": "echo"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "observer", "namespace": "shop"}, "spec": spec}
    return live.api(cluster).call("POST", "/api/v1/namespaces/shop/pods", pod, dryRun="All")


def network_of_proxy(pod: Json) -> str | None:
    containers = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
    env = next(container.get("env", []) for container in containers if container["name"] == "istio-proxy")
    return next((item.get("value") for item in env if item["name"] == "ISTIO_META_NETWORK"), None)


def rule(live: Live) -> Json | None:
    return live.config.api.find(f"/apis/networking.istio.io/v1/namespaces/{live.system}/gateways/cross-network-gateway")
