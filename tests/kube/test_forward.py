from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from typing import Any

import pytest

from interconnect.kube import forward
from interconnect.kube.errors import KubeError, Permanent, Temporary
from interconnect.kube.guard import DenyList
from tests.kube.servers import DENIED, TOKEN, Connection, HttpsServer, nothing_before, some

PORT = 15014


def frame(content: bytes, code: int = 2, final: bool = True) -> bytes:
    length = bytes([len(content)]) if len(content) < 126 else b"\x7e" + len(content).to_bytes(2, "big")
    return bytes([code | (0x80 if final else 0)]) + length + content


def data(content: bytes) -> bytes:
    return frame(b"\x00" + content)


def failed(content: bytes) -> bytes:
    return frame(b"\x01" + content)


OPENED = data(PORT.to_bytes(2, "little")) + failed(PORT.to_bytes(2, "little"))


def upgrade(connection: Connection, accept: str = "", protocol: str = "v4.channel.k8s.io") -> None:
    digest = hashlib.sha1(
        (connection.header("sec-websocket-key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()
    ).digest()
    connection.send(
        f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
        f"{accept or base64.b64encode(digest).decode()}\r\n"
        f"Sec-WebSocket-Protocol: {protocol}\r\n\r\n".encode()
    )


def received(connection: Connection, size: int) -> bytes:
    found = b""
    while len(found) < size:
        found += some(connection.sock, size - len(found))
    return found


def unmasked(connection: Connection) -> tuple[int, bytes]:
    first, second = received(connection, 2)
    length = second & 0x7F
    if length == 126:
        length = int.from_bytes(received(connection, 2), "big")
    elif length == 127:
        length = int.from_bytes(received(connection, 8), "big")
    mask, content = received(connection, 4), received(connection, length)
    return first & 0xF, bytes(byte ^ mask[index % 4] for index, byte in enumerate(content))


def pod(*frames: bytes) -> HttpsServer:
    """An API server whose Pod sends these frames after the request, and then keeps the connection open."""

    def handler(connection: Connection) -> None:
        upgrade(connection)
        connection.send(OPENED)
        unmasked(connection)
        connection.send(b"".join(frames))
        threading.Event().wait(20)

    return HttpsServer(handler)


def get(server: HttpsServer, path: str = "/debug/networkz", deadline: float = 5, **options: Any) -> bytes:
    return forward.get(server.api(**options), "istio-system", "istiod-1", PORT, path, deadline=deadline)


def refused(server: HttpsServer, **options: Any) -> KubeError:
    with pytest.raises(KubeError) as caught:
        get(server, **options)
    return caught.value


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull"


@pytest.mark.parametrize(
    "frames",
    [
        [data(ANSWER)],
        [data(ANSWER[:10]), data(ANSWER[10:])],
        [data(bytes([byte])) for byte in ANSWER],
        [
            frame(b"\x00" + ANSWER[:5], final=False),
            frame(ANSWER[5:20], code=0, final=False),
            frame(ANSWER[20:], code=0),
        ],
        [frame(b"are you there", code=9), data(ANSWER)],
        [frame(b"\x00" + ANSWER[:5], final=False), frame(b"ping", code=9), frame(ANSWER[5:], code=0)],
        [data(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nnu\r\n2\r\nll\r\n0\r\n\r\n")],
        [data(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nnull"), frame(b"\x03\xe8", code=8)],
        [failed(b""), data(ANSWER)],
        [frame(b""), frame(b"text", code=1), data(ANSWER)],
    ],
)
def test_the_answer_is_read_to_its_end_although_the_connection_stays_open(frames: list[bytes]) -> None:
    with pod(*frames) as server:
        assert get(server) == b"null"


def test_what_is_asked_is_what_the_pod_hears() -> None:
    heard: list[bytes] = []

    def handler(connection: Connection) -> None:
        upgrade(connection)
        connection.send(OPENED)
        heard.append(unmasked(connection)[1])
        connection.send(data(ANSWER))

    with HttpsServer(handler) as server:
        get(server, "/debug/edsz?proxyID=a.b")
        request = server.requests[0]
    assert request.path == "/api/v1/namespaces/istio-system/pods/istiod-1/portforward?ports=15014"
    assert request.header("authorization") == f"Bearer {TOKEN}"
    assert heard[0].startswith(b"\x00GET /debug/edsz?proxyID=a.b HTTP/1.1\r\nHost: localhost\r\n")


@pytest.mark.parametrize("size", [1, 125, 126, 70_000, 1_500_000])
def test_a_stream_carries_bytes_both_ways(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)

    def echo(connection: Connection) -> None:
        upgrade(connection)
        connection.send(OPENED)
        while True:
            _, message = unmasked(connection)
            for start in range(1, len(message), 60_000):
                connection.send(data(message[start : start + 60_000]))

    with HttpsServer(echo) as server, forward.open_forward(server.api(), "n", "p", 15010, deadline=10) as stream:
        stream.sendall(content[:size])
        back = b""
        while len(back) < size:
            back += stream.recv(65536)
        assert back == content[:size]


def test_a_refused_upgrade_is_the_api_servers_error() -> None:
    answer = lambda connection: connection.status(403, "Forbidden", f'cannot get "pods/portforward" {TOKEN}')  # noqa: E731
    with HttpsServer(answer) as server:
        error = refused(server)
    assert isinstance(error, Permanent)
    assert (error.code, error.params["resource"], error.params["name"]) == ("forbidden", "pods/portforward", "istiod-1")
    assert TOKEN not in error.evidence


def test_what_the_pod_refuses_is_temporary_with_the_reason() -> None:
    with pod(failed(b"error forwarding port 15014: connection refused")) as server:
        error = refused(server)
    assert isinstance(error, Temporary)
    assert (error.code, "connection refused" in error.evidence) == ("unreachable", True)


def speaking(*pieces: bytes, upgraded: bool = True) -> Callable[[Connection], None]:
    def handler(connection: Connection) -> None:
        if upgraded:
            upgrade(connection)
            unmasked(connection)
        for piece in pieces:
            connection.send(piece)
        connection.sock.close()

    return handler


LIES: dict[str, tuple[Callable[[Connection], None], tuple[str, ...]]] = {
    "another key": (lambda connection: upgrade(connection, accept="x"), ("bad-body",)),
    "another protocol": (lambda connection: upgrade(connection, protocol="v5.channel.k8s.io"), ("bad-body",)),
    "no HTTP": (speaking(b"hello\r\n\r\n", upgraded=False), ("bad-body",)),
    "a status that is no number": (speaking(b"HTTP/1.1 \xb200 OK\r\n\r\n", upgraded=False), ("bad-body",)),
    "an endless head": (speaking(b"A" * 1_000_000, upgraded=False), ("too-large",)),
    "200 instead of 101": (
        speaking(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", upgraded=False),
        ("bad-body", "server-error"),
    ),
    "an endless frame": (speaking(b"\x82\x7f" + (2**62).to_bytes(8, "big")), ("bad-body",)),
    "a masked frame": (speaking(b"\x82\x81abcd1"), ("bad-body",)),
    "a reserved bit": (speaking(b"\xc2\x01a"), ("bad-body",)),
    "fragments without end": (
        speaking(*[frame(b"\x00" * 60_000, final=False), *[frame(b"x" * 60_000, code=0, final=False)] * 40]),
        ("bad-body",),
    ),
    "a fragment that starts anew": (speaking(frame(b"\x00a", final=False), frame(b"b")), ("bad-body",)),
    "an end at once": (speaking(), ("unreachable",)),
    "an end within a frame": (speaking(b"\x82\x05ab"), ("unreachable",)),
    "no HTTP in the stream": (speaking(OPENED, data(b"SSH-2.0\r\n")), ("bad-body", "unreachable")),
    "half an answer": (speaking(OPENED, data(ANSWER[:-2]), frame(b"", code=8)), ("bad-body",)),
    "half a chunk": (
        speaking(OPENED, data(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nab"), frame(b"", code=8)),
        ("bad-body",),
    ),
    "a length that is none": (
        speaking(OPENED, data(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nx"), frame(b"", code=8)),
        ("bad-body", ""),
    ),
}


@pytest.mark.parametrize(("handler", "codes"), LIES.values(), ids=LIES.keys())
def test_a_forward_that_lies_is_an_error_of_the_cluster(
    handler: Callable[[Connection], None], codes: tuple[str, ...]
) -> None:
    with HttpsServer(handler) as server:
        try:
            get(server)
        except KubeError as error:
            assert error.code in codes
        else:
            assert "" in codes


def test_a_pod_that_hangs_is_left_at_the_deadline() -> None:
    with pod() as server:
        assert refused(server, deadline=0.5).code == "timeout"


def test_a_body_beyond_the_limit_is_given_up() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n"
    with pod(data(head), *[data(b"x" * 60_000)] * 9) as server:
        assert refused(server, limit=100_000).code == "too-large"


@pytest.mark.parametrize(
    ("status", "code"), [(401, "unauthorized"), (403, "forbidden"), (404, "not-served"), (500, "server-error")]
)
def test_an_answer_of_istiod_that_is_no_success_is_not_quoted(status: int, code: str) -> None:
    with pod(data(f"HTTP/1.1 {status} X\r\nContent-Length: 6\r\n\r\nsecret".encode())) as server:
        error = refused(server)
    assert (error.code, error.params["path"], error.evidence) == (code, "/debug/networkz", "")


def test_istiod_can_be_asked_directly() -> None:
    with HttpsServer(lambda connection: connection.answer([]), tls=False) as server:
        body = forward.get_url(
            f"http://127.0.0.1:{server.port}/base/", "/debug/networkz", deny=DENIED, before=nothing_before, deadline=5
        )
        assert body == b"[]"
        assert server.requests[0].path == "/base/debug/networkz"
        assert server.requests[0].header("authorization") == ""


def test_the_direct_way_keeps_to_the_deny_list_and_to_trusted_certificates() -> None:
    with HttpsServer(lambda connection: connection.answer([])) as server:
        with pytest.raises(Permanent, match="address-denied"):
            forward.get_url(
                f"http://127.0.0.1:{server.port}", "/", deny=DenyList(["127.0.0.1"]), before=nothing_before, deadline=2
            )
        with pytest.raises(KubeError):
            forward.get_url(f"https://127.0.0.1:{server.port}", "/", deny=DENIED, before=nothing_before, deadline=5)
        assert server.requests == []
