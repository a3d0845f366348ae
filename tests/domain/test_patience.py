"""How long to wait before a cluster is asked again."""

from __future__ import annotations

import pytest

from interconnect.domain.patience import backoff, pause, pause_in_a_call, pause_within


def test_the_back_off_doubles_up_to_fifteen_seconds() -> None:
    assert [backoff(attempts) for attempts in (0, 1, 2, 3, 7, 8, 1000)] == [0.2, 0.2, 0.4, 0.8, 12.8, 15.0, 15.0]


@pytest.mark.parametrize("asked", [None, 0.0, 0.000001, -5.0])
def test_a_server_cannot_shorten_the_back_off(asked: float | None) -> None:
    assert pause(4, asked) == 1.6


def test_a_server_can_lengthen_the_back_off() -> None:
    assert pause(1, 7.0) == 7.0


def test_within_a_call_the_own_pause_stays_short() -> None:
    assert [pause_in_a_call(attempts, None) for attempts in (1, 2, 3, 4, 9)] == [0.2, 0.4, 0.8, 1.0, 1.0]
    assert (pause_in_a_call(9, 3.0), pause_in_a_call(9, 0.000001)) == (3.0, 1.0)


def test_the_deciding_attempt_is_made_when_patience_ends() -> None:
    assert pause_within(3, 300.0, 20.0) == 20.0
    assert pause_within(30, None, 4.0) == 4.0
    assert pause_within(30, 300.0, -1.0) == 0.2
