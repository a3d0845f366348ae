"""Leases on steps: taken, kept and returned by compare-and-set, by the database's clock."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from interconnect import clients
from interconnect.kube.patience import patience
from interconnect.models import Step, StepStatus
from interconnect.rollouts.clock import now_plus
from interconnect.rollouts.outcome import LostLease


def due() -> Q:
    """Return the steps whose turn it is, and those whose worker hasn't renewed its lease in time."""
    turn = Q(status__in=(StepStatus.READY, StepStatus.WAITING)) & (
        Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=Now())
    )
    return turn | lost()


def lost() -> Q:
    return Q(status=StepStatus.ACTIVE, lease_until__lt=Now())


def _held_by(owner: str) -> dict[str, Any]:
    return {
        "status": StepStatus.ACTIVE,
        "lease_owner": owner,
        "lease_until": now_plus(settings.MESHCONSOLE_LEASE_SECONDS),
        "attempts": F("attempts") + 1,
        "started_at": Coalesce("started_at", Now()),
    }


def _loaded(step_id: int) -> Step:
    related = ("rollout", "rollout__mesh", "rollout__mesh__control_plane", "rollout__mesh__config")
    # Of a mesh with hundreds of clusters they are long, and no step needs them.
    return (
        Step.objects.select_related(*related)
        .defer("rollout__before", "rollout__after", "rollout__changes")
        .get(id=step_id)
    )


class Lease:
    """One worker's hold on one step. The filters name only the step's own columns: with a join, PostgreSQL would
    compare against a snapshot taken before the other worker's update.
    """

    def __init__(self, step: Step, owner: str, taken: float, rest: list[Step] | None = None) -> None:
        self.step, self.owner = step, owner
        self._renewed = taken
        self._rest = rest

    @classmethod
    def take(cls, step_id: int, worker: str) -> Lease | None:
        """Return the lease, or None when the step isn't due or another worker was quicker."""
        owner = f"{worker}:{uuid.uuid4().hex[:12]}"
        # Before the database is asked: a process that is stopped right after must not believe in a lease that ran out
        # meanwhile.
        asked = time.monotonic()
        taken = _held_by(owner)
        this = Step.objects.filter(id=step_id)
        if not this.filter(due() & ~Q(status=StepStatus.ACTIVE)).update(**taken) and not this.filter(lost()).update(
            **taken, crashes=F("crashes") + 1
        ):
            return None
        step = _loaded(step_id)
        return cls(step, owner, asked) if step.lease_owner == owner else None

    @property
    def rest(self) -> list[Step]:
        """The pending steps after this one in its chain, read once for the whole chain. Before one begins, check that
        it is still pending.
        """
        if self._rest is None:
            step = self.step
            chain = Step.objects.filter(
                rollout_id=step.rollout_id, phase=step.phase, chain=step.chain, position__gt=step.position
            )
            self._rest = list(chain.filter(status=StepStatus.PENDING).order_by("position"))
        return self._rest

    def pass_on(self) -> Lease | None:
        """Return the same worker's lease on the next step of the chain, taken in the transaction that ends this one.

        None when there is no next step, or when a cancellation has closed it since it was read.
        """
        if not self.rest:
            return None
        following = self.rest[0]
        owner = f"{self.owner.rpartition(':')[0]}:{uuid.uuid4().hex[:12]}"
        asked = time.monotonic()
        if not Step.objects.filter(id=following.id, status=StepStatus.PENDING).update(
            **_held_by(owner), next_attempt_at=None
        ):
            return None
        following.status, following.lease_owner, following.attempts = StepStatus.ACTIVE, owner, following.attempts + 1
        following.rollout = self.step.rollout
        return Lease(following, owner, asked, self.rest[1:])

    @contextmanager
    def carried_out(self) -> Iterator[Self]:
        """Within it, every call to a cluster renews the lease, so that a slow step keeps it.

        It doesn't wait for a busy server: the step is returned until its next attempt is due.
        """
        with clients.asking_first(self.hold), patience(0):
            yield self

    def hold(self) -> None:
        """Called before each call to a cluster. Raises LostLease when another worker may hold the step now.

        Asks the database only when a call begun now might outlast the lease. Elapsed time is measured by the monotonic
        clock, which also runs while the process is stopped.
        """
        lease, deadline = settings.MESHCONSOLE_LEASE_SECONDS, settings.MESHCONSOLE_CALL_DEADLINE_SECONDS
        if time.monotonic() - self._renewed + deadline < lease:
            return
        self._renewed = time.monotonic()
        mine = Step.objects.filter(
            id=self.step.id, lease_owner=self.owner, status=StepStatus.ACTIVE, lease_until__gt=Now()
        )
        if not mine.update(lease_until=now_plus(lease)):
            raise LostLease

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction for what a step records. Raises LostLease, and writes nothing, when another worker holds the
        step now.
        """
        with transaction.atomic():
            mine = Step.objects.filter(id=self.step.id, lease_owner=self.owner, status=StepStatus.ACTIVE)
            if not mine.update(lease_until=now_plus(settings.MESHCONSOLE_LEASE_SECONDS)):
                raise LostLease
            yield

    def give_back(self, **fields: Any) -> None:
        """Write the step's result and release the step. Raises LostLease when another worker holds it now."""
        mine = Step.objects.filter(id=self.step.id, lease_owner=self.owner, status=StepStatus.ACTIVE)
        if not mine.update(lease_owner="", lease_until=None, **fields):
            raise LostLease
