"""Pod CIDRs: which ones are believed, where they overlap, and which clusters could form a group (rule 6)."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

from interconnect.domain.topology import CidrSource, Cluster, PodCidr
from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Iterable

CODES = ("cidr.invalid", "cidr.host-bits")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Overlap = tuple[PodCidr, PodCidr]

_BY_TRUST = (CidrSource.TYPED, CidrSource.POOL, CidrSource.NODES)


def parse_cidr(text: str) -> str | Violation:
    """Return a typed CIDR in its normal form (IPv6 compressed)."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return Violation("cidr.invalid", {"cidr": text})
    if "/" not in text:
        return Violation("cidr.invalid", {"cidr": text})
    if ipaddress.ip_interface(text.strip()).ip != network.network_address:
        return Violation("cidr.host-bits", {"cidr": text, "network": str(network)})
    return str(network)


def believed(cluster: Cluster) -> tuple[PodCidr, ...]:
    """Return a cluster's CIDRs from its surest source: typed, else pools, else nodes."""
    sources = {cidr.source for cidr in cluster.pod_cidrs}
    best = next((source for source in _BY_TRUST if source in sources), None)
    return tuple(cidr for cidr in cluster.pod_cidrs if cidr.source == best)


def overlap(one: Cluster, other: Cluster) -> Overlap | None:
    """Return the first pair of believed CIDRs, one of each cluster, that share addresses."""
    pairs = ((a, b) for a in believed(one) for b in believed(other))
    return next((pair for pair in pairs if _overlaps(*pair)), None)


def certain(found: Overlap) -> bool:
    """Whether both CIDRs are sure enough to refuse a group: what nodes report is empty or wrong with several CNI
    plugins.
    """
    return all(cidr.source != CidrSource.NODES for cidr in found)


def overlaps(clusters: Iterable[Cluster]) -> dict[tuple[str, str], Overlap]:
    """Every pair of clusters that overlap, keyed by their names in order."""
    by_name = {cluster.name: cluster for cluster in clusters}
    found = (
        (one, other, overlap(by_name[one], by_name[other])) for one, other in sorted(_neighbours(by_name.values()))
    )
    return {(one, other): pair for one, other, pair in found if pair is not None}


def _neighbours(clusters: Iterable[Cluster]) -> set[tuple[str, str]]:
    """Names of the clusters of which some networks overlap: sorted by their first address only those still open are
    compared.
    """
    spans = [
        (network.version, int(network.network_address), int(network.broadcast_address), cluster.name)
        for cluster in clusters
        for cidr in believed(cluster)
        if (network := _network(cidr.network)) is not None
    ]
    pairs: set[tuple[str, str]] = set()
    still_open: list[tuple[int, int, str]] = []
    for version, first, last, name in sorted(spans):
        still_open = [span for span in still_open if span[0] == version and span[1] >= first]
        pairs |= {(min(name, other), max(name, other)) for _version, _last, other in still_open if other != name}
        still_open.append((version, last, name))
    return pairs


def suggested_groups(clusters: Iterable[Cluster]) -> tuple[tuple[str, ...], ...]:
    """Return groups of clusters that don't overlap. Clusters without known CIDRs are left out, since nothing can be
    said about them.
    """
    groups: list[list[Cluster]] = []
    for cluster in sorted(clusters, key=lambda cluster: cluster.name):
        if not cluster.pod_cidrs:
            continue
        fitting = next((group for group in groups if not any(overlap(cluster, other) for other in group)), None)
        if fitting is None:
            groups.append([cluster])
        else:
            fitting.append(cluster)
    return tuple(tuple(cluster.name for cluster in group) for group in groups)


def _overlaps(one: PodCidr, other: PodCidr) -> bool:
    a, b = _network(one.network), _network(other.network)
    return a is not None and b is not None and a.overlaps(b)


@lru_cache(maxsize=4096)
def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
