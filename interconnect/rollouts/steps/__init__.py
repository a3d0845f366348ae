"""What each kind of step does: one function per kind, each of which may be repeated at any time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from interconnect.domain.steps import StepKind
from interconnect.rollouts.steps import control_plane, gateway, member, preflight, workloads
from interconnect.rollouts.work import Work

if TYPE_CHECKING:
    from interconnect.rollouts.lease import Lease
    from interconnect.rollouts.outcome import Done, Wait

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
}


def execute(lease: Lease) -> Done | Wait:
    """Carry out the step under this lease, as far as it goes now."""
    return HANDLERS[StepKind(lease.step.kind)](Work(lease))
