"""Group by group: what istiod tells one about the other, and how far a call from the console gets. The two are never
averaged.

The control plane's result is about one connected proxy of the source and one service of the target. The data path's is
about the target alone, since the console makes the call, not a Pod of the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from interconnect.domain.topology import Topology

Endpoint = tuple[str, int]


class Told(StrEnum):
    """What a proxy is told about a service of another group."""

    GATEWAY = "gateway"  # the addresses of the group's gateways, and nothing else of it
    RAW = "raw"  # the Pods' own addresses, which cannot be reached from there
    MIXED = "mixed"  # both: some of its Pods still carry another network
    ABSENT = "absent"  # no address of the group
    UNKNOWN = "unknown"  # no proxy or no service to ask about, or no answer


class Reach(StrEnum):
    """How far the console's own calls to the chosen addresses of a group get."""

    SERVED = "served"  # a workload behind every address answered under the mesh's root
    FAILED = "failed"  # not so at one address at least
    UNTESTED = "untested"  # nothing to test with


WRONG = frozenset({Told.RAW, Told.MIXED, Told.ABSENT})


@dataclass(frozen=True, slots=True)
class Pair:
    """From `source` to `target`. Only a joined target can have problems: others aren't reached through gateways."""

    source: str
    target: str
    joined: bool
    told: Told
    reach: Reach

    @property
    def disagree(self) -> bool:
        """Whether control plane and data path do not match."""
        if not self.joined:
            return False
        good, bad = self.told is Told.GATEWAY, self.told in WRONG
        return (good and self.reach is Reach.FAILED) or (bad and self.reach is Reach.SERVED)

    @property
    def mistold(self) -> bool:
        """Whether istiod tells the source something other than the target's gateways."""
        return self.joined and self.told in WRONG

    @property
    def problem(self) -> bool:
        return self.mistold or (self.joined and self.reach is Reach.FAILED)


def told_of(
    told: Collection[Endpoint],
    *,
    gateways: Collection[Endpoint],
    raw: Collection[Endpoint],
    others: Collection[Endpoint],
) -> Told:
    """Return what `told` amounts to: `gateways` and `raw` (its Pods) are the target's addresses, `others` those of Pods
    elsewhere.

    If two groups share a Pod CIDR, an address may belong to a Pod of either, so it proves nothing.
    """
    through = bool(set(told) & set(gateways))
    direct = set(told) & (set(raw) - set(gateways))
    certain = bool(direct - set(others))
    if through:
        return Told.MIXED if certain else Told.GATEWAY
    if certain:
        return Told.RAW
    return Told.UNKNOWN if direct else Told.ABSENT


def pairs(topology: Topology, told: Mapping[tuple[str, str], Told], reach: Mapping[str, Reach]) -> tuple[Pair, ...]:
    """Return every ordered pair of groups: those that disagree first, then other problems, then unknown ones, and the
    rest by name.

    `told` is keyed by (source, target), `reach` by target; missing entries are unknown.
    """
    found = [
        Pair(
            source,
            target,
            topology.groups[target].joined,
            told.get((source, target), Told.UNKNOWN),
            reach.get(target, Reach.UNTESTED),
        )
        for source in topology.groups
        for target in topology.groups
        if source != target
    ]
    return tuple(sorted(found, key=lambda pair: (_rank(pair), pair.source, pair.target)))


def _rank(pair: Pair) -> int:
    if pair.disagree:
        return 0
    if pair.problem:
        return 1
    if pair.joined:
        return 2 if pair.told is Told.UNKNOWN or pair.reach is Reach.UNTESTED else 3
    return 4
