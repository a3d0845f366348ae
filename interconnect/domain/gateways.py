"""Rules about east-west gateways (rule 8)."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from interconnect.domain.addressing import forbidden_range, parse_ip
from interconnect.domain.names import MAX_GATEWAY_NUMBER, gateway_name
from interconnect.domain.topology import Autoscaling, GatewayKey, GatewaySpec, ServiceType, Topology
from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

CODES = (
    "gateway.number",
    "gateway.taken",
    "gateway.id.invalid",
    "gateway.id.taken",
    "gateway.replicas",
    "gateway.autoscaling.bounds",
    "gateway.autoscaling.order",
    "gateway.annotations.key",
    "gateway.annotations.reserved",
    "gateway.annotations.value",
    "gateway.annotations.duplicate",
    "gateway.annotations.size",
    "gateway.load-balancer-ip.invalid",
    "gateway.load-balancer-ip.range",
    "gateway.load-balancer-ip.type",
)

MAX_REPLICAS = 100
MAX_ANNOTATIONS = 256 * 1024

# What is under these belongs to the console, to kubectl or to controllers, which would overwrite or misread it.
_RESERVED_PREFIXES = ("meshconsole.io", "kubectl.kubernetes.io", "deployment.kubernetes.io", "endpoints.kubernetes.io")
_KEY_NAME = re.compile(r"[a-z0-9]([-a-z0-9_.]{0,61}[a-z0-9])?")
_KEY_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MAX_PREFIX = 253


def normalised_spec(spec: GatewaySpec) -> GatewaySpec:
    """Return a valid spec with its annotations sorted and its IP in the normal form, so that equal specs are equal
    values.
    """
    address = parse_ip(spec.load_balancer_ip.strip())
    return replace(
        spec, annotations=tuple(sorted(spec.annotations)), load_balancer_ip="" if address is None else str(address)
    )


def valid_spec(spec: GatewaySpec) -> Iterator[Violation]:
    """Rule 8."""
    if not 1 <= spec.replicas <= MAX_REPLICAS:
        yield Violation("gateway.replicas", {"replicas": spec.replicas, "max": MAX_REPLICAS})
    if spec.autoscaling:
        yield from _autoscaling(spec.autoscaling)
    yield from _annotations(spec.annotations)
    yield from _load_balancer_ip(spec)


def free_key(topology: Topology, key: GatewayKey) -> Iterator[Violation]:
    """Rule 8: the number names no other gateway of the cluster, neither by its key nor by its objects."""
    if not 1 <= key.number <= MAX_GATEWAY_NUMBER:
        yield Violation("gateway.number", {"number": key.number, "max": MAX_GATEWAY_NUMBER})
        return
    names = {gateway.name for gateway in topology.gateways_of_cluster(key.cluster)}
    if key in topology.gateways or gateway_name(key) in names:
        yield Violation("gateway.taken", {"gateway": str(key)})


def free_id(topology: Topology, gateway_id: str) -> Iterator[Violation]:
    """Rule 8: the ID is a UUID in its usual form and belongs to no other gateway, since Pods are selected by it."""
    if not _is_uuid(gateway_id):
        yield Violation("gateway.id.invalid", {"id": gateway_id})
    elif any(gateway.id == gateway_id for gateway in topology.gateways.values()):
        yield Violation("gateway.id.taken", {"id": gateway_id})


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _autoscaling(autoscaling: Autoscaling) -> Iterator[Violation]:
    params = {"min": autoscaling.min, "max": autoscaling.max, "limit": MAX_REPLICAS}
    if autoscaling.min < 1 or autoscaling.max > MAX_REPLICAS:
        yield Violation("gateway.autoscaling.bounds", params)
    if autoscaling.min > autoscaling.max:
        yield Violation("gateway.autoscaling.order", params)


def _annotations(annotations: tuple[tuple[str, str], ...]) -> Iterator[Violation]:
    for key, value in annotations:
        prefix = key.lower().rpartition("/")[0]
        if not _is_qualified(key.lower()):
            yield Violation("gateway.annotations.key", {"key": key})
        elif any(prefix == reserved or prefix.endswith(f".{reserved}") for reserved in _RESERVED_PREFIXES):
            yield Violation("gateway.annotations.reserved", {"key": key})
        if not _is_storable(value):
            yield Violation("gateway.annotations.value", {"key": key})
    for key, times in Counter(key for key, _ in annotations).items():
        if times > 1:
            yield Violation("gateway.annotations.duplicate", {"key": key})
    size = sum(len(text.encode(errors="replace")) for pair in annotations for text in pair)
    if size > MAX_ANNOTATIONS:
        yield Violation("gateway.annotations.size", {"size": size, "max": MAX_ANNOTATIONS})


def _is_qualified(key: str) -> bool:
    """Kubernetes compares annotation keys in lower case: `[DNS-1123 subdomain/]name`."""
    prefix, slash, name = key.rpartition("/")
    if not _KEY_NAME.fullmatch(name):
        return False
    return not slash or (len(prefix) <= _MAX_PREFIX and _KEY_PREFIX.fullmatch(prefix) is not None)


def _is_storable(value: str) -> bool:
    """Neither JSON in UTF-8 nor a database takes a lone surrogate, and no database takes NUL."""
    return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _load_balancer_ip(spec: GatewaySpec) -> Iterator[Violation]:
    text = spec.load_balancer_ip.strip()
    if not text:
        return
    address = parse_ip(text)
    if address is None or "%" in text:
        yield Violation("gateway.load-balancer-ip.invalid", {"ip": text})
    elif forbidden_range(address):
        yield Violation("gateway.load-balancer-ip.range", {"ip": text})
    if spec.service_type is not ServiceType.LOAD_BALANCER:
        yield Violation("gateway.load-balancer-ip.type", {"ip": text, "type": spec.service_type.value})
