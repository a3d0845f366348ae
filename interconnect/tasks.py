"""What workers do when the bell rings. A task carries an ID; the rows say the rest."""

from __future__ import annotations

import os
import socket

from celery import shared_task
from django.conf import settings
from django.core.cache import cache

from interconnect import clients
from interconnect.kube.patience import patience
from interconnect.models import Mesh
from interconnect.rollouts import bell, engine
from interconnect.services import answering, inquiries, watching
from interconnect.services.turns import Turns
from interconnect.state import findings

# A look may wait this long for a worker however short the period is.
LEAST_SECONDS = 60
PROBES = Turns(settings.MESHCONSOLE_THREADS_EACH)


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


@shared_task
def run_step(step_id: int) -> None:
    engine.run_chain(step_id, worker_name())


@shared_task
def say_present(call: str) -> None:
    """Answer `follow`, which asks whether another worker is running: workers take no commands over the broker."""
    cache.set(presence(call), 1, timeout=60)


def presence(call: str) -> str:
    """Return the cache key under which a worker answers this call."""
    return f"present:{call}"


@shared_task
def sweep() -> None:
    engine.sweep()
    inquiries.sweep()
    findings.forget_old()


@shared_task
def answer(inquiry_id: str = "") -> None:
    """Answer the inquiry whose turn it is; the ID is ignored, but bells of an earlier version carry one."""
    answering.answer_next()


@shared_task
def probe() -> None:
    """Start one look per mesh, every period; they run side by side on the workers that take the probe queue."""
    for mesh_id in Mesh.objects.values_list("id", flat=True):
        _ring_probe(str(mesh_id))


def _ring_probe(mesh_id: str) -> None:
    # One that waited for longer than a period has been overtaken by the next.
    expires = max(LEAST_SECONDS, settings.MESHCONSOLE_PROBE_SECONDS)
    probe_mesh.apply_async(args=(mesh_id,), queue="probe", expires=expires)


@shared_task
def probe_mesh(mesh_id: str) -> None:
    if not PROBES.enter(mesh_id):
        return
    try:
        mesh = _mesh(mesh_id)
        if mesh is not None and watching.start(mesh):
            _look(mesh)
    finally:
        following = PROBES.leave(mesh_id)
        if following:
            _ring_probe(following)


@shared_task
def look_again(mesh_id: str, clusters: list[str], slow: bool = False) -> None:
    """Look at these clusters and the control plane now: after a rollout, a registration, or a first surprise."""
    mesh = _mesh(mesh_id)
    if mesh is not None:
        _look(mesh, only=clusters, slow=slow)


def _mesh(mesh_id: str) -> Mesh | None:
    return Mesh.objects.select_related("control_plane", "config").filter(id=mesh_id).first()


def _look(mesh: Mesh, *, only: list[str] | None = None, slow: bool = False) -> None:
    with clients.calling_for(f"probe:{mesh.id}"), patience(settings.MESHCONSOLE_PROBE_SECONDS):
        doubtful = watching.look(mesh, only=only, slow=slow)
    if doubtful and only is None:
        bell.ring_look(mesh.id, [name for name in doubtful if name], seconds=watching.relook_seconds())
