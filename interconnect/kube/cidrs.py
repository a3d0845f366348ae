"""A cluster's Pod CIDRs as far as it tells them: pools of its network plug-in, else what its nodes say.

`Node.spec.podCIDRs` is empty or wrong with several plug-ins, so a pool is believed before it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING

from interconnect.domain.json_types import Json
from interconnect.kube import kinds
from interconnect.kube.errors import KubeError
from interconnect.kube.reading import mapping, text

if TYPE_CHECKING:
    from interconnect.kube.api import Api
    from interconnect.kube.kinds import Kind

MOST_NODES_SHOWN = 256


def pod_cidrs(api: Api) -> tuple[tuple[str, str], ...]:
    """Return (network, source) pairs, where the source is `pool` or `nodes`; empty when the cluster doesn't
    show any.
    """
    pools = [*_calico(_listed(api, kinds.CALICO_POOL)), *_cilium(_listed(api, kinds.CILIUM_POOL))]
    networks = _networks(pools)
    if networks:
        return tuple((network, "pool") for network in networks)
    return tuple((network, "nodes") for network in _networks(_nodes(_listed(api, kinds.NODE)))[:MOST_NODES_SHOWN])


def _listed(api: Api, kind: Kind) -> list[Json]:
    """What cannot be listed, for want of a right or of the API itself, tells nothing."""
    try:
        return api.list(kind)
    except KubeError:
        return []


def _calico(pools: Iterable[Json]) -> Iterable[str]:
    return (text(pool, "spec", "cidr") for pool in pools if mapping(pool, "spec").get("disabled") is not True)


def _cilium(pools: Iterable[Json]) -> Iterable[str]:
    for pool in pools:
        for family in ("ipv4", "ipv6"):
            found = mapping(pool, "spec", family).get("cidrs")
            yield from (cidr for cidr in found if isinstance(cidr, str)) if isinstance(found, list) else ()


def _nodes(nodes: Iterable[Json]) -> Iterable[str]:
    for node in nodes:
        found = mapping(node, "spec").get("podCIDRs")
        yield from (cidr for cidr in found if isinstance(cidr, str)) if isinstance(found, list) else ()


def _networks(texts: Iterable[str]) -> list[str]:
    """Valid networks without repetition, neighbours collapsed: two hundred nodes of one /16 are that /16."""
    found: set[ipaddress.IPv4Network | ipaddress.IPv6Network] = set()
    for each in texts:
        try:
            found.add(ipaddress.ip_network(each, strict=False))
        except ValueError:
            continue
    v4 = ipaddress.collapse_addresses(network for network in found if isinstance(network, ipaddress.IPv4Network))
    v6 = ipaddress.collapse_addresses(network for network in found if isinstance(network, ipaddress.IPv6Network))
    return [str(network) for network in (*v4, *v6)]
