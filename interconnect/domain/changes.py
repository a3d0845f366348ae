"""The product's own changes of a topology, as values, and the pure step that each one is.

What forbids them is in `rules`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, assert_never

from interconnect.domain import gateways, rules
from interconnect.domain.addressing import canonical
from interconnect.domain.facts import Facts
from interconnect.domain.names import gateway_name
from interconnect.domain.topology import Address, Cluster, Gateway, GatewayKey, GatewaySpec, Group, PodCidr, Topology

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from interconnect.domain.violations import Violation

CODES = ("prerequisite.nothing-joined", "prerequisite.no-groups")


@dataclass(frozen=True, slots=True)
class Enable:
    pass


@dataclass(frozen=True, slots=True)
class Disable:
    pass


@dataclass(frozen=True, slots=True)
class CreateGroup:
    group: str
    clusters: frozenset[str]


@dataclass(frozen=True, slots=True)
class DeleteGroup:
    group: str


@dataclass(frozen=True, slots=True)
class AddCluster:
    group: str
    cluster: str


@dataclass(frozen=True, slots=True)
class MoveCluster:
    cluster: str
    group: str


@dataclass(frozen=True, slots=True)
class RemoveCluster:
    """Out of its group; the cluster stays registered."""

    cluster: str


@dataclass(frozen=True, slots=True)
class CreateGateway:
    """`id` is the new gateway's UUID: randomness is the caller's."""

    key: GatewayKey
    id: str
    spec: GatewaySpec


@dataclass(frozen=True, slots=True)
class EditGateway:
    key: GatewayKey
    spec: GatewaySpec


@dataclass(frozen=True, slots=True)
class DeleteGateway:
    key: GatewayKey


@dataclass(frozen=True, slots=True)
class Join:
    group: str
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class UpdateAddresses:
    group: str
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Remove:
    """Out of the interconnect; the group stays."""

    group: str


@dataclass(frozen=True, slots=True)
class RegisterCluster:
    """`uid` is the UID of its `kube-system`; `pod_cidrs` what is known of its Pod CIDRs by now."""

    cluster: str
    uid: str
    pod_cidrs: tuple[PodCidr, ...] = ()


@dataclass(frozen=True, slots=True)
class UnregisterCluster:
    """Out of the mesh; only when nothing of ours is on it."""

    cluster: str


@dataclass(frozen=True, slots=True)
class ForgetCluster:
    """Out of the mesh although something of ours may still be on it."""

    cluster: str


Change = (
    Enable
    | Disable
    | CreateGroup
    | DeleteGroup
    | AddCluster
    | MoveCluster
    | RemoveCluster
    | CreateGateway
    | EditGateway
    | DeleteGateway
    | Join
    | UpdateAddresses
    | Remove
    | RegisterCluster
    | UnregisterCluster
    | ForgetCluster
)

# What takes something away: it is asked for twice on a page, and needs a word of its own on the command line.
REMOVALS = (Disable, DeleteGroup, RemoveCluster, DeleteGateway, Remove)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a change is judged by beside the topology.

    `occupied`: names of clusters on which something of ours may still be. `emptied` and `filled` are the groups that
    later changes of the same sequence delete, or bring a cluster into: they alone may be empty until then. `leaving`
    are the clusters that later changes take out of their groups: who comes before that never meets them.
    """

    facts: Facts = field(default_factory=Facts)
    occupied: frozenset[str] = frozenset()
    emptied: frozenset[str] = frozenset()
    filled: frozenset[str] = frozenset()
    leaving: frozenset[str] = frozenset()

    @property
    def passing(self) -> frozenset[str]:
        """The groups that may lose their last cluster: they are filled again, or go."""
        return self.emptied | self.filled


@dataclass(frozen=True, slots=True)
class Stage:
    """One change of a sequence: what it meets and what forbids it. `leaving` are the clusters that later changes take
    out of their groups.
    """

    before: Topology
    change: Change
    refused: tuple[Violation, ...]
    leaving: frozenset[str]

    @property
    def final(self) -> bool:
        """Whether it is refused for good: no override helps."""
        return any(not violation.token for violation in self.refused)

    @property
    def after(self) -> Topology:
        """What it leaves, every override given; the same as before when it is refused for good."""
        return self.before if self.final else changed(self.before, self.change)


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """One line of a checklist: `code` words what is needed, `missing` says why it is not so yet."""

    code: str
    missing: Violation | None

    @property
    def met(self) -> bool:
        return self.missing is None


def apply(
    topology: Topology,
    change: Change,
    *,
    facts: Facts | None = None,
    overrides: frozenset[str] = frozenset(),
    occupied: frozenset[str] = frozenset(),
) -> Topology | tuple[Violation, ...]:
    """The topology after `change`, or everything that forbids it. `overrides` are tokens of violations to pass over."""
    refused = violations(topology, change, facts=facts, overrides=overrides, occupied=occupied)
    return refused or changed(topology, change)


def violations(
    topology: Topology,
    change: Change,
    *,
    facts: Facts | None = None,
    overrides: frozenset[str] = frozenset(),
    occupied: frozenset[str] = frozenset(),
) -> tuple[Violation, ...]:
    """Exactly what `apply` would refuse `change` with; empty when it may be made."""
    return _violations(topology, change, Circumstances(facts or Facts(), occupied), overrides)


def apply_all(
    topology: Topology,
    changes: Sequence[Change],
    *,
    facts: Facts | None = None,
    overrides: frozenset[str] = frozenset(),
    occupied: frozenset[str] = frozenset(),
) -> Topology | tuple[Violation, ...]:
    """The topology after all changes, each judged by what the ones before leave, or what forbids them.

    Two things are legal here that a single change may not do: a group is created empty when a later move fills it, and
    the last cluster leaves a group that is deleted or filled again later, so that groups can swap clusters. The first
    change that is refused for good ends it; violations that may be overridden are collected over the whole sequence, so
    that one answer can accept them all.
    """
    collected: list[Violation] = []
    for stage in stages(topology, changes, facts=facts, overrides=overrides, occupied=occupied):
        collected.extend(stage.refused)
        if stage.final:
            return tuple(collected)
        topology = stage.after
    return tuple(collected) or topology


def stages(
    topology: Topology,
    changes: Sequence[Change],
    *,
    facts: Facts | None = None,
    overrides: frozenset[str] = frozenset(),
    occupied: frozenset[str] = frozenset(),
) -> Iterator[Stage]:
    """The changes one after the other, each judged by what the ones before leave and the ones after will do."""
    for index, change in enumerate(changes):
        given = _within(changes[index + 1 :], facts or Facts(), occupied)
        stage = Stage(topology, change, _violations(topology, change, given, overrides), given.leaving)
        topology = stage.after
        yield stage


def prerequisites_of_disable(topology: Topology) -> tuple[Prerequisite, ...]:
    """Rule 14's checklist; `Disable` is refused with what is missing here."""
    return (
        Prerequisite("prerequisite.nothing-joined", next(rules.nothing_joined(topology), None)),
        Prerequisite("prerequisite.no-groups", next(rules.no_group_left(topology), None)),
    )


def _within(later: Sequence[Change], facts: Facts, occupied: frozenset[str]) -> Circumstances:
    emptied = frozenset(change.group for change in later if isinstance(change, DeleteGroup))
    filled = frozenset(change.group for change in later if isinstance(change, MoveCluster | AddCluster))
    leaving = frozenset(change.cluster for change in later if isinstance(change, MoveCluster | RemoveCluster))
    return Circumstances(facts, occupied, emptied, filled, leaving)


def _violations(
    topology: Topology, change: Change, given: Circumstances, overrides: frozenset[str]
) -> tuple[Violation, ...]:
    found = _forbidden_by(topology, change, given)
    return tuple(violation for violation in found if not violation.token or violation.token not in overrides)


def _forbidden_by(topology: Topology, change: Change, given: Circumstances) -> Iterator[Violation]:
    match change:
        case Enable():
            return rules.can_enable(topology)
        case Disable():
            return _disabling(topology)
        case RegisterCluster():
            return rules.can_register(topology, change.cluster, change.uid, given.facts)
        case UnregisterCluster():
            return _unregistering(topology, change, given)
        case ForgetCluster():
            return _forgetting(topology, change)
    if not topology.enabled:
        return rules.is_enabled(topology)
    match change:
        case CreateGroup() | DeleteGroup() | AddCluster() | MoveCluster() | RemoveCluster():
            return _grouping(topology, change, given)
        case CreateGateway() | EditGateway() | DeleteGateway():
            return _gateway(topology, change)
        case Join() | UpdateAddresses() | Remove():
            return _membership(topology, change, given)
        case _:
            assert_never(change)


def _disabling(topology: Topology) -> Iterator[Violation]:
    yield from rules.is_enabled(topology)
    yield from (line.missing for line in prerequisites_of_disable(topology) if line.missing)


def _unregistering(topology: Topology, change: UnregisterCluster, given: Circumstances) -> Iterator[Violation]:
    yield from rules.cluster_exists(topology, change.cluster)
    joined = list(rules.cluster_changes_freely(topology, change.cluster))
    yield from joined or rules.is_ungrouped(topology, change.cluster)
    yield from rules.nothing_left_on(change.cluster, given.occupied)


def _forgetting(topology: Topology, change: ForgetCluster) -> Iterator[Violation]:
    yield from rules.cluster_exists(topology, change.cluster)
    yield from rules.cluster_changes_freely(topology, change.cluster)


def _grouping(
    topology: Topology,
    change: CreateGroup | DeleteGroup | AddCluster | MoveCluster | RemoveCluster,
    given: Circumstances,
) -> Iterator[Violation]:
    match change:
        case CreateGroup():
            return _creating(topology, change, given)
        case DeleteGroup():
            return _deleting(topology, change)
        case AddCluster():
            return _adding(topology, change, given)
        case MoveCluster():
            return _moving(topology, change, given)
        case RemoveCluster():
            return _removing_cluster(topology, change, given)
        case _:
            assert_never(change)


def _creating(topology: Topology, change: CreateGroup, given: Circumstances) -> Iterator[Violation]:
    yield from rules.group_name(topology, change.group, given.facts)
    if change.group not in given.filled:
        yield from rules.has_clusters(change.group, change.clusters)
    for cluster in sorted(change.clusters):
        yield from rules.cluster_exists(topology, cluster)
        yield from rules.is_ungrouped(topology, cluster)
    yield from rules.cidrs_apart(topology, change.group, (), change.clusters)


def _deleting(topology: Topology, change: DeleteGroup) -> Iterator[Violation]:
    yield from rules.group_exists(topology, change.group)
    yield from rules.group_changes_freely(topology, change.group)


def _adding(topology: Topology, change: AddCluster, given: Circumstances) -> Iterator[Violation]:
    yield from rules.group_exists(topology, change.group)
    yield from rules.cluster_exists(topology, change.cluster)
    yield from rules.is_ungrouped(topology, change.cluster)
    yield from rules.group_changes_freely(topology, change.group)
    yield from rules.cidrs_apart(topology, change.group, _staying(topology, change.group, given), [change.cluster])


def _moving(topology: Topology, change: MoveCluster, given: Circumstances) -> Iterator[Violation]:
    source = topology.group_of(change.cluster)
    yield from rules.group_exists(topology, change.group)
    yield from rules.cluster_exists(topology, change.cluster)
    yield from rules.is_grouped(topology, change.cluster)
    yield from rules.cluster_changes_freely(topology, change.cluster)
    if source and source.name == change.group:
        yield from rules.moves_elsewhere(topology, change.cluster, change.group)
        return
    yield from rules.group_changes_freely(topology, change.group)
    if source and source.name not in given.passing:
        yield from rules.is_not_last(topology, change.cluster)
    yield from rules.cidrs_apart(topology, change.group, _staying(topology, change.group, given), [change.cluster])


def _removing_cluster(topology: Topology, change: RemoveCluster, given: Circumstances) -> Iterator[Violation]:
    yield from rules.cluster_exists(topology, change.cluster)
    yield from rules.is_grouped(topology, change.cluster)
    yield from rules.cluster_changes_freely(topology, change.cluster)
    source = topology.group_of(change.cluster)
    if source and source.name not in given.passing:
        yield from rules.is_not_last(topology, change.cluster)


def _staying(topology: Topology, group: str, given: Circumstances) -> frozenset[str]:
    return rules.clusters_of(topology, group) - given.leaving


def _gateway(topology: Topology, change: CreateGateway | EditGateway | DeleteGateway) -> Iterator[Violation]:
    if isinstance(change, CreateGateway):
        yield from rules.cluster_exists(topology, change.key.cluster)
        yield from rules.is_grouped(topology, change.key.cluster)
        yield from gateways.free_key(topology, change.key)
        yield from gateways.free_id(topology, change.id)
    else:
        yield from rules.gateway_exists(topology, change.key)
    if isinstance(change, EditGateway):
        yield from rules.edits_what_may_change(topology, change.key, gateways.normalised_spec(change.spec))
    else:
        yield from rules.cluster_changes_freely(topology, change.key.cluster)
    if not isinstance(change, DeleteGateway):
        yield from gateways.valid_spec(change.spec)


def _membership(
    topology: Topology, change: Join | UpdateAddresses | Remove, given: Circumstances
) -> Iterator[Violation]:
    yield from rules.group_exists(topology, change.group)
    if change.group not in topology.groups:
        return
    yield from (
        rules.can_join(topology, change.group) if isinstance(change, Join) else rules.is_joined(topology, change.group)
    )
    if not isinstance(change, Remove):
        yield from rules.usable_addresses(topology, change.group, change.addresses, given.facts)


def changed(topology: Topology, change: Change) -> Topology:
    """The topology after `change`; no rule is asked."""
    match change:
        case Enable() | Disable():
            return replace(topology, enabled=isinstance(change, Enable))
        case CreateGroup():
            return topology.with_group(Group(change.group, change.clusters))
        case DeleteGroup():
            return _without_group(topology, change.group)
        case AddCluster():
            return _with_cluster(topology, change.group, change.cluster)
        case MoveCluster():
            return _with_cluster(_ungrouped(topology, change.cluster), change.group, change.cluster)
        case RemoveCluster():
            return _without_gateways(_ungrouped(topology, change.cluster), change.cluster)
        case CreateGateway() | EditGateway() | DeleteGateway():
            return _with_gateways_changed(topology, change)
        case Join() | UpdateAddresses() | Remove():
            addresses = None if isinstance(change, Remove) else canonical(change.addresses)
            return topology.with_group(replace(topology.groups[change.group], addresses=addresses))
        case RegisterCluster():
            cluster = Cluster(change.cluster, change.uid, change.pod_cidrs)
            return replace(topology, clusters={**topology.clusters, change.cluster: cluster})
        case UnregisterCluster() | ForgetCluster():
            return _without_cluster(topology, change.cluster)
        case _:
            assert_never(change)


def _with_gateways_changed(topology: Topology, change: CreateGateway | EditGateway | DeleteGateway) -> Topology:
    if isinstance(change, DeleteGateway):
        return topology.without_gateways(change.key)
    spec = gateways.normalised_spec(change.spec)
    if isinstance(change, CreateGateway):
        return topology.with_gateway(Gateway(change.key, change.id, gateway_name(change.key), spec))
    return topology.with_gateway(replace(topology.gateways[change.key], spec=spec))


def _without_group(topology: Topology, name: str) -> Topology:
    keys = [gateway.key for gateway in topology.gateways_of_group(name)]
    return topology.without_gateways(*keys).without_group(name)


def _without_gateways(topology: Topology, cluster: str) -> Topology:
    return topology.without_gateways(*(gateway.key for gateway in topology.gateways_of_cluster(cluster)))


def _with_cluster(topology: Topology, name: str, cluster: str) -> Topology:
    group = topology.groups[name]
    return topology.with_group(replace(group, clusters=group.clusters | {cluster}))


def _ungrouped(topology: Topology, cluster: str) -> Topology:
    group = topology.group_of(cluster)
    return topology if group is None else topology.with_group(replace(group, clusters=group.clusters - {cluster}))


def _without_cluster(topology: Topology, name: str) -> Topology:
    group = topology.group_of(name)
    if group is not None and group.clusters == {name}:
        topology = topology.without_group(group.name)
    topology = _without_gateways(_ungrouped(topology, name), name)
    return replace(topology, clusters={key: cluster for key, cluster in topology.clusters.items() if key != name})
