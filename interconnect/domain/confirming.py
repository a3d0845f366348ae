"""How a change is confirmed before it is made: the change decides, not the button that started it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interconnect.domain.changes import Change, DeleteGroup, Disable, Join, Remove, RemoveCluster, changed
from interconnect.domain.entries import RULE_NAME

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from interconnect.domain.topology import Gateway, Topology


@dataclass(frozen=True, slots=True)
class Asking:
    """`twice`: a second question comes after the first (rule 12). `phrase`: it has to be typed (rule 14). `restart`:
    the policy of the control plane's restart is chosen (rule 16). `goes`: (kind, name) of all that the topology loses;
    `gateways`: those among it, whose objects are deleted."""

    twice: bool
    phrase: bool
    restart: bool
    goes: tuple[tuple[str, str], ...]
    gateways: tuple[Gateway, ...] = ()

    @property
    def danger(self) -> bool:
        return self.twice or self.phrase or bool(self.goes)


def asking(topology: Topology, changes: Sequence[Change], *, about: Container[Change] | None = None) -> Asking:
    """Return how `changes` of `topology` are confirmed, all at once.

    `about`: only these of them; the others have already been made.
    """
    asked = [change for change in changes if about is None or change in about]
    removed = any(isinstance(change, Remove) for change in asked)
    goes: list[tuple[str, str]] = []
    gateways: list[Gateway] = []
    for change in changes:
        before, topology = topology, changed(topology, change)
        if change in asked:
            lost = [gateway for key, gateway in before.gateways.items() if key not in topology.gateways]
            gateways += lost
            goes += [*_goes(change), *(("gateway", gateway.name) for gateway in lost)]
    return Asking(
        twice=removed,
        phrase=any(isinstance(change, Disable) for change in asked),
        restart=removed or any(isinstance(change, Join) for change in asked),
        goes=tuple(goes),
        gateways=tuple(gateways),
    )


def _goes(change: Change) -> Iterator[tuple[str, str]]:
    """What goes by the change itself, not with something else."""
    match change:
        case Remove():
            yield "member", change.group
        case DeleteGroup():
            yield "group", change.group
        case RemoveCluster():
            yield "cluster", change.cluster
        case Disable():
            yield "rule", RULE_NAME
