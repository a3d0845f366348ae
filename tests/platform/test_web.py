"""The web server with its own settings, attacked over real connections."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from django.conf import settings
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.task import ThreadedTaskDispatcher

from meshconsole.ops import web
from tests.support.echo import application

THREADS = 2
PLACES = 30
SECONDS = 60
TURNS = 1000
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"
WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Of a server with THREADS threads and PLACES places, where a request has one second to arrive."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        limits = ("--threads", str(THREADS), "--worker-connections", str(PLACES + web.ROOM), "--keep-alive", "1")
        options = (
            "-c",
            "python:meshconsole.ops.serving",
            "--bind",
            f"fd://{number}",
            *limits,
            "tests.support.echo:application",
        )
        environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
        with subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *options], env=environment, pass_fds=(number,)
        ) as process:
            yield listener.getsockname()[1]
            process.terminate()
            assert process.wait(SECONDS) == 0


def connected(port: int, said: bytes) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
    made.sendall(said)
    return made


def answer(port: int, said: bytes) -> bytes:
    """The first line of what comes back, whatever the server thinks of the rest of `said`."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as made:
        with suppress(OSError):
            made.sendall(said)
        return made.recv(4096).partition(b"\r\n")[0]


@pytest.mark.parametrize("begun", [b"", HEAD, BODY, CHUNKED], ids=["silent", "head", "body", "chunks"])
def test_slow_clients_hold_no_thread(port: int, begun: bytes) -> None:
    slow = [connected(port, begun) for _ in range(THREADS * 5)]
    assert answer(port, WHOLE) == b"HTTP/1.1 200 OK"
    for made in slow:
        made.close()


@pytest.mark.parametrize("begun", [HEAD, BODY, CHUNKED], ids=["head", "body", "chunks"])
def test_a_byte_now_and_then_buys_no_time(port: int, begun: bytes) -> None:
    with connected(port, begun) as made:
        made.settimeout(0.1)
        until, ended = time.monotonic() + SECONDS, False
        while not ended and time.monotonic() < until:
            try:
                made.sendall(b"a")
                ended = made.recv(100) == b""
            except TimeoutError:
                continue
            except OSError:
                ended = True
        assert ended


class Turned:
    """The server's loop turned by hand, where no request is ever too slow: what it has seen is known, whatever the
    clock says.
    """

    def __init__(self, listener: socket.socket) -> None:
        self.port, self.connections = listener.getsockname()[1], dict[int, Any]()
        self.dispatcher = ThreadedTaskDispatcher()
        self.dispatcher.set_thread_count(1)
        limits = Adjustments(connection_limit=PLACES + web.ROOM, channel_timeout=10**9, asyncore_use_poll=True)
        options = {"adj": limits, "dispatcher": self.dispatcher, "map": self.connections, "bind_socket": False}
        self.server = web._server(listener, application, options)

    def until(self, met: Callable[[], bool]) -> None:
        for _ in range(TURNS):
            if met():
                return
            wasyncore.loop(timeout=1, use_poll=True, map=self.connections, count=1)
        raise AssertionError(f"not met after {TURNS} turns")

    def heard(self) -> set[tuple[str, int]]:
        """Addresses of the clients that the server holds and whose first bytes it has read."""
        return {channel.addr for channel in self.server.active_channels.values() if channel.request is not None}

    def answer(self, made: socket.socket) -> bytes:
        waiting = select.poll()  # select() knows no number of a file above 1,023
        waiting.register(made, select.POLLIN)
        self.until(lambda: bool(waiting.poll(0)))
        return made.recv(4096).partition(b"\r\n")[0]


@pytest.fixture
def turned() -> Iterator[Turned]:
    with socket.create_server(("127.0.0.1", 0), backlog=PLACES * 4) as listener:
        server = Turned(listener)
        yield server
        server.dispatcher.shutdown()
        wasyncore.close_all(server.connections)


@pytest.fixture
def clients(turned: Turned) -> Iterator[Callable[[bytes], socket.socket]]:
    """Connects a client that says something and never loses patience."""
    with ExitStack() as stack:

        def connect(said: bytes) -> socket.socket:
            made = stack.enter_context(socket.create_connection(("127.0.0.1", turned.port)))
            made.sendall(said)
            return made

        yield connect


def test_a_full_server_drops_the_longest_waiting(turned: Turned, clients: Callable[[bytes], socket.socket]) -> None:
    slow = []
    for _ in range(PLACES * 2):
        slow.append(clients(HEAD))
        turned.until(lambda: slow[-1].getsockname() in turned.heard())
    # The listening socket and the loop's own wake-up take two places.
    kept = slow[-(PLACES - 2) :]
    turned.until(lambda: turned.heard() == {made.getsockname() for made in kept})
    assert all(made.recv(100) == b"" for made in slow if made not in kept)
    assert turned.answer(clients(WHOLE)) == b"HTTP/1.1 200 OK"
    assert turned.answer(kept[0]) == b""


def test_the_last_of_a_flood_is_answered(turned: Turned, clients: Callable[[bytes], socket.socket]) -> None:
    for _ in range(PLACES * 3):
        clients(HEAD)
    assert turned.answer(clients(WHOLE)) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"414"),
        (b"GET /?" + b"a" * 8_000_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"414"),
        (b"POST /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", b"414"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 8_000_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 5_000 + b"\r\n", b"431"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00 a TLS hello\r\n\r\n", b"400"),
    ],
    ids=["line", "8 MB line", "line of a form", "8 MB field", "fields", "hopeless body", "no field", "TLS"],
)
def test_an_oversized_or_broken_head_is_refused(port: int, said: bytes, status: bytes) -> None:
    assert answer(port, said).split(b" ")[1] == status


def test_a_line_of_8_kb_is_served(port: int) -> None:
    assert answer(port, WHOLE.replace(b"/ ", b"/?" + b"a" * 8_100 + b" ", 1)).split(b" ")[1] == b"200"


def test_a_body_too_large_for_a_form_is_not_kept(port: int) -> None:
    size = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1
    with connected(
        port, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % size + b"a" * size
    ) as made:
        said = b""
        # Head and body may come one after the other.
        while not said.endswith(b"0 of %d" % size):
            more = made.recv(4096)
            assert more, said
            said += more


def test_the_web_server_has_the_limit_of_the_forms(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    for size, kept in ((10, True), (11, False)):
        parser = web.Parser(Adjustments())
        parser.received(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % size)
        assert isinstance(parser.body_rcv, web.Discarded) is not kept


def test_chunks_too_large_for_a_form_are_refused(port: int) -> None:
    size = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 10
    said = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % size + b"a" * size
    assert answer(port, said).split(b" ")[1] == b"413"
