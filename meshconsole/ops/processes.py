"""The processes that `manage.py run` keeps running.

An app can add its own without the platform knowing what they do.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from django.apps import apps
from django.conf import settings

from meshconsole.ops.run.process import Process


@runtime_checkable
class RunsProcesses(Protocol):
    """An AppConfig with processes for `manage.py run`. It is asked for them after the migrations."""

    def run_processes(self) -> Iterable[Process]: ...


def processes_of_apps() -> list[Process]:
    return [
        process
        for config in apps.get_app_configs()
        if isinstance(config, RunsProcesses)
        for process in config.run_processes()
    ]


def manage(*arguments: str) -> tuple[str, ...]:
    """Return the command that runs `manage.py` with these arguments, using this interpreter."""
    return (sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments)


__all__ = ["Process", "RunsProcesses", "manage", "processes_of_apps"]
