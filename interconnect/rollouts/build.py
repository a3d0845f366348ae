"""Rows of a rollout, made from the difference between the three states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from interconnect.domain.kinds import KINDS
from interconnect.domain.plan import plan
from interconnect.domain.render import render
from interconnect.domain.steps import Phase, PlannedStep, StepKind
from interconnect.models import Mesh, Rollout, Step
from interconnect.state import applied, observed

if TYPE_CHECKING:
    from interconnect.domain.entries import Live, Target
    from interconnect.domain.topology import Topology


def planned_steps(mesh: Mesh, topology: Topology, live: Mapping[Target, Live] | None = None) -> tuple[PlannedStep, ...]:
    """Return the steps still to be done for `topology`. Targets missing from `live` are trusted to be as last
    written.
    """
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
    """Create the rows of the planned steps, in order."""
    positions: dict[tuple[Phase, str], int] = {}
    rows = []
    now = timezone.now().isoformat()
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
                params=_params(step, topology, now),
            )
        )
    Step.objects.bulk_create(rows)


def _params(step: PlannedStep, topology: Topology, now: str) -> dict[str, Any]:
    of_try = KINDS[step.kind].per_try
    params: dict[str, Any] = {of_try: now} if of_try else {}
    if step.kind is StepKind.PREFLIGHT:
        clusters = topology.groups[step.subject or step.group].clusters
        params["clusters"] = sorted(topology.clusters[name].uid for name in clusters)
    return params
