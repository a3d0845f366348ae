"""The console in a process of its own, on a database of its own: `python -m tests.bench.console FOLDER CLUSTERS
[worker]`.

Registers the clusters of FOLDER, says so, and waits for a line on stdin. Then it starts one rollout that enables the
mesh and joins every cluster in a group of its own, by a gateway of its own, carries it out (in this process as the
command line does, or by the worker that REDIS_URL leads to), and says what that took as one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from interconnect.models import Mesh, Rollout

PLAN = "plan"


def main(folder: str, clusters: str, driver: str = "process") -> None:
    django.setup()
    from django.core.management import call_command

    from tests.bench import pages
    from tests.bench.fleet import HUB, cluster_names

    call_command("migrate", interactive=False, verbosity=0)
    names = cluster_names(int(clusters))
    mesh = _registered(Path(folder), HUB, names)
    calls = _count_calls()
    print("registered", flush=True)
    sys.stdin.readline()
    result = _carried_out(mesh, names, calls, driver)
    print(json.dumps(result | {"calls": calls, "pages": pages.measured(mesh.name)}), flush=True)


def _registered(folder: Path, hub: str, names: tuple[str, ...]) -> Mesh:
    from interconnect.domain.rights import ClusterRole
    from interconnect.domain.topology import MeshKind
    from interconnect.observing.istiods import side_by_side
    from interconnect.observing.newcomer import ClusterReport, credential_of, inspect_cluster, inspect_mesh
    from interconnect.services.clusters import cluster_register
    from interconnect.services.meshes import mesh_register
    from tests.support.console import ACTOR, NAMESPACE

    def look(name: str) -> ClusterReport:
        credential = credential_of((folder / name / "kubeconfig").read_text())
        return inspect_cluster(credential, role=ClusterRole.MEMBER, system_namespace=NAMESPACE)

    report = inspect_mesh(credential_of((folder / hub / "kubeconfig").read_text()), None, system_namespace=NAMESPACE)
    mesh = mesh_register(actor=ACTOR, name="prod", kind=MeshKind.HOSTED, report=report, system_namespace=NAMESPACE)
    for name, seen in zip(names, side_by_side(look, names), strict=True):
        cluster_register(actor=ACTOR, mesh=mesh, name=name, report=seen)
    return mesh


def _count_calls() -> Counter[str]:
    """Calls to clusters from now on, by the kind of the step that makes them; `plan` outside of any."""
    from interconnect import clients
    from interconnect.rollouts.lease import Lease

    calls: Counter[str] = Counter()
    kind: ContextVar[str] = ContextVar("kind", default=PLAN)
    before_call, carried_out = clients.before_call, Lease.carried_out

    def counted() -> None:
        calls[kind.get()] += 1
        before_call()

    @contextmanager
    def named(lease: Lease) -> Iterator[Lease]:
        token = kind.set(lease.step.kind)
        try:
            with carried_out(lease):
                yield lease
        finally:
            kind.reset(token)

    clients.before_call = counted
    Lease.carried_out = named  # type: ignore[method-assign]
    # Those that there are have been given what is called before their calls.
    clients._cache.clear()
    return calls


def _carried_out(mesh: Mesh, names: tuple[str, ...], calls: Counter[str], driver: str) -> dict[str, Any]:
    from interconnect.models import Step
    from interconnect.rollouts.driver import drive
    from tests.support.console import described, joining, start

    began, used = time.monotonic(), time.process_time()
    rollout = start(mesh, joining(*names))
    started = time.monotonic() - began
    if driver == "worker":
        _wait_for_the_worker(rollout)
    else:
        _profiled(lambda: drive(rollout.id, "bench", tick=lambda: None, stop=threading.Event()))
    seconds = time.monotonic() - began
    rollout.refresh_from_db()
    if rollout.status != "succeeded":
        raise SystemExit(f"the rollout is {rollout.status}: {described(rollout)[:2000]}")
    return {
        "seconds": seconds,
        "start": started,
        "processor": time.process_time() - used,
        "steps": Step.objects.filter(rollout=rollout).count(),
        "phases": _phases(rollout),
    }


def _profiled(carry_out: Any) -> None:
    """With MESHCONSOLE_BENCH_PROFILE the profile of every thread goes to that file, for pstats."""
    file = os.environ.get("MESHCONSOLE_BENCH_PROFILE")
    if not file:
        return carry_out()
    import cProfile
    import pstats

    profiles: list[cProfile.Profile] = []
    before = threading.Thread.run

    def run(thread: threading.Thread) -> None:
        profile = cProfile.Profile(time.thread_time)
        profiles.append(profile)
        profile.runcall(before, thread)

    threading.Thread.run = run  # type: ignore[method-assign]
    try:
        profile = cProfile.Profile(time.thread_time)
        profiles.append(profile)
        profile.runcall(carry_out)
    finally:
        threading.Thread.run = before  # type: ignore[method-assign]
    merged = pstats.Stats(profiles[0])
    merged.add(*profiles[1:])
    merged.dump_stats(file)


def _wait_for_the_worker(rollout: Rollout) -> None:
    from interconnect.models.rollout import UNFINISHED, Rollout

    while Rollout.objects.filter(id=rollout.id, status__in=UNFINISHED).exists():
        time.sleep(0.1)


def _phases(rollout: Rollout) -> dict[str, float]:
    """Seconds from the first start to the last end of each phase."""
    from django.db.models import Max, Min

    from interconnect.domain.steps import Phase
    from interconnect.models import Step

    found = {}
    for phase in Phase:
        times = Step.objects.filter(rollout=rollout, phase=phase).aggregate(
            first=Min("started_at"), last=Max("ended_at")
        )
        if times["first"]:
            found[phase.name.lower()] = (times["last"] - times["first"]).total_seconds()
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
