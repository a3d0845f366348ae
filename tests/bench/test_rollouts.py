"""One rollout that joins every cluster, beside a plain client that only writes; and the pages of the mesh that it
leaves.

`MESHCONSOLE_BENCH_CLUSTERS` names other sizes, such as `3,25`. Nothing is asserted on time: what counts are the ratios
of one run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests.bench import plain
from tests.bench.fleet import HUB, FleetProcess
from tests.bench.table import Table
from tests.support.postgres import Postgres
from tests.support.process import isolated_environment

if TYPE_CHECKING:
    from tests.support.valkey import Valkey

SIZES = tuple(int(size) for size in os.environ.get("MESHCONSOLE_BENCH_CLUSTERS", "3,25,100,250").split(","))
LATENCY_SECONDS = 0.02
NOT_THE_ROLLOUT = ("plan", "preflight")


@dataclass(frozen=True)
class Way:
    """How the console is run: its database, and whether a real worker carries the rollout out or the process that
    started it.
    """

    name: str
    postgresql: bool = False
    worker: bool = False


WAYS = (Way("SQLite"), Way("PostgreSQL", postgresql=True), Way("SQLite, worker", worker=True))


@pytest.fixture(scope="module")
def rollouts() -> Iterator[Table]:
    """Printed when all sizes are through."""
    columns = (
        "clusters",
        "console",
        "seconds",
        "plain",
        "ratio",
        "aim",
        "request",
        "prepare",
        "preflight",
        "publish",
        "processor",
        "calls",
    )
    table = Table(
        "rollouts",
        "A rollout that joins every cluster, 20 ms from each, beside a client that only writes",
        (*columns, "plain calls", "ratio of calls"),
    )
    yield table
    table.print()


@pytest.fixture(scope="module")
def pages() -> Iterator[Table]:
    table = Table(
        "pages",
        "Pages of the joined mesh: milliseconds of server time (aim 150) and queries",
        ("page", *(f"{size} clusters" for size in SIZES)),
    )
    yield table
    table.print()


@pytest.mark.parametrize("clusters", SIZES)
def test_every_cluster_is_joined_in_one_rollout(
    clusters: int, rollouts: Table, pages: Table, tmp_path: Path, valkey: Valkey
) -> None:
    with FleetProcess(tmp_path / "plain", clusters) as fleet:
        fleet.latency(LATENCY_SECONDS)
        beside = plain.carry_out(fleet.folder, HUB, fleet.names)
    for way in WAYS:
        found = carried_out(way, clusters, tmp_path / way.name, valkey)
        rollouts.add(*_row(way, clusters, found, beside))
        if way == WAYS[0]:
            for page, (milliseconds, queries) in found["pages"].items():
                pages.put(page, f"{clusters} clusters", f"{milliseconds:.0f} ms {queries:>3}")
        print(f"{clusters} clusters, {way.name}: {found['seconds']:.1f} s, plain {beside.seconds:.1f} s", flush=True)


def carried_out(way: Way, clusters: int, folder: Path, valkey: Valkey) -> dict[str, Any]:
    """What tests.bench.console says, on clusters and a database of its own."""
    with FleetProcess(folder / "fleet", clusters) as fleet, Postgres() if way.postgresql else nullcontext() as server:
        environment = isolated_environment(
            MESHCONSOLE_DATA=str(folder / "data"),
            MESHCONSOLE_LOG_LEVEL="WARNING",
            DATABASE_URL=server.url if server else "",
            REDIS_URL=valkey.url if way.worker else "",
        )
        command = [
            sys.executable,
            "-m",
            "tests.bench.console",
            str(fleet.folder),
            str(clusters),
            "worker" if way.worker else "process",
        ]
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline(), "the console could not register the clusters"
                fleet.latency(LATENCY_SECONDS)
                with worker(environment) if way.worker else nullcontext():
                    said, _ = process.communicate("go\n")
            finally:
                # Without a worker it would wait for ever.
                process.kill()
        assert process.returncode == 0
        return dict(json.loads(said))


@contextmanager
def worker(environment: dict[str, str]) -> Iterator[None]:
    """As `manage.py run` starts it; inside, it listens."""
    options = [
        "--beat",
        "--queues",
        "rollout,question,probe",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ]
    command = [sys.executable, "-m", "celery", "-A", "meshconsole", "worker", *options]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        while not waits_for_tasks(environment["REDIS_URL"]):
            assert process.poll() is None, "the worker does not start"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def waits_for_tasks(broker: str) -> bool:
    """Whether a worker waits at the broker's queues. It takes no commands, so it can't be asked."""
    with redis.Redis.from_url(broker) as client:
        return any(each["cmd"] == "brpop" for each in client.client_list())


def _row(way: Way, clusters: int, found: dict[str, Any], beside: plain.Result) -> list[str]:
    phases = [f"{found['phases'].get(phase, 0):.1f}" for phase in ("prepare", "preflight", "publish")]
    own = sum(count for kind, count in found["calls"].items() if kind not in NOT_THE_ROLLOUT) / clusters
    plainly = sum(beside.calls.values()) / clusters
    # A worker's calls are made in its own process.
    calls = ("", "", "") if way.worker else (f"{own:.1f}", f"{plainly:.1f}", f"{own / plainly:.2f}")
    aim = "1.5" if clusters < 100 else "2.0"
    times = (
        f"{found['seconds']:.1f}",
        f"{beside.seconds:.1f}",
        f"{found['seconds'] / beside.seconds:.1f}",
        aim,
        f"{found['start']:.1f}",
    )
    return [str(clusters), way.name, *times, *phases, "" if way.worker else f"{found['processor']:.1f}", *calls]
