"""A gateway whose Pods were made without injection: the cause is named, and a retry replaces them once it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from interconnect.domain.changes import EditGateway, Enable
from interconnect.domain.topology import GatewaySpec
from interconnect.models import Gateway
from interconnect.rollouts.steps import gateway as gateway_steps
from interconnect.services.watching import look
from interconnect.wording import word
from simulator import world as simulated
from simulator.mesh import Mesh as SimulatedMesh
from simulator.policies import Policy
from tests.support.world import SYSTEM, B, World, gateway, step

if TYPE_CHECKING:
    from interconnect.domain.json_types import Json
    from interconnect.models import Rollout

NAME = "eastwest-member-b-1"
INJECTOR = "istio-sidecar-injector"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_steps, "LOOK_SECONDS", 0.1)


def created(world: World, ends: str = "failed") -> Rollout:
    return world.do(Enable(), *world.group(green="member-b"), gateway(B), ends=ends)


def label_namespace(world: World, **labels: str | None) -> None:
    named = {key.replace("__", "/").replace("_", "-"): value for key, value in labels.items()}
    named = {key.replace("istio/rev", "istio.io/rev"): value for key, value in named.items()}
    world.fleet.cluster("member-b").patch("Namespace", SYSTEM, {"metadata": {"labels": named}})


def pods(world: World) -> list[Json]:
    return [
        pod
        for pod in world.fleet.cluster("member-b").list("Pod", SYSTEM)
        if pod["metadata"]["name"].startswith(NAME) and not pod["metadata"].get("deletionTimestamp")
    ]


def cause(rollout: Rollout) -> tuple[str, Json]:
    failed = step(rollout, "gateway")
    assert failed.error_code == "gateway.made-without-injection"
    sentence = word(failed.error_code, failed.error_params)
    assert sentence.startswith(f"The Pods of {NAME} were created without the Istio proxy. ")
    assert "unknown" not in sentence
    return failed.error_params["violation"], failed.error_params


def replaced(world: World, rollout: Rollout) -> None:
    """The retry replaces the Pods, although nothing of the gateway's objects differs."""
    before = {pod["metadata"]["uid"] for pod in pods(world)}
    world.retry(rollout)
    world.fleet.settle()
    assert before.isdisjoint(pod["metadata"]["uid"] for pod in pods(world))
    assert {pod["spec"]["containers"][0]["image"] for pod in pods(world)} == {"docker.io/istio/proxyv2:1.31.0"}
    assert world.preview().empty


def test_a_namespace_label_that_forbids_injection_is_named(world: World) -> None:
    label_namespace(world, istio_injection="disabled")
    rollout = created(world)
    code, params = cause(rollout)
    assert (code, params["label"], params["namespace"]) == (
        "injection.namespace-label",
        "istio-injection=disabled",
        SYSTEM,
    )
    label_namespace(world, istio_injection=None)
    replaced(world, rollout)


def test_one_more_replica_without_a_proxy_is_noticed(prepared: World) -> None:
    label_namespace(prepared, istio_injection="disabled")
    rollout = prepared.do(EditGateway(B, GatewaySpec(replicas=2)), ends="failed")
    assert cause(rollout)[0] == "injection.namespace-label"
    label_namespace(prepared, istio_injection=None)
    replaced(prepared, rollout)


def test_a_revision_that_no_webhook_serves_is_named(world: World) -> None:
    label_namespace(world, istio__rev="canary")
    rollout = created(world)
    code, params = cause(rollout)
    assert (code, params["revision"], params["revisions"]) == ("injection.revision", "canary", ["default"])
    label_namespace(world, istio__rev=None)
    replaced(world, rollout)


def test_a_cluster_without_an_injection_webhook_is_told_so(world: World) -> None:
    world.fleet.cluster("member-b").delete("MutatingWebhookConfiguration", INJECTOR)
    rollout = created(world)
    assert cause(rollout)[0] == "injection.no-webhook"
    world.fleet.cluster("member-b").apply(simulated.injector("member-b", ""))
    replaced(world, rollout)


def test_selectors_that_match_nothing_are_named(world: World) -> None:
    cluster = world.fleet.cluster("member-b")
    found: Any = cluster.get("MutatingWebhookConfiguration", INJECTOR)
    webhooks = [each | {"namespaceSelector": {"matchLabels": {"team": "a"}}} for each in found["webhooks"]]
    cluster.patch("MutatingWebhookConfiguration", INJECTOR, {"webhooks": webhooks})
    rollout = created(world)
    code, params = cause(rollout)
    assert code == "injection.selector"
    assert "object.sidecar-injector.istio.io" in params["webhooks"]
    label_namespace(world, team="a")
    replaced(world, rollout)


def test_a_policy_that_undoes_injection_is_told_after_one_restart(world: World) -> None:
    cluster = world.fleet.cluster("member-b").cluster
    cluster.policies = (Policy("pods", "eastwest-", {"/spec/containers/0/image": "mirror.example.org/auto"}),)
    rollout = created(world)
    assert cause(rollout)[0] == "injection.policy"
    sets = [item["metadata"]["name"] for item in world.fleet.cluster("member-b").list("ReplicaSet", SYSTEM)]
    assert len([name for name in sets if name.startswith(NAME)]) == 2
    cluster.policies = ()
    replaced(world, rollout)


def test_a_policy_that_takes_a_label_off_the_pods_fails_the_step(world: World) -> None:
    cluster = world.fleet.cluster("member-b").cluster
    cluster.policies = (Policy("pods", "eastwest-", removes=("/metadata/labels/istio",)),)
    rollout = created(world)
    failed = step(rollout, "gateway")
    assert (failed.error_code, failed.error_params["kind"], failed.error_params["field"]) == (
        "writes.needed-changed",
        "Pod",
        ".metadata.labels.istio",
    )
    cluster.policies = ()
    replaced(world, rollout)


def test_pods_made_before_the_cause_went_are_replaced_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The webhook is back by the time that the Pods are looked at."""
    original = SimulatedMesh.inject
    made: list[str] = []

    def inject(mesh: SimulatedMesh, member: Any, pod: Json) -> Json:
        if pod["metadata"]["name"].startswith(NAME) and not made:
            made.append(pod["metadata"]["name"])
            return pod
        return original(mesh, member, pod)

    monkeypatch.setattr(SimulatedMesh, "inject", inject)
    created(world, "succeeded")
    assert made[0] not in {pod["metadata"]["name"] for pod in pods(world)}


def test_without_the_right_to_read_webhooks_a_retry_still_restarts(world: World) -> None:
    label_namespace(world, istio_injection="disabled")
    rollout = created(world)
    label_namespace(world, istio_injection=None)
    world.fleet.fault("member-b", "403", resource="mutatingwebhookconfigurations")
    replaced(world, rollout)


def seen(world: World) -> Json:
    facts: Json = Gateway.objects.get(cluster__mesh=world.mesh, name=NAME).observation.facts
    return facts


def test_injection_is_unknown_while_pods_are_replaced(prepared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_steps, "AVAILABLE_SECONDS", 0.3)
    cluster = prepared.fleet.cluster("member-b").cluster
    late = Policy("pods", "eastwest-", {"/spec/containers/0/image": "registry.example.org/missing"})
    cluster.policies = (late,)
    rollout = prepared.do(EditGateway(B, GatewaySpec(replicas=2)), ends="failed")
    assert step(rollout, "gateway").error_code == "gateway.not-available"
    assert seen(prepared)["injected"] is None
    cluster.policies = ()
    for pod in pods(prepared):
        if pod["spec"]["containers"][0]["image"].endswith("missing"):
            prepared.fleet.cluster("member-b").delete("Pod", pod["metadata"]["name"], SYSTEM)
    prepared.fleet.settle()
    for _each in range(2):
        look(prepared.mesh)
    assert (seen(prepared)["available"], seen(prepared)["injected"]) == (2, True)
