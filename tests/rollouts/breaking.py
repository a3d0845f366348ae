"""Breaks what a rollout does, at one boundary after the other: calls to clusters, and commits of the database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.transaction import Atomic

from interconnect.kube.transport import Response, Transport
from interconnect.models import Rollout, RolloutStatus, Step, StepStatus
from interconnect.models.rollout import OPEN_STEPS, UNFINISHED
from interconnect.rollouts import engine
from simulator import ApiError, Cut
from tests.support import console

if TYPE_CHECKING:
    from simulator import Fleet

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
MOST_TURNS = 5000
Boundary = tuple[Any, ...]


class Crash(BaseException):
    """The process dies here: nothing catches it, and nothing after it is done."""


class Once:
    """Names the boundaries of each step's attempts by their order, and answers whether one is met for
    the first time.
    """

    def __init__(self) -> None:
        self.met: set[Boundary] = set()
        self.step, self.ordinal, self.armed = 0, 0, False
        self._lock = threading.Lock()

    @contextmanager
    def attempt(self, step: int) -> Iterator[None]:
        """Within it things break; what the test itself does meanwhile does not."""
        self.step, self.ordinal, self.armed = step, 0, True
        try:
            yield
        finally:
            self.armed = False

    def first(self, *what: Any) -> bool:
        with self._lock:
            if not self.armed:
                return False
            self.ordinal += 1
            boundary = (self.step, self.ordinal, *what)
            new = boundary not in self.met
            self.met.add(boundary)
            return new


def carried_out(rollout: Rollout, once: Once) -> Rollout:
    """To its end in this thread, whatever breaks; each time the workers' leases run out and other ones go on, without
    waiting.
    """
    for _ in range(MOST_TURNS):
        if not Rollout.objects.filter(id=rollout.id, status__in=UNFINISHED).exists():
            rollout.refresh_from_db()
            return rollout
        # Time passes: what is put off is due, what was somebody's is nobody's, and how often it died is not counted
        # here.
        Step.objects.filter(rollout=rollout, status=StepStatus.WAITING).update(next_attempt_at=None)
        Step.objects.filter(rollout=rollout).update(crashes=0, attempts=0)
        console.forget_workers(rollout)
        due = console.due_steps(rollout)
        # Between two phases there is no step; how many are open says which phase it is.
        place = due[0] if due else -Step.objects.filter(rollout=rollout, status__in=OPEN_STEPS).count()
        try:
            with once.attempt(place):
                engine.run_step(due[0], "test:broken") if due else engine.advance(rollout.id)
        except Crash:
            # As a process that has died leaves its connections.
            connection.close()
    raise TimeoutError(f"never ends: {console.described(rollout)}")


def succeed(rollout: Rollout, once: Once) -> None:
    ended = carried_out(rollout, once)
    assert ended.status == RolloutStatus.SUCCEEDED, console.described(rollout)


@contextmanager
def dying_at_calls(monkeypatch: Any, once: Once, *, reads: bool) -> Iterator[None]:
    """The process dies before each write is sent and after each has been answered; with `reads`, before each read
    instead.
    """
    original = Transport.request

    def request(self: Transport, method: str, path: str, **options: Any) -> Response:
        writing = method in WRITES and "accessreviews" not in path
        if writing != reads and once.first("before", self.credential.server, method, path):
            raise Crash
        answer = original(self, method, path, **options)
        if writing and not reads and once.first("after", self.credential.server, method, path):
            raise Crash
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(Transport, "request", request)
        yield


@contextmanager
def dying_at_commits(monkeypatch: Any, once: Once) -> Iterator[None]:
    """The process dies before each commit and after each: of a transaction, and of a statement outside of one."""
    leave = Atomic.__exit__

    def exit_(self: Atomic, kind: Any, error: Any, trace: Any) -> None:
        outermost = connection.in_atomic_block and not connection.savepoint_ids and not connection.needs_rollback
        counts = kind is None and outermost and len(connection.atomic_blocks) == 1
        if counts and once.first("before commit"):
            crash = Crash()
            leave(self, Crash, crash, None)
            raise crash
        leave(self, kind, error, trace)
        if counts and once.first("after commit"):
            raise Crash

    def statement(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        alone = not connection.in_atomic_block and sql.startswith(("UPDATE", "INSERT", "DELETE"))
        if alone and once.first("before statement", sql[:60]):
            raise Crash
        result = execute(sql, params, many, context)
        if alone and once.first("after statement", sql[:60]):
            raise Crash
        return result

    with monkeypatch.context() as patched, connection.execute_wrapper(statement):
        patched.setattr(Atomic, "__exit__", exit_)
        yield


@contextmanager
def answers_lost(fleet: Fleet, once: Once) -> Iterator[None]:
    """Each write is cut off without an answer before it is stored, and again after; and refused by the server in either
    place.
    """

    def hook(cluster: str, n: int, request: Any, stage: str) -> None:
        place = (stage, cluster, request.method, request.path)
        if once.first("cut", *place):
            raise Cut
        if once.first("error", *place):
            raise ApiError(503, "ServiceUnavailable", "broken by the test")

    fleet.hook(hook)
    try:
        yield
    finally:
        fleet.hook(None)
