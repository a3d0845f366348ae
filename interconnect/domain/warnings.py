"""Side effects of an allowed change, so that they are shown before: nothing here refuses anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interconnect.domain import rules
from interconnect.domain.changes import (
    AddCluster,
    Change,
    CreateGroup,
    DeleteGateway,
    DeleteGroup,
    ForgetCluster,
    MoveCluster,
    RemoveCluster,
    stages,
)
from interconnect.domain.facts import Facts
from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from interconnect.domain.topology import Topology

CODES = (
    "warning.source-without-gateway",
    "warning.last-gateway",
    "warning.gateways-deleted",
    "warning.group-deleted",
    "warning.cluster-unknown-to-istiod",
)


def warnings(topology: Topology, change: Change, facts: Facts | None = None) -> tuple[Violation, ...]:
    """Return the warnings of a change; empty when it does only what its name says. Total, for refused changes too."""
    return _warnings(topology, change, facts or Facts(), frozenset())


def warnings_of_all(topology: Topology, changes: Sequence[Change], facts: Facts | None = None) -> tuple[Violation, ...]:
    """Return the warnings of successive changes, each once, without those that later changes resolve.

    A change that is refused for good changes nothing for the ones after it, but its warnings are still returned.
    """
    found: list[Violation] = []
    made: list[Violation] = []
    for stage in stages(topology, changes, facts=facts):
        said = _warnings(stage.before, stage.change, facts or Facts(), stage.leaving)
        found += [warning for warning in said if warning not in found]
        made += () if stage.final else said
        topology = stage.after
    return tuple(warning for warning in found if warning not in made or not _made_good(warning, topology))


def _warnings(topology: Topology, change: Change, facts: Facts, leaving: frozenset[str]) -> tuple[Violation, ...]:
    """`leaving` are clusters that later changes take out of their groups: who comes before that never meets them."""
    found = _of_gateways(topology, change)
    match change:
        case CreateGroup():
            unsure = rules.unsure_cidrs(topology, change.group, (), change.clusters)
            added = change.clusters
        case AddCluster() | MoveCluster():
            present = rules.clusters_of(topology, change.group) - leaving
            unsure = rules.unsure_cidrs(topology, change.group, present, [change.cluster])
            added = frozenset({change.cluster})
        case _:
            return tuple(found)
    return (*found, *unsure, *_unknown_to_istiod(added, facts))


def _made_good(warning: Violation, topology: Topology) -> bool:
    """Whether in `topology` the group that was to lose its last gateway has one again, or is gone itself."""
    if warning.code not in ("warning.source-without-gateway", "warning.last-gateway"):
        return False
    group = str(warning.params["group"])
    return group not in topology.groups or bool(topology.gateways_of_group(group))


def _of_gateways(topology: Topology, change: Change) -> Iterator[Violation]:
    match change:
        case MoveCluster():
            yield from _source_without_gateway(topology, change.cluster)
        case RemoveCluster():
            yield from _gateways_deleted(topology, [change.cluster])
        case ForgetCluster():
            yield from _gateways_deleted(topology, [change.cluster])
            group = topology.group_of(change.cluster)
            if group and group.clusters == {change.cluster}:
                yield Violation("warning.group-deleted", {"group": group.name, "cluster": change.cluster})
        case DeleteGroup():
            yield from _gateways_deleted(topology, sorted(rules.clusters_of(topology, change.group)))
        case DeleteGateway():
            group = topology.group_of(change.key.cluster)
            gateways = topology.gateways_of_group(group.name) if group else ()
            if group and [gateway.key for gateway in gateways] == [change.key]:
                yield Violation("warning.last-gateway", {"gateway": gateways[0].name, "group": group.name})
        case _:
            return


def _source_without_gateway(topology: Topology, cluster: str) -> Iterator[Violation]:
    source = topology.group_of(cluster)
    gateways = topology.gateways_of_group(source.name) if source else ()
    if source and gateways and all(gateway.key.cluster == cluster for gateway in gateways):
        yield Violation("warning.source-without-gateway", {"cluster": cluster, "group": source.name})


def _gateways_deleted(topology: Topology, clusters: list[str]) -> Iterator[Violation]:
    names = [gateway.name for cluster in clusters for gateway in topology.gateways_of_cluster(cluster)]
    if names:
        yield Violation("warning.gateways-deleted", {"gateways": names})


def _unknown_to_istiod(clusters: frozenset[str], facts: Facts) -> Iterator[Violation]:
    """An endpoint entry for a registry that istiod does not have says nothing, so the cluster would not be reached."""
    if not facts.remote_clusters:
        return
    for cluster in sorted(clusters - facts.remote_clusters):
        yield Violation("warning.cluster-unknown-to-istiod", {"cluster": cluster})
