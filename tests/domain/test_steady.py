"""What depends on answering counts once two looks in a row agree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from interconnect.domain.steady import Steady, settle

FIRST = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
SECOND, THIRD = FIRST + timedelta(minutes=1), FIRST + timedelta(minutes=2)


def test_the_first_look_counts() -> None:
    assert settle(None, "answers", FIRST) == Steady("answers", FIRST)


def test_a_surprise_needs_a_second_look_and_counts_from_the_first() -> None:
    before = Steady("answers", FIRST)
    doubted = settle(before, "failing", SECOND)
    assert (doubted.value, doubted.since, doubted.doubtful) == ("answers", FIRST, True)
    assert settle(doubted, "failing", THIRD) == Steady("failing", SECOND)


def test_a_surprise_that_does_not_come_again_is_forgotten() -> None:
    doubted = settle(Steady("answers", FIRST), "failing", SECOND)
    assert settle(doubted, "answers", THIRD) == Steady("answers", FIRST)


def test_it_is_kept_as_it_is() -> None:
    doubted = settle(Steady("answers", FIRST), "failing", SECOND)
    assert Steady.from_json(doubted.to_json()) == doubted
    assert Steady.from_json({}) is None
