from __future__ import annotations

from dataclasses import replace

import pytest

from interconnect.domain.changes import CreateGateway, DeleteGateway, EditGateway
from interconnect.domain.topology import Autoscaling, Gateway, GatewayKey, GatewaySpec, ServiceType
from tests.domain.meshes import after, codes, grouped, joined, mesh, uuid

KEY = GatewayKey("member-a", 2)


def codes_of(spec: GatewaySpec) -> list[str]:
    """What forbids such a gateway, the same when it is new and when it is edited."""
    new = codes(grouped(), CreateGateway(KEY, uuid(9), spec))
    assert codes(grouped(), EditGateway(GatewayKey("member-a", 1), spec)) == new
    return new


def test_several_gateways_are_possible_in_a_group_and_in_a_cluster() -> None:
    topology = after(
        grouped(),
        CreateGateway(KEY, uuid(9), GatewaySpec()),
        CreateGateway(GatewayKey("member-d", 1), uuid(8), GatewaySpec()),
    )
    assert len(topology.gateways_of_group("blue")) == 3
    assert topology.gateways[KEY] == Gateway(KEY, uuid(9), "eastwest-member-a-2", GatewaySpec())


def test_a_gateway_has_one_replica_unless_asked_otherwise() -> None:
    assert GatewaySpec().replicas == 1
    assert codes_of(GatewaySpec(replicas=100)) == []


@pytest.mark.parametrize("replicas", [0, -1, 101])
def test_replicas_are_at_least_one_and_not_absurdly_many(replicas: int) -> None:
    assert codes_of(GatewaySpec(replicas=replicas)) == ["gateway.replicas"]


def test_autoscaling_has_bounds_in_order() -> None:
    assert codes_of(GatewaySpec(autoscaling=Autoscaling(1, 100))) == []
    assert codes_of(GatewaySpec(autoscaling=Autoscaling(2, 2))) == []
    assert codes_of(GatewaySpec(autoscaling=Autoscaling(3, 2))) == ["gateway.autoscaling.order"]
    assert codes_of(GatewaySpec(autoscaling=Autoscaling(0, 2))) == ["gateway.autoscaling.bounds"]
    assert codes_of(GatewaySpec(autoscaling=Autoscaling(1, 101))) == ["gateway.autoscaling.bounds"]


@pytest.mark.parametrize(
    "key", ["a", "service.beta.kubernetes.io/x-type", "metallb.universe.tf/loadBalancerIPs", "A.Example/X_y"]
)
def test_an_annotation_key_is_a_qualified_name(key: str) -> None:
    assert codes_of(GatewaySpec(annotations=((key, "x: y\n"),))) == []


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a b", "a/b/c", "-a", "ü", "_.example/a", "a" * 64, f"{'a.' * 127}aa/a", "a\n"]
)
def test_an_annotation_key_that_kubernetes_would_refuse_is_refused(key: str) -> None:
    assert codes_of(GatewaySpec(annotations=((key, ""),))) == ["gateway.annotations.key"]


@pytest.mark.parametrize(
    "key", ["meshconsole.io/mesh", "x.MeshConsole.io/a", "kubectl.kubernetes.io/last-applied-configuration"]
)
def test_an_annotation_key_that_others_write_is_refused(key: str) -> None:
    assert codes_of(GatewaySpec(annotations=((key, ""),))) == ["gateway.annotations.reserved"]


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_an_annotation_value_that_nothing_could_store_is_refused(value: str) -> None:
    assert codes_of(GatewaySpec(annotations=(("a", value),))) == ["gateway.annotations.value"]


def test_an_annotation_is_given_once() -> None:
    assert codes_of(GatewaySpec(annotations=(("a", "1"), ("a", "1")))) == ["gateway.annotations.duplicate"]


def test_annotations_take_256_kib_together_and_not_a_byte_more() -> None:
    whole = 256 * 1024
    assert codes_of(GatewaySpec(annotations=(("a", "x" * (whole - 1)),))) == []
    assert codes_of(GatewaySpec(annotations=(("a", "x" * (whole - 2)), ("b", "x")))) == ["gateway.annotations.size"]
    assert codes_of(GatewaySpec(annotations=(("a", "ü" * (whole // 2)),))) == ["gateway.annotations.size"]


def test_a_load_balancer_ip_is_an_ip_that_others_can_reach() -> None:
    assert codes_of(GatewaySpec(load_balancer_ip="203.0.113.7")) == []
    assert codes_of(GatewaySpec(load_balancer_ip="2001:db8::7")) == []
    assert codes_of(GatewaySpec(load_balancer_ip="gw.example.org")) == ["gateway.load-balancer-ip.invalid"]
    assert codes_of(GatewaySpec(load_balancer_ip="2001:db8::7%eth0")) == ["gateway.load-balancer-ip.invalid"]
    assert codes_of(GatewaySpec(load_balancer_ip="127.0.0.1")) == ["gateway.load-balancer-ip.range"]


def test_a_load_balancer_ip_needs_a_load_balancer() -> None:
    spec = GatewaySpec(load_balancer_ip="203.0.113.7", service_type=ServiceType.NODE_PORT)
    assert codes_of(spec) == ["gateway.load-balancer-ip.type"]
    assert codes_of(replace(spec, load_balancer_ip="")) == []


def test_equal_wishes_become_equal_values() -> None:
    spec = GatewaySpec(annotations=(("b", "2"), ("a", "1")), load_balancer_ip=" 2001:DB8::7")
    topology = after(grouped(), CreateGateway(KEY, uuid(9), spec))
    assert topology.gateways[KEY].spec == GatewaySpec(
        annotations=(("a", "1"), ("b", "2")), load_balancer_ip="2001:db8::7"
    )


def test_a_gateway_is_created_only_in_a_cluster_of_a_group() -> None:
    assert codes(grouped(), CreateGateway(GatewayKey("member-c", 1), uuid(9), GatewaySpec())) == ["cluster.ungrouped"]
    assert codes(grouped(), CreateGateway(GatewayKey("ghost", 1), uuid(9), GatewaySpec())) == ["cluster.unknown"]
    assert codes(mesh("member-a"), CreateGateway(GatewayKey("member-a", 1), uuid(9), GatewaySpec())) == [
        "interconnect.disabled"
    ]


def test_a_gateway_has_a_number_and_an_id_of_its_own() -> None:
    assert codes(grouped(), CreateGateway(GatewayKey("member-a", 1), uuid(9), GatewaySpec())) == ["gateway.taken"]
    assert codes(grouped(), CreateGateway(GatewayKey("member-a", 0), uuid(9), GatewaySpec())) == ["gateway.number"]
    assert codes(grouped(), CreateGateway(GatewayKey("member-a", 10_000), uuid(9), GatewaySpec())) == ["gateway.number"]
    assert codes(grouped(), CreateGateway(KEY, uuid(2), GatewaySpec())) == ["gateway.id.taken"]
    assert codes(grouped(), CreateGateway(KEY, "not a uuid", GatewaySpec())) == ["gateway.id.invalid"]


def test_a_number_whose_objects_another_gateway_carries_is_not_free() -> None:
    topology = grouped()
    moved_on = replace(topology.gateways[GatewayKey("member-a", 1)], name="eastwest-member-a-2")
    assert codes(topology.with_gateway(moved_on), CreateGateway(KEY, uuid(9), GatewaySpec())) == ["gateway.taken"]


def test_a_gateway_that_is_not_there_is_neither_edited_nor_deleted() -> None:
    assert codes(grouped(), EditGateway(KEY, GatewaySpec())) == ["gateway.unknown"]
    assert codes(grouped(), DeleteGateway(KEY)) == ["gateway.unknown"]


def test_while_a_group_is_joined_its_gateways_are_neither_created_nor_deleted() -> None:
    assert codes(joined(), CreateGateway(GatewayKey("member-b", 2), uuid(9), GatewaySpec())) == ["cluster.group.joined"]
    assert codes(joined(), DeleteGateway(GatewayKey("member-b", 1))) == ["cluster.group.joined"]
    assert codes(joined(), DeleteGateway(GatewayKey("member-a", 1))) == []


def test_while_a_group_is_joined_its_gateways_change_only_replicas_and_autoscaling() -> None:
    key = GatewayKey("member-b", 1)
    assert codes(joined(), EditGateway(key, GatewaySpec(replicas=3))) == []
    assert codes(joined(), EditGateway(key, GatewaySpec(autoscaling=Autoscaling(2, 5)))) == []
    assert codes(joined(), EditGateway(key, GatewaySpec(annotations=(("a", "1"),)))) == ["gateway.frozen"]
    assert codes(joined(), EditGateway(key, GatewaySpec(load_balancer_ip="203.0.113.7"))) == ["gateway.frozen"]
    assert codes(joined(), EditGateway(key, GatewaySpec(service_type=ServiceType.NODE_PORT))) == ["gateway.frozen"]
