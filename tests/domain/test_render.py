"""The objects and foreign fields that a topology amounts to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from interconnect.domain.facts import ConfigMapRef, Facts, Istiod, WebhookEntry
from interconnect.domain.render import (
    NETWORKS_FIELD,
    networks_of,
    networks_target,
    render,
    revision_for,
    webhook_target,
)
from interconnect.domain.topology import Address, Autoscaling, GatewaySpec, Group, ServiceType
from tests.domain.samples import ENTRY, FACTS, GREEN, ISTIOD, KEY_B, REF, UID_A, UID_C, mesh


def manifests(kind: str, gateway: str = "gw-a", spec: GatewaySpec | None = None, facts: Facts = FACTS) -> list[dict]:
    rendered = render(mesh(spec=spec), facts)
    return [wanted.value for target, wanted in rendered.items() if target.kind == kind and wanted.gateway == gateway]


def the(kind: str, spec: GatewaySpec | None = None, facts: Facts = FACTS) -> dict:
    [manifest] = manifests(kind, spec=spec, facts=facts)
    return manifest


def rule(domain: str = "cluster.local") -> dict:
    return manifests("Gateway", "", facts=replace(FACTS, cluster_domain=domain))[0]


def test_the_rule_passes_tls_through_on_15443_for_every_eastwest_gateway() -> None:
    [server] = rule()["spec"]["servers"]
    assert rule()["spec"]["selector"] == {"istio": "eastwestgateway"}
    assert server == {
        "port": {"number": 15443, "name": "tls", "protocol": "TLS"},
        "tls": {"mode": "AUTO_PASSTHROUGH"},
        "hosts": ["*.local"],
    }


def test_the_rule_names_another_cluster_domain() -> None:
    assert rule("corp.example")["spec"]["servers"][0]["hosts"] == ["*.corp.example"]
    assert rule("mesh.local.")["spec"]["servers"][0]["hosts"] == ["*.local"]


def test_there_is_no_rule_while_the_interconnect_is_disabled() -> None:
    rendered = render(replace(mesh(), enabled=False, groups={}, gateways={}), FACTS)
    assert rendered == {}


def test_a_gateways_selectors_are_its_uuid_alone_so_that_a_move_never_changes_them() -> None:
    uuid = {"meshconsole.io/gateway": "gw-a"}
    assert the("Deployment")["spec"]["selector"] == {"matchLabels": uuid}
    assert the("Service")["spec"]["selector"] == uuid


def test_a_gateways_pods_carry_their_groups_network_and_ask_for_injection() -> None:
    template = the("Deployment")["spec"]["template"]
    labels = template["metadata"]["labels"]
    assert labels["topology.istio.io/network"] == "blue"
    assert labels["istio"] == "eastwestgateway"
    assert labels["sidecar.istio.io/inject"] == "true"
    assert "istio.io/rev" not in labels
    assert template["metadata"]["annotations"]["inject.istio.io/templates"] == "gateway"
    [container] = template["spec"]["containers"]
    assert (container["name"], container["image"]) == ("istio-proxy", "auto")
    assert container["env"] == [{"name": "ISTIO_META_REQUESTED_NETWORK_VIEW", "value": "blue"}]


def test_the_service_does_not_carry_the_network_label() -> None:
    service = the("Service")
    assert "topology.istio.io/network" not in service["metadata"]["labels"]
    assert [(port["port"], port["protocol"]) for port in service["spec"]["ports"]] == [(15021, "TCP"), (15443, "TCP")]


def test_every_object_of_a_gateway_says_whose_it_is() -> None:
    for kind in ("ServiceAccount", "Deployment", "Service"):
        assert the(kind)["metadata"]["labels"] == {
            "app.kubernetes.io/managed-by": "meshconsole",
            "meshconsole.io/mesh": "mesh-1",
            "meshconsole.io/gateway": "gw-a",
        }


def test_a_gateway_needs_no_role_and_no_secret() -> None:
    assert {target.kind for target, wanted in render(mesh(), FACTS).items() if wanted.gateway} == {
        "ServiceAccount",
        "Deployment",
        "Service",
    }


@pytest.mark.parametrize(
    ("spec", "budgets"),
    [
        (GatewaySpec(replicas=1), 0),
        (GatewaySpec(replicas=2), 1),
        (GatewaySpec(replicas=9, autoscaling=Autoscaling(1, 5)), 0),
        (GatewaySpec(replicas=1, autoscaling=Autoscaling(2, 5)), 1),
    ],
)
def test_a_disruption_budget_is_there_from_two_replicas_on(spec: GatewaySpec, budgets: int) -> None:
    assert len(manifests("PodDisruptionBudget", spec=spec)) == budgets


def test_replicas_are_left_out_beside_an_autoscaler() -> None:
    scaled = GatewaySpec(replicas=3, autoscaling=Autoscaling(2, 5))
    assert the("Deployment", GatewaySpec(replicas=3))["spec"]["replicas"] == 3
    assert "replicas" not in the("Deployment", scaled)["spec"]
    scaler = the("HorizontalPodAutoscaler", scaled)["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"], scaler["scaleTargetRef"]["name"]) == (
        2,
        5,
        "eastwest-member-a-1",
    )


def test_the_service_takes_annotations_address_and_type_from_the_gateway() -> None:
    service = the(
        "Service", GatewaySpec(annotations=(("lb.example/class", "internal"),), load_balancer_ip="203.0.113.7")
    )
    assert service["metadata"]["annotations"] == {"lb.example/class": "internal"}
    assert (service["spec"]["type"], service["spec"]["loadBalancerIP"]) == ("LoadBalancer", "203.0.113.7")


def test_a_node_port_names_its_nodes_unless_the_gateway_does() -> None:
    key = "traffic.istio.io/nodeSelector"
    assert the("Service", GatewaySpec(service_type=ServiceType.NODE_PORT))["metadata"]["annotations"] == {key: "{}"}
    own = GatewaySpec(service_type=ServiceType.NODE_PORT, annotations=((key, '{"edge":"true"}'),))
    assert the("Service", own)["metadata"]["annotations"] == {key: '{"edge":"true"}'}


def test_a_gateway_asks_for_the_oldest_revision_where_no_default_one_injects() -> None:
    entry = WebhookEntry("istio-1-30", "rev.object.sidecar-injector.istio.io", "url", "https://hub/inject")
    istiods = (replace(ISTIOD, revision="1-31", version="1.31.0"), replace(ISTIOD, revision="1-9", version="1.9.10"))
    facts = Facts(istiods=istiods, webhooks={UID_A: (entry,)})
    assert revision_for(facts, UID_A) == "1-9"
    assert the("Deployment", facts=facts)["spec"]["template"]["metadata"]["labels"]["istio.io/rev"] == "1-9"
    assert revision_for(replace(facts, webhooks={UID_A: (entry, ENTRY)}), UID_A) == ""
    assert revision_for(replace(facts, istiods=(*istiods, ISTIOD)), UID_A) == ""
    assert revision_for(Facts(), UID_A) == ""


def test_each_webhook_entry_of_a_cluster_in_a_group_names_the_group() -> None:
    rendered = render(mesh(), FACTS)
    assert rendered[webhook_target(UID_A, ENTRY)].value == "blue"
    assert not [target for target in rendered if target.cluster == UID_C]


def test_mesh_networks_list_joined_groups_with_their_clusters_and_addresses_sorted() -> None:
    topology = mesh().with_group(
        Group(
            "green",
            frozenset({"member-c", "member-b"}),
            (Address("gw.example.org", 443), Address("203.0.113.2"), Address("203.0.113.2")),
        )
    )
    assert networks_of(topology) == {
        "green": {
            "endpoints": [{"fromRegistry": "member-b"}, {"fromRegistry": "member-c"}],
            "gateways": [{"address": "203.0.113.2", "port": 15443}, {"address": "gw.example.org", "port": 443}],
        }
    }


def test_an_awaited_address_is_left_out_and_with_it_a_group_that_has_no_other() -> None:
    assert networks_of(mesh(joined=(Address("", gateway=KEY_B),))) == {}
    assert networks_of(mesh(joined=(Address("", gateway=KEY_B), Address("203.0.113.9"))))["green"]["gateways"] == [
        {"address": "203.0.113.9", "port": 15443}
    ]


def test_mesh_networks_go_to_every_config_map_that_an_istiod_reads_and_once() -> None:
    canary = ConfigMapRef(REF.cluster, REF.namespace, "istio-canary")
    istiods = (ISTIOD, replace(ISTIOD, deployment="other"), replace(ISTIOD, deployment="canary", networks=canary))
    rendered = render(
        mesh(joined=GREEN), Facts(istiods=(*istiods, replace(ISTIOD, deployment="unknown", networks=None)))
    )
    assert {target for target in rendered if target.field == NETWORKS_FIELD} == {
        networks_target(REF),
        networks_target(canary),
    }


def test_with_nothing_joined_mesh_networks_are_not_rendered() -> None:
    assert networks_target(REF) not in render(mesh(), FACTS)


def test_an_istiod_of_unknown_version_breaks_nothing() -> None:
    facts = Facts(istiods=(Istiod("istiod-x", "x", 1, "", "", None), Istiod("istiod-y", "y", 1, "", "latest", None)))
    assert revision_for(facts, UID_A) == "x"
