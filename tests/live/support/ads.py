"""What istiod would tell a proxy: endpoints of a service over ADS, asked in the proxy's name."""

from __future__ import annotations

from typing import NamedTuple

from tests.live.support.wire import GrpcStream, chosen, message, number, struct_message, text

EDS = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"


class Endpoint(NamedTuple):
    host: str
    port: int


def endpoints(host: str, port: int, *, cluster: str, network: str, service: str = "echo.shop", service_port: int = 8080) -> set[Endpoint]:
    """Where a sidecar of `cluster`, whose Pod is in `network` (empty: none), would send requests to a service.

    `host` and `port` are istiod's plaintext ADS. An empty set: istiod knows no endpoint.
    """
    name = f"outbound|{service_port}||{service}.svc.cluster.local"
    stream = GrpcStream(host, port, METHOD)
    try:
        stream.send(message((2, _node(cluster, network)), (3, name), (4, EDS)))
        answer = stream.receive()
    finally:
        stream.close()
    assignments = [value for resource in chosen(answer, 2) for value in chosen(resource, 2)]
    return {endpoint for assignment in assignments if text(assignment, 1) == name for endpoint in _endpoints(assignment)}


def _node(cluster: str, network: str) -> bytes:
    namespace, address = "shop", "10.255.255.1"
    metadata = {
        "CLUSTER_ID": cluster,
        "NAMESPACE": namespace,
        "ISTIO_VERSION": "1.31.0",
        "INSTANCE_IPS": address,
        "LABELS": {"app": "observer", **({"topology.istio.io/network": network} if network else {})},
        **({"NETWORK": network} if network else {}),
    }
    return message(
        (1, f"sidecar~{address}~observer.{namespace}~{namespace}.svc.cluster.local"), (2, "observer"), (3, struct_message(metadata))
    )


def _endpoints(assignment: bytes) -> list[Endpoint]:
    found = []
    for locality in chosen(assignment, 2):
        for balanced in chosen(locality, 2):
            for address in (value for endpoint in chosen(balanced, 1) for value in chosen(endpoint, 1)):
                found += [Endpoint(text(at, 2), number(at, 3)) for at in chosen(address, 1)]
    return found
