"""The parts of a rollout: phases, kinds of steps, and one step of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interconnect.domain.entries import Target


class Phase(IntEnum):
    """A phase begins when every step of the ones before has ended. PREFLIGHT and PUBLISH are one phase on the page."""

    PREPARE = 10
    PREFLIGHT = 20
    PUBLISH = 30
    WITHDRAW = 40
    CLOSE = 50


# Their steps work on the control plane, whatever their chain is.
CENTRAL = (Phase.PREFLIGHT, Phase.PUBLISH)


GROUP_CHAIN = "group:"


class StepKind(StrEnum):
    RULE = "rule"  # the gateway rule in the config cluster
    LABEL = "label"  # network label of a member's system namespace
    INJECTION = "injection"  # /net/<group> in a member's injection webhooks
    GATEWAY = "gateway"  # a gateway's objects, until available and injected
    ADDRESS = "address"  # a gateway's address, waited for 30 s
    STALE = "stale"  # Pods that still carry another network, counted
    PREFLIGHT = "preflight"  # of one group that joins
    NETWORKS = "networks"  # meshNetworks, every ConfigMap
    RESTART = "restart"  # istiod, guarded
    VERIFY = "verify"  # every replica's networkz
    GATEWAY_DELETE = "gateway-delete"
    INJECTION_RESTORE = "injection-restore"
    LABEL_RESTORE = "label-restore"
    RULE_DELETE = "rule-delete"
    WORKLOADS = "workloads"  # one wave of a restart of workloads
    GATEWAY_RESTART = "gateway-restart"  # a gateway's Pods, replaced until available and injected


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step. Steps of the same phase and `chain` follow one another; chains run side by side.

    `chain` is a cluster UID, `group:<name>` for a preflight, or `mesh`. `subject` is a gateway's UUID or a group's name
    where the kind needs one. `targets` are what the step would write as far as is known now; the step itself looks
    again. `after_verify`: wait until verify has shown that no replica still knows `group`.
    """

    phase: Phase
    chain: str
    kind: StepKind
    subject: str = ""
    group: str = ""
    targets: tuple[Target, ...] = ()
    after_verify: bool = False
