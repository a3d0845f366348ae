"""Port-forward to an istiod Pod, over the WebSocket protocol `v4.channel.k8s.io`.

It carries HTTP/1.1, and the connection stays open after an answer. Each forwarded port has a data channel (0, 2, …) and
an error channel (1, 3, …); each channel begins with the port number, two bytes, little-endian.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import TYPE_CHECKING

from simulator import errors
from simulator.api import Request, route
from simulator.istiod import PODS, Istiod

if TYPE_CHECKING:
    import asyncio

    from simulator.host import Host
    from simulator.member import Member

PROTOCOL = "v4.channel.k8s.io"
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_OPEN_PORTS = (8080, 15010, 15012, 15014, 15017)
_BINARY, _CLOSE, _PING, _PONG = 2, 8, 9, 10
_LIMIT = 1 << 20


async def forward(
    fleet: Host, member: Member, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Serve the WebSocket until it closes. Raise ApiError before it is opened, ConnectionError after."""
    at = route(request.path)
    member.api.authorize(request, at, "create")  # what Kubernetes 1.35 and later require, whatever the method
    pod = member.cluster.get(PODS, at.namespace, at.name)
    if pod.get("status", {}).get("phase") != "Running":
        raise errors.bad_request(
            f"unable to forward port because pod is not running. Current status={pod['status'].get('phase')}"
        )
    ports = [int(port) for part in request.query.get("ports", "").split(",") if (port := part.strip()).isdigit()]
    protocols = [item.strip() for item in request.headers.get("sec-websocket-protocol", "").split(",")]
    if request.headers.get("upgrade", "").lower() != "websocket" or PROTOCOL not in protocols or not ports:
        raise errors.bad_request("Upgrade request required")
    key = _accept(request.headers.get("sec-websocket-key", ""))
    head = (
        f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        f"{key}\r\nSec-WebSocket-Protocol: {PROTOCOL}\r\n\r\n"
    )
    writer.write(f"HTTP/1.1 101 Switching Protocols\r\n{head}".encode())
    istiod = next(
        (found for mesh in fleet.meshes if mesh.hub == member.name and (found := mesh.istiod_of(at.name))), None
    )
    await _Session(istiod, at.name, ports, reader, writer).run()
    raise ConnectionAbortedError


def _accept(key: str) -> str:
    """Return the accept key that RFC 6455 requires. SHA-1 protects no secret there."""
    return base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode(), usedforsecurity=False).digest()).decode()


class _Session:
    def __init__(
        self,
        istiod: Istiod | None,
        pod: str,
        ports: list[int],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.istiod, self.pod, self.ports, self.reader, self.writer = istiod, pod, ports, reader, writer
        self.received = dict.fromkeys(range(len(ports)), b"")

    async def run(self) -> None:
        for index, port in enumerate(self.ports):
            for channel in (2 * index, 2 * index + 1):
                self._send(channel, struct.pack("<H", port))
            if self.istiod is None or port not in _OPEN_PORTS:
                text = f"error forwarding port {port} to pod {self.pod}: connect: connection refused"
                self._send(2 * index + 1, text.encode())
        await self.writer.drain()
        while (frame := await self._frame()) is not None:
            channel, data = frame
            if channel % 2 == 0 and channel // 2 in self.received:
                self._feed(channel // 2, data)
                await self.writer.drain()

    def _feed(self, index: int, data: bytes) -> None:
        self.received[index] += data
        if len(self.received[index]) > _LIMIT:
            raise ConnectionAbortedError
        while b"\r\n\r\n" in self.received[index]:
            head, _, self.received[index] = self.received[index].partition(b"\r\n\r\n")
            self._answer(index, head.split(b"\r\n")[0].decode("latin-1").split(" "))

    def _answer(self, index: int, line: list[str]) -> None:
        port = self.ports[index]
        if self.istiod is None or port not in (8080, 15014) or len(line) != 3:
            return
        status, content_type, body = self.istiod.page(port, line[1])
        phrase = {200: "OK", 400: "Bad Request", 404: "Not Found"}[status]
        head = f"HTTP/1.1 {status} {phrase}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        answer = head.encode() + body
        for start in range(0, len(answer), 32 * 1024):
            self._send(2 * index, answer[start : start + 32 * 1024])

    def _send(self, channel: int, data: bytes, opcode: int = _BINARY) -> None:
        payload = bytes([channel]) + data if opcode == _BINARY else data
        size = len(payload)
        length = (
            bytes([size])
            if size < 126
            else struct.pack(">BH", 126, size)
            if size < 1 << 16
            else struct.pack(">BQ", 127, size)
        )
        self.writer.write(bytes([0x80 | opcode]) + length + payload)

    async def _frame(self) -> tuple[int, bytes] | None:
        """Return the next frame's channel and data; None if the client closes."""
        while True:
            first, second = await self.reader.readexactly(2)
            size = second & 0x7F
            if size == 126:
                size = struct.unpack(">H", await self.reader.readexactly(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", await self.reader.readexactly(8))[0]
            if size > _LIMIT:
                raise ConnectionAbortedError
            mask = await self.reader.readexactly(4) if second & 0x80 else bytes(4)
            data = bytes(byte ^ mask[position % 4] for position, byte in enumerate(await self.reader.readexactly(size)))
            opcode = first & 0x0F
            if opcode == _CLOSE:
                self._send(0, data, _CLOSE)
                return None
            if opcode == _PING:
                self._send(0, data, _PONG)
            elif opcode in (0, _BINARY) and data:
                return data[0], data[1:]
