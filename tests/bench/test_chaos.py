"""A long seeded run: joins and their way back, broken again and again.

`MESHCONSOLE_CHAOS_SEED` repeats a run, `MESHCONSOLE_CHAOS_BREAKS` sets its length.
"""

from __future__ import annotations

import os
import random
import threading
import time
from typing import TYPE_CHECKING, Any

from interconnect.models import Rollout, RolloutStatus
from interconnect.models.rollout import UNFINISHED
from simulator import ApiError, Cut
from tests.support import console
from tests.support.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interconnect.domain.changes import Change
    from tests.rollouts.conftest import World
    from tests.support.valkey import Valkey

MEMBERS = ("member-a", "member-b", "member-c")
ODDS = 0.35
MOST_A_ROLLOUT = 8  # a step that has crashed ten times is given up, and rightly so


class Chaos:
    """A hook that breaks writes at random: workers die, answers are lost, servers err, the broker forgets."""

    def __init__(self, seed: int, workers: Workers, broker: Valkey) -> None:
        self.random = random.Random(seed)
        self.workers, self.broker = workers, broker
        self.counts = {"kill": 0, "cut": 0, "error": 0, "forget": 0}
        self.left = 0
        self.dead = threading.Event()
        self._lock = threading.Lock()

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def __call__(self, cluster: str, n: int, request: Any, stage: str) -> None:
        with self._lock:
            if self.left < 1 or self.dead.is_set() or self.random.random() > ODDS:
                return
            kind = self.random.choice(("kill", "kill", "cut", "error", "forget"))
            self.left -= 1
            self.counts[kind] += 1
            if kind == "kill":
                self.workers.kill()
                self.dead.set()
        if kind == "forget":
            self.broker.empty()
        elif kind == "error":
            raise ApiError(503, "ServiceUnavailable", "chaos")
        else:
            raise Cut


def carried_out(rollout: Rollout, chaos: Chaos) -> None:
    until = time.monotonic() + 180
    while Rollout.objects.filter(id=rollout.id, status__in=UNFINISHED).exists():
        if chaos.dead.is_set():
            chaos.workers.start()
            chaos.dead.clear()
        assert time.monotonic() < until, f"{console.described(rollout)}\n{chaos.workers.said()}"
        time.sleep(0.02)
    rollout.refresh_from_db()


def ways(members: Sequence[str]) -> tuple[list[Change], list[Change]]:
    return console.joining(*members), console.leaving(*members)


def test_two_hundred_breaks_leave_every_rollout_right(world: World, broker: Valkey) -> None:
    seed = int(os.environ.get("MESHCONSOLE_CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    wanted = int(os.environ.get("MESHCONSOLE_CHAOS_BREAKS") or 200)
    print(f"\nchaos: MESHCONSOLE_CHAOS_SEED={seed}", flush=True)
    began, rollouts = time.monotonic(), 0
    with Workers(broker.url) as workers:
        chaos = Chaos(seed, workers, broker)
        workers.start()
        while chaos.total < wanted:
            for changes in ways(chaos.random.sample(MEMBERS, chaos.random.randint(1, len(MEMBERS)))):
                chaos.left = MOST_A_ROLLOUT
                world.fleet.hook(chaos)
                rollout = console.start(world.mesh, changes)
                carried_out(rollout, chaos)
                world.fleet.hook(None)
                rollouts += 1
                assert rollout.status == RolloutStatus.SUCCEEDED, (
                    f"seed {seed}: {console.described(rollout)}\n{workers.said()}"
                )
                console.agrees_with_the_fleet(world.fleet, world.mesh)
            assert world.fleet.snapshot() == world.found, f"seed {seed}"
            print(
                f"chaos: {chaos.total} breaks in {rollouts} rollouts, {time.monotonic() - began:.0f} s: {chaos.counts}",
                flush=True,
            )


def test_each_write_alone_may_be_the_one_of_which_nobody_knows_whether_it_arrived(world: World) -> None:
    total = 1
    for stage in ("before", "after"):
        n = 1
        while n <= total:
            written = len(world.fleet.writes())
            world.fleet.hook(console.cut_at(n, stage))
            for changes in (console.joining("member-a"), console.leaving("member-a")):
                rollout = console.finish(console.start(world.mesh, changes))
                assert rollout.status == RolloutStatus.SUCCEEDED, (
                    f"write {n}, cut {stage}: {console.described(rollout)}"
                )
                console.agrees_with_the_fleet(world.fleet, world.mesh)
            world.fleet.hook(None)
            assert world.fleet.snapshot() == world.found, f"write {n}, cut {stage} it was stored"
            total, n = len(world.fleet.writes()) - written - 1, n + 1
