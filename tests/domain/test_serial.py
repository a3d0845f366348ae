from __future__ import annotations

import json
from typing import Any

import pytest

from interconnect.domain.changes import (
    AddCluster,
    Change,
    CreateGateway,
    CreateGroup,
    DeleteGateway,
    DeleteGroup,
    Disable,
    EditGateway,
    Enable,
    ForgetCluster,
    Join,
    MoveCluster,
    RegisterCluster,
    Remove,
    RemoveCluster,
    UnregisterCluster,
    UpdateAddresses,
)
from interconnect.domain.serial import (
    SerialError,
    change_from_json,
    change_to_json,
    changes_from_json,
    changes_to_json,
    topology_from_json,
    topology_to_json,
)
from interconnect.domain.topology import Address, Autoscaling, GatewayKey, GatewaySpec, ServiceType
from tests.domain.meshes import after, joined, nodes, uuid

KEY = GatewayKey("member-b", 1)
SPEC = GatewaySpec(2, Autoscaling(1, 3), (("a", "1"), ("b", "2")), "203.0.113.7", ServiceType.LOAD_BALANCER)
ADDRESSES = (Address("", gateway=KEY), Address("gw.example.org", 443))
CHANGES: tuple[Change, ...] = (
    Enable(),
    Disable(),
    CreateGroup("blue", frozenset({"a", "b"})),
    DeleteGroup("blue"),
    AddCluster("blue", "a"),
    MoveCluster("a", "blue"),
    RemoveCluster("a"),
    CreateGateway(KEY, uuid(1), SPEC),
    EditGateway(KEY, GatewaySpec()),
    DeleteGateway(KEY),
    Join("blue", ADDRESSES),
    UpdateAddresses("blue", ()),
    Remove("blue"),
    RegisterCluster("a", "uid-a", nodes("10.1.0.0/16")),
    UnregisterCluster("a"),
    ForgetCluster("a"),
)


def through_text(data: Any) -> Any:
    return json.loads(json.dumps(data))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
def test_every_change_survives_being_written_and_read(change: Change) -> None:
    assert change_from_json(through_text(change_to_json(change))) == change


def test_a_list_of_changes_survives_being_written_and_read() -> None:
    assert changes_from_json(through_text(changes_to_json(CHANGES))) == CHANGES


def test_a_topology_survives_being_written_and_read() -> None:
    topology = after(joined(), UpdateAddresses("green", ADDRESSES), RegisterCluster("x", "uid-x", nodes("10.1.0.0/16")))
    assert topology_from_json(through_text(topology_to_json(topology))) == topology


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (None, "change"),
        ({}, "change"),
        ({"change": ["Remove"]}, "change"),
        ({"change": "Explode"}, "change"),
        ({"change": "Remove"}, "lacks group"),
        ({"change": "Remove", "group": 7}, "Remove.group"),
        ({"change": "Remove", "group": "a", "now": True}, "not known"),
        ({"change": "CreateGroup", "group": "a", "clusters": "b"}, "CreateGroup.clusters"),
        ({"change": "CreateGroup", "group": "a", "clusters": ["b", "b"]}, "twice"),
        ({"change": "DeleteGateway", "key": "member-a/01"}, "cluster/number"),
        ({"change": "DeleteGateway", "key": "member-a"}, "cluster/number"),
        ({"change": "EditGateway", "key": "a/1", "spec": {"replicas": True}}, "EditGateway.spec.replicas"),
        ({"change": "EditGateway", "key": "a/1", "spec": {"annotations": [["a"]]}}, "expected 2 values"),
        ({"change": "EditGateway", "key": "a/1", "spec": {"service_type": "Other"}}, "LoadBalancer"),
        ({"change": "EditGateway", "key": "a/1", "spec": []}, "expected an object"),
    ],
)
def test_what_this_module_did_not_write_is_refused_with_its_place(data: Any, place: str) -> None:
    with pytest.raises(SerialError, match=place):
        change_from_json(data)


def test_a_cluster_or_a_group_is_in_a_topology_once() -> None:
    data = topology_to_json(joined())
    data["groups"].append(data["groups"][0])
    with pytest.raises(SerialError, match=r"groups\[2\]"):
        topology_from_json(data)


def test_an_error_never_repeats_a_value() -> None:
    with pytest.raises(SerialError) as caught:
        change_from_json({"change": "Remove", "group": ["confidential"], "confidential": 1})
    assert "confidential" not in str(caught.value)
