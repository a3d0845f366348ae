"""What workers do when the bell rings. A task carries an id; the rows say the rest."""

from __future__ import annotations

import os
import socket

from celery import shared_task

from interconnect.rollouts import engine


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


@shared_task
def run_step(step_id: int) -> None:
    engine.run_chain(step_id, worker_name())


@shared_task
def sweep() -> None:
    engine.sweep()
