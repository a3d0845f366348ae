"""Istio Gateways on the port of the gateway rule: which is ours, and which of others apply to our gateways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interconnect.domain.entries import MESH_LABEL, RULE_NAME
from interconnect.domain.manifests import GATEWAY_SELECTOR
from interconnect.domain.topology import GATEWAY_PORT

if TYPE_CHECKING:
    from interconnect.domain.json_types import Json


def opens_the_port(gateway: Json) -> bool:
    servers = _mapping(gateway.get("spec")).get("servers")
    ports = (_mapping(_mapping(server).get("port")) for server in (servers if isinstance(servers, list) else ()))
    return any(port.get("number") == GATEWAY_PORT for port in ports)


def is_ours(gateway: Json, mesh: str) -> bool:
    """Whether it carries the label of this mesh (its UUID)."""
    return bool(_mapping(gateway["metadata"].get("labels")).get(MESH_LABEL) == mesh)


def has_our_name(gateway: Json, system_namespace: str) -> bool:
    metadata = gateway["metadata"]
    return (metadata.get("namespace", ""), metadata["name"]) == (system_namespace, RULE_NAME)


def selects_ours(gateway: Json) -> bool:
    """Whether it applies to our gateways' Pods; Istio takes a Gateway without a selector for all."""
    return _mapping(_mapping(gateway.get("spec")).get("selector")).items() <= GATEWAY_SELECTOR.items()


def _mapping(value: Any) -> Json:
    """Others' objects may hold anything: what is no mapping reads as an empty one."""
    return value if isinstance(value, dict) else {}
