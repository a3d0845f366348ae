"""Looks on simulated clusters: every fault of theirs is found by the next looks, and ends once its cause is fixed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml
from django.utils import timezone

from interconnect.domain.changes import EditGateway, UpdateAddresses
from interconnect.domain.entries import GATEWAY_LABEL
from interconnect.domain.findings import Severity
from interconnect.domain.rights import ClusterRole, needed
from interconnect.domain.topology import Address, Autoscaling, GatewaySpec
from interconnect.models import Connection, Mesh, MeshObservation
from interconnect.services.watching import conclude, look
from interconnect.state import pages
from interconnect.state.findings import open_rows
from interconnect.wording import word
from simulator import world as simulated
from simulator.api import Grant
from tests.observing.calls import Calls
from tests.support.world import SYSTEM, B, World
from tests.support.worlds import forget_clients

if TYPE_CHECKING:
    from interconnect.domain.json_types import Json

NAME_A, NAME_B, RULE, INJECTOR = (
    "eastwest-member-a-1",
    "eastwest-member-b-1",
    "cross-network-gateway",
    "istio-sidecar-injector",
)
NETWORK = "topology.istio.io/network"
Found = dict[tuple[str, str], Severity]


def found(world: World) -> Found:
    """What two looks find beyond the Pods that the fleet's sample workloads have from the start."""
    return {
        (each.code, str(each.params.get("gateway", each.subject.name))): each.severity
        for each in world.found()
        if not each.code.startswith("pods.")
    }


def pods(world: World, member: str, prefix: str) -> list[Json]:
    return [
        pod
        for pod in world.fleet.cluster(member).list("Pod", SYSTEM)
        if pod["metadata"]["name"].startswith(prefix) and not pod["metadata"].get("deletionTimestamp")
    ]


def available(world: World, member: str, name: str) -> int:
    deployment: Any = world.fleet.cluster(member).get("Deployment", name, SYSTEM)
    return int(deployment["status"].get("availableReplicas", 0))


def replace_pods(world: World, member: str, prefix: str) -> None:
    for pod in pods(world, member, prefix):
        world.fleet.cluster(member).delete("Pod", pod["metadata"]["name"], SYSTEM)
    world.fleet.settle()
    world.until(lambda: available(world, member, prefix) > 0, "new Pods serve")


class Fault(NamedTuple):
    """How something breaks, which returns how it is fixed, and what is found between the two."""

    breaks: Callable[[World], Callable[[], object]]
    expected: Found


def fails_readiness(member: str, name: str) -> Callable[[World], Callable[[], object]]:
    def breaks(world: World) -> Callable[[], object]:
        world.fleet.cluster(member).fail_pods(SYSTEM, name)
        world.until(lambda: available(world, member, name) == 0, "no replica serves")
        return lambda: replace_pods(world, member, name)

    return breaks


def has_another_address(world: World) -> Callable[[], object]:
    cluster, before = world.fleet.cluster("member-b"), world.address(B)

    def ask(hostname: str | None) -> None:
        wanted = hostname or before
        cluster.patch("Service", NAME_B, {"metadata": {"annotations": {"simulator/hostname": hostname}}}, SYSTEM)
        world.until(lambda: world.address(B) == wanted, f"the load balancer says {wanted}")

    ask("lb.example.org")
    return lambda: ask(None)


def is_labelled(world: World) -> Callable[[], object]:
    cluster = world.fleet.cluster("member-b")

    def label(network: str | None) -> None:
        cluster.patch("Service", NAME_B, {"metadata": {"labels": {NETWORK: network}}}, SYSTEM)

    label("green")
    return lambda: label(None)


def has_a_labelled_stranger(world: World) -> Callable[[], object]:
    cluster = world.fleet.cluster("member-b")
    spec = {"type": "LoadBalancer", "ports": [{"name": "tls", "port": 15443}]}
    meta = {"name": "theirs", "namespace": SYSTEM, "labels": {NETWORK: "green"}}
    cluster.apply({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})

    def ingress() -> Any:
        service: Any = cluster.get("Service", "theirs", SYSTEM)
        return service.get("status", {}).get("loadBalancer", {}).get("ingress")

    world.until(lambda: bool(ingress()), "the stranger has an address")
    return lambda: cluster.delete("Service", "theirs", SYSTEM)


def has_an_uninjected_gateway(world: World) -> Callable[[], object]:
    cluster = world.fleet.cluster("member-b")

    def label(value: str | None) -> None:
        cluster.patch("Namespace", SYSTEM, {"metadata": {"labels": {"istio-injection": value}}})

    def fixed() -> None:
        label(None)
        replace_pods(world, "member-b", NAME_B)

    label("disabled")
    (before,) = pods(world, "member-b", NAME_B)
    cluster.delete("Pod", before["metadata"]["name"], SYSTEM)

    def uninjected() -> bool:
        return [pod["spec"]["containers"][0]["image"] for pod in pods(world, "member-b", NAME_B)] == ["auto"]

    world.until(lambda: uninjected() and available(world, "member-b", NAME_B) == 0, "a Pod without a proxy")
    return fixed


def lost_its_gateway(world: World) -> Callable[[], object]:
    world.fleet.cluster("member-b").delete("Deployment", NAME_B, SYSTEM)
    return lambda: world.restore(accept=world.preview().tokens)


def has_an_edited_gateway(world: World) -> Callable[[], object]:
    cluster = world.fleet.cluster("member-b")
    labels = {"metadata": {"labels": {"app.kubernetes.io/managed-by": "edited"}}}
    cluster.patch("Service", NAME_B, labels, SYSTEM, manager="kubectl-edit")
    return lambda: world.restore(accept=world.preview().tokens)


def has_another_network_label(world: World) -> Callable[[], object]:
    labels = {"metadata": {"labels": {NETWORK: "theirs"}}}
    world.fleet.cluster("member-b").patch("Namespace", SYSTEM, labels, manager="kubectl-edit")
    return lambda: world.restore(accept=world.preview().tokens)


def has_another_webhook_path(world: World) -> Callable[[], object]:
    cluster = world.fleet.cluster("member-b")
    existing: Any = cluster.get("MutatingWebhookConfiguration", INJECTOR)
    for webhook in existing["webhooks"]:
        webhook["clientConfig"]["url"] = "https://istiod.example.org:15017/inject/cluster/member-b"
    cluster.patch("MutatingWebhookConfiguration", INJECTOR, {"webhooks": existing["webhooks"]}, manager="istioctl")
    return lambda: world.restore(accept=world.preview().tokens)


def has_the_webhook_of_another_cluster(world: World) -> Callable[[], object]:
    cluster = world.fleet.cluster("member-b")
    existing: Any = cluster.get("MutatingWebhookConfiguration", INJECTOR)
    url = existing["webhooks"][0]["clientConfig"]["url"]

    def write(cluster_id: str) -> None:
        for webhook in existing["webhooks"]:
            webhook["clientConfig"]["url"] = url.replace("/cluster/member-b", f"/cluster/{cluster_id}")
        cluster.patch("MutatingWebhookConfiguration", INJECTOR, {"webhooks": existing["webhooks"]}, manager="istioctl")

    write("member-x")
    return lambda: write("member-b")


def has_the_webhook_of_a_new_revision(world: World) -> Callable[[], object]:
    world.fleet.cluster("member-b").apply(simulated.injector("member-b", "", f"{INJECTOR}-canary", "canary"))
    return lambda: world.restore(accept=world.preview().tokens)


def has_webhooks_without_a_ca(world: World) -> Callable[[], object]:
    cluster = world.fleet.cluster("member-b")
    existing: Any = cluster.get("MutatingWebhookConfiguration", INJECTOR)

    def write(bundle: str) -> None:
        for webhook in existing["webhooks"]:
            webhook["clientConfig"]["caBundle"] = bundle
        cluster.patch("MutatingWebhookConfiguration", INJECTOR, {"webhooks": existing["webhooks"]}, manager="helm")

    before = existing["webhooks"][0]["clientConfig"]["caBundle"]
    write("")
    return lambda: write(before)


def is_left_to_another_control_plane(world: World) -> Callable[[], object]:
    def annotate(clusters: str) -> None:
        annotations = {"metadata": {"annotations": {"topology.istio.io/controlPlaneClusters": clusters}}}
        world.fleet.cluster("member-b").patch("Namespace", SYSTEM, annotations)

    annotate("other,third")
    return lambda: annotate("other,hub")


def does_ambient_networks(world: World) -> Callable[[], object]:
    cluster = world.fleet.cluster("hub")
    before: Any = cluster.get("Deployment", "istiod", SYSTEM)

    def set_switches(value: str) -> None:
        found: Any = cluster.get("Deployment", "istiod", SYSTEM)
        template = found["spec"]["template"]
        switches = [{"name": name, "value": value} for name in ("PILOT_ENABLE_AMBIENT", "AMBIENT_ENABLE_MULTI_NETWORK")]
        kept = before["spec"]["template"]["spec"]["containers"][0]["env"]
        template["spec"]["containers"][0]["env"] = [*kept, *switches]
        cluster.patch("Deployment", "istiod", {"spec": {"template": template}}, SYSTEM, manager="helm")
        world.fleet.settle()

    set_switches("true")
    return lambda: set_switches("false")


def serves_its_own_nodes_only(world: World) -> Callable[[], object]:
    def policy(name: str) -> None:
        spec = {"spec": {"externalTrafficPolicy": name}}
        world.fleet.cluster("member-b").patch("Service", NAME_B, spec, SYSTEM, manager="kubectl-edit")

    policy("Local")
    return lambda: policy("Cluster")


def has_no_networks(world: World) -> Callable[[], object]:
    world.fleet.cluster("hub").apply(simulated.mesh_config(), manager="helm")
    world.until(lambda: world.networks == [set()] * 2, "istiods know no network")
    return lambda: world.restore(accept=world.preview().tokens)


def has_a_foreign_network_without_a_port(world: World) -> Callable[[], object]:
    before = world.config_map["data"]["meshNetworks"]

    def write(text: str) -> None:
        world.fleet.cluster("hub").patch("ConfigMap", "istio", {"data": {"meshNetworks": text}}, SYSTEM, manager="helm")

    networks = yaml.safe_load(before)
    networks["networks"]["bad_id"] = {"gateways": [{"address": "203.0.113.9", "port": 0}]}
    write(yaml.safe_dump(networks))
    return lambda: write(before)


def has_no_istiod(world: World) -> Callable[[], object]:
    def scale(replicas: int) -> None:
        world.fleet.cluster("hub").patch("Deployment", "istiod", {"spec": {"replicas": replicas}}, SYSTEM)
        world.fleet.settle()

    scale(0)
    return lambda: scale(2)


def has_an_istiod_that_is_not_ready(count: int) -> Callable[[World], Callable[[], object]]:
    def breaks(world: World) -> Callable[[], object]:
        for pod in pods(world, "hub", "istiod")[:count]:
            world.fleet.cluster("hub").fail_pods(SYSTEM, pod["metadata"]["name"])
        world.until(lambda: available(world, "hub", "istiod") == 2 - count, "istiod isn't ready")
        return lambda: replace_pods(world, "hub", "istiod")

    return breaks


def lost_its_service(world: World) -> Callable[[], object]:
    world.fleet.cluster("member-b").delete("Service", NAME_B, SYSTEM)

    def fixed() -> None:
        world.restore(accept=world.preview().tokens)
        world.do(UpdateAddresses("green", (Address(world.address(B), gateway=B),)))

    return fixed


def selects_other_pods(world: World) -> Callable[[], object]:
    selector = {"spec": {"selector": {GATEWAY_LABEL: "another"}}}
    world.fleet.cluster("member-b").patch("Service", NAME_B, selector, SYSTEM, manager="kubectl-edit")
    return lambda: world.restore(accept=world.preview().tokens)


def lists_a_stranger(world: World) -> Callable[[], object]:
    networks = yaml.safe_load(world.config_map["data"]["meshNetworks"])
    networks["networks"]["green"]["gateways"].append({"address": "198.51.100.9", "port": 15443})
    data = {"data": {"meshNetworks": yaml.safe_dump(networks)}}
    world.fleet.cluster("hub").patch("ConfigMap", "istio", data, SYSTEM, manager="kubectl-edit")
    known = {("green", "198.51.100.9"), ("green", world.address(B))}
    world.until(lambda: world.networks == [known] * 2, "istiods know the stranger")
    return lambda: world.restore(accept=world.preview().tokens)


def lost_the_rule(world: World) -> Callable[[], object]:
    world.fleet.cluster("hub").delete("Gateway", RULE, SYSTEM)
    return lambda: world.restore(accept=world.preview().tokens)


def has_an_edited_rule(world: World) -> Callable[[], object]:
    cluster = world.fleet.cluster("hub")
    rule: Any = cluster.get("Gateway", RULE, SYSTEM)
    rule["spec"]["servers"][0]["hosts"] = ["*.edited"]
    cluster.patch("Gateway", RULE, {"spec": {"servers": rule["spec"]["servers"]}}, SYSTEM, manager="kubectl-edit")
    return lambda: world.restore(accept=world.preview().tokens)


def has_another_rule(world: World) -> Callable[[], object]:
    cluster = world.fleet.cluster("hub")
    rule: Any = cluster.get("Gateway", RULE, SYSTEM)
    meta = {"name": "theirs", "namespace": SYSTEM}
    cluster.put({"apiVersion": rule["apiVersion"], "kind": "Gateway", "metadata": meta, "spec": rule["spec"]})
    return lambda: cluster.delete("Gateway", "theirs", SYSTEM)


def selects_other_namespaces(world: World) -> Callable[[], object]:
    before = world.config_map["data"]["mesh"]

    def configure(mesh: str) -> None:
        world.fleet.cluster("hub").patch("ConfigMap", "istio", {"data": {"mesh": mesh}}, SYSTEM, manager="helm")

    selectors = {"discoverySelectors": [{"matchLabels": {"istio-discovery": "enabled"}}]}
    configure(yaml.safe_dump(yaml.safe_load(before) | selectors))
    return lambda: configure(before)


def meets(name: str, kind: str, **options: Any) -> Callable[[World], Callable[[], object]]:
    def breaks(world: World) -> Callable[[], object]:
        world.fleet.fault(name, kind, **options)
        return lambda: world.fleet.fault(name, None)

    return breaks


def has_a_credential_that_does_not_open(world: World) -> Callable[[], object]:
    rows = Connection.objects.filter(pk=world.row("member-c").connection_id)
    sealed = rows.get().sealed

    def store(text: str) -> None:
        rows.update(sealed=text)
        forget_clients()

    store("lost")
    return lambda: store(sealed)


CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING
FAULTS = {
    "the gateway in use does not serve": Fault(
        fails_readiness("member-b", NAME_B),
        {("gateway.not-ready", NAME_B): CRITICAL, ("group.no-way-in", "green"): CRITICAL},
    ),
    "a gateway that nobody uses does not serve": Fault(
        fails_readiness("member-a", NAME_A), {("gateway.not-ready", NAME_A): WARNING}
    ),
    "the load balancer says another address": Fault(
        has_another_address, {("gateway.address-changed", NAME_B): WARNING, ("group.no-way-in", "green"): CRITICAL}
    ),
    "our Service is labelled": Fault(is_labelled, {("group.others-decide", "green"): WARNING}),
    "a stranger is labelled": Fault(has_a_labelled_stranger, {("group.others-decide", "green"): CRITICAL}),
    "a gateway is made without injection": Fault(
        has_an_uninjected_gateway, {("gateway.not-injected", NAME_B): CRITICAL, ("group.no-way-in", "green"): CRITICAL}
    ),
    "a gateway is deleted": Fault(
        lost_its_gateway, {("gateway.missing", NAME_B): CRITICAL, ("group.no-way-in", "green"): CRITICAL}
    ),
    "a gateway is edited": Fault(has_an_edited_gateway, {("gateway.changed", NAME_B): WARNING}),
    "the network label is another": Fault(has_another_network_label, {("cluster.network-label", "member-b"): CRITICAL}),
    "the webhook path is reset": Fault(has_another_webhook_path, {("cluster.injection-path", "member-b"): CRITICAL}),
    "the webhook is another cluster's": Fault(
        has_the_webhook_of_another_cluster, {("cluster.injection-cluster", "member-b"): CRITICAL}
    ),
    "the webhooks have no CA": Fault(has_webhooks_without_a_ca, {("cluster.injection-ca", "member-b"): WARNING}),
    "a cluster is left to others": Fault(
        is_left_to_another_control_plane, {("cluster.control-planes", "member-b"): WARNING}
    ),
    "istiod does ambient networks": Fault(does_ambient_networks, {("networks.ambient", "istiod"): WARNING}),
    "a gateway serves its own nodes only": Fault(
        serves_its_own_nodes_only, {("gateway.local-traffic", NAME_B): WARNING}
    ),
    "a revision comes": Fault(has_the_webhook_of_a_new_revision, {("cluster.injection-path", "member-b"): CRITICAL}),
    "a foreign network is invalid": Fault(has_a_foreign_network_without_a_port, {("networks.invalid", ""): CRITICAL}),
    "meshNetworks is emptied": Fault(
        has_no_networks, {("networks.changed", ""): CRITICAL, ("group.not-in-effect", "green"): CRITICAL}
    ),
    "meshNetworks lists a stranger": Fault(
        lists_a_stranger, {("networks.changed", ""): CRITICAL, ("group.other-addresses", "green"): WARNING}
    ),
    "the Service of the gateway in use is deleted": Fault(
        lost_its_service,
        {
            ("gateway.address-changed", NAME_B): WARNING,
            ("gateway.changed", NAME_B): WARNING,
            ("group.no-way-in", "green"): CRITICAL,
        },
    ),
    "the gateway in use is bypassed": Fault(
        selects_other_pods, {("gateway.changed", NAME_B): WARNING, ("group.no-way-in", "green"): CRITICAL}
    ),
    "no istiod is ready": Fault(has_an_istiod_that_is_not_ready(2), {("control-plane.no-answer", ""): CRITICAL}),
    "one istiod is not ready": Fault(
        has_an_istiod_that_is_not_ready(1), {("control-plane.replicas-silent", ""): WARNING}
    ),
    "istiod may not be asked": Fault(
        meets("hub", "403", resource="pods"), {("control-plane.rights-missing", ""): WARNING}
    ),
    "istiod is scaled down": Fault(has_no_istiod, {("control-plane.no-answer", ""): CRITICAL}),
    "the rule is deleted": Fault(lost_the_rule, {("rule.missing", ""): CRITICAL}),
    "the rule is edited": Fault(has_an_edited_rule, {("rule.changed", ""): CRITICAL}),
    "another rule opens the port": Fault(has_another_rule, {("rule.other-rule", ""): WARNING}),
    "istiod looks elsewhere": Fault(selects_other_namespaces, {("discovery.selectors", ""): CRITICAL}),
    "the control plane is silent": Fault(meets("hub", "refuse"), {("control-plane.no-answer", ""): CRITICAL}),
    "a token is refused": Fault(meets("member-c", "401"), {("cluster.refuses-us", "member-c"): WARNING}),
    "a credential does not open": Fault(
        has_a_credential_that_does_not_open, {("cluster.refuses-us", "member-c"): WARNING}
    ),
    "Pods may not be listed": Fault(
        meets("member-c", "403", resource="pods"), {("cluster.rights-missing", "member-c"): WARNING}
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found_and_ends_once_its_cause_is_fixed(joined: World, fault: Fault) -> None:
    fix = fault.breaks(joined)
    assert found(joined) == fault.expected
    fix()
    assert found(joined) == {}


@pytest.mark.parametrize("kind", ["401", "hang"])
def test_a_cluster_in_no_group_is_looked_at_as_the_others_are(world: World, settings: Any, kind: str) -> None:
    settings.MESHCONSOLE_PROBE_CALL_SECONDS = 2
    world.fleet.fault("member-c", kind)
    code = "cluster.refuses-us" if kind == "401" else "cluster.no-answer"
    assert found(world) == {(code, "member-c"): WARNING}
    world.fleet.fault("member-c", None)
    assert found(world) == {}


def test_a_cluster_that_may_not_list_pods_answers_again_after_a_silence(joined: World) -> None:
    joined.fleet.fault("member-c", "403", resource="pods")
    lacking = found(joined)
    joined.fleet.fault("member-c", "refuse")
    silent = ("cluster.no-answer", "member-c")
    assert found(joined) == {silent: WARNING} | lacking
    joined.fleet.fault("member-c", "403", resource="pods")
    assert found(joined) == lacking == {("cluster.rights-missing", "member-c"): WARNING}


@pytest.mark.parametrize(
    "breaks",
    [
        has_an_edited_rule,
        has_another_network_label,
        has_another_webhook_path,
        has_no_networks,
        has_an_edited_gateway,
        lost_its_gateway,
    ],
)
def test_what_a_step_has_put_right_and_verified_is_found_no_longer(
    joined: World, breaks: Callable[[World], Callable[[], object]]
) -> None:
    fix = breaks(joined)
    # Whether an address leads in, only a look can tell.
    broken = {code for code, _subject in found(joined)} - {"group.no-way-in"}
    assert broken
    fix()
    assert not broken & {row.code for row in open_rows(joined.mesh)}
    # Others' looks conclude from what was seen before.
    conclude(joined.mesh)
    assert not broken & {row.code for row in open_rows(joined.mesh)}
    assert found(joined) == {}


class Hidden(NamedTuple):
    """What is broken, the read that then fails, on whom and how, and what else is found meanwhile."""

    breaks: Callable[[World], Callable[[], object]]
    resource: str
    where: str
    kind: str
    besides: Found


MEMBER_UNREAD: Found = {("cluster.unread", "member-b"): WARNING}
PLANE_UNREAD: Found = {("control-plane.unread", ""): WARNING}
HIDDEN = {
    "webhooks that come in no JSON": Hidden(
        has_another_webhook_path, "mutatingwebhookconfigurations", "member-b", "broken", MEMBER_UNREAD
    ),
    "webhooks that an overloaded server doesn't give": Hidden(
        has_another_webhook_path, "mutatingwebhookconfigurations", "member-b", "500", MEMBER_UNREAD
    ),
    "Deployments that aren't served": Hidden(lost_its_gateway, "deployments", "member-b", "404", MEMBER_UNREAD),
    "Services that come in no JSON": Hidden(has_an_edited_gateway, "services", "member-b", "broken", MEMBER_UNREAD),
    "Pods that may not be listed": Hidden(
        has_an_uninjected_gateway, "pods", "member-b", "403", {("cluster.rights-missing", "member-b"): WARNING}
    ),
    "rules that may not be listed": Hidden(
        has_an_edited_rule, "gateways", "hub", "403", {("control-plane.rights-missing", ""): WARNING}
    ),
    "rules that come in no JSON": Hidden(has_an_edited_rule, "gateways", "hub", "broken", PLANE_UNREAD),
    "a ConfigMap that may not be read": Hidden(
        has_no_networks, "configmaps", "hub", "403", {("control-plane.rights-missing", ""): WARNING}
    ),
}


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_what_cannot_be_read_any_more_stays_found(joined: World, hidden: Hidden) -> None:
    fix = hidden.breaks(joined)
    before = found(joined)
    assert before
    joined.fleet.fault(hidden.where, hidden.kind, resource=hidden.resource, methods=("GET",))
    assert found(joined) == before | hidden.besides
    assert unread(joined, hidden.where)
    joined.fleet.fault(hidden.where, None)
    assert found(joined) == before
    assert not unread(joined, hidden.where)
    fix()
    assert found(joined) == {}


def test_somebodys_label_on_a_cluster_in_no_group_is_found(world: World) -> None:
    cluster = world.fleet.cluster("member-c")
    cluster.patch("Namespace", SYSTEM, {"metadata": {"labels": {NETWORK: "theirs"}}}, manager="kubectl-edit")
    assert found(world) == {("cluster.label-outside", "member-c"): WARNING}
    cluster.patch("Namespace", SYSTEM, {"metadata": {"labels": {NETWORK: None}}}, manager="kubectl-edit")
    assert found(world) == {}


def test_a_root_that_is_missing_is_told_from_one_that_differs(joined: World) -> None:
    cluster = joined.fleet.cluster("member-b")
    before: Any = cluster.get("ConfigMap", "istio-ca-root-cert", SYSTEM)
    cluster.delete("ConfigMap", "istio-ca-root-cert", SYSTEM)
    look(joined.mesh, slow=True)
    assert found(joined) == {("trust.root-missing", "member-b"): CRITICAL}
    metadata = {"name": "istio-ca-root-cert", "namespace": SYSTEM}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": before["data"]})
    look(joined.mesh, slow=True)
    assert found(joined) == {}


def shipped(*roles: ClusterRole, without: str = "") -> tuple[Grant, ...]:
    """What the shipped roles grant, but for one right."""
    return tuple(
        Grant(
            (right.verb,),
            (right.group,),
            (f"{right.resource}/{right.subresource}" if right.subresource else right.resource,),
            (right.namespace or "*",),
            (right.name,) if right.name else (),
        )
        for role in roles
        for right in needed(role, SYSTEM)
        if str(right) != without
    )


def test_a_right_that_only_a_rollout_needs_is_found_missing_by_a_slow_look(joined: World) -> None:
    access = joined.fleet.cluster("hub").api.access
    roles, updates = (ClusterRole.CONTROL_PLANE, ClusterRole.CONFIG), f"update configmaps istio in {SYSTEM}"
    missing: Found = {("control-plane.rights-missing", ""): WARNING}
    for withdrawn, expected in (("", {}), (updates, missing), ("", {})):
        access.grants["admin"] = shipped(*roles, without=withdrawn)
        look(joined.mesh, slow=True)
        assert found(joined) == expected
        told = [each.params["rights"] for each in joined.found() if each.code == "control-plane.rights-missing"]
        assert told == ([[updates]] if withdrawn else [])


def test_the_rights_of_the_control_plane_are_looked_at_hourly(joined: World) -> None:
    found(joined)
    hub = Calls.to(joined, "hub")
    look(joined.mesh)
    assert not [path for path in hub.paths if "reviews" in path]
    row = MeshObservation.objects.get(mesh=joined.mesh)
    row.facts["details_at"] = (timezone.now() - timedelta(hours=1)).isoformat()
    row.save()
    look(joined.mesh)
    assert [path.rpartition("/")[2] for path in hub.paths if "reviews" in path] == ["selfsubjectrulesreviews"] * 2


def test_a_label_on_a_cluster_that_goes_silent_stays_found(joined: World) -> None:
    fix = has_another_network_label(joined)
    assert ("cluster.network-label", "member-b") in found(joined)
    joined.fleet.fault("member-b", "refuse")
    assert {("cluster.network-label", "member-b"), ("cluster.no-answer", "member-b")} <= set(found(joined))
    joined.fleet.fault("member-b", None)
    found(joined)
    fix()
    assert found(joined) == {}


def unread(world: World, where: str) -> set[str]:
    """The kinds of objects that the last look couldn't read, of a member or the control plane."""
    mesh = Mesh.objects.select_related("observation").get(id=world.mesh.id)
    seen = pages.sight(mesh).seen
    of = seen.control_plane.seen.unread if where == "hub" else seen.members[where].seen.unread
    assert all(each.since is not None and each.cause.code for each in of)
    return {each.kind for each in of}


@pytest.mark.parametrize("where", ["member-b", "hub"])
def test_a_server_that_does_not_say_which_cluster_it_is_answers_and_lacks_a_right(joined: World, where: str) -> None:
    fix = has_another_network_label(joined)
    before = found(joined)
    joined.fleet.fault(where, "403", resource="namespaces")
    subject = ("cluster.rights-missing", where) if where != "hub" else ("control-plane.rights-missing", "")
    assert found(joined) == before | {subject: WARNING}
    assert unread(joined, where) == {""}
    joined.fleet.fault(where, None)
    fix()
    assert found(joined) == {}


def test_why_a_gateway_is_not_injected_is_unknown_where_webhooks_cannot_be_read(joined: World) -> None:
    joined.fleet.fault("member-b", "403", resource="mutatingwebhookconfigurations", methods=("GET",))
    fix = has_an_uninjected_gateway(joined)
    (told,) = [each for each in joined.found() if each.code == "gateway.not-injected"]
    assert "violation" not in told.params
    sentence = word(told.code, told.params)
    assert NAME_B in sentence
    assert "  " not in sentence
    joined.fleet.fault("member-b", None)
    (told,) = [each for each in joined.found() if each.code == "gateway.not-injected"]
    assert told.params["violation"] == "injection.namespace-label"
    joined.fleet.fault("member-b", "403", resource="mutatingwebhookconfigurations", methods=("GET",))
    (told,) = [each for each in joined.found() if each.code == "gateway.not-injected"]
    assert told.params["violation"] == "injection.namespace-label"
    joined.fleet.fault("member-b", None)
    fix()
    assert found(joined) == {}


def test_each_right_is_told_once(joined: World) -> None:
    joined.fleet.fault("member-c", "403", resource="pods")
    look(joined.mesh, slow=True)
    look(joined.mesh)
    (told,) = [each for each in joined.found() if each.code == "cluster.rights-missing"]
    assert [right for right in told.params["rights"] if "pods" in right] == ["list pods", f"list pods in {SYSTEM}"]


def test_a_cluster_that_lost_all_objects_of_a_gateway_is_still_counted_through(joined: World) -> None:
    joined.do(EditGateway(B, GatewaySpec(autoscaling=Autoscaling(2, 3))))
    look(joined.mesh, slow=True)
    gone = ("HorizontalPodAutoscaler", "PodDisruptionBudget", "Service", "ServiceAccount", "Deployment")
    for kind in gone:
        joined.fleet.cluster("member-b").delete(kind, NAME_B, SYSTEM)
    joined.fleet.settle()
    calls = Calls.to(joined, "member-b")
    look(joined.mesh)
    assert len(calls.paths) <= 12, calls.paths
    assert not unread(joined, "member-b")
    mesh = Mesh.objects.select_related("observation").get(id=joined.mesh.id)
    drift = pages.sight(mesh).seen.members["member-b"].seen.drift
    assert {each.params["kind"] for each in drift} == set(gone)


def test_a_replica_that_talks_nonsense_does_not_count_and_keeps_why(
    joined: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, istiod = next(iter(joined.fleet.mesh.istiods.items()))
    monkeypatch.setattr(istiod, "networkz", lambda: [{"Network": "\ud800evil", "Addr": "192.0.2.1", "Port": 15443}])
    assert ("control-plane.replicas-silent", "") in found(joined)
    mesh = Mesh.objects.select_related("observation").get(id=joined.mesh.id)
    replicas = pages.sight(mesh).seen.control_plane.replicas
    failures = {each.seen.name: each.seen.failure for each in replicas if each.silent_since is not None}
    assert {pod: cause and cause.code for pod, cause in failures.items()} == {name: "kube.bad-body"}


def test_a_budget_that_allows_no_disruption_is_found(joined: World) -> None:
    joined.do(EditGateway(B, GatewaySpec(replicas=2)))
    cluster = joined.fleet.cluster("member-b")

    def allows(disruptions: int) -> bool:
        budget: Any = cluster.get("PodDisruptionBudget", NAME_B, SYSTEM)
        status = budget["status"]
        return (status.get("observedGeneration"), status["disruptionsAllowed"]) == (
            budget["metadata"]["generation"],
            disruptions,
        )

    joined.until(lambda: allows(1), "one may be moved")
    assert found(joined) == {}
    cluster.patch("PodDisruptionBudget", NAME_B, {"spec": {"minAvailable": 2}}, SYSTEM, manager="kubectl-edit")
    joined.until(lambda: allows(0), "none may be moved")
    assert found(joined) == {("gateway.budget-blocks", NAME_B): WARNING, ("gateway.changed", NAME_B): WARNING}
    joined.restore(accept=joined.preview().tokens)
    joined.until(lambda: allows(1), "one may be moved again")
    assert found(joined) == {}


def test_an_autoscaler_at_its_limit_is_found(joined: World) -> None:
    joined.do(EditGateway(B, GatewaySpec(autoscaling=Autoscaling(1, 2))))
    cluster = joined.fleet.cluster("member-b")

    def limited() -> str:
        autoscaler: Any = cluster.get("HorizontalPodAutoscaler", NAME_B, SYSTEM)
        conditions = {each["type"]: each["reason"] for each in autoscaler["status"].get("conditions", ())}
        return conditions.get("ScalingLimited", "")

    def ask(replicas: str | None, reason: str) -> None:
        annotations = {"metadata": {"annotations": {"simulator/replicas": replicas}}}
        cluster.patch("HorizontalPodAutoscaler", NAME_B, annotations, SYSTEM)
        joined.until(lambda: limited() == reason, reason)
        joined.fleet.settle()

    ask("3", "TooManyReplicas")
    joined.until(lambda: available(joined, "member-b", NAME_B) == 2, "as many as may be")
    assert found(joined) == {("gateway.autoscaler-at-limit", NAME_B): WARNING}
    ask("2", "DesiredWithinRange")
    assert found(joined) == {}


def test_a_cluster_that_hangs_is_called_once_in_a_look(joined: World, settings: Any) -> None:
    settings.MESHCONSOLE_PROBE_CALL_SECONDS = 2
    look(joined.mesh, slow=True)
    joined.fleet.fault("member-c", "hang")
    look(joined.mesh)
    fault = joined.fleet.cluster("member-c").fault
    assert fault is not None and fault.asked == 1


def test_a_cluster_that_hangs_at_dry_runs_alone_answers_and_is_tried_once_in_a_look(
    joined: World, settings: Any
) -> None:
    settings.MESHCONSOLE_PROBE_CALL_SECONDS = 2
    look(joined.mesh, slow=True)
    labels = {"metadata": {"labels": {"app.kubernetes.io/managed-by": "edited"}}}
    for kind in ("Service", "Deployment", "ServiceAccount"):
        joined.fleet.cluster("member-b").patch(kind, NAME_B, labels, SYSTEM, manager="kubectl-edit")
    joined.fleet.fault("member-b", "hang", methods=("PATCH",))
    look(joined.mesh)
    fault = joined.fleet.cluster("member-b").fault
    assert fault is not None and fault.asked == 1
    joined.fleet.fault("member-b", None)
    assert found(joined) == {("gateway.changed", NAME_B): WARNING}
