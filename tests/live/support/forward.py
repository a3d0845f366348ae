"""Port-forward to a Pod through the API server, as a local port that any client can connect to."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import struct
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from tests.live.support.client import Client

_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10


class Tunnel:
    """One connection to a port of a Pod: WebSocket frames of the subprotocol `v4.channel.k8s.io` (channel 0 data, 1
    error).
    """

    def __init__(self, client: Client, namespace: str, pod: str, port: int) -> None:
        raw = socket.create_connection((client.host, client.port), 10)
        self.socket = client.tls.wrap_socket(raw, server_hostname=client.host)
        self.stream = self.socket.makefile("rb")
        self.lock = threading.Lock()
        request = [
            f"GET {client.prefix}/api/v1/namespaces/{namespace}/pods/{pod}/portforward?ports={port} HTTP/1.1",
            f"Host: {client.host}:{client.port}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Protocol: v4.channel.k8s.io",
            *(f"{name}: {value}" for name, value in client.headers.items()),
        ]
        self.socket.sendall(("\r\n".join(request) + "\r\n\r\n").encode())
        status = self.stream.readline().decode()
        if " 101 " not in status:
            raise ConnectionError(f"port-forward to {namespace}/{pod}:{port}: {status.strip()}")
        while self.stream.readline().strip():
            continue
        self.socket.settimeout(None)
        self.greeted: set[int] = set()

    def send(self, data: bytes) -> None:
        self._frame(_BINARY, b"\x00" + data)

    def receive(self) -> bytes:
        """The next bytes of the Pod; empty at the end."""
        while True:
            kind, payload = self._read()
            if kind == _CLOSE:
                return b""
            if kind == _PING:
                self._frame(_PONG, payload)
            if kind not in (_BINARY, _TEXT) or not payload:
                continue
            channel, data = payload[0], payload[1:]
            if channel not in self.greeted:  # each channel begins with the port's number
                self.greeted.add(channel)
            elif channel == 1:
                raise ConnectionError(data.decode(errors="replace"))
            elif data:
                return data

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._frame(_CLOSE, b"")
        # Not the TLS socket's own way: the thread that reads would be given what is left of the records as plain bytes.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
        self.socket.close()

    def _frame(self, kind: int, payload: bytes) -> None:
        size = len(payload)
        if size < 126:
            head = bytes([0x80 | kind, 0x80 | size])
        elif size < 65536:
            head = struct.pack("!BBH", 0x80 | kind, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | kind, 0x80 | 127, size)
        mask = os.urandom(4)
        repeated = mask * (size // 4 + 1)
        masked = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated[:size], "big")).to_bytes(size, "big")
        with self.lock:
            self.socket.sendall(head + mask + masked)

    def _read(self) -> tuple[int, bytes]:
        head = self._exactly(2)
        if not head:
            return _CLOSE, b""
        size = head[1] & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self._exactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._exactly(8))
        return head[0] & 0x0F, self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        try:
            data = self.stream.read(size)
        except (OSError, ValueError):
            return b""
        return data if len(data) == size else b""


class Forward:
    """A local port that leads to a port of a Pod while the `with` block lasts."""

    def __init__(self, client: Client, namespace: str, pod: str, port: int) -> None:
        self.target = (client, namespace, pod, port)
        self.tunnels: list[Tunnel] = []

    def __enter__(self) -> Self:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Only this wakes the thread that waits for the next one.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for tunnel in self.tunnels:
            tunnel.close()

    def _accept(self) -> None:
        while True:
            try:
                local, _ = self.listener.accept()
            except OSError:
                return
            try:
                tunnel = Tunnel(*self.target)
            except OSError:
                local.close()
                continue
            self.tunnels.append(tunnel)
            threading.Thread(target=_outward, args=(local, tunnel), daemon=True).start()
            threading.Thread(target=_inward, args=(local, tunnel), daemon=True).start()


def _outward(local: socket.socket, tunnel: Tunnel) -> None:
    with contextlib.suppress(OSError):
        while data := local.recv(65536):
            tunnel.send(data)
    tunnel.close()


def _inward(local: socket.socket, tunnel: Tunnel) -> None:
    with contextlib.suppress(OSError):
        while data := tunnel.receive():
            local.sendall(data)
    with contextlib.suppress(OSError):
        local.shutdown(socket.SHUT_RDWR)
    local.close()
