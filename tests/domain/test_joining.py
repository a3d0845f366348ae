from __future__ import annotations

import pytest

from interconnect.domain.changes import (
    CreateGateway,
    DeleteGateway,
    DeleteGroup,
    EditGateway,
    Join,
    Remove,
    UpdateAddresses,
)
from interconnect.domain.facts import Facts
from interconnect.domain.topology import Address, GatewayKey, GatewaySpec, ServiceType
from tests.domain.meshes import after, codes, grouped, joined, mesh, uuid

OWN = GatewayKey("member-b", 1)
GREEN = Address("203.0.113.2")


def test_a_group_joins_with_an_address_typed_or_awaited_from_its_gateway() -> None:
    assert after(grouped(), Join("green", (GREEN,))).groups["green"].joined
    awaited = Address("", gateway=OWN)
    assert after(grouped(), Join("green", (awaited,))).groups["green"].addresses == (awaited,)


def test_a_group_without_a_gateway_cannot_join() -> None:
    assert codes(after(grouped(), DeleteGateway(OWN)), Join("green", (GREEN,))) == ["join.no-gateway"]


def test_a_group_joins_once_and_leaves_only_what_it_has_joined() -> None:
    assert codes(joined(), Join("green", (GREEN,))) == ["join.joined"]
    assert codes(grouped(), Remove("green")) == ["join.not-joined"]
    assert codes(grouped(), UpdateAddresses("green", (GREEN,))) == ["join.not-joined"]
    assert codes(grouped(), Join("red", (GREEN,))) == ["group.unknown"]
    assert codes(mesh("member-a"), Join("blue", (GREEN,))) == ["interconnect.disabled"]


@pytest.mark.parametrize("change", [Join("green", ()), UpdateAddresses("blue", ())])
def test_at_least_one_address_is_needed_and_stays(change: Join | UpdateAddresses) -> None:
    assert codes(after(grouped(), Join("blue", (Address("203.0.113.1"),))), change) == ["address.none"]


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("127.0.0.1", "address.loopback"),
        ("fe80::1", "address.link-local"),
        ("224.0.0.1", "address.multicast"),
        ("0.0.0.0", "address.unspecified"),
        ("255.255.255.255", "address.broadcast"),
        ("a b", "address.invalid"),
        ("", "address.empty"),
    ],
)
def test_an_address_that_nobody_could_reach_is_refused(host: str, code: str) -> None:
    assert code in codes(grouped(), Join("green", (Address(host),)))


def test_an_awaited_address_needs_a_valid_port_too() -> None:
    assert codes(grouped(), Join("green", (Address("", 0, OWN),))) == ["address.port"]


def test_an_address_is_given_once_however_it_is_written() -> None:
    assert codes(grouped(), Join("green", (GREEN, Address("::ffff:203.0.113.2")))) == ["address.duplicate"]
    assert codes(grouped(), Join("green", (GREEN, Address("203.0.113.2", gateway=OWN)))) == ["address.duplicate"]
    assert codes(grouped(), Join("green", (GREEN, Address("203.0.113.2", 443)))) == []
    assert codes(grouped(), Join("green", (Address("", gateway=OWN),) * 2)) == ["address.awaited.duplicate"]


def test_an_address_with_its_port_belongs_to_one_group() -> None:
    assert codes(joined(), Join("blue", (Address("203.0.113.2"),))) == ["address.taken"]
    assert codes(joined(), Join("blue", (Address("203.0.113.2", 443),))) == []


def test_an_address_of_a_network_that_others_keep_is_refused() -> None:
    facts = Facts(foreign_networks={"theirs": frozenset({("GW.example.", 15443)})})
    assert codes(grouped(), Join("green", (Address("gw.example"),)), facts) == ["address.foreign"]
    assert codes(grouped(), Join("green", (Address("gw.example", 443),)), facts) == []


def test_an_address_comes_only_from_a_gateway_of_the_group() -> None:
    for host in ("", "203.0.113.2"):
        assert codes(grouped(), Join("green", (Address(host, gateway=GatewayKey("member-a", 1)),))) == [
            "address.gateway.elsewhere"
        ]
        assert codes(grouped(), Join("green", (Address(host, gateway=GatewayKey("member-b", 9)),))) == [
            "address.gateway.elsewhere"
        ]


def test_an_address_comes_only_from_a_gateway_with_a_load_balancer() -> None:
    topology = after(grouped(), EditGateway(OWN, GatewaySpec(service_type=ServiceType.NODE_PORT)))
    assert codes(topology, Join("green", (Address("", gateway=OWN),))) == ["address.gateway.type"]
    assert codes(topology, Join("green", (GREEN,))) == []


def test_the_addresses_of_a_joined_group_may_change() -> None:
    topology = after(joined(), UpdateAddresses("green", (Address("B.example."), Address("203.0.113.2"))))
    assert topology.groups["green"].addresses == (Address("203.0.113.2"), Address("b.example"))


def test_what_is_removed_from_the_interconnect_is_free_to_change_again() -> None:
    topology = after(joined(), Remove("green"))
    assert not topology.groups["green"].joined
    assert codes(topology, CreateGateway(GatewayKey("member-b", 2), uuid(9), GatewaySpec())) == []
    assert codes(topology, DeleteGroup("green")) == []
