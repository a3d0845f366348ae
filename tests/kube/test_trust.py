"""Who is trusted, as Go's clients have it, and who refuses whose certificate."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from interconnect.kube.errors import KubeError, Permanent
from interconnect.kube.guard import DenyList
from interconnect.kube.kubeconfig import Credential
from interconnect.kube.probe import Path, probe
from interconnect.kube.transport import Transport
from tests.kube.servers import (
    AUTHORITY,
    DENIED,
    LOCAL,
    TOKEN,
    Authority,
    Connection,
    HttpsServer,
    nothing_before,
    server_context,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDED, FUTURE = (-30, -3), (3, 30)


def answer(connection: Connection) -> None:
    connection.answer({})


def outcome(server: HttpsServer, /, **fields: Any) -> str:
    """`ok`, or the code of the refusal, which is no passing one."""
    try:
        with closing(server.transport(**fields)) as transport:
            return "ok" if transport.request("GET", "/").status == 200 else "?"
    except KubeError as error:
        assert isinstance(error, Permanent), error
        return error.code


def seen(context: ssl.SSLContext, **fields: Any) -> str:
    with HttpsServer(answer, context) as server:
        return outcome(server, **fields)


def test_an_authority_is_trusted_though_it_is_no_root() -> None:
    root = Authority("root")
    issuing = Authority("issuing", issuer=root)
    context = server_context(authority=issuing)
    assert seen(context, ca_pem=issuing.pem) == "ok"
    assert seen(context, ca_pem=root.pem) == "tls-untrusted"


def test_a_gateway_is_trusted_by_an_issuing_authority_too() -> None:
    issuing = Authority("issuing", issuer=Authority("root"))
    with HttpsServer(answer, server_context(authority=issuing)) as server:
        found = probe(
            "127.0.0.1",
            server.port,
            deny=DenyList(()),
            before=nothing_before,
            server_name="localhost",
            root_pem=issuing.pem,
        )
    assert found.path is Path.SERVED


def test_of_a_bundle_any_member_may_have_signed() -> None:
    others = [Authority("test authority"), Authority("test authority", days=ENDED), Authority("other")]
    for bundle in ([*others, AUTHORITY], [AUTHORITY, *others], [others[0], AUTHORITY, AUTHORITY]):
        with HttpsServer(answer) as server:
            assert outcome(server, ca_pem="".join(authority.pem for authority in bundle)) == "ok"
    assert seen(server_context(), ca_pem="".join(authority.pem for authority in others)) == "tls-untrusted"


REFUSED = {
    "another authority": ({"authority": Authority("somebody else")}, "tls-untrusted"),
    "another name": ({"names": (x509.DNSName("other.example"),)}, "tls-name"),
    "a common name alone": ({"names": (), "common_name": "127.0.0.1"}, "tls-name"),
    "an address as a name": ({"names": (x509.DNSName("127.0.0.1"),)}, "tls-name"),
    "another address": ({"names": (x509.IPAddress(ipaddress.ip_address("127.0.0.2")),)}, "tls-name"),
    "an end that has passed": ({"days": ENDED}, "tls-ended"),
    "a beginning to come": ({"days": FUTURE}, "tls-not-yet"),
}


@pytest.mark.parametrize(("server", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_a_server_certificate_is_refused_for_its_own_reason(server: dict[str, Any], code: str) -> None:
    assert seen(server_context(**server)) == code


def test_a_common_name_counts_for_nothing_where_a_host_is_named() -> None:
    named = {"names": (), "common_name": "api.example"}
    assert seen(server_context(**named), tls_server_name="api.example") == "tls-name"
    assert seen(server_context((x509.DNSName("api.example"),)), tls_server_name="api.example") == "ok"


def test_an_ended_authority_vouches_for_nobody() -> None:
    ended = Authority("ended", days=ENDED)
    assert seen(server_context(authority=ended), ca_pem=ended.pem) == "tls-ended"


@contextmanager
def demanding(version: ssl.TLSVersion) -> Iterator[HttpsServer]:
    """A server that wants a certificate of the usual authority from its clients."""
    context = server_context()
    context.minimum_version = context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=AUTHORITY.pem)
    with HttpsServer(answer, context) as server:
        yield server


CLIENTS = {
    "none": (None, "tls-client-missing"),
    "ended": (AUTHORITY.issue(days=ENDED), "tls-client-ended"),
    "of another authority": (Authority("somebody else").issue(), "tls-client-refused"),
    "good": (AUTHORITY.issue(), "ok"),
}


@pytest.mark.parametrize(("pair", "code"), CLIENTS.values(), ids=CLIENTS.keys())
def test_a_server_that_refuses_our_certificate_is_told_as_such(pair: tuple[str, str] | None, code: str) -> None:
    fields = {"token": "", "client_cert_pem": pair[0], "client_key_pem": pair[1]} if pair else {}
    with demanding(ssl.TLSVersion.TLSv1_3) as server:
        assert {outcome(server, **fields) for _ in range(5)} == {code}
    with demanding(ssl.TLSVersion.TLSv1_2) as server:
        found = outcome(server, **fields)
    # before 1.3 there was no word of its own for a missing one
    assert found == code or (pair is None and found == "tls")


def test_an_ended_client_certificate_says_when_it_ended() -> None:
    certificate, key = AUTHORITY.issue(days=ENDED)
    with demanding(ssl.TLSVersion.TLSv1_3) as server, pytest.raises(Permanent) as caught:
        server.transport(client_cert_pem=certificate, client_key_pem=key).request("GET", "/")
    assert caught.value.params["until"].startswith(f"{datetime.now(UTC) - timedelta(days=3):%Y-%m-%d}")


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ("No required SSL certificate was sent", "tls-client-missing"),
        ("The SSL certificate error", "tls-client-refused"),
    ],
)
def test_nginx_refuses_a_certificate_in_a_page(page: str, code: str) -> None:
    body = f"<html><title>400 {page}</title></html>".encode()
    with HttpsServer(lambda connection: connection.answer(body, 400)) as server, pytest.raises(Permanent) as caught:
        server.api().version()
    assert caught.value.code == code


@pytest.mark.parametrize(
    "said", [b"HTTP/1.0 400 Bad Request\r\n\r\n", b"<html>Bad request</html>", b"SSH-2.0-OpenSSH_9.2\r\n"]
)
def test_what_does_not_speak_tls_is_told_as_such(said: bytes) -> None:
    def speak(listener: socket.socket) -> None:
        sock, _ = listener.accept()
        with sock:
            sock.recv(65536)
            sock.sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=speak, args=(listener,), daemon=True).start()
        transport = Transport(
            Credential(f"https://127.0.0.1:{listener.getsockname()[1]}", AUTHORITY.pem, TOKEN),
            deny=DENIED,
            before=nothing_before,
            deadline=5,
        )
        with pytest.raises(Permanent) as caught:
            transport.request("GET", "/")
    assert caught.value.code == "not-tls"


def test_an_ipv6_server_is_reached_at_its_address() -> None:
    context = server_context((*LOCAL, x509.IPAddress(ipaddress.ip_address("::1"))))
    with HttpsServer(answer, context, host="::1") as server:
        assert outcome(server, server=f"https://[::1]:{server.port}") == "ok"
        assert server.requests[0].header("host") == f"[::1]:{server.port}"


def test_a_dot_behind_the_hosts_name_is_no_part_of_its_certificate() -> None:
    with HttpsServer(answer) as server:
        assert outcome(server, tls_server_name="localhost.") == "ok"
