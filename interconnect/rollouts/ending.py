"""The audit entry at the end of a rollout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from interconnect.models import Rollout, Step, StepStatus
from interconnect.scope import scope_of
from meshconsole.access.actor import Actor
from meshconsole.audit.models import Entry
from meshconsole.audit.recording import record


def record_end(rollout: Rollout, steps: Iterable[Step]) -> None:
    """Write one audit entry for the end of a rollout, in the transaction that ends it."""
    counts = Counter(step.status for step in steps)
    failed = sorted({step.error_code for step in steps if step.status == StepStatus.FAILED and step.error_code})
    record(
        actor=Actor(rollout.actor, user_id=rollout.actor_user_id),
        action=f"rollout.{rollout.status}",
        scope=scope_of(rollout.mesh_id),
        subject=rollout.mesh.name,
        outcome=Entry.Outcome.ENDED,
        rollout_id=rollout.id,
        params={"steps": dict(counts), "errors": failed},
    )
