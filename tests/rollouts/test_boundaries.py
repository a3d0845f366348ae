"""Every boundary between a rollout and the world is broken once.

Each time another worker goes on, and it ends right.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.rollouts import breaking
from tests.support import console

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import pytest

    from tests.rollouts.conftest import World

GATEWAY_KINDS = ("ServiceAccount", "Deployment", "Service")


def joins_and_leaves(world: World, once: breaking.Once, broken: Callable[[], AbstractContextManager[Any]]) -> None:
    """Twice over: a join with everything broken on the way, then its whole way back in the same manner."""
    rollout = console.start(world.mesh, console.joining("member-a"))
    with broken():
        breaking.succeed(rollout, once)
    everything_is_there_once(world)
    rollout = console.start(world.mesh, console.leaving("member-a"))
    with broken():
        breaking.succeed(rollout, once)
    nothing_is_left(world)


def everything_is_there_once(world: World) -> None:
    places = console.applied_places(world.mesh)
    assert {state for *_, state in places} == {"written"}
    member = world.fleet.cluster("member-a")
    for kind in GATEWAY_KINDS:
        ours = [obj for obj in member.list(kind, console.NAMESPACE) if console.is_ours(world.mesh, obj)]
        assert len(ours) == 1, kind
    rows = Counter((kind, bool(field)) for _, kind, _, field, _ in places)
    assert rows["Gateway", False] == 1
    assert rows["ConfigMap", True] == 1
    assert console.ours_on(world.fleet, world.mesh) == {
        (uid, kind, name) for uid, kind, name, field, _ in places if not field
    }


def nothing_is_left(world: World) -> None:
    assert console.applied_places(world.mesh) == []
    assert console.ours_on(world.fleet, world.mesh) == set()
    assert world.fleet.snapshot() == world.found


def test_a_worker_that_dies_before_or_after_any_write_is_replaced(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = breaking.Once()
    joins_and_leaves(world, once, lambda: breaking.dying_at_calls(monkeypatch, once, reads=False))
    assert len(once.met) >= 32


def test_a_worker_that_dies_before_any_read_is_replaced(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    once = breaking.Once()
    joins_and_leaves(world, once, lambda: breaking.dying_at_calls(monkeypatch, once, reads=True))
    assert len(once.met) > 80


def test_a_worker_that_dies_before_or_after_any_commit_is_replaced(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = breaking.Once()
    joins_and_leaves(world, once, lambda: breaking.dying_at_commits(monkeypatch, once))
    assert len(once.met) > 100


def test_a_write_whose_answer_is_lost_or_an_error_is_repeated_whether_it_arrived_or_not(world: World) -> None:
    once = breaking.Once()
    joins_and_leaves(world, once, lambda: breaking.answers_lost(world.fleet, once))
    assert len(once.met) > 50
