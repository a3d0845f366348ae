"""A database connection that drops under a rollout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection, connections

from interconnect.models import RolloutStatus
from tests.rollouts import breaking
from tests.rollouts.test_kills import supervised
from tests.support import console
from tests.support.workers import Workers

if TYPE_CHECKING:
    from tests.rollouts.conftest import World
    from tests.support.valkey import Valkey

APPLICATION = "dropped"


def test_a_connection_that_drops_at_each_write_costs_no_step(world: World) -> None:
    once = breaking.Once()
    engines = connections["default"]

    def hook(cluster: str, n: int, request: Any, stage: str) -> None:
        if once.first(stage, cluster, request.method, request.path):
            drop(engines)

    for changes in (console.joining("member-a"), console.leaving("member-a")):
        rollout = console.start(world.mesh, changes)
        world.fleet.hook(hook)
        breaking.succeed(rollout, once)
        world.fleet.hook(None)
        console.agrees_with_the_fleet(world.fleet, world.mesh)
    assert len(once.met) >= 16
    assert world.fleet.snapshot() == world.found


def drop(engines: Any) -> None:
    """The connection of the thread that carries steps out, from another thread."""
    if engines.vendor == "sqlite":
        engines.connection.close()
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [engines.connection.info.backend_pid])
    connection.close()


def test_workers_whose_connections_are_ended_by_the_server_go_on(world: World, broker: Valkey) -> None:
    """On SQLite there is no server to end them: there the workers are as undisturbed as they can be."""
    ended: list[int] = []
    met: set[tuple[str, ...]] = set()

    def hook(cluster: str, n: int, request: Any, stage: str) -> None:
        write = (cluster, request.method, request.path)
        if connection.vendor != "postgresql" or stage == "before" or write in met:
            return
        met.add(write)
        with connection.cursor() as cursor:
            # Every backend but the test's own belongs to a worker.
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [APPLICATION]
            )
            ended.append(cursor.rowcount)
        connection.close()

    with Workers(broker.url, PGAPPNAME=APPLICATION) as workers:
        workers.start()
        for changes in (console.joining("member-a"), console.leaving("member-a")):
            world.fleet.hook(hook)
            rollout = supervised(console.start(world.mesh, changes), workers)
            world.fleet.hook(None)
            assert rollout.status == RolloutStatus.SUCCEEDED, f"{console.described(rollout)}\n{workers.said()}"
            console.agrees_with_the_fleet(world.fleet, world.mesh)
    assert connection.vendor != "postgresql" or sum(ended) > 0
    assert world.fleet.snapshot() == world.found
