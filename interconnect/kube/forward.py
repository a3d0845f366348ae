"""A port of a Pod through the API server, over a socket of our transport, and plain HTTP GET over such a stream.

The subprotocol is `v4.channel.k8s.io` of `pods/portforward`: binary WebSocket messages whose first byte is a channel,
0 for data and 1 for errors; the first message of each channel holds the port. Sources: RFC 6455 and the Kubernetes
API server, `k8s.io/kubelet/pkg/cri/streaming/portforward`.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import ssl
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from interconnect.kube import kinds
from interconnect.kube.errors import Call, KubeError, Permanent, Temporary, from_response, redact
from interconnect.kube.guard import Deadline, DenyList, open_socket
from interconnect.kube.patience import patiently
from interconnect.kube.redaction import Redactor

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from interconnect.kube.api import Api
    from interconnect.kube.guard import Before

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
_CONTINUATION, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x2, 0x8, 0x9, 0xA
_FRAME_LIMIT = 1024 * 1024
_HEAD_LIMIT = 64 * 1024
FORWARD_DEADLINE = 20.0
T = TypeVar("T")


class Stream(Protocol):
    def recv(self, size: int) -> bytes: ...
    def sendall(self, data: bytes) -> None: ...


class ForwardedStream:
    """A duplex byte stream to one port of a Pod. `recv` returns b"" at the end; errors are KubeErrors."""

    def __init__(
        self, sock: ssl.SSLSocket, deadline: Deadline, call: Call, rest: bytes = b"", redactor: Redactor | None = None
    ) -> None:
        self._redactor = redactor or Redactor()
        self._sock, self._deadline, self._call, self._received = sock, deadline, call, bytearray(rest)
        self._data = bytearray()
        self._started: set[int] = set()
        self._ended = False
        self._message: list[bytes] = []
        self._size = 0

    def sendall(self, data: bytes) -> None:
        for start in range(0, len(data), _FRAME_LIMIT // 2):
            self._send(_BINARY, bytes([_DATA]) + data[start : start + _FRAME_LIMIT // 2])

    def recv(self, size: int) -> bytes:
        while not self._data and not self._ended:
            self._next_message()
        taken = bytes(self._data[:size])
        del self._data[:size]
        return taken

    def close(self) -> None:
        self._sock.close()

    def _next_message(self) -> None:
        final, code, content = self._frame()
        if code == _CLOSE:
            self._ended = True
        elif code == _PING:
            self._send(_PONG, content)
        elif code < _CLOSE:
            self._fragment(final, code, content)

    def _fragment(self, final: bool, code: int, content: bytes) -> None:
        """Puts the fragments of a message together; control frames may have come between them."""
        # a frame counts even when it is empty: there is no end of those either
        self._size += len(content) + 1
        if (code == _CONTINUATION) != bool(self._message) or self._size > 2 * _FRAME_LIMIT:
            raise Permanent("bad-body", phase="forward", **_named(self._call))
        self._message.append(content)
        if final:
            message, self._message, self._size = b"".join(self._message), [], 0
            if message:
                self._channel(message[0], message[1:])

    def _channel(self, channel: int, content: bytes) -> None:
        if channel not in self._started:
            self._started.add(channel)
            content = content[2:]
        if channel == _ERROR and content:
            evidence = redact(self._redactor.body(content).decode("utf-8", "replace"))
            raise Temporary("unreachable", phase="forward", evidence=evidence, **_named(self._call))
        if channel == _DATA:
            self._data += content

    def _frame(self) -> tuple[bool, int, bytes]:
        first, second = self._exactly(2)
        length = second & 0x7F
        if length >= 126:
            length = int.from_bytes(self._exactly(2 if length == 126 else 8), "big")
        if length > _FRAME_LIMIT or second & 0x80 or first & 0x70:
            raise Permanent("bad-body", phase="forward", **_named(self._call))
        return bool(first & 0x80), first & 0x0F, self._exactly(length)

    def _exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            chunk = _guarded(lambda: self._sock.recv(65536), self._deadline, self._call)
            if not chunk:
                raise _ended(self._deadline, self._call)
            self._received += chunk
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _send(self, code: int, content: bytes) -> None:
        mask = os.urandom(4)
        size = len(content)
        if size < 126:
            head = bytes([0x80 | code, 0x80 | size])
        elif size < 65536:
            head = bytes([0x80 | code, 0xFE]) + size.to_bytes(2, "big")
        else:
            head = bytes([0x80 | code, 0xFF]) + size.to_bytes(8, "big")
        pad = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(content, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")
        _guarded(lambda: self._sock.sendall(head + mask + masked), self._deadline, self._call)


@contextmanager
def open_forward(
    api: Api, namespace: str, pod: str, port: int, deadline: float = FORWARD_DEADLINE
) -> Iterator[ForwardedStream]:
    """Open a stream to `port` of a Pod, for at most `deadline` seconds in all."""
    call = Call("get", "pods/portforward", namespace, pod)
    with Deadline(deadline) as until:
        sock = api.transport.connect(until)
        try:
            yield _upgrade(api, sock, until, call, port)
        finally:
            sock.close()


def get(api: Api, namespace: str, pod: str, port: int, path: str, deadline: float = FORWARD_DEADLINE) -> bytes:
    """Return the body of an HTTP GET to a Pod's port. Raises KubeError unless the status is 200."""

    def once(left: float) -> bytes:
        with open_forward(api, namespace, pod, port, left) as stream:
            call = Call("get", "pods/portforward", namespace, pod)
            return api.transport.redactor.body(_http_get(stream, "localhost", path, api.transport.limit, call))

    return patiently(once, deadline)


def get_url(
    url: str,
    path: str,
    *,
    deny: DenyList,
    before: Before,
    deadline: float = FORWARD_DEADLINE,
    limit: int = 32 * 1024 * 1024,
) -> bytes:
    """The body of an HTTP GET to a server of istiod's debug interface that is reached directly: `http(s)://host:port`.

    `before` is called before each try.
    """

    def once(left: float) -> bytes:
        before()
        return _get_url(url, path, deny, left, limit)

    return patiently(once, deadline)


def _get_url(url: str, path: str, deny: DenyList, deadline: float, limit: int) -> bytes:
    parts = urlsplit(url)
    host = parts.hostname or ""
    call = Call("get", "istiod", "", host)
    with Deadline(deadline) as until:
        sock = open_socket(host, parts.port or (443 if parts.scheme == "https" else 80), deny=deny, deadline=until)
        try:
            stream = _guarded(lambda: _tls(sock, host, until), until, call) if parts.scheme == "https" else sock
            return _guarded(
                lambda: _http_get(stream, parts.netloc, parts.path.rstrip("/") + path, limit, call), until, call
            )
        finally:
            sock.close()


def _tls(sock: socket.socket, host: str, deadline: Deadline) -> ssl.SSLSocket:
    tls = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
    deadline.watch(tls)
    return tls


def _upgrade(api: Api, sock: ssl.SSLSocket, deadline: Deadline, call: Call, port: int) -> ForwardedStream:
    transport = api.transport
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {transport.prefix}{kinds.POD.path(call.namespace, call.name, 'portforward')}?ports={port} HTTP/1.1",
        f"Host: {transport.authority}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        f"Sec-WebSocket-Protocol: {_PROTOCOL}",
        "User-Agent: meshconsole",
        *(f"{name}: {value}" for name, value in transport.authorization().items()),
    ]
    _guarded(lambda: sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode()), deadline, call)
    head, rest = _head(sock, deadline, call)
    status, headers = _parsed(head, call)
    if status != 101:
        body = transport.redactor.body(_rest_of_body(sock, headers, rest, deadline, call))
        raise from_response(status, headers, body, call, transport.secrets)
    expected = base64.b64encode(hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode()
    if headers.get("sec-websocket-accept") != expected or headers.get("sec-websocket-protocol") != _PROTOCOL:
        raise Permanent("bad-body", phase="forward", **_named(call))
    return ForwardedStream(sock, deadline, call, rest, transport.redactor)


def _head(sock: ssl.SSLSocket, deadline: Deadline, call: Call) -> tuple[bytes, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = _guarded(lambda: sock.recv(65536), deadline, call)
        if not chunk:
            raise _ended(deadline, call)
        received += chunk
        if len(received) > _HEAD_LIMIT * 2:
            raise Permanent("too-large", limit=_HEAD_LIMIT, **_named(call))
    head, _, rest = received.partition(b"\r\n\r\n")
    return head, rest


def _parsed(head: bytes, call: Call) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if (
        len(words) < 2
        or not words[0].startswith("HTTP/1.")
        or not (words[1].isascii() and words[1].isdigit() and len(words[1]) == 3)
    ):
        raise Temporary("bad-body", phase="forward", **_named(call))
    pairs = (line.partition(":") for line in lines)
    return int(words[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}


def _rest_of_body(sock: ssl.SSLSocket, headers: dict[str, str], body: bytes, deadline: Deadline, call: Call) -> bytes:
    said = headers.get("content-length", "")
    length = min(int(said), _HEAD_LIMIT) if said.isascii() and said.isdigit() and len(said) < 12 else 0
    while len(body) < length:
        chunk = _guarded(lambda: sock.recv(65536), deadline, call)
        if not chunk:
            break
        body += chunk
    return body


class _Raw(io.RawIOBase):
    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._stream.recv(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)


class _File:
    """What HTTPResponse wants of a socket: it reads Content-Length, chunks, or to the end, as the answer says."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Raw(self._stream))


def _http_get(stream: Stream, host: str, path: str, limit: int, call: Call) -> bytes:
    stream.sendall(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\nConnection: close\r\n\r\n".encode()
    )
    response = HTTPResponse(cast("socket.socket", _File(stream)), method="GET")
    try:
        response.begin()
        body = response.read(limit + 1)
    except (HTTPException, ValueError):
        raise Temporary("bad-body", phase="forward", **_named(call)) from None
    if len(body) > limit:
        raise Permanent("too-large", limit=limit, **_named(call))
    if response.length:
        raise Temporary("bad-body", phase="forward", **_named(call))
    if response.status != 200:
        raise _http_error(response, body, call, path)
    return body


def _http_error(response: HTTPResponse, body: bytes, call: Call, path: str) -> KubeError:
    headers = {name.lower(): value for name, value in response.getheaders()}
    error = from_response(response.status, headers, body, call)
    # istiod is no API server and says why in plain text, if at all
    error.code = "forbidden" if response.status == 403 else error.code
    error.params["path"] = path.partition("?")[0]
    return error


def _guarded(act: Callable[[], T], deadline: Deadline, call: Call) -> T:
    try:
        return act()
    except (OSError, ValueError):
        raise _ended(deadline, call) from None


def _ended(deadline: Deadline, call: Call) -> Temporary:
    return Temporary("timeout" if deadline.expired else "unreachable", phase="forward", **_named(call))


def _named(call: Call) -> dict[str, Any]:
    return {key: value for key, value in call._asdict().items() if value}
