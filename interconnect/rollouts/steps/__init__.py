"""What each kind of step does: one function per kind, each of which may be repeated at any time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from interconnect.domain.steps import StepKind
from interconnect.rollouts.steps import control_plane, gateway, member, preflight, workloads

if TYPE_CHECKING:
    from interconnect.rollouts.outcome import Done, Wait
    from interconnect.rollouts.work import Work

HANDLERS: Mapping[StepKind, Callable[[Work], Done | Wait]] = {
    StepKind.RULE: control_plane.rule,
    StepKind.LABEL: member.label,
    StepKind.INJECTION: member.injection,
    StepKind.GATEWAY: gateway.apply,
    StepKind.ADDRESS: gateway.address,
    StepKind.STALE: member.stale_pods,
    StepKind.PREFLIGHT: preflight.check,
    StepKind.NETWORKS: control_plane.networks,
    StepKind.RESTART: control_plane.restart,
    StepKind.VERIFY: control_plane.verify,
    StepKind.GATEWAY_DELETE: gateway.delete,
    StepKind.INJECTION_RESTORE: member.injection_restore,
    StepKind.LABEL_RESTORE: member.label_restore,
    StepKind.RULE_DELETE: control_plane.rule_delete,
    StepKind.WORKLOADS: workloads.restart,
    StepKind.GATEWAY_RESTART: gateway.restart,
}


def execute(work: Work) -> Done | Wait:
    """Carry out the step of this work as far as possible now."""
    return HANDLERS[StepKind(work.step.kind)](work)
