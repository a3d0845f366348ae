"""Just enough protobuf and gRPC to ask istiod one question: no generated code, no library."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from typing import Any

Field = tuple[int, int | bytes]


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def message(*fields: tuple[int, str | bytes]) -> bytes:
    """Length-delimited fields: strings, bytes and messages."""
    parts = []
    for number, value in fields:
        data = value.encode() if isinstance(value, str) else value
        parts.append(varint(number << 3 | 2) + varint(len(data)) + data)
    return b"".join(parts)


def struct_message(content: dict[str, Any]) -> bytes:
    """google.protobuf.Struct, of strings and of mappings of such."""
    entries = []
    for key, value in content.items():
        inner = message((5, struct_message(value))) if isinstance(value, dict) else message((3, str(value)))
        entries.append((1, message((1, key), (2, inner))))
    return message(*entries)


def fields(data: bytes) -> Iterator[Field]:
    """The fields of a message: numbers as int, everything with a length as bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint_at(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint_at(data, at)
            yield tag >> 3, value
        elif kind == 2:
            size, at = _varint_at(data, at)
            yield tag >> 3, data[at : at + size]
            at += size
        else:
            at += 8 if kind == 1 else 4


def chosen(data: bytes, number: int) -> list[bytes]:
    return [value for found, value in fields(data) if found == number and isinstance(value, bytes)]


def text(data: bytes, number: int) -> str:
    return next(iter(chosen(data, number)), b"").decode()


def number(data: bytes, wanted: int) -> int:
    return next((value for found, value in fields(data) if found == wanted and isinstance(value, int)), 0)


def _varint_at(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


class GrpcStream:
    """One bidirectional gRPC call over HTTP/2 without TLS.

    Headers are sent as literals and those of the answer are not decoded: what counts is whether messages come.
    """

    _DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8

    def __init__(self, host: str, port: int, method: str, seconds: float = 15) -> None:
        self.socket = socket.create_connection((host, port), seconds)
        self.stream = self.socket.makefile("rb")
        self.buffer = b""
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self._frame(self._SETTINGS, 0, 0, struct.pack("!HI", 4, 2**30))
        self._frame(self._WINDOW, 0, 0, struct.pack("!I", 2**30))
        headers = {
            ":method": "POST",
            ":scheme": "http",
            ":path": method,
            ":authority": f"{host}:{port}",
            "content-type": "application/grpc",
            "te": "trailers",
        }
        self._frame(
            self._HEADERS,
            4,
            1,
            b"".join(b"\x00" + self._string(name) + self._string(value) for name, value in headers.items()),
        )

    def send(self, data: bytes) -> None:
        self._frame(self._DATA, 0, 1, b"\x00" + struct.pack("!I", len(data)) + data)

    def receive(self) -> bytes:
        """The next message. `ConnectionError` when the call has ended, `TimeoutError` when nothing comes."""
        while True:
            if len(self.buffer) >= 5 and len(self.buffer) >= 5 + (size := struct.unpack("!I", self.buffer[1:5])[0]):
                data, self.buffer = self.buffer[5 : 5 + size], self.buffer[5 + size :]
                return data
            self._next_frame()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            # Whoever is reading holds the stream until then. Not the TLS socket's own way, which would give them
            # records as plain bytes.
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
        self.stream.close()
        self.socket.close()

    def _next_frame(self) -> None:
        head = self.stream.read(9)
        if len(head) < 9:
            raise ConnectionError("the gRPC connection was closed")
        size, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        payload = self.stream.read(size)
        if kind == self._DATA:
            self.buffer += payload
        elif kind == self._SETTINGS and not flags & 1:
            self._frame(self._SETTINGS, 1, 0, b"")
        elif kind == self._PING and not flags & 1:
            self._frame(self._PING, 1, 0, payload)
        elif kind in (self._RESET, self._GOAWAY) or (kind == self._HEADERS and flags & 1):
            raise ConnectionError("the gRPC call was ended by the server")

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self.socket.sendall(
            len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack("!I", stream) + payload
        )

    @staticmethod
    def _string(value: str) -> bytes:
        data = value.encode()
        assert len(data) < 127, "a longer one needs a prefixed integer"
        return bytes([len(data)]) + data
