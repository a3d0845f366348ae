"""How many questions one person may put, and whose turn it is."""

from __future__ import annotations

from interconnect.domain.asking import (
    MOST_AT_ONCE_IN_MESH,
    MOST_AT_ONCE_OF_ONE,
    MOST_FAILED_CHECKS,
    MOST_OPEN_IN_MESH,
    MOST_OPEN_OF_ONE,
    Load,
    Question,
    may_ask,
    next_turn,
)


def code(load: Load, *, check: bool = False) -> str:
    found = may_ask(load, check=check)
    return found.code if found else ""


def test_one_person_has_a_few_questions_open() -> None:
    assert code(Load(own=MOST_OPEN_OF_ONE - 1)) == ""
    assert code(Load(own=MOST_OPEN_OF_ONE)) == "asking.person"


def test_a_busy_mesh_leaves_everybody_one_question() -> None:
    assert code(Load(own=0, mesh=MOST_OPEN_IN_MESH)) == ""
    assert code(Load(own=1, mesh=MOST_OPEN_IN_MESH)) == "asking.mesh"


def test_checks_that_find_no_cluster_are_counted_over_time() -> None:
    many = Load(failed_checks=MOST_FAILED_CHECKS)
    assert (code(many, check=True), code(many)) == ("asking.checks", "")


def served(waiting: list[Question], running: list[Question]) -> list[Question]:
    """What is taken, one after the other, while nothing ends."""
    taken: list[Question] = []
    while turn := next_turn([each for each in waiting if each not in taken], [*running, *taken], {}):
        taken.append(turn)
    return taken


def flood(mesh: str, people: int, count: int = 120) -> list[Question]:
    return [Question(f"{mesh}-{number}", mesh, number % people) for number in range(count)]


def test_a_flooded_mesh_takes_few_hands_and_others_come_next() -> None:
    other = Question("other", "b", 99)
    taken = served([*flood("a", people=10), other], [])
    assert [each.mesh for each in taken].count("a") == MOST_AT_ONCE_IN_MESH
    assert taken.index(other) == 1


def test_within_a_mesh_one_person_leaves_room_for_others() -> None:
    colleague = Question("colleague", "a", 99)
    taken = served([*flood("a", people=1), colleague], [])
    assert taken.index(colleague) == 1
    assert len(served(flood("a", people=1), [])) == MOST_AT_ONCE_OF_ONE


def test_one_hand_goes_to_the_mesh_served_longest_ago() -> None:
    waiting = [*flood("a", people=1), Question("b-1", "b", 2), Question("c-1", "c", 3)]
    turn = next_turn(waiting, [], {"a": 20.0, "b": 10.0})
    assert turn and turn.mesh == "c"
    turn = next_turn(waiting, [], {"a": 20.0, "b": 10.0, "c": 30.0})
    assert turn and turn.mesh == "b"
