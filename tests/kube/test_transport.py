from __future__ import annotations

import contextlib
import gzip
import os
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from interconnect.kube import forward, probe
from interconnect.kube import transport as transport_module
from interconnect.kube.errors import KubeError, Permanent, Temporary
from interconnect.kube.guard import DenyList
from interconnect.kube.kubeconfig import Credential
from interconnect.kube.transport import Transport
from tests.kube.servers import (
    AUTHORITY,
    DENIED,
    TOKEN,
    Authority,
    Connection,
    HttpsServer,
    nothing_before,
    server_context,
)


def ask(transport: Transport, **options: Any) -> transport_module.Response:
    return transport.request("GET", "/api/v1/nodes", **options)


def refusal(transport: Transport, **options: Any) -> KubeError:
    with pytest.raises(KubeError) as caught:
        ask(transport, **options)
    return caught.value


def test_an_answer_comes_back_with_status_headers_and_body() -> None:
    with HttpsServer(lambda connection: connection.answer({"a": 1}, X_Some="thing")) as server:
        answer = ask(server.transport(), query={"limit": "5", "labelSelector": "a=b,c"})
        assert (answer.status, answer.headers["x-some"], answer.json()) == (200, "thing", {"a": 1})
        assert server.requests[0].path == "/api/v1/nodes?limit=5&labelSelector=a%3Db%2Cc"
        assert server.requests[0].header("authorization") == f"Bearer {TOKEN}"


def test_the_path_of_the_server_stands_before_every_path() -> None:
    with HttpsServer(lambda connection: connection.answer({})) as server:
        transport = server.transport(server=f"https://127.0.0.1:{server.port}/clusters/a")
        ask(transport)
        assert server.requests[0].path == "/clusters/a/api/v1/nodes"


def test_a_connection_is_kept_for_the_next_call() -> None:
    with HttpsServer(lambda connection: connection.answer({"a": "b" * 100_000})) as server:
        transport = server.transport()
        for _ in range(5):
            ask(transport)
        assert (server.connections, len(server.requests)) == (1, 5)


def test_a_connection_that_the_server_has_ended_is_replaced_without_an_error() -> None:
    def once(connection: Connection) -> None:
        connection.answer({})
        socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    with HttpsServer(once) as server:
        transport = server.transport()
        for _ in range(3):
            assert ask(transport).status == 200
            time.sleep(0.2)
        assert server.connections == 3


def test_threads_share_a_transport() -> None:
    with HttpsServer(lambda connection: connection.answer({"path": connection.path})) as server:
        transport, seen = server.transport(), []
        threads = [
            threading.Thread(target=lambda n=n: seen.append(transport.request("GET", f"/{n}").json()["path"]))
            for n in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(seen) == sorted(f"/{n}" for n in range(20))


def drip(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        connection.send(b" ")
        time.sleep(0.05)


def drip_headers(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        connection.send(b"a")
        time.sleep(0.05)


def continue_forever(connection: Connection) -> None:
    while True:
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.01)


def hang(connection: Connection) -> None:
    threading.Event().wait(30)


@pytest.mark.parametrize("handler", [drip, drip_headers, continue_forever, hang])
def test_a_server_that_takes_its_time_is_left_at_the_total_deadline(handler: Any) -> None:
    with HttpsServer(handler) as server:
        error = refusal(server.transport(deadline=0.4))
    assert isinstance(error, Temporary)
    assert error.code == "timeout"


def test_a_server_that_never_finishes_the_handshake_is_left_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        error = refusal(
            Transport(
                Credential(f"https://127.0.0.1:{port}", AUTHORITY.pem, TOKEN),
                deny=DENIED,
                before=nothing_before,
                deadline=0.3,
            )
        )
    assert (error.code, error.params["phase"]) == ("timeout", "tls")


def endless(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.send(b"x" * 65536)


def endless_chunks(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def huge_announcement(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
    endless(connection)


@pytest.mark.parametrize("handler", [endless, endless_chunks, huge_announcement])
def test_a_body_beyond_the_limit_is_given_up(handler: Any) -> None:
    with HttpsServer(handler) as server:
        error = refusal(server.transport())
    assert isinstance(error, Permanent)
    assert (error.code, error.params["limit"]) == ("too-large", 1024 * 1024)


BROKEN = {
    "a chunk without its end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nabc",
    "a chunk of no size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "a body shorter than announced": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
    "a status that is no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n",
    "an endless header": b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000,
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_answer_is_temporary(answer: bytes) -> None:
    def handler(connection: Connection) -> None:
        connection.send(answer)
        socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    with HttpsServer(handler) as server:
        error = refusal(server.transport())
    assert isinstance(error, Temporary)
    assert error.code in ("bad-body", "cut", "unreachable")


CUT = ("a chunk without its end", "a body shorter than announced")


@pytest.mark.parametrize("name", CUT)
def test_an_answer_that_ends_in_the_middle_is_cut(name: str) -> None:
    def handler(connection: Connection) -> None:
        connection.send(BROKEN[name])
        socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    with HttpsServer(handler) as server:
        error = refusal(server.transport())
    assert (type(error), error.code) == (Temporary, "cut")


NO_OBJECT = {
    "a page": b"<html>secret</html>",
    "nothing": b"",
    "a list": b"[]",
    "a number": b"12",
    "a nest": b"[" * 200_000,
    "not a number": b'{"a": NaN}',
    "infinity": b'{"a": 1e999}',
    "a huge number": b'{"a": ' + b"9" * 10_000 + b"}",
    "half a character": b'{"a": "\\ud800"}',
    "a null character": b'{"a": "x\\u0000"}',
    "a null character in a key": b'{"x\\u0000": 1}',
    "no UTF-8": b'{"a": "\xff\xfe"}',
}


@pytest.mark.parametrize("body", NO_OBJECT.values(), ids=NO_OBJECT.keys())
def test_what_is_no_storable_object_is_a_bad_body_and_is_not_quoted(body: bytes) -> None:
    with HttpsServer(lambda connection: connection.answer(body)) as server:
        answer = ask(server.transport())
        with pytest.raises(Permanent) as caught:
            answer.json()
    assert (caught.value.code, caught.value.evidence) == ("web-page" if body.startswith(b"<") else "bad-body", "")


def test_a_whole_surrogate_pair_and_an_escaped_backslash_are_text() -> None:
    with HttpsServer(lambda connection: connection.answer(b'{"a": "\\ud83d\\ude00", "b": "\\\\u0000"}')) as server:
        assert ask(server.transport()).json() == {"a": "😀", "b": "\\u0000"}


def test_a_compressed_body_is_never_unpacked() -> None:
    with HttpsServer(
        lambda connection: connection.answer(gzip.compress(b"{}" * 10), Content_Encoding="gzip")
    ) as server:
        assert ask(server.transport()).body.startswith(b"\x1f\x8b")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with HttpsServer(lambda connection: connection.answer({"stolen": connection.header("authorization")})) as thief:
        target = f"https://localhost:{thief.port}/"
        with HttpsServer(lambda connection: connection.answer({}, status, Location=target)) as server:
            assert ask(server.transport()).status == status
        assert thief.requests == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_nothing_is_asked_again_by_itself(status: int) -> None:
    with HttpsServer(lambda connection: connection.answer({}, status, Retry_After="1000000000")) as server:
        assert ask(server.transport()).status == status
        assert len(server.requests) == 1


def test_proxies_of_the_environment_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpsServer(lambda connection: connection.answer({})) as server, HttpsServer(hang, tls=False) as proxy:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert ask(server.transport()).status == 200
        assert proxy.connections == 0


def test_the_servers_name_can_be_another_than_its_address() -> None:
    answer = lambda connection: connection.answer({})  # noqa: E731
    with HttpsServer(answer, server_context((x509.DNSName("api.example"),))) as server:
        assert ask(server.transport(tls_server_name="api.example")).status == 200


def test_without_an_own_authority_the_systems_decide() -> None:
    with HttpsServer(hang) as server:
        assert refusal(server.transport(ca_pem="")).code == "tls-untrusted"


def test_an_insecure_credential_takes_any_certificate() -> None:
    answer = lambda connection: connection.answer({})  # noqa: E731
    with HttpsServer(answer, server_context(authority=Authority("somebody else"))) as server:
        assert ask(server.transport(ca_pem="", insecure=True)).status == 200


def test_a_port_that_nobody_listens_on_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = refusal(
        Transport(Credential(f"https://127.0.0.1:{port}", AUTHORITY.pem, TOKEN), deny=DENIED, before=nothing_before)
    )
    assert isinstance(error, Temporary)
    assert (error.code, error.evidence) == ("unreachable", os.strerror(111))


def test_a_name_that_does_not_exist_is_unreachable() -> None:
    error = refusal(
        Transport(
            Credential("https://no-such-host.invalid", AUTHORITY.pem, TOKEN),
            deny=DENIED,
            before=nothing_before,
            deadline=5,
        )
    )
    assert isinstance(error, Temporary)
    assert error.code in ("unreachable", "timeout")


def test_an_address_on_the_deny_list_is_never_connected_to() -> None:
    with HttpsServer(hang) as server:
        transport = Transport(server.credential(), deny=DenyList(["127.0.0.0/8"]), before=nothing_before)
        assert refusal(transport).code == "address-denied"
        assert server.connections == 0


def test_a_name_that_leads_to_a_denied_address_is_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpsServer(hang) as server:
        transport = Transport(
            server.credential(server=f"https://localhost:{server.port}"),
            deny=DenyList(["127.0.0.0/8", "::1"]),
            before=nothing_before,
        )
        assert refusal(transport).code == "address-denied"
        assert server.connections == 0


def test_a_client_certificate_is_presented_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    context = server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=AUTHORITY.pem)
    certificate, key = AUTHORITY.issue()
    with HttpsServer(lambda connection: connection.answer({}), context) as server:
        transport = server.transport(token="", client_cert_pem=certificate, client_key_pem=key)
        assert ask(transport).status == 200
        assert server.requests[0].header("authorization") == ""
    assert list(tmp_path.iterdir()) == []


def test_the_product_can_forbid_calls_where_it_stands() -> None:
    def forbid() -> None:
        raise RuntimeError("inside a transaction")

    with HttpsServer(hang) as server:
        with pytest.raises(RuntimeError, match="inside a transaction"):
            ask(server.transport(before=forbid))
        with pytest.raises(RuntimeError, match="inside a transaction"):
            forward.get(server.api(before=forbid), "n", "p", 1, "/")
        with pytest.raises(RuntimeError, match="inside a transaction"):
            forward.get_url(f"http://127.0.0.1:{server.port}", "/", deny=DENIED, before=forbid)
        with pytest.raises(RuntimeError, match="inside a transaction"):
            probe.probe("127.0.0.1", server.port, deny=DENIED, before=forbid)
        assert server.connections == 0


def test_a_stream_gives_pieces_as_they_come_and_ends_with_the_deadline() -> None:
    def speak(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.send(b"3\r\none\r\n")
        threading.Event().wait(10)

    with HttpsServer(speak) as server, server.transport().stream("/", query={}, deadline=2) as (answer, chunks):
        assert answer.status == 200
        assert next(chunks) == b"one"
        with pytest.raises(Temporary, match="timeout"):
            next(chunks)


def test_an_error_of_the_reader_of_a_stream_is_its_own() -> None:
    def speak(connection: Connection) -> None:
        connection.answer({})

    with (
        HttpsServer(speak) as server,
        contextlib.suppress(ZeroDivisionError),
        server.transport().stream("/", query={}, deadline=1),
    ):
        raise ZeroDivisionError


def test_a_forked_child_has_deadlines_of_its_own() -> None:
    with HttpsServer(hang) as server:
        refusal(server.transport(deadline=0.2))
        child = os.fork()
        if child == 0:
            code = "none"
            with contextlib.suppress(KubeError):
                try:
                    ask(server.transport(deadline=0.2))
                except KubeError as error:
                    code = error.code
            os._exit(0 if code == "timeout" else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
