"""Real workers, killed by SIGKILL in the middle of their writes, and a broker that forgets or goes away."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from interconnect.models import Rollout, RolloutStatus
from interconnect.models.rollout import UNFINISHED
from simulator import Cut
from tests.support import console
from tests.support.workers import Workers

if TYPE_CHECKING:
    from tests.rollouts.conftest import World
    from tests.support.valkey import Valkey

AWAY_SECONDS = 4
KILLS = (2, 4, 6, 9, 11)


class Killer:
    """A hook that kills all workers at the writes with these numbers: before they are stored, or after, in turn."""

    def __init__(self, workers: Workers, numbers: tuple[int, ...]) -> None:
        self.workers, self.numbers = workers, numbers
        self.dead = threading.Event()
        self.kills = 0

    def __call__(self, cluster: str, n: int, request: Any, stage: str) -> None:
        if n in self.numbers and stage == ("before", "after")[n % 2]:
            self.workers.kill()
            self.kills += 1
            self.dead.set()
            raise Cut


def supervised(rollout: Rollout, workers: Workers, killer: Killer | None = None, *, seconds: float = 120.0) -> Rollout:
    """Until the rollout has ended; workers that were killed are replaced.

    What the first of them had begun is taken up when its lease runs out, what the others had at once.
    """
    until = time.monotonic() + seconds
    while Rollout.objects.filter(id=rollout.id, status__in=UNFINISHED).exists():
        if killer is not None and killer.dead.is_set():
            killer.dead.clear()
            if killer.kills > 1:
                console.forget_workers(rollout)
            workers.start()
        assert time.monotonic() < until, f"{console.described(rollout)}\n{workers.said()}"
        time.sleep(0.02)
    rollout.refresh_from_db()
    return rollout


def test_twenty_workers_are_killed_in_the_middle_of_writing_and_every_rollout_succeeds(
    world: World, broker: Valkey
) -> None:
    with Workers(broker.url) as workers:
        workers.start()
        for changes in (console.joining("member-a"), console.leaving("member-a")) * 2:
            killer = Killer(workers, KILLS)
            world.fleet.hook(killer)
            rollout = supervised(console.start(world.mesh, changes), workers, killer)
            world.fleet.hook(None)
            assert rollout.status == RolloutStatus.SUCCEEDED, f"{console.described(rollout)}\n{workers.said()}"
            console.agrees_with_the_fleet(world.fleet, world.mesh)
        assert workers.killed >= 20
    assert world.fleet.snapshot() == world.found


def test_a_broker_that_forgets_everything_at_every_step_costs_time_and_no_step(world: World, broker: Valkey) -> None:
    with Workers(broker.url) as workers:
        workers.start()
        for changes in (console.joining("member-a"), console.leaving("member-a")):
            rollout = console.start(world.mesh, changes)
            broker.empty()
            seen: list[str] = []
            while Rollout.objects.filter(id=rollout.id, status__in=UNFINISHED).exists():
                now = [step.status for step in console.steps_of(rollout)]
                if now != seen:
                    seen = now
                    broker.empty()
                time.sleep(0.01)
            rollout.refresh_from_db()
            assert rollout.status == RolloutStatus.SUCCEEDED, f"{console.described(rollout)}\n{workers.said()}"
            console.agrees_with_the_fleet(world.fleet, world.mesh)
    assert world.fleet.snapshot() == world.found


def test_a_rollout_outlives_a_broker_that_is_away_for_longer_than_a_lease(world: World, broker: Valkey) -> None:
    with Workers(broker.url) as workers:
        workers.start()
        rollout = console.start(world.mesh, console.joining("member-a"))
        wait_for_writes(world, 2)
        broker.stop()
        time.sleep(AWAY_SECONDS)
        broker.start()
        supervised(rollout, workers)
        assert rollout.status == RolloutStatus.SUCCEEDED, f"{console.described(rollout)}\n{workers.said()}"
        console.agrees_with_the_fleet(world.fleet, world.mesh)
        rollout = supervised(console.start(world.mesh, console.leaving("member-a")), workers)
    assert rollout.status == RolloutStatus.SUCCEEDED, console.described(rollout)
    assert world.fleet.snapshot() == world.found


def test_a_change_is_accepted_while_the_broker_is_away(world: World, broker: Valkey) -> None:
    broker.stop()
    try:
        rollout = console.start(world.mesh, console.joining("member-a"))
        assert console.finish(rollout).status == RolloutStatus.SUCCEEDED, console.described(rollout)
    finally:
        broker.start()


def wait_for_writes(world: World, count: int, *, seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while len(world.fleet.writes()) < count:
        assert time.monotonic() < until, "nobody has begun"
        time.sleep(0.01)
