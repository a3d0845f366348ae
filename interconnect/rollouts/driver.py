"""A worker for one rollout: what the command line does while it follows."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from uuid import UUID

from django.db import Error as DatabaseProblem
from django.db import connection, connections

from interconnect.models import Rollout, Step
from interconnect.models.rollout import UNFINISHED
from interconnect.rollouts import engine, lease

THREADS = 16
WAITING = 16  # steps that a thread finds when it is through with its own
PAUSE_SECONDS = 0.05
REPAIR_SECONDS = 2.0
AWAY_SECONDS = 0.5

log = logging.getLogger(__name__)


class _Hands:
    """Threads that carry steps out, each over one database connection for as long as it lives.

    `busy` are the steps they have.
    """

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._steps: SimpleQueue[int | None] = SimpleQueue()
        self._busy: set[int] = set()
        self._lock = threading.Lock()
        self._through = threading.Event()

    @property
    def busy(self) -> set[int]:
        with self._lock:
            return set(self._busy)

    def take(self, step_id: int) -> None:
        with self._lock:
            self._busy.add(step_id)
        self._steps.put(step_id)

    def wait(self, seconds: float) -> None:
        """Until one of them is through with a step, at most so long."""
        self._through.wait(seconds)
        self._through.clear()

    def work(self) -> None:
        try:
            while (step_id := self._steps.get()) is not None:
                _run(step_id, self._worker)
                with self._lock:
                    self._busy.discard(step_id)
                self._through.set()
        finally:
            connections.close_all()

    def leave(self) -> None:
        """After the steps that they have begun."""
        while not self._steps.empty():
            self._steps.get()
        for _ in range(THREADS):
            self._steps.put(None)


def drive(rollout_id: UUID, worker: str, *, tick: Callable[[], None], stop: threading.Event) -> None:
    """Carry out the rollout's due steps until it has ended or `stop` is set; `tick` is called in between.

    Other workers may do the same at the same time: leases decide who does what. Steps in progress finish first.
    """
    hands = _Hands(worker)
    repaired = time.monotonic()
    with ThreadPoolExecutor(THREADS, "step") as pool:
        for _ in range(THREADS):
            pool.submit(hands.work)
        try:
            while not stop.is_set():
                try:
                    tick()
                    if not _look(rollout_id, hands):
                        return
                    if time.monotonic() - repaired > REPAIR_SECONDS:
                        repaired = time.monotonic()
                        engine.advance(rollout_id)
                except DatabaseProblem as error:
                    log.warning("the database is away: %s", type(error).__name__)
                    connection.close()
                    stop.wait(AWAY_SECONDS)
                hands.wait(PAUSE_SECONDS)
        finally:
            hands.leave()


def _look(rollout_id: UUID, hands: _Hands) -> bool:
    """Hand out what is due; False when the rollout has ended."""
    busy = hands.busy
    if len(busy) > THREADS + WAITING // 2:
        return True
    due = _due(rollout_id, busy)
    for step_id in due:
        hands.take(step_id)
    # It cannot end while a step of it is in these hands.
    return bool(due or busy) or Rollout.objects.filter(id=rollout_id, status__in=UNFINISHED).exists()


def _due(rollout_id: UUID, busy: Collection[int]) -> list[int]:
    due = Step.objects.filter(lease.due(), rollout_id=rollout_id).exclude(id__in=busy)
    return list(due.values_list("id", flat=True)[: THREADS + WAITING - len(busy)])


def _run(step_id: int, worker: str) -> None:
    try:
        engine.run_chain(step_id, worker)
    except DatabaseProblem as error:
        # The lease runs out, and the step is found again.
        log.warning("step %s: the database is away (%s)", step_id, type(error).__name__)
        connection.close()
        time.sleep(AWAY_SECONDS)
    except Exception:
        # Whatever it was: a thread that ended here would keep its step among the busy ones for good, and the rollout
        # would never end. Its lease runs out, and the step is done again.
        log.exception("step %s could not be carried on", step_id)
        time.sleep(AWAY_SECONDS)
