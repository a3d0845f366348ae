"""What a worker does beside its tasks: show that it is alive, and make way for a successor once it grows too large."""

from __future__ import annotations

import ctypes
import logging
import os
from pathlib import Path
from typing import Any

from celery import bootsteps
from celery.worker import state
from django.conf import settings

from meshconsole.ops.run.process import SUCCEEDED_BY_ANOTHER

logger = logging.getLogger(__name__)
SECONDS = 10.0
STATUS = Path("/proc/self/statm")


class Pulse(bootsteps.StartStopStep):
    """Touches a file every SECONDS, on the loop that listens to the broker, so that a stalled loop shows."""

    requires = ("celery.worker.components:Timer",)

    def start(self, worker: Any) -> None:
        # Its size is checked later: a worker that has just started does some work first, whatever its limit.
        alive_file().touch()
        self._entry = worker.timer.call_repeatedly(SECONDS, beat)

    def stop(self, worker: Any) -> None:
        self._entry.cancel()


def beat() -> None:
    alive_file().touch()
    if not settings.MESHCONSOLE_WORKER_MEGABYTES:
        return
    size = megabytes()
    if size > settings.MESHCONSOLE_WORKER_MEGABYTES // 2:
        give_back()
        size = megabytes()
    if size > settings.MESHCONSOLE_WORKER_MEGABYTES and state.should_stop is None:
        logger.warning(
            "the worker ends, and another one begins",
            extra={"megabytes": size, "limit": settings.MESHCONSOLE_WORKER_MEGABYTES},
        )
        # The loop ends; tasks under way are finished.
        state.should_stop = SUCCEEDED_BY_ANOTHER  # type: ignore[assignment]


def give_back() -> None:
    """Return unused memory to the system: glibc keeps it otherwise, once for each of its heaps."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def megabytes() -> int:
    """Return the memory of this process in megabytes; 0 if the system doesn't report it."""
    try:
        pages = int(STATUS.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_000_000


def alive_file() -> Path:
    return Path(settings.MESHCONSOLE_DATA) / "worker.alive"
