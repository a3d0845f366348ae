"""What is true of each kind of step, in one table; handlers are in `rollouts/steps`, names in `wording/changes.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from interconnect.domain.changes import Change, DeleteGateway, DeleteGroup, Disable, Join, Remove, RemoveCluster
from interconnect.domain.steps import StepKind


class Scope(Enum):
    """Whose objects a step works on: those of one cluster, its chain, or those of the whole mesh."""

    CLUSTER = "cluster"
    MESH = "mesh"


@dataclass(frozen=True, slots=True)
class Traits:
    """`changes_mesh`: it decides or writes something that all groups share, so restoring it is a mesh admin's decision.
    `relabels`: afterwards new Pods of the cluster can be on another network. `restarts`: it replaces Pods, which needs
    their cluster's group and webhook path to stay as they are. `per_try` is the parameter that holds the time at which
    a try was asked for, empty for kinds that need none. `completes` are the changes that have not taken effect before a
    step of this kind has been carried out.
    """

    scope: Scope
    changes_mesh: bool = False
    relabels: bool = False
    restarts: bool = False
    per_try: str = ""
    completes: tuple[type[Change], ...] = ()


_LEAVING = (DeleteGroup, RemoveCluster)

KINDS: Mapping[StepKind, Traits] = {
    StepKind.RULE: Traits(Scope.MESH, changes_mesh=True),
    StepKind.LABEL: Traits(Scope.CLUSTER, relabels=True),
    StepKind.INJECTION: Traits(Scope.CLUSTER, relabels=True),
    # Pods that were made without injection are replaced once in each try.
    StepKind.GATEWAY: Traits(Scope.CLUSTER, per_try="restarted_at"),
    StepKind.ADDRESS: Traits(Scope.CLUSTER),
    StepKind.STALE: Traits(Scope.CLUSTER),
    # What was seen before a retry does not count in it.
    StepKind.PREFLIGHT: Traits(Scope.MESH, changes_mesh=True, per_try="tried_at", completes=(Join,)),
    StepKind.NETWORKS: Traits(Scope.MESH, changes_mesh=True, completes=(Join, Remove)),
    # A repeated step restarts once, a retry may restart again.
    StepKind.RESTART: Traits(Scope.MESH, changes_mesh=True, per_try="restarted_at", completes=(Join,)),
    StepKind.VERIFY: Traits(Scope.MESH),
    StepKind.GATEWAY_DELETE: Traits(Scope.CLUSTER, completes=(*_LEAVING, DeleteGateway)),
    StepKind.INJECTION_RESTORE: Traits(Scope.CLUSTER, relabels=True, completes=_LEAVING),
    StepKind.LABEL_RESTORE: Traits(Scope.CLUSTER, relabels=True, completes=_LEAVING),
    StepKind.RULE_DELETE: Traits(Scope.MESH, changes_mesh=True, completes=(Disable,)),
    StepKind.WORKLOADS: Traits(Scope.CLUSTER, restarts=True),
    StepKind.GATEWAY_RESTART: Traits(Scope.CLUSTER, restarts=True, per_try="restarted_at"),
}

OF_A_CLUSTER = frozenset(kind for kind, traits in KINDS.items() if traits.scope is Scope.CLUSTER)
CHANGING_THE_MESH = frozenset(kind for kind, traits in KINDS.items() if traits.changes_mesh)
RELABELLING = frozenset(kind for kind, traits in KINDS.items() if traits.relabels)
RESTARTING = frozenset(kind for kind, traits in KINDS.items() if traits.restarts)
PER_TRY = frozenset(kind for kind, traits in KINDS.items() if traits.per_try)
