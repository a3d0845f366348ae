"""From nothing to joined and back, without a trace."""

from __future__ import annotations

from interconnect.domain.changes import DeleteGroup, Disable, Remove
from tests.support.world import B, C, World


def test_two_groups_are_joined_in_one_restart_and_all_of_it_is_put_back(world: World) -> None:
    before = world.fleet.snapshot()
    world.prepared()
    joined = world.do(world.join("green", B), world.join("red", C))
    wanted = {("green", world.address(B)), ("red", world.address(C))}
    assert world.networks == [wanted, wanted]
    assert [step.kind for step in joined.steps.all()].count("restart") == 1
    world.do(Remove("green"), Remove("red"))
    assert world.networks == [set(), set()]
    world.do(DeleteGroup("blue"), DeleteGroup("green"), DeleteGroup("red"), Disable())
    assert world.fleet.snapshot() == before


def test_foreign_things_survive(joined: World) -> None:
    assert joined.networks == [{("green", joined.address(B))}] * 2


def test_foreign_things_survive2(joined: World) -> None:
    assert joined.networks == [{("green", joined.address(B))}] * 2
    joined.do(Remove("green"))
    assert joined.networks == [set(), set()]
