"""Every wait has an end, and then says what was last seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from interconnect.domain.changes import CreateGroup, Disable, Enable, Join
from interconnect.domain.steps import StepKind
from interconnect.domain.topology import GatewaySpec
from interconnect.models import MembershipAddress, RolloutStatus, Step, StepStatus
from interconnect.rollouts import engine
from interconnect.rollouts.steps import control_plane, gateway
from interconnect.services.rollouts import rollout_retry
from simulator import Fleet, Timing, usual_mesh
from tests.support import console

if TYPE_CHECKING:
    from tests.rollouts.conftest import World

PENDING = GatewaySpec(annotations=(("simulator/pending", "true"),))


def step_of(world: World, rollout: Any, kind: StepKind) -> Step:
    return Step.objects.get(rollout=rollout, kind=kind)


def test_a_load_balancer_that_stays_silent_fails_the_join_that_awaits_it_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "ADDRESS_SECONDS", 0.2)
    changes = [
        Enable(),
        CreateGroup("blue", frozenset({"member-a"})),
        console.gateway_of("member-a", spec=PENDING),
        Join("blue", (console.awaited("member-a"),)),
    ]
    rollout = console.finish(console.start(world.mesh, changes))
    assert rollout.status == RolloutStatus.FAILED
    assert step_of(world, rollout, StepKind.PREFLIGHT).error_code == "address.pending"
    statuses = {step.kind: step.status for step in console.steps_of(rollout)}
    assert {kind for kind, status in statuses.items() if status == StepStatus.FAILED} == {StepKind.PREFLIGHT}
    assert "quota of load balancers exceeded" in step_of(world, rollout, StepKind.ADDRESS).evidence["reason"]


def test_a_gateway_without_an_address_succeeds_with_its_address_pending(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "ADDRESS_SECONDS", 0.2)
    changes = [Enable(), CreateGroup("blue", frozenset({"member-a"})), console.gateway_of("member-a", spec=PENDING)]
    rollout = console.finish(console.start(world.mesh, changes))
    assert rollout.status == RolloutStatus.SUCCEEDED, console.described(rollout)
    assert rollout.address_pending


def test_the_address_that_a_join_awaits_is_filled_in_once_it_is_known(world: World) -> None:
    rollout = console.finish(console.start(world.mesh, console.joining("member-a")))
    assert rollout.status == RolloutStatus.SUCCEEDED, console.described(rollout)
    assert not rollout.address_pending
    assert MembershipAddress.objects.get(mesh=world.mesh).host


def test_a_rule_that_finalizers_hold_is_waited_for_within_reason_and_the_retry_ends_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    console.finish(console.start(world.mesh, [Enable()]))
    hub = world.fleet.cluster(world.fleet.config)
    hub.patch("Gateway", "cross-network-gateway", {"metadata": {"finalizers": ["example.org/keep"]}}, console.NAMESPACE)
    monkeypatch.setattr(control_plane, "DELETION_SECONDS", 0.2)
    rollout = console.finish(console.start(world.mesh, [Disable()]))
    assert rollout.status == RolloutStatus.FAILED
    failed = step_of(world, rollout, StepKind.RULE_DELETE)
    assert failed.error_code == "gateway.not-deleted"
    assert failed.error_params["finalizers"] == ["example.org/keep"]
    hub.patch("Gateway", "cross-network-gateway", {"metadata": {"finalizers": None}}, console.NAMESPACE)
    rollout_retry(actor=console.ACTOR, rollout=rollout)
    assert console.finish(rollout).status == RolloutStatus.SUCCEEDED, console.described(rollout)
    assert world.fleet.snapshot() == world.found


@pytest.mark.parametrize("asked", [0.000001, -5])
def test_a_busy_cluster_cannot_hurry_a_step(world: World, asked: float) -> None:
    console.forget_connections()
    world.fleet.fault("member-a", "429", retry_after=asked)
    rollout = console.start(world.mesh, [Enable(), CreateGroup("blue", frozenset({"member-a"}))])
    label = Step.objects.get(rollout=rollout, kind=StepKind.LABEL)
    for pause in (0.2, 0.4, 0.8, 1.6):
        before = timezone.now()
        Step.objects.filter(id=label.id).update(status=StepStatus.READY, next_attempt_at=None)
        engine.run_step(label.id, "test")
        label.refresh_from_db()
        assert label.evidence["code"] == "kube.too-many-requests"
        assert label.next_attempt_at and (label.next_attempt_at - before).total_seconds() >= pause


def test_a_busy_cluster_is_asked_once_more_before_patience_ends(world: World, settings: Any) -> None:
    settings.MESHCONSOLE_UNREACHABLE_SECONDS = 20
    world.fleet.fault("member-a", "503", retry_after=1000)
    rollout = console.start(world.mesh, [Enable(), CreateGroup("blue", frozenset({"member-a"}))])
    label = Step.objects.get(rollout=rollout, kind=StepKind.LABEL)
    engine.run_step(label.id, "test")
    label.refresh_from_db()
    assert label.next_attempt_at and (label.next_attempt_at - timezone.now()).total_seconds() <= 20


def test_more_new_clusters_than_places_for_silent_ones_are_all_looked_at(transactional_db: None) -> None:
    members = [f"member-{number}" for number in range(1, 13)]
    with Fleet([usual_mesh(members=members)], timing=Timing(pod=0.005, load_balancer=0.005, reload=0.005)) as fleet:
        mesh = console.registered_mesh(fleet)
        for member in members:
            fleet.fault(member, "latency", seconds=0.1)
        console.forget_connections()
        rollout = console.finish(console.start(mesh, console.joining("member-1")))
        assert rollout.status == RolloutStatus.SUCCEEDED, console.described(rollout)
        console.forget_connections()
