"""What one look takes at a mesh whose clusters are all well or a fifth of them silent, and at a cluster with many Pods.

`MESHCONSOLE_BENCH_CLUSTERS` names other sizes, such as `3,25`. Counts are asserted at small sizes in
`tests/services/test_look_costs.py`; here they stand beside their bars.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.bench import talk
from tests.bench.fleet import FleetProcess
from tests.bench.table import Table
from tests.support.postgres import Postgres
from tests.support.process import isolated_environment

if TYPE_CHECKING:
    from tests.bench.fleet import Asked

SIZES = tuple(int(size) for size in os.environ.get("MESHCONSOLE_BENCH_CLUSTERS", "25,250").split(","))
DATABASES = ("SQLite", "PostgreSQL")
PERIOD_SECONDS = 60
PODS = (1_000, 10_000)


@contextmanager
def console(fleet: FleetProcess, folder: Path, *more: str, postgresql: bool = False) -> Iterator[talk.Process]:
    with Postgres() if postgresql else nullcontext() as server:
        environment = isolated_environment(
            MESHCONSOLE_DATA=str(folder / "data"),
            MESHCONSOLE_LOG_LEVEL="WARNING",
            DATABASE_URL=server.url if server else "",
        )
        command = ("tests.bench.looks", str(fleet.folder), str(len(fleet.names)), *more)
        with talk.Process(*command, environment=environment) as process:
            yield process


@pytest.fixture(scope="module")
def looks() -> Iterator[Table]:
    calls = ("reads", "reviews", "dry runs", "control plane", "to a silent one")
    costs = ("statements", "bar", "commits", "ms of processor each", "seconds", f"of {PERIOD_SECONDS}")
    table = Table(
        "looks",
        "A look at a mesh: calls to each cluster, to the control plane and at most to a silent cluster; statements",
        ("clusters", "database", "look", *calls, *costs),
    )
    yield table
    table.print()


@pytest.fixture(scope="module")
def pods() -> Iterator[Table]:
    columns = ("Pods", "counted", "reads", "MB at once", "ms of processor", "seconds")
    title = "A look at one cluster whose Pods all carry another network, 4 KB of managedFields each"
    table = Table("many-pods", title, columns)
    yield table
    table.print()


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("clusters", SIZES)
def test_a_look_at_a_joined_mesh(clusters: int, database: str, looks: Table, tmp_path: Path) -> None:
    with (
        FleetProcess(tmp_path / "fleet", clusters) as fleet,
        console(fleet, tmp_path, "joined", postgresql=database == "PostgreSQL") as process,
    ):

        def measured(name: str, **options: Any) -> dict[str, Any]:
            fleet.asked()
            found: dict[str, Any] = process.ask("look", **options)
            looks.add(str(clusters), database, name, *_row(clusters, fleet.asked(), found))
            print(f"{clusters} clusters, {database}, {name}: {found['seconds']:.1f} s", flush=True)
            return found

        measured("slow facts too", slow=True)
        process.ask("look")
        assert measured("all well")["silent"] == 0
        silent = fleet.names[::5]
        fleet.fault(silent, "hang")
        measured("a fifth begins to hang")
        process.ask("look")
        assert measured("a fifth hangs")["silent"] == len(silent)


def _row(clusters: int, asked: Asked, found: dict[str, Any]) -> list[str]:
    each = [f"{asked.members.get(kind, 0) / clusters:.1f}" for kind in ("read", "review", "dry run")]
    statements = [str(found["statements"]), str(2 * clusters + 60), str(found["commits"])]
    processor = f"{1000 * found['processor'] / clusters:.1f}"
    times = [processor, f"{found['seconds']:.1f}", f"{found['seconds'] / PERIOD_SECONDS:.2f}"]
    return [*each, str(asked.hub), str(asked.silent), *statements, *times]


def test_a_look_at_a_cluster_with_many_pods(pods: Table, tmp_path: Path) -> None:
    with FleetProcess(tmp_path / "fleet", len(PODS)) as fleet, console(fleet, tmp_path) as process:
        process.ask("look")
        for number, name in zip(PODS, fleet.names, strict=True):
            fleet.put_pods(name, number, network="elsewhere", kilobytes=4)
            fleet.asked()
            found = process.ask("look", only=[name], central=False)
            reads = fleet.asked().members["read"]
            peak = process.ask("look", only=[name], central=False, memory=True)["peak"]
            assert (found["stale"], found["silent"]) == (number, 0)
            cost = (f"{1000 * found['processor']:.0f}", f"{found['seconds']:.1f}")
            pods.add(str(number), str(found["stale"]), str(reads), f"{peak:.1f}", *cost)
