"""One more worker, for one rollout: what the command line does while it follows."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import OperationalError, connections

from interconnect.models import Rollout, Step
from interconnect.models.rollout import UNFINISHED
from interconnect.rollouts import engine, lease

if TYPE_CHECKING:
    import threading

THREADS = 16
PAUSE_SECONDS = 0.05
REPAIR_SECONDS = 2.0


def drive(rollout_id: UUID, worker: str, *, tick: Callable[[], None], stop: threading.Event) -> None:
    """Carry out the rollout's due steps until it has ended or `stop` is set; `tick` is called between looks.

    Other workers may do the same at the same time: the leases decide who does what. Steps under way are finished first.
    """
    running: dict[int, Future[None]] = {}
    repaired = time.monotonic()
    with ThreadPoolExecutor(THREADS, "step") as pool:
        while not stop.is_set():
            tick()
            if not Rollout.objects.filter(id=rollout_id, status__in=UNFINISHED).exists():
                return
            running = {step: future for step, future in running.items() if not future.done()}
            due = Step.objects.filter(lease.due(), rollout_id=rollout_id).exclude(id__in=running)
            for step_id in list(due.values_list("id", flat=True)[: THREADS - len(running)]):
                running[step_id] = pool.submit(_run, step_id, worker)
            if time.monotonic() - repaired > REPAIR_SECONDS:
                repaired = time.monotonic()
                engine.advance(rollout_id)
            stop.wait(PAUSE_SECONDS)


def _run(step_id: int, worker: str) -> None:
    try:
        engine.run_chain(step_id, worker)
    except OperationalError:
        # The database is away for a moment; the lease runs out and the step is found again.
        time.sleep(1)
    finally:
        connections.close_all()
