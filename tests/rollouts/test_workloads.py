"""A restart of workloads goes beside every rollout that leaves the groups and webhook paths of its clusters alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from interconnect.domain.changes import Change, CreateGroup, Enable, RemoveCluster
from interconnect.domain.refusal import Refused
from interconnect.models import Rollout, RolloutStatus
from interconnect.services.rollouts import rollout_cancel, rollout_retry
from interconnect.services.workloads import workloads_restart
from tests.support import console

if TYPE_CHECKING:
    from tests.rollouts.conftest import World


def refused(world: World, changes: list[Change]) -> str:
    with pytest.raises(Refused) as caught:
        console.start(world.mesh, changes)
    return caught.value.violations[0].code


@pytest.fixture
def grouped(world: World) -> World:
    """member-b and member-c are one group; the Pods of member-c were made under another network before."""
    changes: list[Change] = [Enable(), CreateGroup("pair", frozenset({"member-b", "member-c"}))]
    rollout = console.finish(console.start(world.mesh, changes, accept=console.tokens(world.mesh, changes)))
    assert rollout.status == RolloutStatus.SUCCEEDED, console.described(rollout)
    return world


def test_stale_workloads_are_restarted_and_counted_again(grouped: World) -> None:
    rollout = console.finish(workloads_restart(actor=console.ACTOR, mesh=grouped.mesh, cluster="member-c"))
    assert rollout.status == RolloutStatus.SUCCEEDED, console.described(rollout)
    with pytest.raises(Refused):
        workloads_restart(actor=console.ACTOR, mesh=grouped.mesh, cluster="member-c")


def test_a_restart_excludes_only_rollouts_that_change_its_own_cluster(grouped: World) -> None:
    restart = workloads_restart(actor=console.ACTOR, mesh=grouped.mesh, cluster="member-c")
    assert refused(grouped, [RemoveCluster("member-c")]) == "rollout.workloads-running"
    other = console.finish(console.start(grouped.mesh, [CreateGroup("alone", frozenset({"member-a"}))]))
    assert other.status == RolloutStatus.SUCCEEDED, console.described(other)
    restart.refresh_from_db()
    assert restart.status == RolloutStatus.QUEUED
    assert console.finish(restart).status == RolloutStatus.SUCCEEDED, console.described(restart)


def test_a_restart_is_refused_while_its_cluster_changes_and_allowed_on_another(grouped: World) -> None:
    running = console.start(grouped.mesh, [RemoveCluster("member-c")])
    with pytest.raises(Refused) as caught:
        workloads_restart(actor=console.ACTOR, mesh=grouped.mesh, cluster="member-c")
    assert caught.value.violations[0].code == "rollout.running"
    beside = workloads_restart(actor=console.ACTOR, mesh=grouped.mesh, cluster="member-b")
    assert console.finish(beside).status == RolloutStatus.SUCCEEDED, console.described(beside)
    assert console.finish(running).status == RolloutStatus.SUCCEEDED, console.described(running)


def test_a_retry_meets_the_same_exclusion_as_a_start(grouped: World) -> None:
    changing = console.start(grouped.mesh, [RemoveCluster("member-c")])
    rollout_cancel(actor=console.ACTOR, rollout=changing)
    restart = workloads_restart(actor=console.ACTOR, mesh=grouped.mesh, cluster="member-c")
    with pytest.raises(Refused) as caught:
        rollout_retry(actor=console.ACTOR, rollout=changing)
    assert caught.value.violations[0].code == "rollout.workloads-running"
    rollout_cancel(actor=console.ACTOR, rollout=restart)
    rollout_retry(actor=console.ACTOR, rollout=changing)
    with pytest.raises(Refused) as caught:
        rollout_retry(actor=console.ACTOR, rollout=Rollout.objects.get(id=restart.id))
    assert caught.value.violations[0].code == "rollout.running"
    assert console.finish(changing).status == RolloutStatus.SUCCEEDED, console.described(changing)


def test_a_second_rollout_is_refused_and_names_the_running_one(world: World) -> None:
    running = console.start(world.mesh, [Enable()])
    with pytest.raises(Refused) as caught:
        console.start(world.mesh, [CreateGroup("blue", frozenset({"member-a"}))])
    assert caught.value.violations[0].code == "rollout.running"
    assert caught.value.violations[0].params["rollout"] == str(running.id)
    world.mesh.refresh_from_db()
    assert world.mesh.revision == running.revision
    assert console.finish(running).status == RolloutStatus.SUCCEEDED
