"""Tell workers what is due. This is only a hint: when the broker is away, the sweep finds steps, and the next period's
look what has changed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)

SILENT_SECONDS = 5.0
_silent_until = 0.0


def ring_on_commit(step_ids: Iterable[int], *, seconds: float = 0) -> None:
    """Ring for each step once the transaction commits; `seconds` later if given."""
    steps = list(step_ids)
    if steps:
        transaction.on_commit(lambda: ring(steps, seconds=seconds))


def ring_look_on_commit(mesh: UUID, clusters: Iterable[str], *, slow: bool = False) -> None:
    """Have these clusters, by name, and the control plane looked at once the transaction commits."""
    names = list(clusters)
    transaction.on_commit(lambda: ring_look(mesh, names, slow=slow))


def ring(step_ids: Iterable[int], *, seconds: float = 0) -> None:
    for step_id in step_ids:
        if not _send("interconnect.tasks.run_step", (step_id,), "rollout", seconds):
            return


def ring_look(mesh: UUID, clusters: Iterable[str], *, slow: bool = False, seconds: float = 0) -> None:
    """Have these clusters, by name, and the control plane looked at `seconds` from now; `slow`: also at what changes
    rarely. When the broker is away, the next look of the period sees the same."""
    _send("interconnect.tasks.look_again", (str(mesh), sorted(clusters), slow), "probe", seconds)


def _send(task: str, args: tuple[Any, ...], queue: str, seconds: float) -> bool:
    global _silent_until
    if time.monotonic() < _silent_until or not somebody_listens():
        return False
    try:
        current_app.send_task(task, args=args, queue=queue, countdown=seconds or None, retry=False, ignore_result=True)
    except Exception as error:
        # The broker's client raises all kinds of errors. What the bell was to tell is in the database, so nobody must
        # hear of them. One failed attempt must not cost a time-out per step: the sweep is there for exactly this.
        _silent_until = time.monotonic() + SILENT_SECONDS
        log.warning("the broker is away, the sweep will find what is due: %s", type(error).__name__)
        return False
    return True


def somebody_listens() -> bool:
    """Whether a broker is configured; no other process hears a queue in this process's memory."""
    return not str(current_app.conf.broker_url or "").startswith("memory:")
