"""The end of a rollout: its audit entry, and the look at what it touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from interconnect.models import Cluster, Rollout, Step, StepStatus
from interconnect.rollouts.bell import ring_look_on_commit
from interconnect.scope import scope_of
from interconnect.state import observed
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


def look_after(rollout: Rollout, steps: Iterable[Step]) -> None:
    """Have the clusters that a rollout touched and the control plane looked at, however it ended."""
    steps = list(steps)
    observed.note_work(rollout.mesh_id, _chains(steps))
    ring_look_on_commit(rollout.mesh_id, touched_by(rollout, steps))


def touched_by(rollout: Rollout, steps: Iterable[Step]) -> list[str]:
    """Return the names of the clusters that have steps."""
    chains = _chains(steps)
    return list(Cluster.objects.filter(mesh_id=rollout.mesh_id, uid__in=chains).values_list("name", flat=True))


def _chains(steps: Iterable[Step]) -> set[str]:
    return {step.chain for step in steps}
