"""Who may carry a step out, and what becomes of one who no longer may."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.db import connections

from interconnect.domain.changes import CreateGroup, Disable, Enable
from interconnect.domain.steps import StepKind
from interconnect.kube.transport import Transport
from interconnect.models import AppliedEntry, RolloutStatus, Step, StepStatus
from interconnect.rollouts import engine, lease
from interconnect.rollouts.lease import Lease
from interconnect.rollouts.outcome import LostLease
from tests.support import console

if TYPE_CHECKING:
    from interconnect.models import Mesh, Rollout
    from tests.rollouts.conftest import World


def rows(mesh: Mesh, rollout: Rollout) -> tuple[list[Any], list[Any]]:
    return list(AppliedEntry.objects.filter(mesh=mesh).order_by("id").values()), list(
        Step.objects.filter(rollout=rollout).values()
    )


def only_step(rollout: Rollout) -> Step:
    (step,) = console.steps_of(rollout)
    return step


def test_of_two_workers_on_one_step_only_one_does_it(world: World) -> None:
    rollout = console.start(world.mesh, [Enable()])
    world.fleet.hook(lambda cluster, n, request, stage: time.sleep(0.1))
    gate = threading.Barrier(2)

    def work(name: str) -> None:
        gate.wait()
        engine.run_chain(only_step(rollout).id, name)
        connections.close_all()

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.fleet.writes()) == 1
    assert only_step(rollout).attempts == 1
    rollout.refresh_from_db()
    assert rollout.status == RolloutStatus.SUCCEEDED


def test_a_late_writer_whose_lease_another_has_taken_writes_nothing_to_the_database(world: World) -> None:
    rollout = console.start(world.mesh, [Enable()])
    step = only_step(rollout)
    afterwards: list[Any] = []

    def hook(cluster: str, n: int, request: Any, stage: str) -> None:
        if (n, stage) == (1, "before"):
            console.forget_workers(rollout)
            engine.run_chain(step.id, "quick")
            afterwards.append(rows(world.mesh, rollout))
            connections.close_all()

    world.fleet.hook(hook)
    engine.run_chain(step.id, "late")
    assert afterwards == [rows(world.mesh, rollout)]
    assert only_step(rollout).crashes == 1
    rollout.refresh_from_db()
    assert rollout.status == RolloutStatus.SUCCEEDED


def test_a_worker_that_decided_before_others_went_on_brings_nothing_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its look and its intention others have carried the step out, and taken all away again by the next
    rollout.
    """
    rollout = console.start(world.mesh, [Enable()])
    step, original = only_step(rollout), Transport.request
    looked: list[str] = []

    def request(self: Transport, method: str, path: str, **options: Any) -> Any:
        answer = original(self, method, path, **options)
        if method == "GET" and path.endswith("/gateways/cross-network-gateway") and not looked:
            looked.append(path)
            console.forget_workers(rollout)
            console.finish(rollout, worker="quick")
            console.finish(console.start(world.mesh, [Disable()]), worker="quick")
        return answer

    monkeypatch.setattr(Transport, "request", request)
    engine.run_chain(step.id, "late")
    assert looked
    assert console.applied_places(world.mesh) == []
    assert world.fleet.snapshot() == world.found


def test_a_worker_that_was_stopped_beyond_its_lease_does_not_write_to_the_cluster_either(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = console.start(
        world.mesh, [Enable(), CreateGroup("blue", frozenset({"member-a"})), console.gateway_of("member-a")]
    )
    step = Step.objects.get(rollout=rollout, kind=StepKind.GATEWAY)
    Step.objects.filter(rollout=rollout).exclude(id=step.id).update(status=StepStatus.SKIPPED)
    Step.objects.filter(id=step.id).update(status=StepStatus.READY)

    def hook(cluster: str, n: int, request: Any, stage: str) -> None:
        if (n, stage) == (1, "after"):
            monkeypatch.setattr(
                lease, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + settings.MESHCONSOLE_LEASE_SECONDS)
            )
            console.forget_workers(rollout)
            engine.run_step(step.id, "quick")
            connections.close_all()

    world.fleet.hook(hook)
    engine.run_step(step.id, "stopped")
    writes = [(record.method, record.path) for record in world.fleet.writes()]
    assert len(writes) == 1 + 3
    assert writes[1] == writes[0]


def test_a_step_that_asks_for_longer_than_a_lease_keeps_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its calls takes half a lease by the step's own clock; every call that might outlast the lease prolongs
    it.
    """
    changes = [Enable(), CreateGroup("blue", frozenset({"member-a"})), console.gateway_of("member-a")]
    rollout = console.start(world.mesh, changes)
    clock, prolonged = time.monotonic(), set()

    def hook(cluster: str, n: int, request: Any, stage: str) -> None:
        nonlocal clock
        clock += settings.MESHCONSOLE_LEASE_SECONDS / 4
        prolonged.update(
            Step.objects.filter(rollout=rollout, kind=StepKind.GATEWAY).values_list("lease_until", flat=True)
        )
        connections.close_all()

    monkeypatch.setattr(lease, "time", SimpleNamespace(monotonic=lambda: clock))
    world.fleet.hook(hook)
    console.finish(rollout)
    assert rollout.status == RolloutStatus.SUCCEEDED, console.described(rollout)
    assert {step.crashes for step in console.steps_of(rollout)} == {0}
    assert len(prolonged - {None}) > 2


def test_a_lease_that_was_lost_cannot_be_given_back(world: World) -> None:
    rollout = console.start(world.mesh, [Enable()])
    first = Lease.take(only_step(rollout).id, "one")
    assert first is not None
    assert Lease.take(only_step(rollout).id, "two") is None
    console.forget_workers(rollout)
    second = Lease.take(only_step(rollout).id, "two")
    assert second is not None
    with pytest.raises(LostLease):
        first.give_back(status=StepStatus.SUCCEEDED)
    assert only_step(rollout).status == StepStatus.ACTIVE
    second.give_back(status=StepStatus.SUCCEEDED)
    assert only_step(rollout).status == StepStatus.SUCCEEDED
