"""A simulated istiod and the console's own validation take what the real one takes, and refuse the same."""

from __future__ import annotations

import pytest

from interconnect.domain.networks import addresses_of, networks_in, registries_of, validate
from simulator.networks import parse

OLD = """
networks:
  "legacy.net_1":
    endpoints: [{from_registry: Kubernetes}, {fromCidr: 10.128.0.0/9}]
    gateways:
      - {registry_service_name: istio-ingressgateway.istio-system.svc.cluster.local, port: 443, locality: zone-1}
  onprem: {endpoints: [{fromCidr: "fd00:1::/64"}], gateways: [{address: gw.onprem.example, port: "15443"}]}
"""
TAKEN = {
    "as it was written long ago": OLD,
    "nothing": "",
    "no networks": "networks:",
    "an empty network": "networks: {a: {}}",
    "fields that are null": "networks: {a: {endpoints: null, gateways: [{address: 192.0.2.1, port: 1, "
    "locality: null}]}}",
    "unknown fields": "defaults: 1\nnetworks: {a: {endpoints: [{fromCidr: 10.0.0.1, note: x}], more: []}}",
    "a null beside the other notation": "networks: {a: {endpoints: [{fromRegistry: null, from_registry: bad_id}]}}",
    "a port in the notation of floats": "networks: {a: {gateways: [{address: 192.0.2.1, port: 15443.0}]}}",
    "a gateway without a way": "networks: {a: {gateways: [{port: 15443}]}}",
    "a name that ends in a dot": "networks: {a: {gateways: [{address: gw.example.org., port: 443}]}}",
}
REFUSED = {
    "a registry with an underscore": "networks: {a: {endpoints: [{from_registry: bad_id}]}}",
    "a registry that is a number": "networks: {a: {endpoints: [{fromRegistry: 12}]}}",
    "a CIDR with a netmask": "networks: {a: {endpoints: [{from_cidr: 10.0.0.0/255.0.0.0}]}}",
    "no port": "networks: {a: {gateways: [{address: 192.0.2.1}]}}",
    "a port of a service that is none": "networks: {a: {gateways: [{registry_service_name: gw.shop.svc, port: 0}]}}",
    "a port with a leading zero": 'networks: {a: {gateways: [{address: 192.0.2.1, port: "015443"}]}}',
    "a port with a point": "networks: {a: {gateways: [{address: 192.0.2.1, port: 15443.5}]}}",
    "a port that is a truth": "networks: {a: {gateways: [{address: 192.0.2.1, port: true}]}}",
    "an address with an underscore": "networks: {a: {gateways: [{address: gw_1.example, port: 1}]}}",
    "an address that looks like an IP": "networks: {a: {gateways: [{address: 192.0.2.300, port: 1}]}}",
    "a service with an underscore": "networks: {a: {gateways: [{registry_service_name: gw_1.shop, port: 1}]}}",
    "a locality that is a list": "networks: {a: {gateways: [{address: 192.0.2.1, port: 1, locality: [x]}]}}",
    "a list for a map": "networks: {a: [1]}",
    "a map for a list": "networks: {a: {endpoints: {fromCidr: 10.0.0.0/8}}}",
}


@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN)
def test_what_istio_takes_is_taken(text: str) -> None:
    parse(text)
    networks = networks_in(text)
    assert isinstance(networks, dict)
    assert validate(networks) == ()


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_istio_refuses_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)
    networks = networks_in(text)
    assert not isinstance(networks, dict) or validate(networks)


def test_old_notation_means_the_same_to_both() -> None:
    found, networks = parse(OLD), networks_in(OLD)
    assert isinstance(networks, dict)
    assert dict(found.registries) == {"Kubernetes": "legacy.net_1"}
    assert registries_of(networks["legacy.net_1"]) == {"Kubernetes"}
    assert [(item.network, item.address, item.port) for item in found.gateways] == [
        ("onprem", "gw.onprem.example", 15443)
    ]
    assert addresses_of(networks["onprem"]) == {("gw.onprem.example", 15443)}
