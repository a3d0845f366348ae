"""Names: of groups (Istio networks), clusters (Istio cluster IDs) and the Kubernetes objects of gateways."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING

from interconnect.domain.topology import GatewayKey, Topology
from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Collection

CODES = (
    "group.name.empty",
    "group.name.long",
    "group.name.alphabet",
    "cluster.name.empty",
    "cluster.name.long",
    "cluster.name.alphabet",
)

MAX_LABEL = 63
MAX_GATEWAY_NUMBER = 9999

_GROUP_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_CLUSTER_NAME = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?")
_CLUSTER_PART = 40


def group_name_violation(name: str) -> Violation | None:
    """Return why `name` isn't a valid group name (a DNS-1123 label, which may start with a digit); None when it is."""
    if not name:
        return Violation("group.name.empty")
    if len(name) > MAX_LABEL:
        return Violation("group.name.long", {"name": name, "max": MAX_LABEL})
    if not _GROUP_NAME.fullmatch(name):
        return Violation("group.name.alphabet", {"name": name})
    return None


def cluster_name_violation(name: str) -> Violation | None:
    """Return why Istio doesn't accept `name` as `fromRegistry` in meshNetworks; None when it does."""
    if not name:
        return Violation("cluster.name.empty")
    if len(name) > MAX_LABEL:
        return Violation("cluster.name.long", {"name": name, "max": MAX_LABEL})
    if not _CLUSTER_NAME.fullmatch(name):
        return Violation("cluster.name.alphabet", {"name": name})
    return None


_DIGITS = re.compile(r"(\d+)")


def natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """Return a sort key by which `member-2` comes before `member-10`."""
    parts = _DIGITS.split(name.lower())
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts if part)


def gateway_name(key: GatewayKey) -> str:
    """Return the name of a gateway's Kubernetes objects: a DNS label for every valid cluster ID and number."""
    return f"eastwest-{key.cluster.lower()[:_CLUSTER_PART]}-{key.number}"


def next_gateway_key(topology: Topology, cluster: str, *, taken: Collection[int] = ()) -> GatewayKey:
    """Return the first free number of a cluster.

    `taken`: numbers whose objects exist there and aren't ours, or are terminating.
    """
    names = {gateway.name for gateway in topology.gateways_of_cluster(cluster)}
    keys = (GatewayKey(cluster, number) for number in count(1) if number not in taken)
    return next(key for key in keys if key not in topology.gateways and gateway_name(key) not in names)
