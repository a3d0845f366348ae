"""One more worker, for one rollout: what the command line does while it follows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import Error as DatabaseProblem
from django.db import connection, connections

from interconnect.models import Rollout, Step
from interconnect.models.rollout import UNFINISHED
from interconnect.rollouts import engine, lease

if TYPE_CHECKING:
    import threading

THREADS = 16
PAUSE_SECONDS = 0.05
REPAIR_SECONDS = 2.0
AWAY_SECONDS = 0.5

log = logging.getLogger(__name__)


def drive(rollout_id: UUID, worker: str, *, tick: Callable[[], None], stop: threading.Event) -> None:
    """Carry out the rollout's due steps until it has ended or `stop` is set; `tick` is called between looks.

    Other workers may do the same at the same time: the leases decide who does what. Steps under way are finished first.
    """
    running: dict[int, Future[None]] = {}
    repaired = time.monotonic()
    with ThreadPoolExecutor(THREADS, "step") as pool:
        while not stop.is_set():
            running = {step: future for step, future in running.items() if not future.done()}
            try:
                tick()
                if not Rollout.objects.filter(id=rollout_id, status__in=UNFINISHED).exists():
                    return
                for step_id in _due(rollout_id, running):
                    running[step_id] = pool.submit(_run, step_id, worker)
                if time.monotonic() - repaired > REPAIR_SECONDS:
                    repaired = time.monotonic()
                    engine.advance(rollout_id)
            except DatabaseProblem as error:
                log.warning("the database is away: %s", type(error).__name__)
                connection.close()
                stop.wait(AWAY_SECONDS)
            stop.wait(PAUSE_SECONDS)


def _due(rollout_id: UUID, running: Mapping[int, object]) -> list[int]:
    due = Step.objects.filter(lease.due(), rollout_id=rollout_id).exclude(id__in=running)
    return list(due.values_list("id", flat=True)[: THREADS - len(running)])


def _run(step_id: int, worker: str) -> None:
    try:
        engine.run_chain(step_id, worker)
    except DatabaseProblem as error:
        # The lease runs out, and the step is found again.
        log.warning("step %s: the database is away (%s)", step_id, type(error).__name__)
        time.sleep(AWAY_SECONDS)
    except Exception:
        # Nobody asks this thread how it ended; what it could not do is done again when the lease has run out.
        log.exception("step %s could not be carried on", step_id)
        time.sleep(AWAY_SECONDS)
    finally:
        connections.close_all()
