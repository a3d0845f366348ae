"""The picture of a mesh stays readable, however many groups there are."""

from __future__ import annotations

from itertools import combinations

import pytest

from interconnect.domain.picture import CARD_HEIGHT, CARD_WIDTH, HUB_RADIUS, Node, picture
from interconnect.domain.topology import Address, Cluster, Group, MeshKind, Topology


def mesh(joined: int, outside: int) -> Topology:
    names = [f"g{number}" for number in range(joined + outside)]
    address = (Address("gw.example.org"),)
    groups = {
        name: Group(name, frozenset({name}), address if index < joined else None) for index, name in enumerate(names)
    }
    clusters = {name: Cluster(name, name) for name in names}
    return Topology("mesh", MeshKind.HOSTED, "hub", "hub", enabled=True, clusters=clusters, groups=groups)


def apart(one: Node, other: Node) -> bool:
    return abs(one.x - other.x) >= CARD_WIDTH or abs(one.y - other.y) >= CARD_HEIGHT


@pytest.mark.parametrize(
    ("joined", "outside"),
    [(0, 0), (0, 3), (1, 0), (2, 1), (3, 0), (7, 4), (10, 0), (11, 0), (60, 0), (30, 30), (0, 60)],
)
def test_no_card_covers_another_or_leaves_the_picture(joined: int, outside: int) -> None:
    drawn = picture(mesh(joined, outside))
    assert len(drawn.nodes) == joined + outside
    assert all(apart(one, other) for one, other in combinations(drawn.nodes, 2))
    for node in drawn.nodes:
        assert 0 <= node.x <= drawn.width - CARD_WIDTH and 0 <= node.y <= drawn.height - CARD_HEIGHT


def test_no_card_covers_the_hub() -> None:
    drawn = picture(mesh(9, 5))
    for node in drawn.nodes:
        dx, dy = abs(node.middle[0] - drawn.hub[0]), abs(node.middle[1] - drawn.hub[1])
        assert dx >= HUB_RADIUS + CARD_WIDTH // 2 or dy >= HUB_RADIUS + CARD_HEIGHT // 2


def test_only_joined_groups_have_a_spoke() -> None:
    assert [node.joined for node in picture(mesh(2, 1)).nodes] == [True, True, False]


def test_one_joined_group_leaves_no_empty_half_below_the_hub() -> None:
    drawn = picture(mesh(1, 2))
    assert min(node.y for node in drawn.nodes if not node.joined) - (drawn.hub[1] + HUB_RADIUS) <= 2 * CARD_HEIGHT
