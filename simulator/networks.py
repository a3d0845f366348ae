"""meshNetworks as an istiod reads it: parsed, checked against Istio's rules, and turned into gateways."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from simulator.resources import Json

_LABEL = re.compile(r"[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?")
_DIGITS = re.compile(r"0|[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True, order=True)
class Gateway:
    """A gateway of a network.

    `cluster` is empty if meshNetworks lists it, else the cluster of the labeled Service that it comes from.
    """

    network: str
    cluster: str
    address: str
    port: int

    def describe(self) -> Json:
        account = {"Namespace": "", "Name": ""}
        return {
            "Network": self.network,
            "Cluster": self.cluster,
            "Addr": self.address,
            "Port": self.port,
            "HBONEPort": 0,
            "ServiceAccount": account,
        }


@dataclass(frozen=True, slots=True)
class Networks:
    """What meshNetworks says.

    `registries` maps a cluster's ID to its network; the addresses of `gateways` may be host names.
    """

    registries: Mapping[str, str]
    gateways: tuple[Gateway, ...]


NONE = Networks({}, ())


def parse(text: str) -> Networks:
    """Parse meshNetworks. Raise ValueError for what Istio refuses; it then keeps the previous networks."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError("no YAML") from error
    registries: dict[str, str] = {}
    gateways: list[Gateway] = []
    for name, network in _message(_message(document, "the document").get("networks"), "networks").items():
        known = _message(network, f"network {name}")
        for endpoint in _messages(known.get("endpoints"), "endpoints"):
            _endpoint(str(name), endpoint, registries)
        for item in _messages(known.get("gateways"), "gateways"):
            gateways += _gateway(str(name), item)
    return Networks(registries, tuple(gateways))


def _message(value: Any, what: str) -> Json:
    """Return a message in protobuf's JSON mapping; null is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{what} is no map")
    return value


def _messages(value: Any, what: str) -> list[Json]:
    if not isinstance(value, list | None):
        raise ValueError(f"{what} is no list")
    return [_message(item, what) for item in value or ()]


def _text(item: Json, name: str, proto_name: str = "") -> str | None:
    """Return a field by its JSON name, else by its name in the proto file; None if it isn't set."""
    value = item[name] if name in item else item.get(proto_name)
    if not isinstance(value, str | None):
        raise ValueError(f"{name} is no text")
    return value


def _endpoint(network: str, endpoint: Json, registries: dict[str, str]) -> None:
    cidr, registry = _text(endpoint, "fromCidr", "from_cidr"), _text(endpoint, "fromRegistry", "from_registry")
    if cidr is not None:
        if "/" in cidr and not _DIGITS.fullmatch(cidr.partition("/")[2]):
            raise ValueError(f"invalid CIDR {cidr}")
        ipaddress.ip_network(cidr, strict=False)
    if registry is not None:
        if not _LABEL.fullmatch(registry):
            raise ValueError(f"invalid registry {registry}")
        registries.setdefault(registry, network)


def _gateway(network: str, item: Json) -> list[Gateway]:
    """Return the gateway if it has an address.

    A gateway given as a Service is wherever that Service is, which no simulated cluster resolves.
    """
    service, address = _text(item, "registryServiceName", "registry_service_name"), _text(item, "address")
    _text(item, "locality")
    port = _port(item.get("port"))
    if not 0 < port < 65536:
        raise ValueError(f"invalid port {port}")
    if service is not None and not _is_host(service):
        raise ValueError(f"invalid service {service}")
    if address is not None and not is_address(address) and not _is_host(address):
        raise ValueError(f"invalid address {address}")
    return [] if address is None else [Gateway(network, "", address, port)]


def _port(value: Any) -> int:
    """Parse a uint32: a whole number, or its digits as text."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | None):
        raise ValueError("the port is no number")
    return value or 0


def _is_host(text: str) -> bool:
    """Return whether the text is a DNS name: labels, the last not a number, optionally ending in a dot."""
    labels = text.split(".")
    if re.fullmatch(r"[-+]?[0-9]+", labels[-1]) or len(text) > 255:
        return False
    labels = labels[:-1] if len(labels) > 1 and not labels[-1] else labels
    return all(_LABEL.fullmatch(label) for label in labels)


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def resolve(gateways: Sequence[Gateway], hosts: Mapping[str, Sequence[str]]) -> list[Gateway]:
    """Return the gateways with host names replaced by their addresses, without those that don't resolve."""
    found = []
    for item in gateways:
        addresses = [item.address] if is_address(item.address) else hosts.get(item.address, ())
        found += [Gateway(item.network, item.cluster, address, item.port) for address in addresses]
    return sorted(set(found))
