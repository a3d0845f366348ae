"""What istiod tells a group about another, and what the console's own calls came to."""

from __future__ import annotations

import pytest

from interconnect.domain.checks import Pair, Reach, Told, pairs, told_of
from tests.domain.samples import GREEN, mesh

GATEWAY, POD, OWN = ("203.0.113.7", 15443), ("10.1.0.5", 8080), ("10.0.0.5", 8080)


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ([GATEWAY], Told.GATEWAY),
        ([GATEWAY, OWN], Told.GATEWAY),
        ([POD], Told.RAW),
        ([POD, GATEWAY], Told.MIXED),
        ([OWN], Told.ABSENT),
        ([], Told.ABSENT),
    ],
)
def test_what_a_proxy_is_told_is_the_gateways_or_the_pods_or_both(told: list[tuple[str, int]], word: Told) -> None:
    assert told_of(told, gateways=[GATEWAY], raw=[POD], others=[OWN]) is word


def test_an_address_that_pods_of_two_groups_have_proves_nothing() -> None:
    assert told_of([GATEWAY, POD], gateways=[GATEWAY], raw=[POD], others=[POD]) is Told.GATEWAY
    assert told_of([POD], gateways=[GATEWAY], raw=[POD], others=[POD]) is Told.UNKNOWN


def test_every_pair_is_there_once_and_problems_come_first() -> None:
    topology = mesh(joined=GREEN)
    groups = list(topology.groups)
    told = {(source, "green"): Told.RAW for source in groups if source != "green"}
    found = pairs(topology, told, {"green": Reach.FAILED})
    assert len(found) == len(groups) * (len(groups) - 1) == len({(pair.source, pair.target) for pair in found})
    problems = [pair.problem for pair in found]
    assert problems == sorted(problems, reverse=True) and found[0].target == "green"


@pytest.mark.parametrize(
    ("told", "reach", "disagree", "problem"),
    [
        (Told.GATEWAY, Reach.SERVED, False, False),
        (Told.GATEWAY, Reach.FAILED, True, True),
        (Told.RAW, Reach.SERVED, True, True),
        (Told.ABSENT, Reach.SERVED, True, True),
        (Told.RAW, Reach.FAILED, False, True),
        (Told.MIXED, Reach.UNTESTED, False, True),
        (Told.UNKNOWN, Reach.FAILED, False, True),
        (Told.UNKNOWN, Reach.SERVED, False, False),
        (Told.GATEWAY, Reach.UNTESTED, False, False),
    ],
)
def test_two_different_answers_disagree_and_are_never_averaged(
    told: Told, reach: Reach, disagree: bool, problem: bool
) -> None:
    pair = Pair("blue", "green", True, told, reach)
    assert (pair.disagree, pair.problem) == (disagree, problem)


def test_nothing_is_wrong_with_the_way_to_a_group_that_is_not_joined() -> None:
    pair = Pair("blue", "red", False, Told.RAW, Reach.UNTESTED)
    assert not pair.problem and not pair.disagree


def test_what_nobody_has_said_is_not_known() -> None:
    assert {(pair.told, pair.reach) for pair in pairs(mesh(joined=GREEN), {}, {})} == {(Told.UNKNOWN, Reach.UNTESTED)}
