"""Server-side apply: who owns what, whom a write would overrule, and what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from interconnect.domain.entries import Target
from interconnect.domain.manifests import gateway_manifests, gateway_rule
from interconnect.domain.topology import Autoscaling, Gateway, GatewayKey, GatewaySpec, ServiceType
from interconnect.kube import kinds
from interconnect.kube.errors import Conflict, FieldConflict, NotFound
from tests.kube.conformance.places import (
    APPLY,
    MERGE,
    ask,
    config_map,
    deployment,
    managers,
    refused,
    service,
    target,
    thing,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interconnect.domain.json_types import Json
    from interconnect.kube.api import Api

MAPS = kinds.CONFIG_MAP
NOBODYS_UID = "00000000-0000-0000-0000-000000000000"


def causes(error: Any) -> set[tuple[str, str]]:
    assert isinstance(error, Conflict)
    assert error.code == "conflict"
    return {tuple(cause) for cause in error.causes}


def test_applying_creates_and_names_the_owner(api: Api, space: str) -> None:
    made = api.apply(config_map(space, "applied"))
    assert (made["data"], managers(made)) == ({"a": "1"}, {("meshconsole", "Apply")})


def test_applying_the_same_again_changes_nothing(api: Api, space: str) -> None:
    assert api.apply(config_map(space, "again")) == api.apply(config_map(space, "again"))


def test_a_field_that_is_no_longer_applied_goes(api: Api, space: str) -> None:
    api.apply(config_map(space, "shrinks", {"a": "1", "b": "2"}))
    assert api.apply(config_map(space, "shrinks", {"a": "1"}))["data"] == {"a": "1"}


def test_fields_of_others_stay(api: Api, space: str) -> None:
    api.apply(config_map(space, "shared", {"theirs": "1"}), manager="other")
    api.apply(config_map(space, "shared", {"ours": "1"}))
    assert api.apply(config_map(space, "shared", {}))["data"] == {"theirs": "1"}


def test_every_field_that_others_own_is_named_with_its_owner(api: Api, space: str) -> None:
    api.apply(config_map(space, "owned", {"a": "1", "b": "1"}), manager="helm")
    api.apply(config_map(space, "owned", {"c": "1"}), manager="argo")
    error = refused(lambda: api.apply(config_map(space, "owned", {"a": "2", "b": "1", "c": "2"})))
    assert causes(error) == {FieldConflict(".data.a", "helm"), FieldConflict(".data.c", "argo")}


def test_an_equal_value_is_owned_together_and_goes_with_the_last_owner(api: Api, space: str) -> None:
    api.apply(config_map(space, "together", {"a": "1"}), manager="other")
    api.apply(config_map(space, "together", {"a": "1"}))
    assert api.apply(config_map(space, "together", {}), manager="other")["data"] == {"a": "1"}
    assert "data" not in api.apply(thing(MAPS, space, "together"))


def test_force_takes_over_and_the_former_owner_then_conflicts(api: Api, space: str) -> None:
    api.apply(config_map(space, "forced"), manager="helm")
    assert api.apply(config_map(space, "forced", {"a": "2"}), force=True)["data"] == {"a": "2"}
    assert causes(refused(lambda: api.apply(config_map(space, "forced", {"a": "3"}), manager="helm"))) == {
        (".data.a", "meshconsole")
    }


def test_a_patch_makes_its_writer_an_owner(api: Api, space: str) -> None:
    api.apply(config_map(space, "patched"))
    ask(api, "PATCH", MAPS.path(space, "patched"), {"data": {"a": "9"}}, MERGE, query={"fieldManager": "kubectl-edit"})
    assert causes(refused(lambda: api.apply(config_map(space, "patched")))) == {(".data.a", "kubectl-edit")}


def test_a_handover_gives_a_field_away_without_changing_it(api: Api, space: str) -> None:
    name = "handed"
    api.apply(deployment(space, name, replicas=2))
    api.apply(thing(kinds.DEPLOYMENT, space, name, spec={"replicas": 2}), manager="meshconsole-handover")
    assert api.apply(deployment(space, name, replicas=None))["spec"]["replicas"] == 2
    api.apply(thing(kinds.DEPLOYMENT, space, name), manager="meshconsole-handover")
    api.delete(target(kinds.DEPLOYMENT, space, name))


def test_a_scale_owns_the_replicas(api: Api, space: str) -> None:
    api.apply(deployment(space, "scaled"))
    scale = kinds.DEPLOYMENT.path(space, "scaled", "scale")
    status, answer = ask(api, "PATCH", scale, {"spec": {"replicas": 2}}, MERGE, query={"fieldManager": "horizontal"})
    assert (status, answer["kind"], answer["spec"]["replicas"]) == (200, "Scale", 2)
    assert causes(refused(lambda: api.apply(deployment(space, "scaled")))) == {(".spec.replicas", "horizontal")}
    api.delete(target(kinds.DEPLOYMENT, space, "scaled"))


def test_a_dry_apply_shows_the_object_and_the_conflict_and_writes_nothing(api: Api, space: str) -> None:
    assert api.apply(config_map(space, "dry-applied"), dry_run=True)["data"] == {"a": "1"}
    assert api.get(MAPS, "dry-applied", space) is None
    made = api.apply(config_map(space, "dry-applied"), manager="helm")
    assert causes(refused(lambda: api.apply(config_map(space, "dry-applied", {"a": "2"}), dry_run=True))) == {
        (".data.a", "helm")
    }
    assert api.apply(config_map(space, "dry-applied", {"a": "2"}), force=True, dry_run=True)["data"] == {"a": "2"}
    assert api.get(MAPS, "dry-applied", space) == made


def test_an_apply_needs_a_manager(api: Api, space: str) -> None:
    status, answer = ask(api, "PATCH", MAPS.path(space, "unmanaged"), config_map(space, "unmanaged"), APPLY)
    assert (status, answer["details"]["causes"][0]["field"]) == (422, "fieldManager")


def test_an_apply_may_not_say_who_owns_what(api: Api, space: str) -> None:
    assert refused(lambda: api.apply(config_map(space, "claimed", managedFields=[]))).params["status"] == 400


def test_an_apply_with_the_identity_of_what_is_gone_creates_nothing(api: Api, space: str) -> None:
    error = refused(lambda: api.apply(config_map(space, "identified", uid=NOBODYS_UID)))
    assert (type(error), error.code) == (Conflict, "conflict")
    assert api.get(MAPS, "identified", space) is None


def test_an_apply_with_the_identity_of_another_is_refused_and_with_its_own_taken(api: Api, space: str) -> None:
    uid = api.apply(config_map(space, "identified-too"))["metadata"]["uid"]
    error = refused(lambda: api.apply(config_map(space, "identified-too", {"a": "2"}, uid=NOBODYS_UID)))
    assert set(error.params["fields"]) == {"metadata.uid"}
    assert api.apply(config_map(space, "identified-too", {"a": "2"}, uid=uid))["data"] == {"a": "2"}


def test_an_apply_with_an_older_version_is_a_conflict(api: Api, space: str) -> None:
    api.apply(config_map(space, "outdated"))
    error = refused(lambda: api.apply(config_map(space, "outdated", {"a": "2"}, resourceVersion="1")))
    assert causes(error) == set()


def test_an_apply_into_a_namespace_that_is_not_there_names_it(api: Api) -> None:
    error = refused(lambda: api.apply(config_map("not-there", "x")))
    assert isinstance(error, NotFound)
    assert error.params["missing"] == "not-there"


def test_labels_and_annotations_are_owned_one_by_one(api: Api, space: str) -> None:
    api.apply(config_map(space, "tagged", labels={"theirs": "1"}, annotations={"x.y/theirs": "1"}), manager="other")
    api.apply(config_map(space, "tagged", labels={"ours": "1"}))
    left = api.apply(config_map(space, "tagged"))
    assert (left["metadata"]["labels"], left["metadata"]["annotations"]) == ({"theirs": "1"}, {"x.y/theirs": "1"})


def test_a_namespace_takes_a_label_only_by_consent_of_its_owner(api: Api, space: str) -> None:
    label = {"topology.istio.io/network": "blue"}
    holder = Target("", "v1", "Namespace", "", space)
    uid = api.apply(thing(kinds.NAMESPACE, "", space, metadata={"labels": label}))["metadata"]["uid"]
    api.merge_patch(holder, {"metadata": {"labels": {"topology.istio.io/network": "red"}}})
    ask(
        api,
        "PATCH",
        kinds.NAMESPACE.path("", space),
        {"metadata": {"labels": {"a": "b"}}},
        MERGE,
        query={"fieldManager": "label"},
    )
    error = refused(lambda: api.apply(thing(kinds.NAMESPACE, "", space, metadata={"labels": {"a": "c"}, "uid": uid})))
    assert causes(error) == {(".metadata.labels.a", "label")}
    bare = api.apply(thing(kinds.NAMESPACE, "", space, metadata={"uid": uid}))
    assert bare["metadata"]["labels"] == {
        "a": "b",
        "kubernetes.io/metadata.name": space,
        **{"topology.istio.io/network": "red"},
    }


def test_containers_ports_and_variables_are_merged_by_their_keys(api: Api, space: str) -> None:
    name = "merged"
    port = {"containerPort": 8080, "protocol": "TCP"}
    theirs = {
        "env": [{"name": "THEIRS", "value": "1"}],
        "ports": [{"containerPort": 9090, "protocol": "TCP", "name": "theirs"}],
    }
    api.apply(deployment(space, name, replicas=0, container=theirs), manager="other")
    ours = {"env": [{"name": "OURS", "value": "1"}], "ports": [port]}
    made = api.apply(deployment(space, name, replicas=0, container=ours))
    (container,) = made["spec"]["template"]["spec"]["containers"]
    assert {item["name"] for item in container["env"]} == {"THEIRS", "OURS"}
    assert {item["containerPort"] for item in container["ports"]} == {8080, 9090}
    conflicting = {"env": [{"name": "THEIRS", "value": "2"}]}
    error = refused(lambda: api.apply(deployment(space, name, replicas=0, container=conflicting)))
    assert causes(error) == {('.spec.template.spec.containers[name="app"].env[name="THEIRS"].value', "other")}
    api.delete(target(kinds.DEPLOYMENT, space, name))


def test_a_selector_of_a_deployment_cannot_be_changed(api: Api, space: str) -> None:
    api.apply(deployment(space, "selecting", replicas=0))
    changed = deployment(space, "selecting", replicas=0, labels={"more": "x"}, selector={"matchLabels": {"more": "x"}})
    error = refused(lambda: api.apply(changed, force=True))
    assert (error.code, error.params["fields"]) == ("invalid", ["spec.selector"])
    api.delete(target(kinds.DEPLOYMENT, space, "selecting"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"replicas": -1}, "spec.replicas"),
        ({"selector": {"matchLabels": {"no": "such"}}}, "spec.template.metadata.labels"),
        ({"container": {"image": ""}}, "spec.template.spec.containers[0].image"),
    ],
)
def test_a_deployment_that_cannot_be_is_refused_with_its_field(api: Api, space: str, change: Json, field: str) -> None:
    error = refused(lambda: api.apply(deployment(space, "impossible", **change), dry_run=True))
    assert error.code == "invalid"
    assert field in error.params["fields"]


QUANTITIES = [
    "1000m",
    "1500m",
    "0.5",
    "0.1",
    "2",
    "1024Mi",
    "1.5Gi",
    "1000Mi",
    "2000k",
    "1000000",
    "1e3",
    "0.5Ki",
    "5G",
    "0",
]


@pytest.mark.parametrize("text", QUANTITIES)
def test_a_quantity_comes_back_in_its_canonical_form_and_is_then_no_change(api: Api, space: str, text: str) -> None:
    expected = {
        "1000m": "1",
        "0.5": "500m",
        "0.1": "100m",
        "1024Mi": "1Gi",
        "1.5Gi": "1536Mi",
        "2000k": "2M",
        "1000000": "1M",
        "0.5Ki": "512",
    }
    wanted = deployment(space, "measured", replicas=0, container={"resources": {"requests": {"memory": text}}})
    made = api.apply(wanted)
    assert made["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"] == {
        "memory": expected.get(text, text)
    }
    # the controller writes the status meanwhile, which is another version
    assert api.apply(wanted)["metadata"]["generation"] == made["metadata"]["generation"]


def test_a_service_keeps_its_address_and_loses_its_node_ports_with_its_type(api: Api, space: str) -> None:
    made = api.apply(service(space, "typed", type="NodePort"))
    assert made["spec"]["ports"][0]["nodePort"]
    inner = api.apply(service(space, "typed", type="ClusterIP"))
    assert inner["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    assert "nodePort" not in inner["spec"]["ports"][0]
    api.delete(target(kinds.SERVICE, space, "typed"))


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"ports": []}, "spec.ports"),
        ({"ports": [{"port": 70000, "protocol": "TCP"}]}, "spec.ports[0].port"),
        ({"type": "Nonsense"}, "spec.type"),
        ({"ports": [{"port": 1, "protocol": "TCP"}, {"port": 2, "protocol": "TCP"}]}, "spec.ports[0].name"),
    ],
)
def test_a_service_that_cannot_be_is_refused_with_its_field(api: Api, space: str, spec: Json, field: str) -> None:
    error = refused(lambda: api.apply(service(space, "impossible", **spec), dry_run=True))
    assert error.code == "invalid"
    assert field in error.params["fields"]


@pytest.mark.parametrize(("low", "high", "field"), [(6, 3, "spec.maxReplicas"), (1, 0, "spec.maxReplicas")])
def test_an_autoscaler_that_cannot_be_is_refused(api: Api, space: str, low: int, high: int, field: str) -> None:
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}
    spec = {"minReplicas": low, "maxReplicas": high, "scaleTargetRef": scaled}
    error = refused(lambda: api.apply(thing(kinds.AUTOSCALER, space, "impossible", spec=spec), dry_run=True))
    assert field in error.params["fields"]


def made_gateway(**spec: Any) -> Gateway:
    return Gateway(
        GatewayKey("here", 1), "11111111-1111-1111-1111-111111111111", "eastwest-here-1", GatewaySpec(**spec)
    )


GATEWAYS = {
    "plain": made_gateway(),
    "two": made_gateway(replicas=2, annotations=(("cloud.rig/pending", "true"),), load_balancer_ip="203.0.113.9"),
    "scaled": made_gateway(autoscaling=Autoscaling(2, 5)),
    "inside": made_gateway(service_type=ServiceType.CLUSTER_IP),
    "node-port": made_gateway(service_type=ServiceType.NODE_PORT),
}


@pytest.fixture
def manifests(request: pytest.FixtureRequest, api: Api, space: str) -> Iterator[list[tuple[Target, Json]]]:
    made = list(
        gateway_manifests(GATEWAYS[request.param], mesh="m", network="blue", cluster="c", namespace=space, revision="")
    )
    yield made
    for where, _ in reversed(made):
        api.delete(where)


@pytest.mark.parametrize("manifests", list(GATEWAYS), indirect=True)
def test_every_object_of_a_gateway_is_taken_and_then_unchanged(api: Api, manifests: list[tuple[Target, Json]]) -> None:
    for where, manifest in manifests:
        shown = api.apply(manifest, dry_run=True)
        made = api.apply(manifest)
        assert shown["metadata"]["labels"] == made["metadata"]["labels"]
        # controllers write its status and annotations meanwhile; what was applied is what counts
        again = api.apply(manifest)
        assert (again.get("spec"), again["metadata"]["uid"]) == (made.get("spec"), made["metadata"]["uid"]), where
        assert again["metadata"].get("generation") == made["metadata"].get("generation"), where


def test_the_gateway_rule_is_taken_and_then_unchanged(config: Api, namespace_of: Any) -> None:
    where = Target("c", "networking.istio.io/v1", "Gateway", namespace_of(config), "cross-network-gateway")
    rule = gateway_rule(where, "m", "cluster.local")
    made = config.apply(rule)
    assert config.apply(rule) == made
    assert config.list(kinds.GATEWAY, where.namespace) == [made]
    taken = {**rule, "spec": {**rule["spec"], "selector": {"istio": "other"}}}
    assert causes(refused(lambda: config.apply(taken, manager="other"))) == {(".spec.selector.istio", "meshconsole")}
    assert config.delete(where, uid=made["metadata"]["uid"])


def test_a_custom_object_is_replaced_only_with_its_version(config: Api, namespace_of: Any) -> None:
    where = Target("c", "networking.istio.io/v1", "Gateway", namespace_of(config), "replaced")
    rule = gateway_rule(where, "m", "cluster.local")
    made = config.create(rule)
    assert refused(lambda: config.replace(rule)).params["fields"] == ["metadata.resourceVersion"]
    assert config.replace(made | {"spec": {**made["spec"], "selector": {"a": "b"}}})["metadata"]["generation"] == 2
    config.delete(where)
