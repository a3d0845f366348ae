"""Questions to clusters outside rollouts: how many a person may have in progress, and whose turn it is, so that nobody
keeps others waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from interconnect.domain.violations import Violation

CODES = ("asking.person", "asking.mesh", "asking.checks")

MOST_OPEN_OF_ONE = 8
MOST_OPEN_IN_MESH = 40
MOST_AT_ONCE_OF_ONE = 2
MOST_AT_ONCE_IN_MESH = 3
MOST_FAILED_CHECKS = 20
WINDOW_MINUTES = 15


class Load(NamedTuple):
    """Questions that wait or are being answered: the person's own, in any mesh, and everybody's in this mesh.

    `failed_checks` counts the person's checks of new credentials within the window that led to no cluster (yet).
    """

    own: int = 0
    mesh: int = 0
    failed_checks: int = 0


def may_ask(load: Load, *, check: bool = False) -> Violation | None:
    """Return why this person may not ask now, or None. Anyone with nothing in progress may always ask one question of a
    mesh.
    """
    if load.own >= MOST_OPEN_OF_ONE:
        return Violation("asking.person", {"most": MOST_OPEN_OF_ONE})
    if load.own and load.mesh >= MOST_OPEN_IN_MESH:
        return Violation("asking.mesh", {"most": MOST_OPEN_IN_MESH})
    if check and load.failed_checks >= MOST_FAILED_CHECKS:
        return Violation("asking.checks", {"most": MOST_FAILED_CHECKS, "minutes": WINDOW_MINUTES})
    return None


class Question(NamedTuple):
    id: str
    mesh: str
    person: int


def next_turn(waiting: Sequence[Question], running: Iterable[Question], served: Mapping[str, float]) -> Question | None:
    """Return the question to answer next; None while all of them must wait.

    The mesh with the fewest questions being answered comes first, and in it the person with the fewest; then the mesh
    that was `served` longest ago (any clock), then the order of `waiting`.
    """
    held = list(running)
    in_mesh, of_one = Counter(each.mesh for each in held), Counter(each.person for each in held)
    free = [
        each
        for each in waiting
        if in_mesh[each.mesh] < MOST_AT_ONCE_IN_MESH and of_one[each.person] < MOST_AT_ONCE_OF_ONE
    ]
    return min(
        free, key=lambda each: (in_mesh[each.mesh], of_one[each.person], served.get(each.mesh, 0.0)), default=None
    )
