"""gunicorn's worker for the console: waitress reads requests, and only a complete request takes a thread.

gunicorn's own workers give a thread to every connection that has begun to send, and wait for it indefinitely: as many
connections as there are threads, each sending a byte now and then, bring them to a halt. Here one loop holds all
connections. A request has `keepalive` seconds from its first byte to its last. When there are too many connections, the
one that has waited longest makes room.
"""

from __future__ import annotations

import heapq
import os
import resource
import socket
import time
from typing import Any

from django.conf import settings
from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.receiver import FixedStreamReceiver
from waitress.server import BaseWSGIServer, TcpWSGIServer, UnixWSGIServer
from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import BadRequest, RequestEntityTooLarge, RequestHeaderFieldsTooLarge

LINE_BYTES = 8190
HEAD_BYTES = 16 * 1024
# A body this many times larger than the largest form isn't read to its end: the answer comes at once, in plain text.
HOPELESS = 16
# How many places are kept free for new connections.
ROOM = 100
# One for the connection itself, and one for a body larger than half a megabyte.
FILES_EACH = 2
OPEN_FILES = 4096


class LineTooLong(BadRequest):
    code, reason = 414, "URI Too Long"


class Discarded(FixedStreamReceiver):
    """A body larger than any form: read so that the client sees the answer, but not kept."""

    def received(self, data: bytes) -> int:
        taken: int = min(self.remain, len(data))
        self.remain -= taken
        self.completed = self.remain == 0
        return taken


class Parser(HTTPRequestParser):
    """waitress's own parser, with a limit for the first line, and without storing bodies that will be refused."""

    body_rcv: Any = None

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if len(self.first_line) > LINE_BYTES:
            self.body_rcv, self.error = None, LineTooLong(f"The request line is longer than {LINE_BYTES} bytes.")
        elif self.body_rcv is not None and self.content_length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            self.body_rcv = Discarded(self.content_length, self.body_rcv.getbuf())

    def received(self, data: bytes) -> int:
        taken: int = super().received(data)
        if isinstance(self.error, RequestHeaderFieldsTooLarge) and b"\n" not in self.header_plus[:LINE_BYTES]:
            self.error = LineTooLong(f"The request line is longer than {LINE_BYTES} bytes.")
        if self.chunked and self.body_bytes_received > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            self.completed, self.error = True, RequestEntityTooLarge(f"The body is larger than {limit} bytes.")
        return taken


class Channel(HTTPChannel):
    """A connection. Sending an incomplete request buys no time: `last_activity` stays at its first byte."""

    parser_class = Parser
    creation_time: float
    last_activity: float
    has_asked = False

    @property
    def waits_since(self) -> float:
        """When the wait began.

        A first byte earns nothing: in a flood, the newest connections haven't been read yet when older ones send.
        """
        return self.last_activity if self.has_asked else self.creation_time

    def handle_read(self) -> None:
        under_way, since = self.request, self.last_activity
        super().handle_read()
        if under_way is not None and self.request is under_way:
            self.last_activity = since


class MakesRoom(BaseWSGIServer):
    """A server that is never full: it closes the connection that has waited longest.

    A connection that is being answered stays.
    """

    channel_class = Channel

    def readable(self) -> bool:
        too_many = len(self._map) + ROOM - self.adj.connection_limit
        if too_many > 0:
            waiting = (channel for channel in self.active_channels.values() if not channel.requests)
            for channel in heapq.nsmallest(too_many, waiting, key=lambda channel: channel.waits_since):
                channel.will_close = True
        return bool(super().readable())

    def add_task(self, task: Channel) -> None:
        task.has_asked = True
        super().add_task(task)

    def handle_accept(self) -> None:
        """Accept all new connections, not just one per turn: a flood would keep the others waiting."""
        for _ in range(ROOM // 2):
            before = len(self.active_channels)
            super().handle_accept()
            if len(self.active_channels) == before:
                return


class TcpServer(MakesRoom, TcpWSGIServer):
    pass


class UnixServer(MakesRoom, UnixWSGIServer):
    def fix_addr(self, addr: Any) -> tuple[str, None]:
        """Return no address, as gunicorn does: waitress would say "localhost"."""
        return "", None


class BufferedWorker(Worker):
    """gunicorn's worker with waitress inside.

    gunicorn's settings `threads`, `worker_connections`, `keepalive` and `graceful_timeout` apply; the other limits are
    set in this file.
    """

    servers: tuple[BaseWSGIServer, ...] = ()

    def run(self) -> None:
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(self.cfg.threads)
        connections: dict[int, Any] = {}
        options = {"adj": self._adjustments(), "dispatcher": dispatcher, "map": connections, "bind_socket": False}
        self.servers = tuple(_server(listener.sock, self.wsgi, options) for listener in self.sockets)
        while self.alive and self.ppid == os.getppid():
            self._turn(connections)
        for server in self.servers:
            server.accepting = False
        until = time.monotonic() + self.cfg.graceful_timeout
        while any(_is_busy(server) for server in self.servers) and time.monotonic() < until:
            self._turn(connections)
        dispatcher.shutdown(timeout=1)

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        for server in self.servers:
            server.pull_trigger()

    def _turn(self, connections: dict[int, Any]) -> None:
        self.notify()
        wasyncore.loop(timeout=1, use_poll=True, map=connections, count=1)

    def _adjustments(self) -> Adjustments:
        return Adjustments(
            asyncore_use_poll=True,
            channel_timeout=self.cfg.keepalive,
            cleanup_interval=1,
            # Django decides which proxies to trust.
            clear_untrusted_proxy_headers=False,
            connection_limit=min(self.cfg.worker_connections, _open_files() // FILES_EACH),
            ident="meshconsole",
            log_socket_errors=False,
            max_request_body_size=HOPELESS * settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
            max_request_header_size=HEAD_BYTES,
        )


def _server(sock: socket.socket, application: Any, options: dict[str, Any]) -> BaseWSGIServer:
    made = UnixServer if sock.family == socket.AF_UNIX else TcpServer
    return made(application, _sock=sock, sockinfo=(sock.family, sock.type, sock.proto, None), **options)


def _open_files() -> int:
    """Return how many files this process may open, after raising the limit as far as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return max(wanted, 0)


def _is_busy(server: BaseWSGIServer) -> bool:
    return any(channel.requests or channel.total_outbufs_len for channel in server.active_channels.values())
