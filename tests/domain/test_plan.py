"""Which steps are owed, in which phase and chain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from interconnect.domain.entries import Applied, AppliedState, Present, Target
from interconnect.domain.facts import ConfigMapRef, Facts
from interconnect.domain.networks import digest
from interconnect.domain.plan import plan
from interconnect.domain.render import label_target, networks_of, networks_target, render, webhook_target
from interconnect.domain.steps import Phase, PlannedStep, StepKind
from interconnect.domain.topology import Address, Group, ServiceType, Topology
from tests.domain.cluster_model import BrokenOff, Model, Refused, a_cluster, a_config_map, without_bookkeeping
from tests.domain.samples import (
    ENTRY,
    FACTS,
    GATEWAY_B,
    GREEN,
    HUB,
    ISTIOD,
    KEY_A,
    KEY_B,
    REF,
    UID_A,
    UID_B,
    UID_C,
    mesh,
)

BARE = replace(mesh(), enabled=False, groups={}, gateways={})
JOINED = mesh(joined=GREEN)


def rows(topology: Topology, facts: Facts = FACTS) -> dict[Target, Applied]:
    return {
        target: Applied(wanted.value, AppliedState.WRITTEN, gateway=wanted.gateway)
        for target, wanted in render(topology, facts).items()
    }


def known(topology: Topology) -> dict[str, Any]:
    networks = networks_of(topology)
    return {"published": {"istiod": frozenset(networks)}, "verified": {"istiod": digest(networks)}}


def steps(before: Topology, after: Topology, facts: Facts = FACTS, **changes: Any) -> tuple[PlannedStep, ...]:
    arguments = {"applied": rows(before), "live": {}, "facts": facts, **known(before), **changes}
    return plan(after, render(after, facts), arguments.pop("applied"), arguments.pop("live"), **arguments)


def kinds(planned: tuple[PlannedStep, ...], chain: str | None = None) -> list[str]:
    return [step.kind.value for step in planned if chain in (None, step.chain)]


def test_nothing_is_owed_when_nothing_is_wanted_and_nothing_was_applied() -> None:
    assert steps(BARE, BARE) == ()
    assert steps(BARE, BARE, Facts(), published={}, verified={}) == ()


def test_nothing_is_owed_when_what_was_applied_is_what_is_rendered() -> None:
    assert steps(JOINED, JOINED) == ()


def test_enabling_owes_the_rule_in_the_config_cluster() -> None:
    [step] = steps(BARE, replace(BARE, enabled=True))
    assert (step.phase, step.chain, step.kind, len(step.targets)) == (Phase.PREPARE, HUB, StepKind.RULE, 1)


def test_a_members_chain_goes_label_webhook_gateways_addresses_stale_pods() -> None:
    planned = steps(BARE, mesh())
    assert kinds(planned, UID_A) == ["label", "injection", "gateway", "address", "stale"]
    assert kinds(planned, UID_C) == []


def test_injection_is_owed_with_the_label_even_if_no_webhook_is_known() -> None:
    planned = steps(BARE, mesh(), Facts(istiods=(ISTIOD,)))
    [injection] = [step for step in planned if step.chain == UID_A and step.kind is StepKind.INJECTION]
    assert injection.targets == ()


def test_a_join_is_preflight_networks_restart_verify() -> None:
    planned = steps(mesh(), JOINED)
    assert [(step.phase, step.chain, step.kind.value) for step in planned] == [
        (Phase.PREFLIGHT, "group:green", "preflight"),
        (Phase.PUBLISH, "mesh", "networks"),
        (Phase.PUBLISH, "mesh", "restart"),
        (Phase.PUBLISH, "mesh", "verify"),
    ]
    assert planned[0].subject == "green"


def test_an_update_of_addresses_never_restarts_and_needs_no_preflight() -> None:
    assert kinds(steps(JOINED, mesh(joined=(Address("203.0.113.9"),)))) == ["networks", "verify"]


def test_a_remove_is_networks_restart_verify() -> None:
    assert kinds(steps(JOINED, mesh())) == ["networks", "restart", "verify"]


def test_a_join_that_awaits_its_address_is_planned_whole() -> None:
    planned = steps(mesh(), mesh(joined=(Address("", gateway=KEY_B),)))
    assert kinds(planned) == ["address", "preflight", "networks", "restart", "verify"]
    assert (planned[0].chain, planned[0].subject) == (UID_B, "gw-b")


def test_a_gateway_without_a_load_balancer_is_not_waited_for() -> None:
    after = mesh(spec=replace(GATEWAY_B.spec, service_type=ServiceType.CLUSTER_IP))
    assert kinds(steps(BARE, after), UID_A) == ["label", "injection", "gateway", "stale"]


def test_an_edit_that_only_takes_the_disruption_budget_away_is_a_step_of_its_gateway() -> None:
    planned = steps(mesh(spec=replace(GATEWAY_B.spec, replicas=2)), mesh())
    assert kinds(planned) == ["gateway", "address"]
    assert {target.kind for target in planned[0].targets} == {"Deployment", "PodDisruptionBudget"}


def test_a_move_changes_label_webhooks_and_gateways_and_withdraws_nothing() -> None:
    groups = {
        "blue": Group("blue", frozenset({"member-c"})),
        "green": Group("green", frozenset({"member-a", "member-b"})),
    }
    planned = steps(mesh(), replace(mesh(), groups=groups))
    assert kinds(planned, UID_A) == ["label", "injection", "gateway", "address", "stale"]
    assert {step.phase for step in planned} == {Phase.PREPARE}


def test_deleting_a_group_withdraws_gateways_webhooks_and_label_in_this_order() -> None:
    after = mesh().without_group("blue").without_gateways(KEY_A)
    planned = steps(mesh(), after)
    assert [(step.phase, step.chain, step.kind.value, step.after_verify) for step in planned] == [
        (Phase.WITHDRAW, UID_A, "gateway-delete", False),
        (Phase.WITHDRAW, UID_A, "injection-restore", False),
        (Phase.WITHDRAW, UID_A, "label-restore", False),
        (Phase.WITHDRAW, UID_A, "stale", False),
    ]
    assert planned[0].subject == "gw-a"


def test_what_leaves_with_a_group_that_was_listed_waits_for_verify() -> None:
    planned = steps(JOINED, BARE)
    assert {step.after_verify for step in planned if step.chain == UID_B} == {True}
    assert {step.group for step in planned if step.chain == UID_B} == {"green"}
    assert {step.after_verify for step in planned if step.chain == UID_A} == {False}


@pytest.mark.parametrize("lost", ["published", "verified"])
def test_a_retry_after_the_list_was_written_still_waits_for_verify(lost: str) -> None:
    changes = {**known(mesh()), lost: known(JOINED)[lost]}
    planned = steps(mesh(), BARE, **changes)
    assert {step.after_verify for step in planned if step.chain == UID_B} == {True}
    assert "verify" in kinds(planned)


def test_a_gateway_that_goes_while_its_cluster_stays_touches_nothing_else() -> None:
    assert kinds(steps(mesh(), mesh().without_gateways(KEY_A))) == ["gateway-delete"]


def test_the_rule_goes_last() -> None:
    assert steps(mesh(), BARE)[-1].phase is Phase.CLOSE
    assert kinds(steps(mesh(), BARE))[-1] == "rule-delete"


@pytest.mark.parametrize("state", [AppliedState.INTENDED, AppliedState.LEAVING])
def test_what_is_not_known_to_be_written_is_owed(state: AppliedState) -> None:
    applied = rows(mesh())
    label = label_target(mesh(), UID_B)
    applied[label] = replace(applied[label], state=state)
    assert kinds(steps(mesh(), mesh(), applied=applied)) == ["label", "injection", "stale"]


def test_a_live_object_that_disagrees_is_owed_and_an_unknown_one_is_not() -> None:
    label = label_target(mesh(), UID_B)
    live = Present({"metadata": {"name": "istio-system", "uid": "u", "labels": {}}})
    assert kinds(steps(mesh(), mesh(), live={label: live})) == ["label", "injection", "stale"]


def test_webhooks_that_were_never_read_are_not_withdrawn() -> None:
    assert steps(mesh(), mesh(), replace(FACTS, webhooks={})) == ()


def test_a_webhook_entry_that_is_gone_from_a_grouped_cluster_is_owed_in_its_injection_step() -> None:
    applied = rows(mesh())
    planned = steps(mesh(), mesh(), replace(FACTS, webhooks={UID_A: ()}), applied=applied)
    assert [(step.kind, step.targets) for step in planned] == [(StepKind.INJECTION, (webhook_target(UID_A, ENTRY),))]


@pytest.mark.parametrize("istiods", [(), (replace(ISTIOD, networks=None),)])
def test_mesh_networks_are_not_withdrawn_because_nobody_knows_where_they_are_read(istiods: tuple) -> None:
    assert steps(JOINED, JOINED, replace(FACTS, istiods=istiods)) == ()
    assert "networks" in kinds(steps(mesh(), JOINED, replace(FACTS, istiods=istiods)))
    assert "networks" in kinds(steps(JOINED, mesh(), replace(FACTS, istiods=istiods)))


def test_a_second_revision_that_appears_gets_the_list_too() -> None:
    canary = replace(
        ISTIOD,
        deployment="istiod-canary",
        revision="canary",
        networks=ConfigMapRef(HUB, "istio-system", "istio-canary"),
    )
    planned = steps(JOINED, JOINED, replace(FACTS, istiods=(ISTIOD, canary)))
    assert kinds(planned) == ["networks", "restart", "verify"]
    assert planned[0].targets == (networks_target(canary.networks),)


def test_a_failed_verify_is_owed_again_and_nothing_else() -> None:
    assert kinds(steps(JOINED, JOINED, verified={})) == ["verify"]


def test_a_restart_that_failed_is_owed_again() -> None:
    assert kinds(steps(JOINED, JOINED, published={})) == ["restart", "verify"]


def clusters() -> Model:
    objects = {
        **a_cluster(UID_A, url="https://hub/inject/cluster/member-a"),
        **a_cluster(UID_B, url="https://hub/inject/cluster/member-b/net/default", label="default"),
        **a_cluster(UID_C, url="/inject"),
        **a_config_map(REF, "# theirs\nnetworks: {}\n"),
    }
    return Model(objects, istiods=(ISTIOD,))


@pytest.mark.parametrize("boundary", range(0, 90, 3))
def test_a_plan_broken_off_anywhere_is_finished_by_the_next_and_undone_without_a_trace(boundary: int) -> None:
    model, before = clusters(), clusters().objects
    for topology in (JOINED, BARE):
        model.break_at = boundary
        try:
            model.carry_out(topology)
        except BrokenOff:
            model.carry_out(topology)
        model.break_at = None
        assert model.plan(topology) == ()
    assert without_bookkeeping(model.objects) == before
    assert model.rows == {}


def test_a_gateway_rule_that_is_not_ours_stops_its_step_until_it_is_adopted() -> None:
    model = clusters()
    place = (HUB, "networking.istio.io/v1", "Gateway", "istio-system", "cross-network-gateway")
    labels = {"app": "sample"}
    theirs = {
        "metadata": {"name": place[4], "namespace": place[3], "uid": "u", "labels": labels},
        "spec": {"selector": {"a": "b"}, "servers": []},
    }
    model.objects[place] = theirs
    before = without_bookkeeping(model.objects)
    with pytest.raises(Refused) as refused:
        model.carry_out(JOINED)
    assert without_bookkeeping(model.objects) == before
    model.carry_out(JOINED, frozenset({refused.value.args[0].token}))
    assert model.plan(JOINED) == ()
    model.carry_out(BARE)
    assert without_bookkeeping(model.objects) == before
