"""`manage.py run`: the whole console, until a signal ends it.

Prepares the database and the first admin, then runs the broker, web, the worker with beat, and whatever the apps add.
"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connections

from meshconsole.ops.processes import Process, processes_of_apps
from meshconsole.ops.run import starting
from meshconsole.ops.run.supervise import become_supervisor, say

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from pathlib import Path

THREADS = "8"
# glibc gives each thread its own heap and returns little of it: 32 threads hold on to many times what they use.
ARENAS = {"MALLOC_ARENA_MAX": "2"}


class Command(BaseCommand):
    help = "Run the whole console: web, worker, beat, and a broker unless REDIS_URL names one."
    # The checks would load every page's code, which the web process is about to do anyway.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--parent", type=int, default=0, metavar="PID", help="end when this process, the parent, has ended"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            plan, environment = prepared(options["parent"])
        except starting.CannotStart as reason:
            sys.exit(f"meshconsole: {reason}")
        with tempfile.TemporaryFile() as file:
            become_supervisor(plan, file.fileno(), environment)


def prepared(parent: int) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the supervisor's plan, and the environment of everything that it starts."""
    # Everything saved is for this user alone, whichever process writes it: logs, the schedule, kubeconfigs of simulated
    # clusters.
    os.umask(0o077)
    starting.checked_settings()
    weak = starting.weak_password_line(settings.MESHCONSOLE_ADMIN_PASSWORD)
    data = starting.prepared_folder(settings.MESHCONSOLE_DATA)
    held = starting.lock(data)
    web = starting.listener(settings.MESHCONSOLE_PORT)
    broker = starting.broker(data)
    try:
        starting.migrate()
    except starting.CannotStart:
        broker.remove()
        raise
    # Said right away: a password shown only after startup would be lost if startup fails.
    say(starting.admin_line(settings.MESHCONSOLE_ADMIN_PASSWORD))
    if weak:
        say(weak)
    if settings.PRODUCTION:
        call_command("collectstatic", interactive=False, verbosity=0)
    connections.close_all()
    processes = processes_of_apps()
    foundation = [process for process in processes if process.foundation]
    first = [*([broker.process] if broker.process else []), web_process(web.fileno())]
    then = [*foundation, worker_process(), *(process for process in processes if not process.foundation)]
    address = f"http://127.0.0.1:{settings.MESHCONSOLE_PORT}/"
    plan: dict[str, Any] = {
        "directory": str(settings.BASE_DIR),
        "logs": str(data / "logs"),
        "lock": held,
        "listener": web.detach(),
        "parent": parent,
        "first": [process.as_json() for process in first],
        "then": [process.as_json() for process in then],
        "welcome": f"Address: {address}   Ctrl-C ends it; its output is in {data / 'logs'}.",
        "temporary": str(broker.folder or ""),
    }
    return plan, environment(broker.url, data)


def environment(broker_url: str, data: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "MESHCONSOLE_ADMIN_PASSWORD"}
    ours = {
        "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
        "MESHCONSOLE_DATA": str(data),
        "REDIS_URL": broker_url,
        "PYTHONUNBUFFERED": "1",
    }
    return inherited | ours


def web_process(listener: int) -> Process:
    options = (
        "-c",
        "python:meshconsole.ops.serving",
        "--bind",
        f"fd://{listener}",
        "--threads",
        THREADS,
        "--log-level",
        "warning",
    )
    return Process("web", (sys.executable, "-m", "gunicorn", *options), descriptors=(listener,))


def worker_process() -> Process:
    options = ("-B", "-Q", "rollout,question,probe", "--without-gossip", "--without-mingle", "--without-heartbeat")
    return Process(
        "worker", (sys.executable, "-m", "celery", "-A", "meshconsole", "worker", *options), environment=ARENAS
    )
