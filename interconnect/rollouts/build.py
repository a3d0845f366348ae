"""From the difference of the three states to the rows of a rollout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from interconnect.domain.plan import plan
from interconnect.domain.render import render
from interconnect.domain.steps import Phase, PlannedStep, StepKind
from interconnect.models import Mesh, Rollout, Step
from interconnect.state import applied, observed

if TYPE_CHECKING:
    from interconnect.domain.entries import Live, Target
    from interconnect.domain.topology import Topology


def planned_steps(mesh: Mesh, topology: Topology, live: Mapping[Target, Live] | None = None) -> tuple[PlannedStep, ...]:
    """What is owed for `topology`. What `live` does not know is trusted to be as it was last written."""
    facts = observed.facts(mesh)
    restarted, verified = applied.published(mesh)
    return plan(
        topology,
        render(topology, facts),
        applied.rows(mesh),
        live or {},
        published=restarted,
        verified=verified,
        facts=facts,
    )


def create_steps(rollout: Rollout, topology: Topology, planned: Iterable[PlannedStep]) -> None:
    """The rows of the planned steps, each in its place."""
    positions: dict[tuple[Phase, str], int] = {}
    rows = []
    for step in planned:
        position = positions[step.phase, step.chain] = positions.get((step.phase, step.chain), 0) + 1
        rows.append(
            Step(
                rollout=rollout,
                phase=step.phase,
                chain=step.chain,
                position=position,
                kind=step.kind,
                subject=step.subject,
                group=step.group,
                after_verify=step.after_verify,
                params=_params(step, topology),
            )
        )
    Step.objects.bulk_create(rows)


def _params(step: PlannedStep, topology: Topology) -> dict[str, Any]:
    if step.kind is StepKind.RESTART:
        # Fixed here, so that a step that is repeated restarts once.
        return {"restarted_at": timezone.now().isoformat()}
    if step.kind is StepKind.PREFLIGHT:
        clusters = topology.groups[step.subject or step.group].clusters
        return {"clusters": sorted(topology.clusters[name].uid for name in clusters)}
    return {}
