"""A console in a process of its own that looks at clusters when it is asked to, and says what that took:
`python -m tests.bench.looks FOLDER CLUSTERS [joined]`.

It answers by lines of JSON (`tests.bench.talk`). `joined`: it first joins every cluster in a group of its own, by a
gateway of its own.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django

from tests.bench import talk

if TYPE_CHECKING:
    from interconnect.models import Mesh


def main(folder: str, clusters: str, wanted: str = "") -> None:
    django.setup()
    from django.core.management import call_command

    from tests.bench.fleet import cluster_names

    call_command("migrate", interactive=False, verbosity=0)
    names = cluster_names(int(clusters))
    mesh = _registered(Path(folder), names)
    if wanted == "joined":
        _join(mesh, names)
    talk.answer("ready", {"look": lambda **words: _measured(mesh, **words)})


def _registered(folder: Path, names: Sequence[str]) -> Mesh:
    """Register the clusters without the reviews of each one's rights, which are no part of what is measured."""
    from interconnect.domain.topology import MeshKind
    from interconnect.kube import identity
    from interconnect.observing.newcomer import ClusterReport, api_for, credential_of, inspect_mesh
    from interconnect.services.clusters import cluster_register
    from interconnect.services.meshes import mesh_register
    from tests.bench.fleet import HUB
    from tests.support.console import ACTOR, NAMESPACE

    hub = credential_of((folder / HUB / "kubeconfig").read_text())
    report = inspect_mesh(hub, None, system_namespace=NAMESPACE)
    mesh = mesh_register(actor=ACTOR, name="prod", kind=MeshKind.HOSTED, report=report, system_namespace=NAMESPACE)
    for name in names:
        credential = credential_of((folder / name / "kubeconfig").read_text())
        uid = identity.cluster_uid(api_for(credential))
        cluster_register(actor=ACTOR, mesh=mesh, name=name, report=ClusterReport(credential, uid, "v1.36.1"))
    return mesh


def _join(mesh: Mesh, names: Sequence[str]) -> None:
    from interconnect.rollouts.driver import drive
    from tests.support.console import described, joining, start

    rollout = start(mesh, joining(*names))
    drive(rollout.id, "bench", tick=lambda: None, stop=threading.Event())
    rollout.refresh_from_db()
    if rollout.status != "succeeded":
        raise SystemExit(f"the rollout is {rollout.status}: {described(rollout)[:2000]}")


def _measured(
    mesh: Mesh, *, only: Sequence[str] | None = None, central: bool = True, slow: bool = False, memory: bool = False
) -> dict[str, Any]:
    """Look, and return what that took. With `memory` the largest size of what was kept at once, for a price in time."""
    from interconnect.models import Mesh as MeshRow
    from interconnect.services.watching import look
    from tests.support.statements import counted

    fresh = MeshRow.objects.select_related("control_plane", "config").get(id=mesh.id)
    if memory:
        tracemalloc.start()
    began, used = time.monotonic(), time.process_time()
    with counted() as statements:
        look(fresh, only=only, central=central, slow=slow)
    found = {
        "seconds": time.monotonic() - began,
        "processor": time.process_time() - used,
        "statements": len(statements.told),
        "commits": statements.commits,
        "peak": tracemalloc.get_traced_memory()[1] / 2**20 if memory else 0.0,
    }
    tracemalloc.stop()
    return found | _said(only)


def _said(only: Sequence[str] | None) -> dict[str, Any]:
    """What the rows say: clusters that don't answer, and stale Pods of the clusters looked at."""
    from interconnect.models import ClusterObservation

    rows = ClusterObservation.objects.exclude(error_code="")
    counted = ClusterObservation.objects.filter(cluster__name__in=only or ()).values_list("facts__stale__stale")
    return {"silent": rows.count(), "stale": sum(number or 0 for (number,) in counted)}


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)
