"""What workers do when the bell rings. A task carries an id; the rows say the rest."""

from __future__ import annotations

import os
import socket
from uuid import UUID

from celery import shared_task

from interconnect.models import Mesh
from interconnect.rollouts import engine
from interconnect.services import checking, inquiries, looks, plans, registration, watching

# Their functions answer questions: a worker that has not imported them knows no answer.
ANSWERERS = (checking, looks, plans, registration)


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


@shared_task
def run_step(step_id: int) -> None:
    engine.run_chain(step_id, worker_name())


@shared_task
def sweep() -> None:
    engine.sweep()
    inquiries.sweep()


@shared_task
def answer(inquiry_id: str) -> None:
    inquiries.answer(UUID(inquiry_id))


@shared_task
def probe() -> None:
    """Every minute: one look per mesh, side by side on the workers that take the probe queue."""
    for mesh_id in Mesh.objects.values_list("id", flat=True):
        probe_mesh.apply_async(args=(str(mesh_id),), queue="probe", expires=60)


@shared_task
def probe_mesh(mesh_id: str) -> None:
    mesh = Mesh.objects.select_related("control_plane", "config").filter(id=mesh_id).first()
    if mesh is not None:
        watching.look(mesh)
