"""What istiod tells a proxy: endpoints of a service over ADS, asked in the proxy's name."""

from __future__ import annotations

import contextlib
import threading
from typing import NamedTuple

from tests.live.support.wire import GrpcStream, chosen, message, number, struct_message, text

EDS = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
WATCHED = "outbound|8080||echo.shop.svc.cluster.local"
METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"


class Endpoint(NamedTuple):
    host: str
    port: int


class Proxy:
    """A sidecar of `cluster` whose Pod `<name>.shop` is in `network` (empty: none), connected until it is closed.

    `host` and `port` are istiod's plaintext ADS. It watches the endpoints of echo.shop:8080.
    """

    def __init__(self, host: str, port: int, *, cluster: str, network: str, name: str = "observer") -> None:
        self.stream = GrpcStream(host, port, METHOD)
        self.stream.send(message((2, _node(name, cluster, network)), (3, WATCHED), (4, EDS)))

    def told(self) -> set[Endpoint]:
        """Where it would send requests to the service, by the next answer. An empty set: istiod knows no endpoint."""
        answer = self.stream.receive()
        assignments = [value for resource in chosen(answer, 2) for value in chosen(resource, 2)]
        return {
            endpoint
            for assignment in assignments
            if text(assignment, 1) == WATCHED
            for endpoint in _endpoints(assignment)
        }

    def stay(self) -> None:
        """Whoever does not answer istiod's pings is hung up on."""
        self.stream.socket.settimeout(None)
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self.stream.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while True:
                self.stream.receive()


def _node(name: str, cluster: str, network: str) -> bytes:
    namespace, address = "shop", "10.255.255.1"
    metadata = {
        "CLUSTER_ID": cluster,
        "NAMESPACE": namespace,
        "ISTIO_VERSION": "1.31.0",
        "INSTANCE_IPS": address,
        "LABELS": {"app": "observer", **({"topology.istio.io/network": network} if network else {})},
        **({"NETWORK": network} if network else {}),
    }
    identity = f"sidecar~{address}~{name}.{namespace}~{namespace}.svc.cluster.local"
    return message((1, identity), (2, "observer"), (3, struct_message(metadata)))


def _endpoints(assignment: bytes) -> list[Endpoint]:
    found = []
    for locality in chosen(assignment, 2):
        for balanced in chosen(locality, 2):
            for address in (value for endpoint in chosen(balanced, 1) for value in chosen(endpoint, 1)):
                found += [Endpoint(text(at, 2), number(at, 3)) for at in chosen(address, 1)]
    return found
