"""How a change is asked about before it is made: what a button amounts to decides it, not where the button is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interconnect.domain.changes import Change, DeleteGateway, DeleteGroup, Disable, Join, Remove, RemoveCluster
from interconnect.domain.entries import RULE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from interconnect.domain.topology import Topology


@dataclass(frozen=True, slots=True)
class Asking:
    """`twice`: a second question comes after the first (rule 12). `phrase`: it has to be typed (rule 14). `restart`: the
    policy of the control plane's restart is chosen (rule 16). `goes`: (kind, name) of all that the topology loses."""

    twice: bool
    phrase: bool
    restart: bool
    goes: tuple[tuple[str, str], ...]

    @property
    def danger(self) -> bool:
        return self.twice or self.phrase or bool(self.goes)


def asking(topology: Topology, changes: Sequence[Change]) -> Asking:
    """How `changes` of `topology` are asked about, all at once."""
    removed = any(isinstance(change, Remove) for change in changes)
    return Asking(
        twice=removed,
        phrase=any(isinstance(change, Disable) for change in changes),
        restart=removed or any(isinstance(change, Join) for change in changes),
        goes=tuple(dict.fromkeys(_goes(topology, changes))),
    )


def _goes(topology: Topology, changes: Iterable[Change]) -> Iterable[tuple[str, str]]:
    for change in changes:
        if isinstance(change, Remove):
            yield "member", change.group
        elif isinstance(change, DeleteGroup):
            yield "group", change.group
            yield from (("gateway", gateway.name) for gateway in topology.gateways_of_group(change.group))
        elif isinstance(change, RemoveCluster):
            yield "cluster", change.cluster
            yield from (("gateway", gateway.name) for gateway in topology.gateways_of_cluster(change.cluster))
        elif isinstance(change, DeleteGateway) and change.key in topology.gateways:
            yield "gateway", topology.gateways[change.key].name
        elif isinstance(change, Disable):
            yield "rule", RULE_NAME
