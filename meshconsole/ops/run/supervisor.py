"""Starts processes, keeps them running, and ends them all when it ends. One thread, one selector."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from meshconsole.ops.run.child import Child, Guard
from meshconsole.ops.run.process import SUCCEEDED_BY_ANOTHER

if TYPE_CHECKING:
    from meshconsole.ops.run.process import Process

RESTARTS, WITHIN_SECONDS = 3, 60.0
# A worker finishes its current step, which takes one call's deadline at most.
END_SECONDS, FOUNDATION_END_SECONDS = 25.0, 10.0
TURN_SECONDS, ASK_AGAIN_SECONDS = 1.0, 0.2
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
QUESTION = b"GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n"


class Supervisor:
    """Keeps processes running until a signal, or until one of them can't be kept running.

    `logs` is the folder for their output, `held` the lock's descriptor, and `parent` a process whose end ends this one
    too.
    """

    def __init__(self, *, directory: Path, logs: Path, held: int, say: Callable[[str], None], parent: int = 0) -> None:
        self._directory, self._logs, self._say, self._parent = directory, logs, say, parent
        self._guard = Guard(held)
        self._selector = selectors.DefaultSelector()
        self._children: list[Child] = []
        self._asked_to_end = 0
        self._failed: Child | None = None

    def run(
        self, first: Sequence[Process], then: Sequence[Process], *, listener: socket.socket, answers: Callable[[], None]
    ) -> int:
        """Start `first` at once, and `then` once the web process on `listener` answers; then call `answers`.

        Return the exit code: 0 if a signal ended it, 1 if a process couldn't be kept running.
        """
        with self._signals():
            try:
                for process in first:
                    self._start(Child(process, self._logs))
                self._until_answered(listener)
                if not self._over:
                    answers()
                    for process in then:
                        self._start(Child(process, self._logs))
                while not self._over:
                    self._turn(TURN_SECONDS)
            finally:
                listener.close()
                self._end()
        return 1 if self._failed else 0

    @property
    def _over(self) -> bool:
        return bool(self._asked_to_end) or self._failed is not None

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Let signals wake the selector; SIGCHLD does nothing else."""
        reader, writer = socket.socketpair()
        for end in (reader, writer):
            end.setblocking(False)

        def ending(number: int, frame: object) -> None:
            self._asked_to_end += 1

        def drain() -> None:
            with suppress(BlockingIOError):
                reader.recv(4096)

        # `nohup` ignores SIGHUP for us. A shell that ignores SIGINT for its background jobs doesn't mean us.
        ending_signals = [
            number for number in ENDING if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
        ]
        before = {number: signal.signal(number, ending) for number in ending_signals}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        self._selector.register(reader, selectors.EVENT_READ, drain)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.close()
            reader.close()
            writer.close()

    def _start(self, child: Child) -> None:
        if child not in self._children:
            self._children.append(child)
        child.start(self._guard, self._directory)
        output = child.output

        def read() -> None:
            if not child.read():
                self._selector.unregister(output)

        self._selector.register(output, selectors.EVENT_READ, read)

    def _turn(self, seconds: float) -> None:
        for key, _events in self._selector.select(seconds):
            key.data()
        for child in self._children:
            output, code = child.output, child.ended(self._guard)
            if code is None:
                continue
            if output in self._selector.get_map():
                self._selector.unregister(output)
            self._has_ended(child, code)
        if self._parent and os.getppid() != self._parent:
            self._asked_to_end = max(1, self._asked_to_end)

    def _has_ended(self, child: Child, code: int) -> None:
        name = child.process.name
        if child.process.once and code and not self._over:
            self._say(f"{name} {_how(code)}; the console continues without it. Its last output:")
            self._quote(child)
        if child.process.once or self._over:
            return
        if code == SUCCEEDED_BY_ANOTHER:
            self._start(child)
            return
        now = time.monotonic()
        child.crashes = [*(before for before in child.crashes if now - before < WITHIN_SECONDS), now]
        if len(child.crashes) > RESTARTS:
            self._failed = child
            self._say(f"{name} {_how(code)} and doesn't stay up, so the console stops. Its last output:")
            self._quote(child)
            return
        self._say(f"{name} {_how(code)}; started again ({len(child.crashes)} of {RESTARTS}).")
        self._start(child)

    def _quote(self, child: Child) -> None:
        for line in child.log.last_words:
            self._say(f"  {line}")

    def _until_answered(self, listener: socket.socket) -> None:
        """Wait until the web process answers.

        The socket is already listening: the request waits in it until the web process accepts it.
        """
        answered: list[bool] = []
        while not answered and not self._over:
            question = socket.create_connection(listener.getsockname()[:2], timeout=5)
            question.sendall(QUESTION)
            question.setblocking(False)
            said: list[bytes] = []
            self._selector.register(
                question, selectors.EVENT_READ, lambda said=said, question=question: said.append(_received(question))
            )
            while not said and not self._over:
                self._turn(TURN_SECONDS)
            self._selector.unregister(question)
            question.close()
            if said and b" 200 " in said[0]:
                answered.append(True)
            elif not self._over:
                self._turn(ASK_AGAIN_SECONDS)

    def _end(self) -> None:
        if self._asked_to_end and any(child.running for child in self._children):
            self._say("Stopping; the current step finishes first. Press Ctrl-C again to stop at once.")
        asked = self._asked_to_end
        for foundation, seconds in ((False, END_SECONDS), (True, FOUNDATION_END_SECONDS)):
            ending = [child for child in self._children if child.process.foundation is foundation and child.running]
            for child in ending:
                child.signal(signal.SIGTERM)
            until = time.monotonic() + seconds
            while _some_run(ending) and time.monotonic() < until and self._asked_to_end <= asked:
                self._turn(ASK_AGAIN_SECONDS)
            for child in ending:
                child.kill()
            while _some_run(ending):
                self._turn(ASK_AGAIN_SECONDS)
        self._guard.close()
        for child in self._children:
            child.log.close()


def _some_run(children: Sequence[Child]) -> bool:
    return any(child.running for child in children)


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(4096)
    except OSError:
        return b""


def _how(code: int) -> str:
    if code >= 0:
        return f"has ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
