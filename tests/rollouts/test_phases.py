"""Chains fail alone, phases wait for each other, and what was left undone can be retried or reverted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from interconnect.domain.changes import CreateGroup, DeleteGateway, Enable, Remove
from interconnect.domain.steps import Phase, StepKind
from interconnect.domain.topology import GatewayKey, RestartPolicy
from interconnect.models import Connection, Rollout, RolloutStatus, Step, StepStatus
from interconnect.services.rollouts import Start, rollout_cancel, rollout_retry, rollout_revert
from tests.support import console

if TYPE_CHECKING:
    from tests.rollouts.conftest import World

BOTH = ("member-a", "member-b")


def ended(rollout: Rollout, status: RolloutStatus) -> Rollout:
    console.follow(rollout)
    assert rollout.status == status, console.described(rollout)
    return rollout


def outcome(rollout: Rollout, kind: StepKind, chain: str = "") -> tuple[str, str]:
    steps = [step for step in console.steps_of(rollout) if step.kind == kind and chain in ("", step.chain)]
    assert len(steps) == 1, steps
    return steps[0].status, steps[0].error_code


def networks(world: World) -> str:
    config = world.fleet.cluster(world.fleet.config).get("ConfigMap", "istio", console.NAMESPACE) or {}
    return str(config["data"].get("meshNetworks", ""))


def joined_both(world: World) -> None:
    ended(console.start(world.mesh, console.joining(*BOTH)), RolloutStatus.SUCCEEDED)


def test_a_cluster_that_does_not_answer_fails_its_own_chain_and_leaves_out_its_own_join(
    world: World, fast: None
) -> None:
    world.fleet.fault("member-b", "refuse")
    rollout = ended(console.start(world.mesh, console.joining(*BOTH), guard="skip"), RolloutStatus.FAILED)
    assert outcome(rollout, StepKind.LABEL, world.uid("member-b")) == (StepStatus.FAILED, "kube.unreachable")
    assert outcome(rollout, StepKind.GATEWAY, world.uid("member-b")) == (StepStatus.BLOCKED, "step.chain-failed")
    assert outcome(rollout, StepKind.PREFLIGHT, "group:group-member-b") == (StepStatus.BLOCKED, "step.prepare-failed")
    assert outcome(rollout, StepKind.PREFLIGHT, "group:group-member-a")[0] == StepStatus.SUCCEEDED
    assert outcome(rollout, StepKind.VERIFY)[0] == StepStatus.SUCCEEDED
    assert "group-member-a" in networks(world)
    assert "group-member-b" not in networks(world)
    world.fleet.fault("member-b", None)
    rollout_retry(actor=console.ACTOR, rollout=rollout)
    ended(rollout, RolloutStatus.SUCCEEDED)
    assert "group-member-b" in networks(world)
    ended(console.start(world.mesh, console.leaving(*BOTH)), RolloutStatus.SUCCEEDED)
    assert world.fleet.snapshot() == world.found


def test_removals_go_on_while_a_cluster_is_dead_and_the_rule_stays_until_all_is_withdrawn(
    world: World, fast: None
) -> None:
    joined_both(world)
    world.fleet.fault("member-b", "refuse")
    rollout = ended(console.start(world.mesh, console.leaving(*BOTH), guard="skip"), RolloutStatus.FAILED)
    assert "group-member" not in networks(world)
    assert outcome(rollout, StepKind.VERIFY)[0] == StepStatus.SUCCEEDED
    assert outcome(rollout, StepKind.LABEL_RESTORE, world.uid("member-a"))[0] == StepStatus.SUCCEEDED
    assert outcome(rollout, StepKind.GATEWAY_DELETE, world.uid("member-b")) == (StepStatus.FAILED, "kube.unreachable")
    assert outcome(rollout, StepKind.RULE_DELETE) == (StepStatus.BLOCKED, "step.withdraw-failed")
    world.fleet.fault("member-b", None)
    rollout_retry(actor=console.ACTOR, rollout=rollout)
    ended(rollout, RolloutStatus.SUCCEEDED)
    assert world.fleet.snapshot() == world.found
    assert console.applied_places(world.mesh) == []


def test_nothing_is_withdrawn_before_every_replica_is_seen_to_know_nothing_of_it(
    world: World, fast: None, settings: Any
) -> None:
    ended(console.start(world.mesh, console.joining("member-a")), RolloutStatus.SUCCEEDED)
    settings.MESHCONSOLE_VERIFY_SECONDS = 0.5
    world.fleet.mesh.configure(hot_reload=False)
    world.fleet.fault("member-c", "refuse")
    rollout = ended(console.start(world.mesh, console.leaving("member-a"), guard="skip"), RolloutStatus.FAILED)
    assert outcome(rollout, StepKind.VERIFY) == (StepStatus.FAILED, "verify.mismatch")
    assert outcome(rollout, StepKind.GATEWAY_DELETE) == (StepStatus.BLOCKED, "step.not-verified")
    assert outcome(rollout, StepKind.RULE_DELETE) == (StepStatus.BLOCKED, "step.withdraw-failed")
    assert world.fleet.cluster("member-a").get("Deployment", "eastwest-member-a-1", console.NAMESPACE)
    world.fleet.fault("member-c", None)
    settings.MESHCONSOLE_VERIFY_SECONDS = 60
    restart_istiod(world)
    rollout_retry(actor=console.ACTOR, rollout=rollout)
    ended(rollout, RolloutStatus.SUCCEEDED)
    assert world.fleet.snapshot() == world.found


def restart_istiod(world: World) -> None:
    template = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "by hand"}}}
    hub = world.fleet.cluster(world.fleet.hub)
    for deployment in hub.list("Deployment", console.NAMESPACE):
        hub.patch("Deployment", deployment["metadata"]["name"], {"spec": {"template": template}}, console.NAMESPACE)
    world.fleet.settle()


def test_a_guard_that_is_not_satisfied_fails_the_rollout_and_its_retry_takes_the_decision(
    world: World, fast: None
) -> None:
    world.fleet.fault("member-c", "refuse")
    rollout = ended(console.start(world.mesh, console.joining("member-a")), RolloutStatus.FAILED)
    assert outcome(rollout, StepKind.RESTART) == (StepStatus.FAILED, "restart.guard")
    assert "group-member-a" in networks(world)
    rollout_retry(actor=console.ACTOR, rollout=rollout, guard="skip")
    ended(rollout, RolloutStatus.SUCCEEDED)
    assert outcome(rollout, StepKind.RESTART)[0] == StepStatus.SKIPPED


def test_a_repeated_preflight_looks_at_the_clusters_anew(world: World, fast: None) -> None:
    other = CreateGroup("other", frozenset({"member-b"}))
    ended(console.start(world.mesh, [*console.joining("member-a")[:3], other]), RolloutStatus.SUCCEEDED)
    joining = console.joining("member-a")[3:]
    world.fleet.cluster("member-a").patch(
        "ConfigMap", "istio-ca-root-cert", {"data": {"root-cert.pem": "another"}}, console.NAMESPACE
    )
    rollout = ended(console.start(world.mesh, joining), RolloutStatus.FAILED)
    assert outcome(rollout, StepKind.PREFLIGHT) == (StepStatus.FAILED, "preflight.blocked")
    right = world.fleet.cluster("member-b").get("ConfigMap", "istio-ca-root-cert", console.NAMESPACE) or {}
    world.fleet.cluster("member-a").patch("ConfigMap", "istio-ca-root-cert", {"data": right["data"]}, console.NAMESPACE)
    rollout_retry(actor=console.ACTOR, rollout=rollout)
    ended(rollout, RolloutStatus.SUCCEEDED)


def test_a_cancel_finishes_the_step_under_way_and_begins_nothing_more(world: World) -> None:
    rollout = console.start(world.mesh, console.joining("member-a"))

    def hook(cluster: str, n: int, request: Any, stage: str) -> None:
        if (n, stage) == (2, "before"):
            rollout_cancel(actor=console.ACTOR, rollout=Rollout.objects.get(id=rollout.id))
            console.close_connections()

    world.fleet.hook(hook)
    console.finish(rollout)
    assert rollout.status == RolloutStatus.CANCELLED
    assert len(world.fleet.writes()) == 2
    assert {step.status for step in console.steps_of(rollout)} == {StepStatus.SUCCEEDED, StepStatus.CANCELLED}
    console.agrees_with_the_fleet(world.fleet, world.mesh)
    rollout_retry(actor=console.ACTOR, rollout=rollout)
    ended(rollout, RolloutStatus.SUCCEEDED)


def test_a_cancelled_rollout_can_be_reverted_and_what_was_found_is_put_back(world: World) -> None:
    ended(console.start(world.mesh, [Enable()]), RolloutStatus.SUCCEEDED)
    before = world.fleet.snapshot()
    rollout = console.start(world.mesh, console.joining("member-c")[1:])

    def hook(cluster: str, n: int, request: Any, stage: str) -> None:
        if (n, stage) == (4, "after"):
            rollout_cancel(actor=console.ACTOR, rollout=Rollout.objects.get(id=rollout.id))
            console.close_connections()

    world.fleet.hook(hook)
    console.finish(rollout)
    assert rollout.status == RolloutStatus.CANCELLED
    assert world.fleet.snapshot() != before
    ended(rollout_revert(actor=console.ACTOR, start=Start(world.mesh)), RolloutStatus.SUCCEEDED)
    assert world.fleet.snapshot() == before


def test_a_revert_of_a_join_leaves_what_was_there_before_it(world: World) -> None:
    ended(console.start(world.mesh, console.joining("member-a")), RolloutStatus.SUCCEEDED)
    before, rest = world.fleet.snapshot(), console.joining("member-b")[1:]
    ended(console.start(world.mesh, rest), RolloutStatus.SUCCEEDED)
    ended(rollout_revert(actor=console.ACTOR, start=Start(world.mesh)), RolloutStatus.SUCCEEDED)
    assert world.fleet.snapshot() == before
    assert "group-member-b" not in networks(world)


def test_a_silent_cluster_is_given_time_unless_it_was_silent_before(world: World, fast: None, settings: Any) -> None:
    settings.MESHCONSOLE_UNREACHABLE_SECONDS = 2.0  # time for the three tries that open the breaker
    world.fleet.fault("member-a", "refuse")
    changes = [Enable(), CreateGroup("blue", frozenset({"member-a"}))]
    rollout = ended(console.start(world.mesh, changes), RolloutStatus.FAILED)
    assert Step.objects.get(rollout=rollout, kind=StepKind.LABEL).attempts > 1
    assert Connection.objects.get(uid=world.uid("member-a")).open_code == "unreachable"
    rollout_retry(actor=console.ACTOR, rollout=rollout)
    ended(rollout, RolloutStatus.FAILED)
    assert Step.objects.get(rollout=rollout, kind=StepKind.LABEL).attempts == 1
    world.fleet.fault("member-a", None)
    rollout_retry(actor=console.ACTOR, rollout=rollout)
    ended(rollout, RolloutStatus.SUCCEEDED)
    assert Connection.objects.get(uid=world.uid("member-a")).open_since is None


def test_a_breaker_that_another_worker_has_closed_is_closed_for_all(world: World, fast: None) -> None:
    world.fleet.fault("member-a", "refuse")
    rollout = ended(
        console.start(world.mesh, [Enable(), CreateGroup("blue", frozenset({"member-a"}))]), RolloutStatus.FAILED
    )
    Connection.objects.filter(uid=world.uid("member-a")).update(open_since=None, open_code="")
    rollout_retry(actor=console.ACTOR, rollout=rollout)
    ended(rollout, RolloutStatus.FAILED)
    assert Step.objects.get(rollout=rollout, kind=StepKind.LABEL).attempts > 1


def test_an_answer_in_between_ends_the_time_that_a_cluster_has_been_failing(world: World) -> None:
    ended(console.start(world.mesh, console.joining("member-a")[:3]), RolloutStatus.SUCCEEDED)
    finalizer = {"metadata": {"finalizers": ["example.org/keep"]}}
    world.fleet.cluster("member-a").patch("Service", "eastwest-member-a-1", finalizer, console.NAMESPACE)
    rollout = console.start(world.mesh, [DeleteGateway(GatewayKey("member-a", 1))])
    step = Step.objects.get(rollout=rollout, kind=StepKind.GATEWAY_DELETE)
    console.run(step.id)
    long_ago = timezone.now() - timedelta(hours=1)
    for fault, failing in ((None, False), ("refuse", True)):
        Step.objects.filter(id=step.id).update(next_attempt_at=None, failing_since=None if fault else long_ago)
        world.fleet.fault("member-a", fault)
        console.run(step.id)
        step.refresh_from_db()
        assert step.status == StepStatus.WAITING
        assert (step.failing_since is not None) is failing
    world.fleet.fault("member-a", None)
    world.fleet.cluster("member-a").patch(
        "Service", "eastwest-member-a-1", {"metadata": {"finalizers": None}}, console.NAMESPACE
    )
    ended(rollout, RolloutStatus.SUCCEEDED)


def test_steps_that_wait_hold_no_thread(world: World) -> None:
    """One thread carries out all: while one cluster asks for patience, the other one's chain comes to its end."""
    world.fleet.fault("member-a", "503", retry_after=1)
    rollout = console.start(world.mesh, console.joining(*BOTH))
    theirs = Step.objects.filter(rollout=rollout, phase=Phase.PREPARE, chain=world.uid("member-b"))
    while theirs.exclude(status=StepStatus.SUCCEEDED).exists():
        for step in console.due_steps(rollout):
            console.run(step)
        assert not theirs.filter(status=StepStatus.FAILED).exists(), console.described(rollout)
    assert Step.objects.filter(rollout=rollout, chain=world.uid("member-a"), status=StepStatus.WAITING).exists()
    world.fleet.fault("member-a", None)
    console.finish(rollout)
    assert rollout.status == RolloutStatus.SUCCEEDED, console.described(rollout)


def test_removed_networks_need_no_restart_when_it_is_never_wanted(world: World) -> None:
    joined_both(world)
    replicas = set(world.fleet.mesh.replicas())
    rollout = ended(
        console.start(world.mesh, [Remove("group-member-a")], restart=RestartPolicy.NEVER), RolloutStatus.SUCCEEDED
    )
    assert outcome(rollout, StepKind.RESTART)[0] == StepStatus.SKIPPED
    assert set(world.fleet.mesh.replicas()) == replicas
