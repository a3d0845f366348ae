from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import Any

import pytest
from cryptography import x509

from interconnect.kube import kinds, probe
from interconnect.kube.guard import DenyList
from interconnect.kube.probe import DeploymentStatus, Path, ProbeResult, Reason
from tests.kube.servers import (
    AUTHORITY,
    DENIED,
    Authority,
    HttpsServer,
    listing,
    nothing_before,
    objects,
    server_context,
)

IDENTITY = "spiffe://cluster.local/ns/shop/sa/default"
KNOWN = probe.sni("echo.shop.svc.cluster.local", 8080)


class Gateway:
    """As an east-west gateway: shows a backend's certificate to who asks for a known service with Istio's ALPN, and
    resets the rest.
    """

    def __init__(self, authority: Authority = AUTHORITY) -> None:
        self.context = server_context((x509.UniformResourceIdentifier(IDENTITY),), authority)
        self.context.set_alpn_protocols(["istio"])
        self.asked: list[str | None] = []
        self.context.sni_callback = self._route  # type: ignore[assignment]
        self.server = HttpsServer(lambda connection: None, self.context)

    def _route(self, _sock: Any, name: str | None, _context: Any) -> int | None:
        self.asked.append(name)
        return None if name == KNOWN else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    def probe(self, name: str = KNOWN, **options: Any) -> ProbeResult:
        with self.server:
            return look(self.server.port, server_name=name, **options)


def look(port: int, **options: Any) -> ProbeResult:
    settings = {"deny": DENIED, "before": nothing_before, "root_pem": AUTHORITY.pem, "deadline": 5.0} | options
    return probe.probe("127.0.0.1", port, **settings)


def test_the_server_name_is_what_gateways_route_by() -> None:
    assert KNOWN == "outbound_.8080_._.echo.shop.svc.cluster.local"


def test_a_known_service_is_served_with_its_identity_and_without_a_client_certificate() -> None:
    gateway = Gateway()
    assert gateway.probe() == ProbeResult(Path.SERVED, IDENTITY)
    assert gateway.asked == [KNOWN]


def test_a_backend_of_another_root_is_untrusted() -> None:
    result = Gateway(Authority("another mesh")).probe()
    assert (result.path, result.spiffe, result.ok) == (Path.UNTRUSTED, "", False)


def test_roots_that_are_none_make_nothing_trusted() -> None:
    assert Gateway().probe(root_pem="no certificate").path is Path.UNTRUSTED
    assert Gateway().probe(root_pem="").path is Path.UNTRUSTED


def test_a_service_that_the_gateway_does_not_know_is_refused() -> None:
    def reset(sock: socket.socket) -> None:
        sock.recv(100)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    assert answered(reset).path is Path.REFUSED


def answered(act: Any, **options: Any) -> ProbeResult:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            # Where nothing may be asked nobody comes, and the listener is closed under it.
            with contextlib.suppress(OSError):
                sock, _ = listener.accept()
                with sock:
                    act(sock)

        threading.Thread(target=serve, daemon=True).start()
        return look(listener.getsockname()[1], **({"server_name": KNOWN} | options))


def test_an_end_without_a_word_is_refused() -> None:
    assert answered(lambda sock: sock.recv(100)).path in (Path.REFUSED, Path.NOT_TLS)


def test_something_else_than_a_gateway_is_not_tls() -> None:
    assert (
        answered(lambda sock: (sock.recv(10_000), sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))).path
        is Path.NOT_TLS
    )


def test_a_gateway_that_says_nothing_is_a_time_out() -> None:
    assert answered(lambda sock: threading.Event().wait(5), deadline=0.3).path is Path.TIMEOUT


def test_a_gateway_that_drips_is_a_time_out() -> None:
    def drip(sock: socket.socket) -> None:
        while True:
            sock.sendall(b"\x16")
            threading.Event().wait(0.05)

    assert answered(drip, deadline=0.3).path in (Path.TIMEOUT, Path.NOT_TLS)


def test_without_a_service_only_the_connection_is_tried() -> None:
    assert answered(lambda sock: None, server_name="") == ProbeResult(Path.CONNECTED)


def test_a_closed_port_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert look(port, server_name=KNOWN).path is Path.UNREACHABLE


def test_a_denied_address_is_not_connected_to() -> None:
    assert probe.probe("169.254.169.254", 80, deny=DENIED, before=nothing_before).path is Path.DENIED


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_probe_of_loopback_is_denied_like_any_other(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert (
            probe.probe(host, port, deny=DenyList(["127.0.0.0/8", "::1/128"]), before=nothing_before).path
            is Path.DENIED
        )


def test_a_name_that_does_not_exist_is_unreachable() -> None:
    assert probe.probe("no-such-host.invalid", 15443, deny=DENIED, before=nothing_before, deadline=5).path in (
        Path.UNREACHABLE,
        Path.TIMEOUT,
    )


def deployment(generation: int = 1, conditions: Any = None, **status: Any) -> dict[str, Any]:
    full = {
        "observedGeneration": 1,
        "replicas": 2,
        "updatedReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
    } | status
    return {
        "metadata": {"generation": generation},
        "spec": {"replicas": 2},
        "status": full | {"conditions": conditions},
    }


def test_a_deployment_is_settled_when_all_replicas_are_new_and_available() -> None:
    assert probe.deployment_status(deployment()) == DeploymentStatus(2, 2, 2, 2, True)


@pytest.mark.parametrize(
    "found",
    [
        deployment(generation=2),
        deployment(replicas=3),
        deployment(updatedReplicas=1),
        deployment(availableReplicas=1),
        deployment(observedGeneration="1"),
        {"spec": {"replicas": 1}, "metadata": {"generation": 1}},
        {"spec": {}, "metadata": {"generation": 1}, "status": {}},
    ],
)
def test_a_deployment_is_not_settled_before(found: dict[str, Any]) -> None:
    assert not probe.deployment_status(found).settled


@pytest.mark.parametrize(
    ("found", "rolling"),
    [
        (deployment(), False),
        (deployment(generation=2), True),
        (deployment(updatedReplicas=1), True),
        (deployment(replicas=3), True),
        (deployment(availableReplicas=0), False),
        (deployment(conditions=[{"type": "Progressing", "status": "False", "reason": "x"}], updatedReplicas=1), False),
    ],
)
def test_a_deployment_is_rolling_only_while_newer_pods_replace_others(found: dict[str, Any], rolling: bool) -> None:
    assert probe.deployment_status(found).rolling is rolling


def test_why_a_deployment_fails_is_read_unless_the_spec_is_newer() -> None:
    conditions = [
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "has timed out"}
    ]
    found = probe.deployment_status(deployment(conditions=conditions, updatedReplicas=1))
    assert (found.failure, found.message) == ("ProgressDeadlineExceeded", "has timed out")
    assert probe.deployment_status(deployment(generation=2, conditions=conditions)).failure == ""
    quota = [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}]
    assert probe.deployment_status(deployment(conditions=quota)).failure == "FailedCreate"


@pytest.mark.parametrize("value", [None, [], "x", 5, [None], [{"ip": 5}], [{"ports": []}]])
def test_a_load_balancer_of_any_shape_has_no_address(value: Any) -> None:
    assert probe.service_addresses({"status": {"loadBalancer": {"ingress": value}}}) == ()
    assert probe.service_addresses({"status": {"loadBalancer": value}}) == ()
    assert probe.service_addresses({"status": value}) == ()
    assert isinstance(probe.deployment_status({"spec": value, "status": value, "metadata": value}), DeploymentStatus)


def test_addresses_and_names_of_a_load_balancer_are_read_in_its_order() -> None:
    ingress = [{"hostname": "gw.example.org"}, {"ip": "203.0.113.7"}, {"ip": "203.0.113.7"}]
    assert probe.service_addresses({"status": {"loadBalancer": {"ingress": ingress}}}) == (
        "gw.example.org",
        "203.0.113.7",
    )


def test_reasons_are_the_events_of_that_object_newest_first() -> None:
    def event(reason: str, when: str, **rest: Any) -> dict[str, Any]:
        return {
            "metadata": {"name": reason},
            "reason": reason,
            "lastTimestamp": when,
            "message": "line\nbreak",
            "type": "Normal",
            **rest,
        }

    older, newer = event("Old", "2026-01-01T00:00:00Z"), event("New", "2026-01-02T00:00:00Z", type="Warning", count=3)
    with objects({"/api/v1/namespaces/n/events": listing(older, newer)}) as server:
        found = probe.reasons(server.api(), "n", kinds.SERVICE.kind, "gw", uid="u")
        assert found == (Reason("New", "line break", 3, True), Reason("Old", "line break", 1, False))
        asked = server.requests[0].path
    assert "involvedObject.kind%3DService%2CinvolvedObject.name%3Dgw%2CinvolvedObject.uid%3Du" in asked
