"""Tell workers that a step is due. This is only a hint: when the broker is away, the sweep finds the step."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

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


def ring(step_ids: Iterable[int], *, seconds: float = 0) -> None:
    global _silent_until
    if time.monotonic() < _silent_until or not somebody_listens():
        return
    for step_id in step_ids:
        try:
            current_app.send_task(
                "interconnect.tasks.run_step",
                args=(step_id,),
                queue="rollout",
                countdown=seconds or None,
                retry=False,
                ignore_result=True,
            )
        except Exception as error:
            # Whatever the broker's client raises: the step is in the database by now, and nobody must hear of a bell.
            # One failed attempt must not cost a time-out per step: the sweep is there for exactly this.
            _silent_until = time.monotonic() + SILENT_SECONDS
            log.warning("the broker is away, the sweep will find the steps: %s", type(error).__name__)
            return


def somebody_listens() -> bool:
    """Whether a broker is configured; no other process hears a queue in this process's memory."""
    return not str(current_app.conf.broker_url or "").startswith("memory:")
