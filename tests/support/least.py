"""Users of simulated clusters who may do what the console's account may, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interconnect.domain.accounts import Place, rights_of
from simulator.api import Grant
from tests.support.world import SYSTEM

if TYPE_CHECKING:
    from simulator.fleet import Fleet

USER = "console"


def grant(fleet: Fleet, cluster: str, place: Place, *, optional: bool = True) -> str:
    """Let the user `console` of a cluster do what a place needs, and return a kubeconfig of that user."""
    rights = [right for right in rights_of(place, SYSTEM) if optional or not right.optional]
    fleet.members[cluster].api.access.grants[USER] = tuple(
        Grant(
            (right.verb,),
            (right.group,),
            (right.path,),
            (right.namespace or "*",),
            (right.name,) if right.name else (),
        )
        for right in rights
    )
    return fleet.kubeconfig(cluster, USER)
