"""A gateway is applied until it serves, its address is waited for, and it never serves with less than it had."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from interconnect.domain.changes import CreateGroup, DeleteGroup, EditGateway, Enable, Join
from interconnect.domain.topology import Address, Autoscaling, GatewaySpec, ServiceType
from interconnect.rollouts.steps import gateway as gateway_steps
from interconnect.services.watching import look_at_pending_addresses
from simulator.mesh import Mesh as SimulatedMesh
from simulator.policies import Policy
from tests.support.world import SYSTEM, B, World, gateway, step

if TYPE_CHECKING:
    import pytest

PENDING = (("simulator/pending", "true"),)
NO_SUCH_IMAGE = Policy("pods", "eastwest-", {"/spec/containers/0/image": "registry.example.org/missing"})


def replicas_seen(world: World) -> list[int]:
    """Every number of replicas that the gateway's Deployment has from now on."""
    seen: list[int] = []

    def notice(event: Any) -> None:
        if event.resource.kind == "Deployment" and event.new["metadata"]["name"] == "eastwest-member-b-1":
            seen.append(event.new["spec"]["replicas"])

    world.fleet.cluster("member-b").cluster.store.listeners.append(notice)
    return seen


def writes(world: World, since: int) -> list[str]:
    return [f"{record.method} {record.path.split('/')[-2]}" for record in world.fleet.writes("member-b")[since:]]


def test_replicas_are_those_that_run(prepared: World) -> None:
    prepared.do(EditGateway(B, GatewaySpec(replicas=3)))
    assert prepared.deployment(B)["status"]["availableReplicas"] == 3
    assert prepared.topology.gateways[B].spec.replicas == 3


def test_the_number_of_replicas_changes_hands_without_falling(prepared: World) -> None:
    prepared.do(EditGateway(B, GatewaySpec(replicas=3)))
    seen = replicas_seen(prepared)
    prepared.do(EditGateway(B, GatewaySpec(autoscaling=Autoscaling(2, 5))))
    assert set(seen) == {3}
    assert prepared.object("HorizontalPodAutoscaler", B)["spec"]["minReplicas"] == 2
    scaled = {"spec": {"replicas": 4}}
    prepared.fleet.cluster("member-b").patch(
        "Deployment", "eastwest-member-b-1", scaled, SYSTEM, manager="kube-controller-manager"
    )
    assert prepared.preview().steps == ()
    prepared.do(EditGateway(B, GatewaySpec(replicas=2)))
    assert min(seen) >= 2
    assert prepared.deployment(B)["spec"]["replicas"] == 2
    assert prepared.fleet.cluster("member-b").get("HorizontalPodAutoscaler", "eastwest-member-b-1", SYSTEM) is None
    assert prepared.preview().empty


def test_the_disruption_budget_goes_before_the_replicas_fall(prepared: World) -> None:
    prepared.do(EditGateway(B, GatewaySpec(replicas=2)))
    assert prepared.object("PodDisruptionBudget", B)
    since = len(prepared.fleet.writes("member-b"))
    prepared.do(EditGateway(B, GatewaySpec(replicas=1)))
    done = writes(prepared, since)
    assert done.index("DELETE poddisruptionbudgets") < done.index("PATCH deployments")
    assert prepared.deployment(B)["spec"]["replicas"] == 1
    assert prepared.preview().empty


def test_a_service_of_another_type_needs_no_address(world: World) -> None:
    rollout = world.do(Enable(), *world.group(green="member-b"), gateway(B, service_type=ServiceType.NODE_PORT))
    assert {"address"}.isdisjoint(each.kind for each in rollout.steps.all())
    assert world.service(B)["spec"]["type"] == "NodePort"
    assert not rollout.address_pending


def test_a_gateway_that_is_not_injected_fails_and_says_what_is_wrong(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SimulatedMesh, "inject", lambda _mesh, _member, pod: without_network(pod))
    rollout = world.do(Enable(), *world.group(green="member-b"), gateway(B), ends="failed")
    failed = step(rollout, "gateway")
    assert failed.error_code == "gateway.other-network"
    assert failed.error_params["network"] == "green"
    monkeypatch.undo()
    world.fleet.cluster("member-b").patch(
        "Deployment",
        "eastwest-member-b-1",
        {"spec": {"template": {"metadata": {"annotations": {"again": "1"}}}}},
        SYSTEM,
    )
    world.fleet.settle()
    world.retry(rollout)


def without_network(pod: Any) -> Any:
    containers = [{**item, "image": "proxyv2"} for item in pod["spec"]["containers"]]
    return {**pod, "spec": {**pod["spec"], "containers": containers}}


def test_a_gateway_that_does_not_become_available_fails_with_what_kubernetes_says(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway_steps, "AVAILABLE_SECONDS", 0.3)
    world.fleet.cluster("member-b").cluster.policies = (NO_SUCH_IMAGE,)
    rollout = world.do(Enable(), *world.group(green="member-b"), gateway(B), ends="failed")
    failed = step(rollout, "gateway")
    assert (failed.error_code, failed.error_params["available"]) == ("gateway.not-available", 0)
    assert step(rollout, "address").status == "blocked"


def test_a_deployment_that_kubernetes_gave_up_is_not_waited_for(world: World) -> None:
    world.fleet.cluster("member-b").cluster.policies = (NO_SUCH_IMAGE,)

    def impatient(_cluster: str, _n: int, request: Any, stage: str) -> None:
        if stage == "after" and re.search("/deployments/eastwest", request.path) and request.method == "PATCH":
            world.fleet.hook(None)
            world.fleet.cluster("member-b").patch(
                "Deployment", "eastwest-member-b-1", {"spec": {"progressDeadlineSeconds": 1}}, SYSTEM
            )

    world.fleet.hook(impatient)
    rollout = world.do(Enable(), *world.group(green="member-b"), gateway(B), ends="failed")
    failed = step(rollout, "gateway")
    assert failed.error_code == "gateway.not-available"
    assert "timed out progressing" in failed.error_params["said"]


def test_a_load_balancer_that_says_nothing_leaves_the_address_pending_and_its_reason_known(
    world: World, no_address: None
) -> None:
    rollout = world.do(Enable(), *world.group(green="member-b"), gateway(B, annotations=PENDING))
    assert rollout.address_pending
    waited = step(rollout, "address")
    assert "quota of load balancers exceeded" in waited.evidence["reason"]
    assert look_at_pending_addresses(world.mesh) == ["eastwest-member-b-1"]
    world.do(EditGateway(B, GatewaySpec()))
    assert look_at_pending_addresses(world.mesh) == []


def test_a_join_that_awaits_an_address_fails_alone_and_is_completed_by_a_retry(world: World, no_address: None) -> None:
    awaited = Join("green", (Address("", gateway=B),))
    changes = [Enable(), *world.group(blue="member-a", green="member-b"), gateway(B, annotations=PENDING), awaited]
    rollout = world.do(*changes, ends="failed")
    failed = step(rollout, "preflight")
    assert (failed.error_code, failed.error_params["gateways"]) == ("address.pending", ["member-b/1"])
    assert [each.kind for each in rollout.steps.filter(status__in=("failed", "blocked"))] == ["preflight"]
    assert world.networks == [set(), set()]
    world.fleet.cluster("member-b").patch(
        "Service", "eastwest-member-b-1", {"metadata": {"annotations": {"simulator/pending": "false"}}}, SYSTEM
    )
    world.retry(rollout)
    assert world.networks == [{("green", world.address(B))}] * 2
    assert world.topology.groups["green"].addresses == (Address(world.address(B), gateway=B),)


def test_an_awaited_address_is_filled_in_while_the_rollout_runs(world: World) -> None:
    awaited = Join("green", (Address("", gateway=B),))
    world.do(
        Enable(),
        CreateGroup("green", frozenset({"member-b"})),
        gateway(B, annotations=(("simulator/delay", "0.1"),)),
        awaited,
    )
    assert world.networks == [{("green", world.address(B))}] * 2


def test_a_load_balancer_may_give_a_host_name(world: World) -> None:
    world.fleet.mesh.configure(hosts={"lb.example.org": ["198.51.100.9"]})
    awaited = Join("green", (Address("", gateway=B),))
    world.do(
        Enable(),
        *world.group(green="member-b"),
        gateway(B, annotations=(("simulator/hostname", "lb.example.org"),)),
        awaited,
    )
    assert world.networks == [{("green", "198.51.100.9")}] * 2


def test_a_gateway_that_a_finalizer_holds_is_named_and_deleted_by_a_retry(
    prepared: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway_steps, "DELETION_SECONDS", 0.3)
    cluster = prepared.fleet.cluster("member-b")
    cluster.patch("Service", "eastwest-member-b-1", {"metadata": {"finalizers": ["example.org/held"]}}, SYSTEM)
    rollout = prepared.do(DeleteGroup("green"), ends="failed")
    failed = step(rollout, "gateway-delete")
    assert (failed.error_code, failed.error_params["finalizers"]) == ("gateway.not-deleted", ["example.org/held"])
    cluster.patch("Service", "eastwest-member-b-1", {"metadata": {"finalizers": None}}, SYSTEM)
    prepared.retry(rollout)
    assert cluster.get("Service", "eastwest-member-b-1", SYSTEM) is None
