"""Fork Celery workers, since starting one from scratch takes seconds.

Usage: `python -m tests.support.worker_host SCHEDULE QUEUES`. Each line on stdin starts one worker with its beat
in its own process group; the answer is its PID. Everything is loaded before the fork, and nothing is open by then.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from celery import Celery


def main(schedule: str, queues: str) -> None:
    django.setup()
    from meshconsole.celery import app

    app.loader.import_default_modules()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _work(app, schedule, queues)
        print(pid, flush=True)


def _work(app: Celery, schedule: str, queues: str) -> None:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    options = [
        "--pool",
        "threads",
        "--concurrency",
        "8",
        "--queues",
        queues,
        "--beat",
        "--schedule",
        schedule,
    ]
    quiet = ["--without-mingle", "--without-gossip", "--without-heartbeat", "--loglevel", "WARNING"]
    app.worker_main(["worker", *options, *quiet])
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
