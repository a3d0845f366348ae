"""Settings for a worker that exceeds its memory limit from the start."""

from __future__ import annotations

from meshconsole.settings import *  # noqa: F403  (Django reads the names of this module)

MESHCONSOLE_WORKER_MEGABYTES = 1
