"""A task for tests of the worker itself: `celery worker --include tests.support.tasks`."""

from __future__ import annotations

import time
from pathlib import Path

from celery import shared_task


@shared_task
def touch(path: str, seconds: float) -> None:
    """Create the file at `path` after some seconds."""
    time.sleep(seconds)
    Path(path).touch()
