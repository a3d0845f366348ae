"""The product's own changes that lead from one topology to another."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from interconnect.domain.addressing import Endpoint, canonical, endpoint
from interconnect.domain.changes import (
    AddCluster,
    Change,
    CreateGateway,
    CreateGroup,
    DeleteGateway,
    DeleteGroup,
    Disable,
    EditGateway,
    Enable,
    Join,
    MoveCluster,
    RegisterCluster,
    Remove,
    RemoveCluster,
    UnregisterCluster,
    UpdateAddresses,
)
from interconnect.domain.gateways import normalised_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interconnect.domain.topology import Gateway, Topology


def changes_between(before: Topology, after: Topology) -> tuple[Change, ...]:
    """The changes in the one order that `apply_all` is to judge them in; what a rule forbids it refuses.

    Remove, move, delete gateway, remove cluster, delete group, unregister, disable; then enable, register, create
    group, add cluster, create and edit gateway, join, update addresses. A move's target is created before it.
    `apply_all` of the result is `after` with its addresses sorted and its gateways named by their keys. Pod CIDRs of
    clusters that are in both are observed or set, not changed by a change of the product, and are not compared. The two
    are of one mesh.
    """
    pair = _Pair(before, after)
    return (
        *pair.removes(),
        *pair.targets(),
        *pair.moves(),
        *pair.gateways_deleted(),
        *pair.clusters_removed(),
        *(DeleteGroup(name) for name in before.groups if name not in after.groups),
        *(UnregisterCluster(name) for name in before.clusters if name not in pair.kept),
        *([Disable()] if before.enabled and not after.enabled else []),
        *([Enable()] if after.enabled and not before.enabled else []),
        *(
            RegisterCluster(name, new.uid, new.pod_cidrs)
            for name, new in after.clusters.items()
            if name not in pair.kept
        ),
        *pair.groups_created(),
        *pair.clusters_added(),
        *pair.gateways_written(),
        *pair.joins(),
        *pair.updates(),
    )


@dataclass(frozen=True)
class _Pair:
    before: Topology
    after: Topology

    @cached_property
    def kept(self) -> frozenset[str]:
        """Clusters that are the same in both: another UID under the same name is another cluster."""
        old, new = self.before.clusters, self.after.clusters
        return frozenset(name for name in old if name in new and old[name].uid == new[name].uid)

    @cached_property
    def moving(self) -> dict[str, str]:
        """The clusters that go from one group straight to another, with its name."""
        found = {}
        for cluster in self.kept:
            old, new = self.before.group_of(cluster), self.after.group_of(cluster)
            if old and new and old.name != new.name:
                found[cluster] = new.name
        return dict(sorted(found.items()))

    @cached_property
    def early(self) -> frozenset[str]:
        return frozenset(self.moving.values()).difference(self.before.groups)

    def removes(self) -> Iterator[Change]:
        for group in self.before.joined:
            if group.name not in self.after.groups or not self.after.groups[group.name].joined:
                yield Remove(group.name)

    def targets(self) -> Iterator[Change]:
        for name in sorted(self.early):
            free = self.after.groups[name].clusters & self.kept
            # A frozenset less a dict's keys is a plain set, whatever a type checker thinks.
            yield CreateGroup(name, free.difference(self.moving))

    def moves(self) -> Iterator[Change]:
        """Moves from groups that keep a cluster first: the order alone must not empty a group that stays."""
        sizes = Counter({name: len(group.clusters) for name, group in self.before.groups.items()})
        pending = [(cluster, target, self._group_before(cluster)) for cluster, target in self.moving.items()]
        while pending:
            harmless = (move for move in pending if sizes[move[2]] > 1 or move[2] not in self.after.groups)
            move = next(harmless, pending[0])
            pending.remove(move)
            sizes.update({move[1]: 1, move[2]: -1})
            yield MoveCluster(move[0], move[1])

    def gateways_deleted(self) -> Iterator[Change]:
        return (
            DeleteGateway(key)
            for key, gateway in self.before.gateways.items()
            if self._stays(gateway) and not self._same(gateway)
        )

    def clusters_removed(self) -> Iterator[Change]:
        for name, group in self.before.groups.items():
            leaving = [cluster for cluster in sorted(group.clusters) if not self._is_grouped_after(cluster)]
            yield from (RemoveCluster(cluster) for cluster in leaving if name in self.after.groups)

    def groups_created(self) -> Iterator[Change]:
        for name, group in self.after.groups.items():
            if name not in self.before.groups and name not in self.early:
                yield CreateGroup(name, group.clusters)

    def clusters_added(self) -> Iterator[Change]:
        for name, group in self.after.groups.items():
            if name not in self.before.groups and name not in self.early:
                continue
            there = self.kept if name in self.early else self.before.groups[name].clusters & self.kept
            moved = {cluster for cluster, target in self.moving.items() if target == name}
            yield from (AddCluster(name, cluster) for cluster in sorted(group.clusters - there - moved))

    def gateways_written(self) -> Iterator[Change]:
        for key, gateway in self.after.gateways.items():
            current = self.before.gateways.get(key)
            if current is None or not self._stays(current) or current.id != gateway.id:
                yield CreateGateway(key, gateway.id, gateway.spec)
            elif normalised_spec(gateway.spec) != current.spec:
                yield EditGateway(key, gateway.spec)

    def joins(self) -> Iterator[Change]:
        for group in self.after.joined:
            if group.name not in self.before.groups or not self.before.groups[group.name].joined:
                yield Join(group.name, group.addresses or ())

    def updates(self) -> Iterator[Change]:
        """An address that one group gives up and another takes is given up first."""
        pending = {group.name: group.addresses or () for group in self.after.joined if self._readdressed(group.name)}
        while pending:
            held = {name: self._endpoints(self.before, name) for name in pending}
            free = (
                name
                for name in pending
                if not any(self._endpoints(self.after, name) & held[other] for other in held if other != name)
            )
            name = next(free, next(iter(pending)))
            yield UpdateAddresses(name, pending.pop(name))

    def _group_before(self, cluster: str) -> str:
        group = self.before.group_of(cluster)
        return group.name if group else ""

    def _is_grouped_after(self, cluster: str) -> bool:
        return cluster in self.kept and self.after.group_of(cluster) is not None

    def _stays(self, gateway: Gateway) -> bool:
        """Whether no removal of its cluster takes the gateway away."""
        return self._is_grouped_after(gateway.key.cluster)

    def _same(self, gateway: Gateway) -> bool:
        return gateway.key in self.after.gateways and self.after.gateways[gateway.key].id == gateway.id

    def _readdressed(self, name: str) -> bool:
        old, new = self.before.groups.get(name), self.after.groups[name]
        if old is None or old.addresses is None or new.addresses is None:
            return False
        return len(old.addresses) != len(new.addresses) or canonical(old.addresses) != canonical(new.addresses)

    @staticmethod
    def _endpoints(topology: Topology, name: str) -> frozenset[Endpoint]:
        addresses = topology.groups[name].addresses or ()
        return frozenset(endpoint(address.host, address.port) for address in addresses if not address.awaited)
