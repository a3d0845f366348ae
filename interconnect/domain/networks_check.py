"""Istio's own validation of MeshNetworks, rule for rule (`pkg/config/validation/agent`, ValidateMeshNetworks).

Unknown fields are tolerated, empty lists are accepted, names are those of the JSON or of the proto notation, a field
that is null is not set. A null network or element is refused, since decoders of protobuf differ about it.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CODES = (
    "networks.shape",
    "networks.endpoint-cidr",
    "networks.endpoint-registry",
    "networks.gateway-address",
    "networks.gateway-service",
    "networks.gateway-port",
)

_LABEL = re.compile(r"[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?")
_DIGITS = re.compile(r"0|[1-9][0-9]{0,9}")
_MISSING = object()


def validate(networks: Mapping[str, Any]) -> tuple[Violation, ...]:
    """Return everything for which istiod would ignore the whole value; empty when it would accept it."""
    return tuple(violation for name, network in networks.items() for violation in _network(str(name), network))


def is_registry_name(name: str) -> bool:
    """Whether `fromRegistry` may have this cluster name."""
    return len(name) <= 63 and _LABEL.fullmatch(name) is not None


def _network(name: str, network: Any) -> Iterator[Violation]:
    if not isinstance(network, dict):
        yield Violation("networks.shape", {"network": name, "field": name})
        return
    for field, check in (("endpoints", _endpoint), ("gateways", _gateway)):
        items = network.get(field)
        if items is None:
            continue
        if not isinstance(items, list):
            yield Violation("networks.shape", {"network": name, "field": field})
            continue
        for index, item in enumerate(items):
            if not isinstance(item, dict):
                yield Violation("networks.shape", {"network": name, "field": f"{field}[{index}]"})
                continue
            yield from check(name, f"{field}[{index}]", item)


def _endpoint(network: str, field: str, item: Mapping[str, Any]) -> Iterator[Violation]:
    cidr = _field(item, "fromCidr", "from_cidr")
    registry = _field(item, "fromRegistry", "from_registry")
    yield from _one_of(network, field, cidr, registry)
    if isinstance(cidr, str) and not _is_subnet(cidr):
        yield Violation("networks.endpoint-cidr", {"network": network, "field": field, "value": cidr})
    if isinstance(registry, str) and not is_registry_name(registry):
        yield Violation("networks.endpoint-registry", {"network": network, "field": field, "value": registry})


def _gateway(network: str, field: str, item: Mapping[str, Any]) -> Iterator[Violation]:
    service = _field(item, "registryServiceName", "registry_service_name")
    address = _field(item, "address", "address")
    yield from _one_of(network, field, service, address)
    if isinstance(service, str) and not _is_fqdn(service):
        yield Violation("networks.gateway-service", {"network": network, "field": field, "value": service})
    if isinstance(address, str) and not (_is_ip(address) or _is_fqdn(address)):
        yield Violation("networks.gateway-address", {"network": network, "field": field, "value": address})
    locality = item.get("locality")
    if locality is not None and not isinstance(locality, str):
        yield Violation("networks.shape", {"network": network, "field": f"{field}.locality"})
    port = port_of(item.get("port"))
    if port is None or not 1 <= port <= 65535:
        yield Violation(
            "networks.gateway-port", {"network": network, "field": field, "value": str(item.get("port", ""))}
        )


def _field(item: Mapping[str, Any], json_name: str, proto_name: str) -> Any:
    """The value, `_MISSING` when it is not set (null is not set either); where both names stand, the one of JSON
    counts.
    """
    value = item[json_name] if json_name in item else item.get(proto_name)
    return _MISSING if value is None else value


def _one_of(network: str, field: str, one: Any, other: Any) -> Iterator[Violation]:
    wrong_type = any(value is not _MISSING and not isinstance(value, str) for value in (one, other))
    both = one is not _MISSING and other is not _MISSING
    if wrong_type or both:
        yield Violation("networks.shape", {"network": network, "field": field})


def port_of(value: Any) -> int | None:
    """Return a port as the JSON mapping of uint32 reads it: a whole number, or its text."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str):
        return int(value) if _DIGITS.fullmatch(value) else None
    return value if isinstance(value, int) else None


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_subnet(text: str) -> bool:
    address, slash, length = text.partition("/")
    if not slash:
        return _is_ip(text)
    # Go's CIDR parser knows prefix lengths only, no netmasks.
    if not (length.isascii() and length.isdecimal()) or "%" in address or not _is_ip(address):
        return False
    return int(length) <= ipaddress.ip_address(address).max_prefixlen


def _is_fqdn(text: str) -> bool:
    if not text or len(text) > 255:
        return False
    labels = text.split(".")
    if re.fullmatch(r"[-+]?[0-9]+", labels[-1]):
        return False
    if labels[-1] == "" and len(labels) > 1:
        labels.pop()
    return all(is_registry_name(label) for label in labels)
