"""The HTTPS server of a fleet: HTTP/1.1 on one port, with a path per cluster (`/clusters/NAME/…`) and `/_control/…`.

Small on purpose: it handles the requests of API clients, persistent connections, chunked watches, and the WebSockets of
port-forward.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from simulator import errors, faults
from simulator.api import Request, Response, refuse, respond
from simulator.control import control
from simulator.forward import forward
from simulator.watch import watch

if TYPE_CHECKING:
    from simulator.host import Host
    from simulator.member import Member

HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 16 * 1024 * 1024


class _Closed(Exception):
    """The connection is over, without another answer."""


class Server:
    """Serves `fleet` on 127.0.0.1. `port` is known once it has started."""

    def __init__(self, fleet: Host, context: ssl.SSLContext, port: int = 0) -> None:
        self.fleet, self.context, self.port = fleet, context, port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self.context, limit=HEAD_LIMIT, backlog=512
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._connections):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while True:
                request, closing = await _read_request(reader)
                await self._handle(request, reader, writer)
                if closing:
                    return
        except (
            _Closed,
            faults.Cut,
            ConnectionError,
            ssl.SSLError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ):
            writer.transport.abort()
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _handle(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if request.path.startswith("/_control/"):
            _send(writer, await asyncio.to_thread(control, self.fleet, request))
            return await writer.drain()
        name, _, rest = request.path.removeprefix("/clusters/").partition("/")
        member = self.fleet.members.get(name) if request.path.startswith("/clusters/") else None
        if member is None:
            _send(writer, refuse(errors.no_such_path()))
            return await writer.drain()
        request.cluster, request.path = name, f"/{rest}"
        try:
            await self._fault(member, request, reader, writer)
            member.api.authenticate(request)
            if request.watches:
                return await watch(member, request, reader, writer)
            if request.path.endswith("/portforward"):
                return await forward(self.fleet, member, request, reader, writer)
            response = await self._answer(member, request)
        except errors.ApiError as error:
            response = refuse(error)
        _send(writer, response, member.clock)
        await writer.drain()

    async def _answer(self, member: Member, request: Request) -> Response:
        if not request.writes:
            return _answered(member, request)
        n = self.fleet.count_write(member, request)
        hook = self.fleet.on_write
        if hook is not None:
            await asyncio.to_thread(hook, member.name, n, request, "before")
        response = _answered(member, request)
        if hook is not None:
            await asyncio.to_thread(hook, member.name, n, request, "after")
        return response

    async def _fault(
        self, member: Member, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        fault = member.fault
        if fault is None or not fault.meets(request.method, request.path):
            return
        if fault.count is not None:
            fault.count -= 1
        if fault.kind == "latency":
            await asyncio.sleep(fault.seconds)
        elif fault.kind == "refuse":
            raise _Closed
        elif fault.kind == "hang":
            while member.fault is fault and not reader.at_eof() and not writer.is_closing():
                await asyncio.sleep(0.02)
        elif fault.kind == "status":
            raise fault.error()
        elif fault.kind != "clock":
            await _misbehave(fault, writer)
            raise _Closed


def _answered(member: Member, request: Request) -> Response:
    try:
        return member.api.answer(request)
    except errors.ApiError as error:
        return refuse(error)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        # the value has a type that its field doesn't allow: a real server fails to decode it
        return refuse(errors.bad_request(f"the object provided is unrecognized: {type(error).__name__}: {error}"))


async def _read_request(reader: asyncio.StreamReader) -> tuple[Request, bool]:
    """Return the next request, and whether the connection ends after it."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head[:-4].decode("latin-1").split("\r\n")
    try:
        method, target, version = lines[0].split(" ")
    except ValueError:
        raise _Closed from None
    headers = {}
    for line in lines[1:]:
        key, _, value = line.partition(":")
        headers[key.strip().lower()] = value.strip()
    length = int(headers.get("content-length") or 0)
    if length > BODY_LIMIT:
        raise _Closed
    body = (
        await _read_chunked(reader)
        if headers.get("transfer-encoding", "").lower() == "chunked"
        else await reader.readexactly(length)
    )
    url = urlsplit(target)
    query = dict(parse_qsl(url.query, keep_blank_values=True)) if url.query else {}
    closing = headers.get("connection", "").lower() == "close" or version == "HTTP/1.0"
    return Request("", method, unquote(url.path), query, headers, body), closing


async def _read_chunked(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if size + len(body) > BODY_LIMIT:
            raise _Closed
        chunk = await reader.readexactly(size + 2)
        if not size:
            return body
        body += chunk[:-2]


_PHRASES = {int(status): status.phrase for status in HTTPStatus}


def _send(writer: asyncio.StreamWriter, response: Response, clock: float = 0.0) -> None:
    extra = "".join(f"{key}: {value}\r\n" for key, value in response.headers.items())
    if clock:
        import time

        extra += f"Date: {formatdate(time.time() + clock, usegmt=True)}\r\n"
    head = (
        f"HTTP/1.1 {response.status} {_PHRASES.get(response.status, '')}\r\nContent-Type: {response.content_type}\r\n"
        f"{extra}Content-Length: {len(response.body)}\r\n\r\n"
    )
    writer.write(head.encode() + response.body)


# The connection ends after this answer, and clients that keep connections open must be told.
CLOSING = {"Connection": "close"}


async def _misbehave(fault: faults.Fault, writer: asyncio.StreamWriter) -> None:
    if fault.kind == "html":
        _send(writer, Response(fault.status if fault.status != 500 else 502, faults.HTML, "text/html", CLOSING))
    elif fault.kind == "redirect":
        _send(writer, Response(302, b"", "text/plain", CLOSING | {"Location": "https://127.0.0.1:1/elsewhere"}))
    elif fault.kind == "broken":
        _send(writer, Response(200, b'{"kind":"List","items":[{"metadata":'))
    elif fault.kind == "cut":
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"kind":')
    elif fault.kind == "slow":
        await _drip(fault, writer)
    else:
        await _endless(writer)
    await writer.drain()
    # a little time for the client to read what was sent before the connection is torn down
    await asyncio.sleep(0.05)


async def _drip(fault: faults.Fault, writer: asyncio.StreamWriter) -> None:
    body = json.dumps({"kind": "List", "items": []}).encode()
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (len(body) * 1000)
    )
    for _ in range(1000):
        for byte in body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(fault.seconds)


async def _endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b'{"metadata":{"name":"%s"}},' % (b"x" * 65000)
    while not writer.is_closing():
        writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        await writer.drain()
        await asyncio.sleep(0)  # drain doesn't yield once the peer has closed, and the loop must notice that


__all__ = ["Server", "respond"]
