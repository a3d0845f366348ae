"""A rollout that an earlier commit's worker has left in the middle of a write is taken up by today's engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from interconnect.models import AppliedEntry, Rollout, RolloutStatus, Step, StepStatus
from interconnect.rollouts import engine, lease
from interconnect.services.rollouts import rollout_retry
from meshconsole.audit.models import Entry
from tests.history.restored import clusters_of
from tests.support import console

if TYPE_CHECKING:
    from tests.history.restored import Restored

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_comes_to_its_end_and_a_retry_makes_it_whole(old: Restored) -> None:
    rollout = Rollout.objects.get(status=RolloutStatus.RUNNING)
    held = rollout.steps.get(status=StepStatus.ACTIVE)
    assert AppliedEntry.objects.filter(mesh=rollout.mesh, state="intended").exists()
    assert held in Step.objects.filter(lease.lost())
    assert engine.sweep() > 1

    with clusters_of(old.commit) as fleet:
        ended = console.follow(rollout, seconds=180)
        held.refresh_from_db()
        assert (held.status, held.crashes, held.lease_owner) == (StepStatus.SUCCEEDED, 1, ""), console.described(
            rollout
        )
        # One cluster had refused before: that is not forgotten.
        assert ended.status == RolloutStatus.FAILED, console.described(rollout)
        assert Entry.objects.filter(rollout_id=str(rollout.id), action="rollout.failed").count() == 2

        ended = console.follow(rollout_retry(actor=console.ACTOR, rollout=rollout), seconds=180)
        assert ended.status == RolloutStatus.SUCCEEDED, console.described(rollout)
        console.agrees_with_the_fleet(fleet, rollout.mesh)
