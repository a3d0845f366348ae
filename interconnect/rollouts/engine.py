"""Carry rollouts out: one step under its lease, then the next of its chain, then the next phase, then the end.

Everything here may be interrupted anywhere and repeated by any process: state changes are compare-and-set, the rows are
the truth, and messages of the broker are hints.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db import Error as DatabaseProblem
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from interconnect import clients
from interconnect.domain.kinds import KINDS, PER_TRY
from interconnect.domain.patience import FIRST_BACKOFF_SECONDS, backoff, pause_within
from interconnect.domain.steps import Phase, StepKind
from interconnect.kube.errors import KubeError, Temporary
from interconnect.models import Rollout, RolloutStatus, Step, StepStatus
from interconnect.models.rollout import OPEN_STEPS, UNFINISHED
from interconnect.rollouts import bell, lease
from interconnect.rollouts.clock import now_plus
from interconnect.rollouts.ending import look_after, record_end
from interconnect.rollouts.lease import Lease
from interconnect.rollouts.outcome import Done, LostLease, StepFailed, Wait
from interconnect.rollouts.steps import execute
from interconnect.rollouts.work import Work

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

log = logging.getLogger(__name__)

MOST_CRASHES = 10
SLOWED_DOWN = 10
UNDONE = (StepStatus.FAILED, StepStatus.BLOCKED, StepStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class _Failed:
    code: str
    params: dict[str, Any]
    evidence: dict[str, Any]


def begin(rollout: Rollout) -> None:
    """Start the first phase, in the transaction that creates the rollout and its steps; ring the bell on commit."""
    _advance_rows(rollout)


def run_chain(step_id: int, worker: str) -> None:
    """Carry out a due step and, in the same thread, the steps after it in its chain, until one has to wait."""
    taken = Lease.take(step_id, worker)
    if taken is None:
        return
    before: Work | None = None
    with _in_chain(taken.step):
        while taken is not None:
            before = Work(taken, before)
            taken = _carry_out(before, on=True)


def run_step(step_id: int, worker: str) -> None:
    """Carry out one step if it is due and free. The step after it in its chain is left ready for any worker."""
    taken = Lease.take(step_id, worker)
    if taken is not None:
        with _in_chain(taken.step):
            _carry_out(Work(taken), on=False)


def _in_chain(step: Step) -> AbstractContextManager[None]:
    """A step that has waited goes on with the chain that it is in; a chain begins anew with a retry."""
    return clients.in_chain((step.rollout_id, step.phase, step.chain), begins=step.attempts == 1)


def _carry_out(work: Work, *, on: bool) -> Lease | None:
    """The lease of the next step of the chain, when this worker is to go on and there is one that may run at once."""
    taken, step = work.lease, work.step
    if step.rollout.status == RolloutStatus.QUEUED:
        Rollout.objects.filter(id=step.rollout_id, status=RolloutStatus.QUEUED).update(
            status=RolloutStatus.RUNNING, started_at=Now()
        )
        step.rollout.status = RolloutStatus.RUNNING
    try:
        return _settle(work, _attempt(work), on=on)
    except LostLease:
        log.warning("step %s is another worker's by now", step.id)
    except DatabaseProblem as error:
        log.warning("step %s: the database went away (%s)", step.id, type(error).__name__)
        connection.close()
        if isinstance(error, (OperationalError, InterfaceError)):
            _put_back(taken)
    return None


def _put_back(taken: Lease) -> None:
    """A lost connection is not the step's fault: it is due again soon, where a new connection can be had at once."""
    try:
        taken.give_back(status=StepStatus.WAITING, next_attempt_at=now_plus(FIRST_BACKOFF_SECONDS))
    except (LostLease, DatabaseProblem):
        # The lease runs out by itself, and the sweep hands the step to a worker that reaches the database.
        connection.close()
        return
    bell.ring([taken.step.id], seconds=FIRST_BACKOFF_SECONDS)


def _attempt(work: Work) -> Done | Wait | _Failed:
    step = work.step
    if step.crashes >= MOST_CRASHES:
        return _Failed("step.crashed", {"crashes": step.crashes}, {})
    try:
        with work.lease.carried_out():
            outcome = execute(work)
        step.failing_since = None
        return outcome
    except StepFailed as failure:
        return _Failed(failure.code, failure.params, failure.evidence)
    except Temporary as error:
        return _after_temporary(step, error)
    except KubeError as error:
        return _refused(error)
    except (LostLease, DatabaseProblem):
        raise
    except Exception as error:
        log.exception("step %s (%s) failed unexpectedly", step.id, step.kind)
        return _Failed("step.internal", {"error": type(error).__name__}, {})


def _refused(error: KubeError) -> _Failed:
    found = error.violation()
    return _Failed(found.code, dict(found.params), {"said": error.evidence})


def _after_temporary(step: Step, error: Temporary) -> Wait | _Failed:
    """Again with back-off, until the cluster has been failing this chain for as long as we are patient.

    Waiting for a free place among the calls to silent clusters is nobody's failure, and a cluster that asks to slow
    down is given more time than one that says nothing.
    """
    # A cluster that was known to be silent before gets one fresh try; the breaker that this chain opened does not
    # count.
    hopeless = bool(error.params.pop("breaker_open", False)) and step.failing_since is None
    evidence = {"said": error.evidence, **error.violation().to_json()}
    if error.code == "busy":
        return Wait(error.retry_after, evidence, queued=True)
    if step.failing_since is None:
        step.failing_since = timezone.now()
    failing = (timezone.now() - step.failing_since).total_seconds()
    patience = settings.MESHCONSOLE_UNREACHABLE_SECONDS * (SLOWED_DOWN if error.code == "too-many-requests" else 1)
    if hopeless or failing >= patience:
        return _refused(error)
    return Wait(pause_within(step.attempts, error.retry_after, patience - failing), evidence)


def _settle(work: Work, outcome: Done | Wait | _Failed, *, on: bool) -> Lease | None:
    if isinstance(outcome, Wait):
        _settle_wait(work, outcome)
        return None
    taken, step = work.lease, work.step
    result: dict[str, Any] = {
        "ended_at": Now(),
        "evidence": outcome.evidence,
        "waiting_since": None,
        "next_attempt_at": None,
    }
    if isinstance(outcome, Done):
        result |= {
            "status": StepStatus.SKIPPED if outcome.skipped else StepStatus.SUCCEEDED,
            "error_code": "",
            "error_params": {},
        }
    else:
        result |= {"status": StepStatus.FAILED, "error_code": outcome.code, "error_params": outcome.params}
    with transaction.atomic():
        taken.give_back(**result)
        work.record()
        if not isinstance(outcome, Done):
            _block_rest(step)
        passed_on = taken.pass_on() if on and isinstance(outcome, Done) else None
        goes_on = passed_on or (not on and isinstance(outcome, Done) and _make_ready(taken.rest))
    if not goes_on:
        advance(step.rollout_id)
    return passed_on


def _settle_wait(work: Work, outcome: Wait) -> None:
    taken, step = work.lease, work.step
    seconds = backoff(step.attempts) if outcome.seconds is None else outcome.seconds
    cancelled = Rollout.objects.filter(id=step.rollout_id, cancel_requested_at__isnull=False).exists()
    with transaction.atomic():
        taken.give_back(
            status=StepStatus.CANCELLED if cancelled else StepStatus.WAITING,
            next_attempt_at=now_plus(seconds),
            # What a step waits for is waited for only while its cluster answers, and an answer ends the failing.
            waiting_since=F("waiting_since")
            if step.failing_since or outcome.queued
            else Coalesce("waiting_since", Now()),
            failing_since=step.failing_since,
            evidence=outcome.evidence,
        )
        work.record()
    if cancelled:
        advance(step.rollout_id)
    else:
        bell.ring([step.id], seconds=seconds)


def _block_rest(step: Step) -> None:
    """What is left of the chain is not carried out; in the transaction in which `step` has failed."""
    rest = Step.objects.filter(
        rollout_id=step.rollout_id, phase=step.phase, chain=step.chain, position__gt=step.position
    )
    rest.filter(status=StepStatus.PENDING).update(
        status=StepStatus.BLOCKED, error_code="step.chain-failed", ended_at=Now()
    )


def _make_ready(rest: list[Step]) -> bool:
    """The first of them; False when there is none, or when a cancellation has closed it since it was read."""
    first = Step.objects.filter(id__in=[step.id for step in rest[:1]], status=StepStatus.PENDING)
    return bool(rest and first.update(status=StepStatus.READY, next_attempt_at=None))


def advance(rollout_id: UUID) -> None:
    """Start the next phase when one has ended, and end the rollout after the last. Safe to call at any time, by any
    process.
    """
    left = set(
        Step.objects.filter(rollout_id=rollout_id, status__in=OPEN_STEPS)
        .order_by()
        .values_list("phase", "status")
        .distinct()
    )
    current = min((phase for phase, _ in left), default=None)
    if any(phase == current and status != StepStatus.PENDING for phase, status in left):
        return
    with transaction.atomic():
        # Locked: a second worker must not use stale reads to end a rollout that a retry has opened again.
        rollout = (
            Rollout.objects.select_for_update(of=("self",), no_key=True)
            .select_related("mesh")
            .filter(id=rollout_id, status__in=UNFINISHED)
            .first()
        )
        if rollout:
            _advance_rows(rollout)


def _advance_rows(rollout: Rollout) -> None:
    steps = list(Step.objects.filter(rollout=rollout).order_by("phase", "chain", "position"))
    if rollout.cancel_requested_at:
        _close(steps, StepStatus.CANCELLED, "step.cancelled")
    for phase in Phase:
        here = [step for step in steps if step.phase == phase]
        ready = _start_phase(phase, here, steps)
        if ready:
            bell.ring_on_commit(ready)
        if any(step.status in OPEN_STEPS for step in here):
            return
    _end(rollout, steps)


def _start_phase(phase: Phase, here: list[Step], steps: list[Step]) -> list[int]:
    """The first pending step of each chain becomes ready, or the chain is blocked with the reason."""
    ready: list[int] = []
    chains: dict[str, list[Step]] = {}
    for step in here:
        chains.setdefault(step.chain, []).append(step)
    undone = [step for step in steps if step.status in UNDONE]
    for links in chains.values():
        pending = [step for step in links if step.status == StepStatus.PENDING]
        if not pending or any(step.status in OPEN_STEPS for step in links if step not in pending):
            continue
        reason = (
            "step.chain-failed"
            if any(step.status in UNDONE for step in links)
            else _obstacle(phase, pending[0], undone)
        )
        if reason:
            _close(pending, StepStatus.BLOCKED, reason)
            continue
        pending[0].status = StepStatus.READY
        ready.append(pending[0].id)
    Step.objects.filter(id__in=ready, status=StepStatus.PENDING).update(status=StepStatus.READY, next_attempt_at=None)
    return ready


def _obstacle(phase: Phase, step: Step, undone: list[Step]) -> str:
    """Why a chain must not begin although its turn has come, from what the rollout has not carried out; empty when it
    may.
    """
    if phase is Phase.PREFLIGHT:
        clusters = set(step.params.get("clusters", ()))
        broken = any(other.phase == Phase.PREPARE and other.chain in clusters for other in undone)
        return "step.prepare-failed" if broken else ""
    if phase is Phase.WITHDRAW and step.after_verify:
        unsure = any(other.phase == Phase.PUBLISH for other in undone)
        return "step.not-verified" if unsure else ""
    if phase is Phase.CLOSE:
        left = any(other.phase < Phase.CLOSE for other in undone)
        return "step.withdraw-failed" if left else ""
    return ""


def _close(steps: Iterable[Step], status: StepStatus, code: str) -> None:
    """Close steps that nobody has begun; a step in a worker's hands is left to it."""
    idle = (StepStatus.PENDING, StepStatus.READY, StepStatus.WAITING)
    for step in steps:
        if step.status in idle and Step.objects.filter(id=step.id, status__in=idle).update(
            status=status, error_code=code, ended_at=Now(), next_attempt_at=None
        ):
            step.status = status


def _end(rollout: Rollout, steps: list[Step]) -> None:
    failed = any(step.status in (StepStatus.FAILED, StepStatus.BLOCKED) for step in steps)
    cancelled = any(step.status == StepStatus.CANCELLED for step in steps)
    status = RolloutStatus.CANCELLED if cancelled else RolloutStatus.FAILED if failed else RolloutStatus.SUCCEEDED
    ended = Rollout.objects.filter(id=rollout.id, status__in=UNFINISHED).update(
        status=status, ended_at=Now(), started_at=Coalesce("started_at", Now())
    )
    if ended:
        rollout.status = status
        record_end(rollout, steps)
        look_after(rollout, steps)


def request_cancel(rollout: Rollout) -> bool:
    """Start nothing new from here on; what a worker is doing now finishes. Returns False when the rollout had already
    ended.
    """
    open_rollout = Rollout.objects.filter(id=rollout.id, status__in=UNFINISHED, cancel_requested_at__isnull=True)
    with transaction.atomic():
        if not open_rollout.update(cancel_requested_at=Now()):
            return False
        rollout.refresh_from_db()
        _advance_rows(rollout)
    return True


def carried_out_again(rollout: Rollout) -> QuerySet[Step]:
    """Return the steps that a retry reopens: those that failed or weren't carried out, and those after them that must
    look again.
    """
    again = Q(status__in=UNDONE)
    undone = set(Step.objects.filter(again, rollout=rollout).values_list("phase", flat=True))
    if Phase.PREFLIGHT in undone:
        again |= Q(kind=StepKind.ADDRESS, evidence__pending=True)  # the load balancer may have spoken by now
    if undone & {Phase.PREPARE, Phase.PREFLIGHT, Phase.PUBLISH}:
        again |= Q(phase=Phase.PUBLISH)  # a join that was left out is published now; whatever is not owed is a no-op
    return Step.objects.filter(again, rollout=rollout)


def reopen(rollout: Rollout) -> None:
    """Reopen a rollout for a retry, in the caller's transaction."""
    carried_out_again(rollout).update(
        status=StepStatus.PENDING,
        attempts=0,
        crashes=0,
        next_attempt_at=None,
        waiting_since=None,
        failing_since=None,
        started_at=None,
        ended_at=None,
        error_code="",
        error_params={},
        evidence={},
    )
    _fix_per_try(rollout)
    begin(rollout)


def _fix_per_try(rollout: Rollout) -> None:
    now = timezone.now().isoformat()
    steps = list(Step.objects.filter(rollout=rollout, kind__in=PER_TRY, status=StepStatus.PENDING))
    for step in steps:
        step.params = {**step.params, KINDS[StepKind(step.kind)].per_try: now}
    Step.objects.bulk_update(steps, ("params",), batch_size=500)


def sweep(limit: int = 500) -> int:
    """The safety net: ring for every step that is due, and advance every rollout that has no step in progress."""
    steps = list(Step.objects.filter(lease.due()).order_by("next_attempt_at").values_list("id", flat=True)[:limit])
    bell.ring(steps)
    for rollout_id in Rollout.objects.filter(status__in=UNFINISHED).values_list("id", flat=True):
        advance(rollout_id)
    return len(steps)
