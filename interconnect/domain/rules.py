"""The rules of the product, each in one place: a rule yields what forbids something, and nothing when it is allowed.

The numbers are those in docs/rules.md. A violation with a token can be overridden by a mesh admin (see `token_of`).
`CODES` lists every code that can come out of here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from interconnect.domain.addressing import Endpoint, endpoint, normalised
from interconnect.domain.cidrs import Overlap, certain, overlap
from interconnect.domain.names import cluster_name_violation, group_name_violation
from interconnect.domain.topology import Address, GatewayKey, GatewaySpec, MeshKind, ServiceType, Topology
from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from interconnect.domain.facts import Facts

CODES = (
    "interconnect.not-hosted",
    "interconnect.already-enabled",
    "interconnect.disabled",
    "interconnect.groups-joined",
    "interconnect.groups-left",
    "interconnect.phrase",
    "mesh.enabled",
    "group.unknown",
    "group.name.taken",
    "group.name.foreign",
    "group.clusters.empty",
    "group.last-cluster",
    "group.joined",
    "group.overlap",
    "group.overlap.nodes",
    "group.cidr.unknown",
    "cluster.unknown",
    "cluster.grouped",
    "cluster.ungrouped",
    "cluster.same-group",
    "cluster.group.joined",
    "cluster.name.taken",
    "cluster.name.unknown-to-istiod",
    "cluster.uid.invalid",
    "cluster.uid.taken",
    "cluster.occupied",
    "gateway.unknown",
    "gateway.frozen",
    "join.no-gateway",
    "join.joined",
    "join.not-joined",
    "address.none",
    "address.duplicate",
    "address.awaited.duplicate",
    "address.taken",
    "address.foreign",
    "address.gateway.elsewhere",
    "address.gateway.type",
)

DISABLE_PHRASES = ("Close Basic Settings", "关闭基本设置")

Found = Iterator[Violation]

_MAX_UID = 64
_TOKEN = re.compile(r"[a-z0-9.-]{1,100}:[0-9a-f]{12}")


def token_of(code: str, params: Mapping[str, Any]) -> str:
    """Return the token of a finding: the same code with the same parameters always has the same token, and nothing else
    has it.
    """
    text = json.dumps(params, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"{code}:{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def is_token(text: str) -> bool:
    """Whether `text` has the form of a token. It may name no finding at all."""
    return _TOKEN.fullmatch(text) is not None


def overridable(code: str, params: Mapping[str, Any]) -> Violation:
    return Violation(code, params, token_of(code, params))


def is_disable_phrase(text: str) -> bool:
    """Rule 14: either phrase, whatever the language of the page; exact except for surrounding space."""
    return text.strip() in DISABLE_PHRASES


def is_hosted(topology: Topology) -> Found:
    """Rule 1."""
    if topology.kind is not MeshKind.HOSTED:
        yield Violation("interconnect.not-hosted", {"kind": topology.kind.value})


def can_enable(topology: Topology) -> Found:
    yield from is_hosted(topology)
    if topology.enabled:
        yield Violation("interconnect.already-enabled")


def is_enabled(topology: Topology) -> Found:
    """Rule 2. Where the interconnect can't be enabled, rule 1, so that nobody is told to enable it."""
    if not topology.enabled:
        yield next(is_hosted(topology), Violation("interconnect.disabled"))


def nothing_joined(topology: Topology) -> Found:
    """Rule 14."""
    if topology.joined:
        yield Violation("interconnect.groups-joined", {"groups": [group.name for group in topology.joined]})


def no_group_left(topology: Topology) -> Found:
    """Rule 14."""
    if topology.groups:
        yield Violation("interconnect.groups-left", {"groups": list(topology.groups)})


def can_delete_mesh(topology: Topology) -> tuple[Violation, ...]:
    """Rule 15."""
    return (Violation("mesh.enabled"),) if topology.enabled else ()


def group_name(topology: Topology, name: str, facts: Facts) -> Found:
    """Rule 3."""
    violation = group_name_violation(name)
    if violation:
        yield violation
    elif name in topology.groups:
        yield Violation("group.name.taken", {"group": name})
    elif name in facts.foreign_networks:
        yield Violation("group.name.foreign", {"group": name})


def group_exists(topology: Topology, name: str) -> Found:
    if name not in topology.groups:
        yield Violation("group.unknown", {"group": name})


def cluster_exists(topology: Topology, name: str) -> Found:
    """Rule 5: a cluster of this mesh."""
    if name not in topology.clusters:
        yield Violation("cluster.unknown", {"cluster": name})


def is_grouped(topology: Topology, cluster: str) -> Found:
    if cluster in topology.clusters and topology.group_of(cluster) is None:
        yield Violation("cluster.ungrouped", {"cluster": cluster})


def is_ungrouped(topology: Topology, cluster: str) -> Found:
    """Rule 5."""
    group = topology.group_of(cluster)
    if group:
        yield Violation("cluster.grouped", {"cluster": cluster, "group": group.name})


def has_clusters(group: str, clusters: Iterable[str]) -> Found:
    """Rule 4."""
    if not list(clusters):
        yield Violation("group.clusters.empty", {"group": group})


def is_not_last(topology: Topology, cluster: str) -> Found:
    """Rule 4."""
    group = topology.group_of(cluster)
    if group and len(group.clusters) == 1:
        yield Violation("group.last-cluster", {"cluster": cluster, "group": group.name})


def group_changes_freely(topology: Topology, name: str) -> Found:
    """Rules 11 and 13, of a group."""
    if name in topology.groups and topology.groups[name].joined:
        yield Violation("group.joined", {"group": name})


def cluster_changes_freely(topology: Topology, cluster: str) -> Found:
    """Rules 7, 11 and 15, of a cluster and its gateways."""
    group = topology.group_of(cluster)
    if group and group.joined:
        yield Violation("cluster.group.joined", {"cluster": cluster, "group": group.name})


def moves_elsewhere(topology: Topology, cluster: str, group: str) -> Found:
    current = topology.group_of(cluster)
    if current and current.name == group:
        yield Violation("cluster.same-group", {"cluster": cluster, "group": group})


def cidrs_apart(topology: Topology, group: str, present: Iterable[str], added: Iterable[str]) -> Found:
    """Rule 6, refused: sure CIDRs of the clusters in `added` that overlap with each other or with those in
    `present`.
    """
    for one, other, found in _overlaps(topology, present, added):
        if certain(found):
            yield overridable("group.overlap", _overlap_params(group, one, other, found))


def unsure_cidrs(topology: Topology, group: str, present: Iterable[str], added: Iterable[str]) -> Found:
    """Rule 6, warnings: overlaps that only nodes report, and clusters whose CIDRs are unknown."""
    present, added = set(present), set(added)
    for one, other, found in _overlaps(topology, present, added):
        if not certain(found):
            yield Violation("group.overlap.nodes", _overlap_params(group, one, other, found))
    together = sorted(present | added) if len(present | added) > 1 else []
    for name in together:
        if name in topology.clusters and not topology.clusters[name].pod_cidrs:
            yield Violation("group.cidr.unknown", {"cluster": name, "group": group})


def gateway_exists(topology: Topology, key: GatewayKey) -> Found:
    if key not in topology.gateways:
        yield Violation("gateway.unknown", {"gateway": str(key)})


def edits_what_may_change(topology: Topology, key: GatewayKey, spec: GatewaySpec) -> Found:
    """Rule 11: only replicas and autoscaling of a joined group's gateway may change."""
    group = topology.group_of(key.cluster)
    if key not in topology.gateways or group is None or not group.joined:
        return
    current = topology.gateways[key].spec
    if replace(spec, replicas=current.replicas, autoscaling=current.autoscaling) != current:
        yield Violation("gateway.frozen", {"gateway": str(key), "group": group.name})


def can_join(topology: Topology, name: str) -> Found:
    """Rule 9."""
    if topology.groups[name].joined:
        yield Violation("join.joined", {"group": name})
    elif not topology.gateways_of_group(name):
        yield Violation("join.no-gateway", {"group": name})


def is_joined(topology: Topology, name: str) -> Found:
    if name in topology.groups and not topology.groups[name].joined:
        yield Violation("join.not-joined", {"group": name})


def usable_addresses(topology: Topology, name: str, addresses: Iterable[Address], facts: Facts) -> Found:
    """Rule 10, for a group that exists. Awaited addresses count; once filled in, they are checked here again."""
    addresses = list(addresses)
    if not addresses:
        yield Violation("address.none", {"group": name})
    used, seen = _used_by_others(topology, name, facts), set[tuple[str, int, GatewayKey | None]]()
    for address in addresses:
        yield from _gateway_may_give(topology, name, address)
        normal = normalised(address)
        if isinstance(normal, Violation):
            yield normal
            continue
        identity = (normal.host, normal.port, normal.gateway if normal.awaited else None)
        if identity in seen:
            yield _duplicate(normal)
        seen.add(identity)
        if not normal.awaited and (normal.host, normal.port) in used:
            yield used[normal.host, normal.port]


def can_register(topology: Topology, name: str, uid: str, facts: Facts) -> Found:
    """Rule 15 and *Identity*: Istio accepts the name and istiod knows it, and neither name nor UID is
    registered twice.
    """
    violation = cluster_name_violation(name)
    if violation:
        yield violation
    elif name in topology.clusters:
        yield Violation("cluster.name.taken", {"cluster": name})
    elif facts.remote_clusters and name not in facts.remote_clusters:
        yield Violation("cluster.name.unknown-to-istiod", {"cluster": name, "known": sorted(facts.remote_clusters)})
    same = topology.cluster_by_uid(uid)
    if not (uid and len(uid) <= _MAX_UID and uid.isascii() and uid.replace("-", "").isalnum()):
        yield Violation("cluster.uid.invalid", {"cluster": name})
    elif same:
        yield Violation("cluster.uid.taken", {"cluster": name, "other": same.name, "uid": uid})


def nothing_left_on(cluster: str, occupied: Iterable[str]) -> Found:
    """Rule 15: `occupied` are the names of clusters that may still have objects of ours."""
    if cluster in occupied:
        yield Violation("cluster.occupied", {"cluster": cluster})


def clusters_of(topology: Topology, group: str) -> frozenset[str]:
    """Return the clusters of a group, none when it doesn't exist."""
    return topology.groups[group].clusters if group in topology.groups else frozenset[str]()


def _overlaps(topology: Topology, present: Iterable[str], added: Iterable[str]) -> Iterator[tuple[str, str, Overlap]]:
    added = {name for name in added if name in topology.clusters}
    others = {name for name in present if name in topology.clusters} - added
    pairs = chain(((a, b) for a in added for b in added if a < b), ((a, b) for a in added for b in others))
    for one, other in sorted((min(pair), max(pair)) for pair in pairs):
        found = overlap(topology.clusters[one], topology.clusters[other])
        if found:
            yield one, other, found


def _overlap_params(group: str, one: str, other: str, found: Overlap) -> dict[str, str]:
    return {"group": group, "cluster": one, "other": other, "cidr": found[0].network, "other_cidr": found[1].network}


def _gateway_may_give(topology: Topology, name: str, address: Address) -> Found:
    key = address.gateway
    if key is None:
        if address.awaited:
            yield Violation("address.empty")
        return
    gateway = topology.gateways.get(key)
    if gateway is None or key.cluster not in topology.groups[name].clusters:
        yield Violation("address.gateway.elsewhere", {"gateway": str(key), "group": name})
    elif gateway.spec.service_type is not ServiceType.LOAD_BALANCER:
        yield Violation("address.gateway.type", {"gateway": str(key), "type": gateway.spec.service_type.value})


def _duplicate(address: Address) -> Violation:
    if address.awaited:
        return Violation("address.awaited.duplicate", {"gateway": str(address.gateway)})
    return Violation("address.duplicate", {"host": address.host, "port": address.port})


def _used_by_others(topology: Topology, name: str, facts: Facts) -> dict[Endpoint, Violation]:
    used: dict[Endpoint, Violation] = {}
    for network, endpoints in facts.foreign_networks.items():
        for host, port in (endpoint(*pair) for pair in endpoints):
            used[host, port] = Violation("address.foreign", {"host": host, "port": port, "network": network})
    for group in topology.joined:
        for address in (group.addresses or ()) if group.name != name else ():
            host, port = endpoint(address.host, address.port)
            used[host, port] = Violation("address.taken", {"host": host, "port": port, "group": group.name})
    return used
