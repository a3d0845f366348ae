from __future__ import annotations

from typing import TYPE_CHECKING

from interconnect.models import RolloutStatus
from tests.support import console

if TYPE_CHECKING:
    from tests.rollouts.conftest import World


def test_a_join_writes_each_object_once_and_the_way_back_leaves_no_trace(world: World) -> None:
    rollout = console.follow(console.start(world.mesh, console.joining("member-a", "member-b")))
    assert rollout.status == RolloutStatus.SUCCEEDED, console.described(rollout)
    assert {state for *_, state in console.applied_places(world.mesh)} == {"written"}
    rollout = console.follow(console.start(world.mesh, console.leaving("member-a", "member-b")))
    assert rollout.status == RolloutStatus.SUCCEEDED, console.described(rollout)
    assert console.applied_places(world.mesh) == []
    assert world.fleet.snapshot() == world.found
