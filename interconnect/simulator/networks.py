"""meshNetworks as an istiod reads it: parsed, checked by Istio's rules, and turned into gateways."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from interconnect.simulator.resources import Json

_REGISTRY = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?")
_HOST = re.compile(r"(?=.{1,255}$)(\*\.)?[a-zA-Z0-9_]([-a-zA-Z0-9_]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9_]([-a-zA-Z0-9_]{0,61}[a-zA-Z0-9])?)*")


@dataclass(frozen=True, slots=True, order=True)
class Gateway:
    """`cluster` is empty for one that meshNetworks lists, else the cluster whose labelled Service it is."""

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
    """`registries` leads from a cluster's ID to its network; `gateways` may have host names for addresses."""

    registries: Mapping[str, str]
    gateways: tuple[Gateway, ...]


NONE = Networks({}, ())


def parse(text: str) -> Networks:
    """Raises ValueError for what Istio refuses; it then keeps what it had."""
    try:
        document = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ValueError("no YAML") from error
    networks = (document.get("networks") or {}) if isinstance(document, dict) else None
    if not isinstance(networks, dict):
        raise ValueError("networks is no map")
    registries: dict[str, str] = {}
    gateways: list[Gateway] = []
    for name, network in networks.items():
        if not isinstance(network or {}, dict):
            raise ValueError(f"network {name} is no map")
        for endpoint in _list(network, "endpoints"):
            _endpoint(str(name), endpoint, registries)
        gateways += [_gateway(str(name), item) for item in _list(network, "gateways") if "registryServiceName" not in item]
    return Networks(registries, tuple(gateways))


def _list(network: Any, key: str) -> Sequence[Json]:
    items = (network or {}).get(key) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError(f"{key} is no list of maps")
    return items


def _endpoint(network: str, endpoint: Json, registries: dict[str, str]) -> None:
    registry = endpoint.get("fromRegistry")
    if registry is None:
        ipaddress.ip_network(str(endpoint.get("fromCidr")), strict=False)
        return
    if not _REGISTRY.fullmatch(str(registry)):
        raise ValueError(f"invalid registry {registry}")
    registries.setdefault(str(registry), network)


def _gateway(network: str, item: Json) -> Gateway:
    address, port = str(item.get("address", "")), item.get("port")
    if not isinstance(port, int) or not 0 < port < 65536:
        raise ValueError(f"invalid port {port}")
    if not is_address(address) and not _HOST.fullmatch(address):
        raise ValueError(f"invalid address {address}")
    return Gateway(network, "", address, port)


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def resolve(gateways: Sequence[Gateway], hosts: Mapping[str, Sequence[str]]) -> list[Gateway]:
    """Host names replaced by their addresses; those that do not resolve are left out."""
    found = []
    for item in gateways:
        addresses = [item.address] if is_address(item.address) else hosts.get(item.address, ())
        found += [Gateway(item.network, item.cluster, address, item.port) for address in addresses]
    return sorted(set(found))
