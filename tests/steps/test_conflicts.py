"""What others own is shown and asked for; it is never overwritten silently, and it is put back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interconnect.domain.changes import DeleteGroup, Disable, EditGateway, Enable, Remove
from interconnect.domain.topology import GatewaySpec
from simulator import world as simulated
from tests.support.world import SYSTEM, A, B, C, World, gateway, step

if TYPE_CHECKING:
    from interconnect.models import Rollout

RULE = "cross-network-gateway"
INJECTOR = "istio-sidecar-injector"


def tokens(rollout: Rollout, kind: str) -> list[str]:
    found: list[str] = step(rollout, kind).error_params["tokens"]
    return found


def rewrite_paths(world: World, member: str, segment: str, manager: str = "istioctl") -> None:
    cluster = world.fleet.cluster(member)
    found: Any = cluster.get("MutatingWebhookConfiguration", INJECTOR)
    for webhook in found["webhooks"]:
        webhook["clientConfig"]["url"] = f"https://istiod.example.org:15017/inject/cluster/{member}{segment}"
    cluster.patch("MutatingWebhookConfiguration", INJECTOR, {"webhooks": found["webhooks"]}, manager=manager)


def paths(world: World, member: str) -> set[str]:
    found: Any = world.fleet.cluster(member).get("MutatingWebhookConfiguration", INJECTOR)
    return {webhook["clientConfig"]["url"].partition("/inject")[2] for webhook in found["webhooks"]}


def test_a_field_that_somebody_else_owns_is_named_and_taken_over_only_with_consent(prepared: World) -> None:
    scaled = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "eastwest-member-b-1", "namespace": SYSTEM},
    }
    prepared.fleet.cluster("member-b").apply({**scaled, "spec": {"replicas": 4}}, manager="ops")
    rollout = prepared.do(EditGateway(B, GatewaySpec(replicas=3)), ends="failed")
    failed = step(rollout, "gateway")
    assert failed.error_code == "writes.conflict"
    assert (failed.error_params["owner"], failed.error_params["field"]) == ("ops", ".spec.replicas")
    assert prepared.deployment(B)["spec"]["replicas"] == 4
    prepared.retry(rollout, accept=tokens(rollout, "gateway"))
    assert prepared.deployment(B)["spec"]["replicas"] == 3


def test_a_gateway_whose_name_is_taken_gets_the_next_one_and_leaves_the_other_alone(world: World) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "eastwest-member-a-1", "namespace": SYSTEM},
        "spec": {"ports": [{"port": 80}]},
    }
    before = world.fleet.cluster("member-a").put(theirs)
    world.do(Enable(), *world.group(blue="member-a"), gateway(A))
    assert world.topology.gateways[A].name == "eastwest-member-a-2"
    assert world.fleet.cluster("member-a").get("Service", "eastwest-member-a-1", SYSTEM) == before
    assert world.address(A)
    world.do(DeleteGroup("blue"))
    left = [
        obj["metadata"]["name"]
        for kind in ("Service", "Deployment", "ServiceAccount")
        for obj in world.fleet.cluster("member-a").list(kind, SYSTEM)
    ]
    assert [name for name in left if name.startswith("eastwest")] == ["eastwest-member-a-1"]


def test_a_rule_of_others_is_adopted_with_consent_and_put_back_as_it_was(world: World) -> None:
    theirs = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": RULE, "namespace": SYSTEM, "labels": {"owner": "platform"}},
        "spec": {
            "selector": {"istio": "eastwestgateway"},
            "servers": [
                {
                    "port": {"number": 15443, "name": "mine", "protocol": "TLS"},
                    "tls": {"mode": "AUTO_PASSTHROUGH"},
                    "hosts": ["*.x"],
                }
            ],
        },
    }
    world.fleet.cluster("hub").put(theirs)
    before = world.fleet.snapshot()
    rollout = world.do(Enable(), ends="failed")
    assert step(rollout, "rule").error_code == "writes.not-ours"
    assert world.fleet.snapshot() == before
    world.retry(rollout, "failed", accept=tokens(rollout, "rule"))
    assert (step(rollout, "rule").error_code, step(rollout, "rule").error_params["owner"]) == (
        "writes.conflict",
        "somebody",
    )
    world.retry(rollout, accept=tokens(rollout, "rule"))
    adopted: Any = world.fleet.cluster("hub").get("Gateway", RULE, SYSTEM)
    assert adopted["spec"]["servers"][0]["hosts"] == ["*.local"]
    assert adopted["metadata"]["labels"]["owner"] == "platform"
    world.do(Disable())
    assert world.fleet.snapshot() == before


def test_a_network_label_of_others_is_taken_over_with_consent_and_put_back(world: World) -> None:
    label = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": SYSTEM, "labels": {"topology.istio.io/network": "legacy"}},
    }
    world.fleet.cluster("member-a").apply(label, manager="terraform")
    before = world.fleet.snapshot()
    rollout = world.do(Enable(), *world.group(blue="member-a"), ends="failed")
    failed = step(rollout, "label")
    assert (failed.error_code, failed.error_params["owner"]) == ("writes.conflict", "terraform")
    assert step(rollout, "injection").status == "blocked"
    world.retry(rollout, accept=tokens(rollout, "label"))
    world.do(DeleteGroup("blue"), Disable())
    assert world.fleet.snapshot() == before


def test_a_network_of_ours_that_others_rewrote_stays_until_somebody_consents(joined: World) -> None:
    text = joined.config_map["data"]["meshNetworks"].replace(joined.address(B), "192.0.2.66")
    joined.fleet.cluster("hub").patch("ConfigMap", "istio", {"data": {"meshNetworks": text}}, SYSTEM, manager="helm")
    found = {finding.code: finding for finding in joined.found()}
    assert found["networks.changed"].params["violation"] == "networks.rewritten"
    assert found["networks.changed"].params["owners"][0] == "helm"
    rollout = joined.do(joined.join("red", C), ends="failed")
    assert step(rollout, "networks").error_code == "networks.rewritten"
    assert joined.config_map["data"]["meshNetworks"] == text
    joined.retry(rollout, accept=tokens(rollout, "networks"))
    assert joined.networks == [{("green", joined.address(B)), ("red", joined.address(C))}] * 2


def test_a_configuration_that_an_upgrade_emptied_is_reported_and_restored(joined: World) -> None:
    joined.fleet.cluster("hub").apply(simulated.mesh_config(), manager="helm")
    assert "networks.changed" in {finding.code for finding in joined.found() if finding.grave}
    joined.restore(accept=joined.preview().tokens)
    assert joined.networks == [{("green", joined.address(B))}] * 2
    assert [finding for finding in joined.found() if finding.grave] == []


def test_a_webhook_path_that_others_gave_another_network_is_asked_for(prepared: World) -> None:
    rewrite_paths(prepared, "member-b", "/net/theirs")
    found = [finding for finding in prepared.found() if finding.code == "cluster.injection-path"]
    assert {finding.params["violation"] for finding in found} == {"writes.webhook-rewritten"}
    assert found[0].params["owners"][0] == "istioctl"
    prepared.restore("failed")
    assert paths(prepared, "member-b") == {"/cluster/member-b/net/theirs"}
    prepared.restore(accept=prepared.preview().tokens)
    assert paths(prepared, "member-b") == {"/cluster/member-b/net/green"}


def test_a_webhook_path_that_an_upgrade_reset_is_reported_and_restored(prepared: World) -> None:
    rewrite_paths(prepared, "member-b", "")
    found = [finding for finding in prepared.found() if finding.code == "cluster.injection-path"]
    assert {finding.params["violation"] for finding in found} == {"drift.overwritten"}
    prepared.restore()
    assert paths(prepared, "member-b") == {"/cluster/member-b/net/green"}


def test_what_others_put_around_the_segment_since_then_stays_when_it_is_put_back(prepared: World) -> None:
    cluster = prepared.fleet.cluster("member-c")
    found: Any = cluster.get("MutatingWebhookConfiguration", INJECTOR)
    for webhook in found["webhooks"]:
        webhook["clientConfig"]["url"] = webhook["clientConfig"]["url"].replace("istiod.example.org", "new.example.org")
    cluster.patch("MutatingWebhookConfiguration", INJECTOR, {"webhooks": found["webhooks"]})
    prepared.do(DeleteGroup("red"))
    assert paths(prepared, "member-c") == {"/cluster/member-c/net/default"}
    after: Any = cluster.get("MutatingWebhookConfiguration", INJECTOR)
    assert after["webhooks"][0]["clientConfig"]["url"].startswith("https://new.example.org")


def test_a_revision_that_appears_lacks_the_joined_groups_until_it_is_restored(joined: World) -> None:
    hub = joined.fleet.cluster("hub")
    hub.apply(simulated.mesh_config("canary"))
    for manifest in simulated.istiod(1, "hub", "canary"):
        hub.apply(manifest)
    joined.fleet.settle()
    (finding,) = [each for each in joined.found() if each.code == "networks.revision-lacks-groups"]
    assert finding.params["revision"] == "canary"
    assert finding.params["groups"] == ["green"]
    joined.restore()
    assert joined.networks == [{("green", joined.address(B))}] * 3
    assert [each for each in joined.found() if each.grave] == []
    joined.do(Remove("green"))
    assert joined.networks == [set()] * 3
