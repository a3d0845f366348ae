"""Where things are in the picture of a mesh: one hub for the interconnect, a spoke for each joined group. Pure geometry."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interconnect.domain.topology import Topology

CARD_WIDTH, CARD_HEIGHT = 168, 56
GAP = 28
HUB_RADIUS = 44


@dataclass(frozen=True, slots=True)
class Node:
    """A group's card, by its upper left corner; `joined` draws a spoke from its middle to the hub."""

    name: str
    x: int
    y: int
    clusters: int
    gateways: int
    joined: bool

    @property
    def middle(self) -> tuple[int, int]:
        return self.x + CARD_WIDTH // 2, self.y + CARD_HEIGHT // 2


@dataclass(frozen=True, slots=True)
class Picture:
    width: int
    height: int
    hub: tuple[int, int]
    nodes: tuple[Node, ...]


def picture(topology: Topology) -> Picture:
    """Joined groups on rings around the hub, the others in rows below; nothing overlaps, however many there are."""
    joined = [group.name for group in topology.joined]
    outside = [name for name, group in topology.groups.items() if not group.joined]
    places, ring = _rings(len(joined))
    width = max(2 * ring + CARD_WIDTH + 2 * GAP, _columns(len(outside)) * (CARD_WIDTH + GAP) + GAP, 480)
    hub = (width // 2, ring + CARD_HEIGHT // 2 + GAP if joined else HUB_RADIUS + GAP)
    top = hub[1] + (ring + CARD_HEIGHT // 2 if joined else HUB_RADIUS) + 2 * GAP
    nodes = [_node(topology, name, hub[0] + x - CARD_WIDTH // 2, hub[1] + y - CARD_HEIGHT // 2) for name, (x, y) in _zip(joined, places)]
    columns = _columns(len(outside))
    left = (width - columns * (CARD_WIDTH + GAP) + GAP) // 2
    for index, name in enumerate(outside):
        row, column = divmod(index, columns)
        nodes.append(_node(topology, name, left + column * (CARD_WIDTH + GAP), top + row * (CARD_HEIGHT + GAP)))
    rows = -(-len(outside) // columns) if outside else 0
    return Picture(width, top + rows * (CARD_HEIGHT + GAP), hub, tuple(nodes))


def _zip(names: Sequence[str], places: Sequence[tuple[int, int]]) -> list[tuple[str, tuple[int, int]]]:
    return list(zip(names, places, strict=True))


def _columns(count: int) -> int:
    return max(1, min(5, count))


def _rings(count: int) -> tuple[list[tuple[int, int]], int]:
    """Places around (0, 0), and the radius of the outermost ring; a ring takes as many cards as fit side by side."""
    places: list[tuple[int, int]] = []
    radius = HUB_RADIUS + CARD_WIDTH
    while len(places) < count:
        room = max(3, int(2 * math.pi * radius / (CARD_WIDTH + GAP)))
        here = min(room, count - len(places))
        # Two spokes lie in one line, left and right of the hub; more begin above it.
        start = 0.0 if here == 2 else -math.pi / 2
        places += [_on(radius, start + 2 * math.pi * index / here) for index in range(here)]
        radius += CARD_WIDTH + GAP
    return places, radius - CARD_WIDTH - GAP if count else 0


def _on(radius: int, angle: float) -> tuple[int, int]:
    return round(radius * math.cos(angle)), round(radius * math.sin(angle))


def _node(topology: Topology, name: str, x: int, y: int) -> Node:
    group = topology.groups[name]
    return Node(name, x, y, len(group.clusters), len(topology.gateways_of_group(name)), group.joined)
