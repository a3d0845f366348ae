"""What istiod tells a group about another, and what the console's own calls came to."""

from __future__ import annotations

import pytest

from interconnect.domain.checks import (
    Answer,
    Letters,
    Matrix,
    Pair,
    Reach,
    Told,
    Verdict,
    Way,
    pair_of,
    pairs,
    tally,
    told_of,
)
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


VERDICTS = [
    (True, Told.GATEWAY, Reach.SERVED, False, Verdict.WORKS),
    (True, Told.GATEWAY, Reach.FAILED, False, Verdict.FAILS),
    (True, Told.GATEWAY, Reach.FAILED, True, Verdict.PART),
    (True, Told.MIXED, Reach.SERVED, False, Verdict.PART),
    (True, Told.RAW, Reach.SERVED, False, Verdict.FAILS),
    (True, Told.ABSENT, Reach.UNTESTED, False, Verdict.FAILS),
    (True, Told.UNKNOWN, Reach.SERVED, False, Verdict.UNKNOWN),
    (True, Told.GATEWAY, Reach.UNTESTED, False, Verdict.UNKNOWN),
    (False, Told.RAW, Reach.UNTESTED, False, Verdict.DIRECT),
]


@pytest.mark.parametrize(("joined", "told", "reach", "partly", "verdict"), VERDICTS)
def test_a_verdict_is_as_bad_as_the_worse_result(
    joined: bool, told: Told, reach: Reach, partly: bool, verdict: Verdict
) -> None:
    assert Pair("blue", "green", joined, told, reach, partly).verdict is verdict


def test_pairs_are_read_from_letters_one_by_one() -> None:
    letters = Letters(["blue", "green", "red"], {"blue": "ugr", "red": "m?"})
    assert (letters["blue", "green"], letters["blue", "red"]) == (Told.GATEWAY, Told.RAW)
    assert letters["red", "green"] is Told.UNKNOWN and ("red", "red") not in letters and ("green", "red") not in letters
    assert len(letters) == len(list(letters)) == 5
    assert letters.row("red", ["red", "blue", "new"]) == "umu"
    assert letters.row("blue", ["blue", "green", "red"]) == "ugr"


def test_the_tally_is_that_of_the_pairs_without_making_them() -> None:
    names = [f"group-{number}" for number in range(12)]
    joined = {name: number % 3 > 0 for number, name in enumerate(names)}
    order = [*Told]
    told = {
        (source, target): order[(one * 5 + other * 3) % len(order)]
        for one, source in enumerate(names)
        for other, target in enumerate(names)
        if one != other and one != 4
    }
    reaches = [*Reach]
    ways = {name: Way(reaches[number % 3]) for number, name in enumerate(names) if joined[name] and number != 5}
    asked = dict.fromkeys(name for name in names if name != "group-4")
    matrix = Matrix(told, ways=ways, asked=dict.fromkeys(asked, "proxy"))
    stored = Matrix.from_json(matrix.to_json(names))
    made = [pair_of(one, other, joined, stored) for one in names for other in names if one != other]
    counted = tally(joined, stored)
    assert (counted.pairs, counted.problems) == (132, sum(pair.problem for pair in made))
    assert counted.disagree == sum(pair.disagree for pair in made)
    for name in names:
        assert counted.targets.get(name, 0) == sum(pair.problem for pair in made if pair.target == name), name
        assert counted.sources.get(name, 0) == sum(pair.problem for pair in made if pair.source == name), name
    assert counted == tally(joined, matrix)


def test_a_way_counts_the_addresses_that_answered() -> None:
    way = Way(Reach.FAILED, "echo", (Answer("a:1", "served"), Answer("b:1", "refused")))
    assert way.answered == 1
    assert pair_of("blue", "green", {"blue": True, "green": True}, Matrix(ways={"green": way})).partly
