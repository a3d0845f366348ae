"""*Restart gateway*: the gateway's Deployment replaces its Pods, once nothing keeps new ones from being injected."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from interconnect.models import Rollout, Step
from interconnect.rollouts.steps import gateway as gateway_steps
from interconnect.rollouts.steps.control_plane import RESTARTED_AT
from interconnect.services.workloads import gateway_pods, gateway_restart
from interconnect.state import pages
from meshconsole.access.actor import Actor
from meshconsole.access.roles import Role
from simulator.policies import Policy
from tests.support.world import GATEWAY_IDS, ROOT, SYSTEM, B, World, refused, step

if TYPE_CHECKING:
    from interconnect.domain.json_types import Json
    from interconnect.models import Gateway

NAME = "eastwest-member-b-1"
PROXY = "docker.io/istio/proxyv2:1.31.0"
OPERATOR, ADMIN = Actor("operator", Role.OPERATOR), Actor("admin", Role.MESH_ADMIN)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_steps, "LOOK_SECONDS", 0.1)


def row(world: World) -> Gateway:
    found = pages.gateway_of(world.mesh, UUID(GATEWAY_IDS[B]))
    assert found is not None
    return found


def switch(world: World, value: str | None) -> None:
    """Set the namespace label that forbids injection, or take it off."""
    world.fleet.cluster("member-b").patch("Namespace", SYSTEM, {"metadata": {"labels": {"istio-injection": value}}})


def pods(world: World) -> list[Json]:
    return [
        pod
        for pod in world.fleet.cluster("member-b").list("Pod", SYSTEM)
        if pod["metadata"]["name"].startswith(NAME) and not pod["metadata"].get("deletionTimestamp")
    ]


def images(world: World) -> set[str]:
    return {pod["spec"]["containers"][0]["image"] for pod in pods(world)}


def lose_the_proxy(world: World) -> None:
    """Have the gateway's Pod made again while the namespace forbids injection."""
    switch(world, "disabled")
    for pod in pods(world):
        world.fleet.cluster("member-b").delete("Pod", pod["metadata"]["name"], SYSTEM)
    world.until(lambda: images(world) == {"auto"}, "a Pod without a proxy")


def test_a_gateway_without_proxies_is_restarted_once_the_cause_is_gone(joined: World) -> None:
    lose_the_proxy(joined)
    assert "gateway.not-injected" in {found.code for found in joined.found()}
    with refused("injection.prevents-restart"):
        gateway_restart(actor=ROOT, gateway=row(joined))
    switch(joined, None)
    seen = gateway_pods(gateway=row(joined))
    assert (seen.total, seen.unfit, seen.hindrance) == (1, 1, None)
    before = {pod["metadata"]["uid"] for pod in pods(joined)}
    rollout = joined.finish(gateway_restart(actor=ADMIN, gateway=row(joined)))
    joined.fleet.settle()
    assert images(joined) == {PROXY} and before.isdisjoint(pod["metadata"]["uid"] for pod in pods(joined))
    assert step(rollout, "gateway-restart").evidence["available"] == 1
    assert "gateway.not-injected" not in {found.code for found in joined.found()}
    assert joined.preview().empty


def test_a_healthy_gateway_is_restarted_too_and_only_that(prepared: World) -> None:
    before = prepared.deployment(B)
    prepared.finish(gateway_restart(actor=OPERATOR, gateway=row(prepared)))
    after = prepared.deployment(B)
    assert after["spec"]["template"]["metadata"]["annotations"].pop(RESTARTED_AT)
    before["spec"]["template"]["metadata"].setdefault("annotations", {})
    assert after["spec"] == before["spec"]
    assert prepared.preview().empty


def test_a_cause_that_comes_back_fails_the_step_before_any_pod_is_replaced(prepared: World) -> None:
    before = {pod["metadata"]["uid"] for pod in pods(prepared)}
    rollout = gateway_restart(actor=ROOT, gateway=row(prepared))
    switch(prepared, "disabled")
    prepared.finish(rollout, "failed")
    failed = step(rollout, "gateway-restart")
    assert (failed.error_code, failed.error_params["violation"]) == (
        "injection.prevents-restart",
        "injection.namespace-label",
    )
    assert {pod["metadata"]["uid"] for pod in pods(prepared)} == before
    switch(prepared, None)
    prepared.retry(rollout)
    prepared.fleet.settle()
    assert before.isdisjoint(pod["metadata"]["uid"] for pod in pods(prepared))


def test_a_policy_that_undoes_injection_fails_the_restart_until_it_is_gone(prepared: World) -> None:
    cluster = prepared.fleet.cluster("member-b").cluster
    cluster.policies = (Policy("pods", "eastwest-", {"/spec/containers/0/image": "mirror.example.org/auto"}),)
    rollout = prepared.finish(gateway_restart(actor=ROOT, gateway=row(prepared)), "failed")
    failed = step(rollout, "gateway-restart")
    assert (failed.error_code, failed.error_params["violation"]) == (
        "gateway.made-without-injection",
        "injection.policy",
    )
    cluster.policies = ()
    prepared.retry(rollout)
    prepared.fleet.settle()
    assert images(prepared) == {PROXY}


def test_a_gateway_whose_deployment_is_gone_is_restored_first(prepared: World) -> None:
    rollout = gateway_restart(actor=ROOT, gateway=row(prepared))
    prepared.fleet.cluster("member-b").delete("Deployment", NAME, SYSTEM)
    prepared.finish(rollout, "failed")
    assert step(rollout, "gateway-restart").error_code == "gateway.no-deployment"
    with refused("gateway.no-deployment"):
        gateway_restart(actor=ROOT, gateway=row(prepared))


def test_a_restart_that_is_repeated_after_a_crash_replaces_the_pods_once(prepared: World) -> None:
    rollout = gateway_restart(actor=ROOT, gateway=row(prepared))
    prepared.finish(rollout)
    generation = prepared.deployment(B)["metadata"]["generation"]
    Step.objects.filter(rollout=rollout).update(status="ready", evidence={}, ended_at=None)
    Rollout.objects.filter(id=rollout.id).update(status="running", ended_at=None)
    prepared.finish(rollout)
    assert prepared.deployment(B)["metadata"]["generation"] == generation


def test_a_silent_cluster_refuses_the_restart_with_its_reason(prepared: World) -> None:
    prepared.fleet.fault("member-b", "refuse")
    with refused("kube.unreachable"):
        gateway_restart(actor=ROOT, gateway=row(prepared))
    assert not Rollout.objects.exclude(subject="").exists()
