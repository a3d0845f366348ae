"""Few at once in one process, and nobody is held up."""

from __future__ import annotations

from interconnect.services.turns import Turns


def test_what_finds_no_room_is_told_when_there_is() -> None:
    turns = Turns(2)
    assert [turns.enter(key) for key in ("a", "b", "c", "d", "c")] == [True, True, False, False, False]
    assert (turns.leave("a"), turns.enter("c")) == ("c", True)
    assert (turns.leave("b"), turns.leave("c")) == ("d", "")


def test_nothing_is_done_twice_at_once() -> None:
    turns = Turns(2)
    assert [turns.enter("a"), turns.enter("a")] == [True, False]
    assert turns.leave("a") == ""
