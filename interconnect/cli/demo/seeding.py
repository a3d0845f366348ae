"""Create the demo's meshes as a person would: from a file, by the services, as a rollout on the clusters.

The names of the meshes already created are stored next to the simulator's state, so a mesh that somebody has since
changed or deleted is left alone.
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

from interconnect.cli.demo import FOLDER, MESHES, simulator_folder
from interconnect.domain.rights import ClusterRole
from interconnect.domain.topology import GatewayKey
from interconnect.files.document import Document, parse
from interconnect.models import Mesh, Rollout
from interconnect.models.rollout import UNFINISHED
from interconnect.observing.newcomer import credential_of, inspect_cluster, inspect_mesh
from interconnect.rollouts.driver import drive
from interconnect.services import rollouts, watching
from interconnect.services.clusters import cluster_credential_replace
from interconnect.services.filing import FileRefused, Filing, consider, register
from interconnect.services.meshes import mesh_credential_replace
from interconnect.state.desired import load
from interconnect.tasks import worker_name
from meshconsole.access.actor import Actor
from simulator.remote import NotRunning, Remote

if TYPE_CHECKING:
    from collections.abc import Callable

ACTOR = Actor.for_cli("demo")
WAIT_SECONDS = 60.0
UNREADY, SILENT = GatewayKey("us-east-2", 1), "asia-2"


def seed(say: Callable[[str], None]) -> None:
    """Wait for the simulator, then create the missing meshes. Raises NotRunning, Refused or FileRefused."""
    remote = running_simulator()
    follow_the_port(remote.port)
    for name in MESHES:
        if name in made():
            continue
        mesh = make(name)
        if name == "storefront":
            go_wrong(mesh, remote)
        watching.look_surely(mesh)
        remember(name)
        say(f"{name} is ready")


def running_simulator() -> Remote:
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            remote = Remote(simulator_folder())
            remote.clusters()
            return remote
        except NotRunning:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def make(name: str) -> Mesh:
    """Create the mesh as described by its file. Resumes an earlier run that was interrupted."""
    document = parse((FOLDER / f"{name}.yaml").read_bytes())
    if not isinstance(document, Document):
        raise FileRefused(document)
    filing = consider(document, simulator_folder())
    mesh = register(filing, actor=ACTOR)
    rollout = _rollout(filing, mesh)
    if rollout is not None:
        drive(rollout.id, worker_name(), tick=lambda: None, stop=threading.Event())
    mesh.refresh_from_db()
    return mesh


def _rollout(filing: Filing, mesh: Mesh) -> Rollout | None:
    unfinished = Rollout.objects.filter(mesh=mesh, status__in=UNFINISHED).first()
    if unfinished is not None:
        return unfinished
    live = filing.preview.live if filing.mesh else {}
    if filing.changes:
        return rollouts.rollout_start(actor=ACTOR, start=rollouts.Start(mesh, filing.changes, live=live))
    return None if filing.preview.empty else rollouts.drift_restore(actor=ACTOR, mesh=mesh, live=live)


def go_wrong(mesh: Mesh, remote: Remote) -> None:
    """Break two things: a gateway that is no longer ready and a cluster that no longer answers."""
    remote.fail_pods(UNREADY.cluster, mesh.system_namespace, load(mesh).gateways[UNREADY].name)
    remote.fault(SILENT, "refuse")


def follow_the_port(port: int) -> None:
    """Update the stored addresses of the clusters when the simulator had to take a different port than last time.

    The clusters themselves are the same.
    """
    for mesh in Mesh.objects.filter(name__in=made(), simulated=True).select_related("control_plane", "config"):
        if f":{port}/" in mesh.control_plane.server:
            continue
        for cluster in mesh.clusters.select_related("connection"):
            file = simulator_folder() / cluster.connection.server.rpartition("/")[2] / "kubeconfig"
            _replace_credential(mesh, cluster.name, file.read_text())
        hub = simulator_folder() / mesh.control_plane.server.rpartition("/")[2] / "kubeconfig"
        report = inspect_mesh(credential_of(hub.read_text()), None, system_namespace=mesh.system_namespace)
        mesh_credential_replace(actor=ACTOR, mesh=mesh, report=report)


def _replace_credential(mesh: Mesh, name: str, kubeconfig: str) -> None:
    cluster = mesh.clusters.select_related("connection", "mesh").get(name=name)
    report = inspect_cluster(credential_of(kubeconfig), role=ClusterRole.MEMBER, system_namespace=mesh.system_namespace)
    cluster_credential_replace(actor=ACTOR, cluster=cluster, report=report)


def made() -> list[str]:
    path = simulator_folder() / "demo.json"
    return list(json.loads(path.read_text())) if path.exists() else []


def remember(name: str) -> None:
    path = simulator_folder() / "demo.json"
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps([*made(), name]))
    draft.replace(path)
