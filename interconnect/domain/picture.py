"""The layout of a mesh's picture: one hub for the interconnect, and a line to it from each joined group.

Pure geometry.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interconnect.domain.topology import Topology

CARD_WIDTH, CARD_HEIGHT = 168, 56
GAP = 28
HUB_RADIUS = 48
COLUMNS = 5
MOST_AROUND = 10
_SPACING = 240  # on the ellipse, so that cards on its flanks clear each other by their height and others by their width
_FLATNESS = 0.45

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Node:
    """The card of a group, by its upper left corner; `spoke` leads from the hub to it, and is empty unless the group is
    joined.
    """

    name: str
    x: int
    y: int
    spoke: tuple[Point, ...] = ()

    @property
    def middle(self) -> Point:
        return self.x + CARD_WIDTH // 2, self.y + CARD_HEIGHT // 2

    @property
    def joined(self) -> bool:
        return bool(self.spoke)


@dataclass(frozen=True, slots=True)
class Picture:
    width: int
    height: int
    hub: Point
    nodes: tuple[Node, ...]


def picture(topology: Topology) -> Picture:
    """Place a few joined groups around the hub, or many in rows below it; groups that aren't joined go in rows below
    all of these.
    """
    joined = [group.name for group in topology.joined]
    outside = [name for name, group in topology.groups.items() if not group.joined]
    ring = _radius(len(joined)) if len(joined) <= MOST_AROUND else 0
    width = max(2 * ring + CARD_WIDTH + 2 * GAP, _width(len(outside)), _width(len(joined)) if not ring else 0, 560)
    inner = round(ring * _FLATNESS) + CARD_HEIGHT // 2 if ring else HUB_RADIUS
    hub = (width // 2, inner + GAP)
    nodes = _around(joined, hub, ring)
    bottom = max([hub[1] + HUB_RADIUS, *(node.y + CARD_HEIGHT for node in nodes)]) + GAP
    if not ring:
        nodes, bottom = _below(joined, hub, bottom, width)
    apart = _rows(outside, bottom + GAP, width)
    height = max([node.y + CARD_HEIGHT for node in (*nodes, *apart)], default=hub[1] + HUB_RADIUS) + GAP
    return Picture(width, height, hub, (*nodes, *apart))


def _radius(count: int) -> int:
    return max(HUB_RADIUS + CARD_WIDTH, math.ceil(_SPACING * count / (2 * math.pi))) if count else 0


def _width(count: int) -> int:
    return min(COLUMNS, count) * (CARD_WIDTH + GAP) + GAP


def _around(names: Sequence[str], hub: Point, radius: int) -> tuple[Node, ...]:
    # Two lie left and right of the hub; more begin above it.
    start = 0.0 if len(names) == 2 else -math.pi / 2
    return tuple(
        _on(name, hub, radius, start + 2 * math.pi * index / len(names)) for index, name in enumerate(names) if radius
    )


def _on(name: str, hub: Point, radius: int, angle: float) -> Node:
    x, y = hub[0] + round(radius * math.cos(angle)), hub[1] + round(radius * _FLATNESS * math.sin(angle))
    return Node(name, x - CARD_WIDTH // 2, y - CARD_HEIGHT // 2, (hub, (x, y)))


def _below(names: Sequence[str], hub: Point, top: int, width: int) -> tuple[tuple[Node, ...], int]:
    """Rows whose lines run in the gaps, so that none crosses a card."""
    margin = GAP // 2
    nodes = []
    for node in _rows(names, top, width):
        lane, middle = node.y - GAP // 2, node.x + CARD_WIDTH // 2
        nodes.append(
            Node(node.name, node.x, node.y, (hub, (margin, hub[1]), (margin, lane), (middle, lane), (middle, node.y)))
        )
    return tuple(nodes), max((node.y + CARD_HEIGHT + GAP for node in nodes), default=top)


def _rows(names: Sequence[str], top: int, width: int) -> tuple[Node, ...]:
    left = (width - _width(len(names))) // 2 + GAP
    places = (divmod(index, COLUMNS) for index in range(len(names)))
    return tuple(
        Node(name, left + column * (CARD_WIDTH + GAP), top + row * (CARD_HEIGHT + GAP))
        for name, (row, column) in zip(names, places, strict=True)
    )
