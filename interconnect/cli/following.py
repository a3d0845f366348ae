"""Follow a rollout to its end, working on it as an additional worker and printing one line per event."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from django.core.cache import cache
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError
from redis import RedisError

from interconnect.cli import codes
from interconnect.cli.output import Output, tokens_of
from interconnect.domain.json_types import Json
from interconnect.models import Cluster, MembershipAddress, Rollout, RolloutStatus, Step, StepStatus
from interconnect.rollouts.bell import somebody_listens
from interconnect.rollouts.driver import drive
from interconnect.rollouts.ending import touched_by
from interconnect.services.rollouts import rollout_retry
from interconnect.services.watching import look, look_at_pending_addresses
from interconnect.tasks import presence, say_present, worker_name
from interconnect.wording import phrases, word
from interconnect.wording.phrases import step_name

if TYPE_CHECKING:
    from meshconsole.access.actor import Actor

CLOSED = (StepStatus.SUCCEEDED, StepStatus.SKIPPED, StepStatus.FAILED, StepStatus.BLOCKED, StepStatus.CANCELLED)
PRESENT_SECONDS, PRESENT_PAUSE_SECONDS = 3.0, 0.05
PENDING_SECONDS = 2.0
# Raised by sending a message or reading the cache when the broker doesn't answer.
BROKER_AWAY = (OperationalError, RedisError, OSError)


class Follower:
    """Prints what has changed since it last looked."""

    def __init__(self, rollout: Rollout, output: Output) -> None:
        self.rollout, self.output = rollout, output
        self.seen: dict[int, str] = {}
        self.names = dict(Cluster.objects.filter(mesh=rollout.mesh).values_list("uid", "name"))
        self.looked = 0.0

    def tick(self) -> None:
        if time.monotonic() - self.looked < 0.2:
            return
        self.looked = time.monotonic()
        self.report()

    def report(self) -> None:
        for step in Step.objects.filter(rollout=self.rollout).order_by("phase", "chain", "position"):
            if self.seen.get(step.id) == step.status or step.status in (StepStatus.PENDING, StepStatus.READY):
                continue
            if step.status not in CLOSED and step.id in self.seen:
                continue
            self.seen[step.id] = step.status
            self.output.say(self._line(step), self._event(step))

    def _line(self, step: Step) -> str:
        place = self.names.get(step.chain, step.chain if ":" in step.chain else _("control plane"))
        text = f"{StepStatus(step.status).label}: {place} · {step_name(step.kind)}"
        if step.error_code:
            text += f" · {message_of(step)}"
            text += "".join(f" (--accept {token})" for token in tokens_of(step.error_params))
            text += "".join(f"\n  ! {reason}" for reason in phrases.reasons_behind(step.evidence))
        return text + "".join(f"\n  {note}" for note in phrases.notes_in(step.evidence))

    def _event(self, step: Step) -> Json:
        return {
            "event": "step",
            "rollout": str(step.rollout_id),
            "step": step.id,
            "cluster": self.names.get(step.chain, ""),
            **step_as_json(step),
        }


def step_as_json(step: Step) -> Json:
    """Return what the step is, its progress and its outcome, with the sentence that people read."""
    return {
        "kind": step.kind,
        "chain": step.chain,
        "subject": step.subject,
        "status": step.status,
        "attempts": step.attempts,
        "code": step.error_code,
        "params": step.error_params,
        "message": message_of(step),
        "evidence": step.evidence,
    }


def message_of(step: Step) -> str:
    """Return one sentence on why the step failed or was skipped; empty if neither happened."""
    return word(step.error_code, step.error_params) if step.error_code else ""


def follow(rollout: Rollout, output: Output, *, wait_minutes: float = 10, actor: Actor | None = None) -> int:
    """Follow the rollout to its end and return the exit code for its outcome.

    Waits up to `wait_minutes` for a load balancer that hasn't assigned an address yet. If that was the only reason
    why a join failed, retries the join on behalf of `actor`, if there is one.
    """
    until = time.monotonic() + 60 * wait_minutes
    with interruptible() as stop:
        output.say(
            _("Rollout %(id)s") % {"id": rollout.id},
            {"event": "rollout", "rollout": str(rollout.id), "status": rollout.status},
        )
        follower = Follower(rollout, output)
        while True:
            drive(rollout.id, worker_name(), tick=follower.tick, stop=stop)
            follower.report()
            if stop.is_set():
                return _left_running(rollout, output)
            rollout.refresh_from_db()
            joining = actor is not None and _lacks_only_addresses(rollout)
            if not joining and not (rollout.status == RolloutStatus.SUCCEEDED and rollout.address_pending):
                _look_after(rollout)
                return _ended(rollout, output)
            if not _addresses_came(rollout, output, stop, until):
                return _left_running(rollout, output) if stop.is_set() else _no_address(rollout, output)
            if actor is None or not joining:
                _look_after(rollout)
                return _ended(rollout, output)
            rollout_retry(actor=actor, rollout=rollout)
            follower.seen.clear()


def _look_after(rollout: Rollout) -> None:
    """Look at what the rollout touched, as workers do when the bell rings, if none is there to hear it."""
    if not _another_worker():
        look(rollout.mesh, only=touched_by(rollout, rollout.steps.all()))


def _ended(rollout: Rollout, output: Output) -> int:
    end = RolloutStatus(rollout.status)
    output.say(str(end.label), {"event": "ended", "rollout": str(rollout.id), "status": rollout.status})
    return codes.OK if end is RolloutStatus.SUCCEEDED else codes.FAILED


def _lacks_only_addresses(rollout: Rollout) -> bool:
    failed = rollout.steps.filter(status__in=(StepStatus.FAILED, StepStatus.BLOCKED, StepStatus.CANCELLED))
    return rollout.status == RolloutStatus.FAILED and set(failed.values_list("error_code", flat=True)) == {
        "address.pending"
    }


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Make Ctrl-C stop following the rollout without interrupting the current step."""
    stop = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_args: stop.set())
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _left_running(rollout: Rollout, output: Output) -> int:
    alive = _another_worker()
    sentence = (
        _("Still running: another worker continues it.")
        if alive
        else _("Not finished: no other worker is running. To continue: manage.py interconnect follow %(id)s")
        % {"id": rollout.id}
    )
    output.say(sentence, {"event": "left", "rollout": str(rollout.id), "another_worker": alive})
    return codes.LEFT_RUNNING


def _another_worker() -> bool:
    if not somebody_listens():
        return False
    call, until = uuid4().hex, time.monotonic() + PRESENT_SECONDS
    try:
        say_present.apply_async(args=(call,), queue="rollout", expires=PRESENT_SECONDS, retry=False, ignore_result=True)
        while not (present := cache.get(presence(call))) and time.monotonic() < until:
            time.sleep(PRESENT_PAUSE_SECONDS)
    except BROKER_AWAY:
        # Without the broker no other worker can be seen.
        return False
    return bool(present)


def _addresses_came(rollout: Rollout, output: Output, stop: threading.Event, until: float) -> bool:
    """Return whether every load balancer reported an address before `until`.

    Meanwhile, everything else that was requested is in effect.
    """
    output.say(
        _("Address pending: waiting for the load balancer."), {"event": "address-pending", "rollout": str(rollout.id)}
    )
    while look_at_pending_addresses(rollout.mesh):
        if stop.is_set() or time.monotonic() >= until:
            return False
        stop.wait(PENDING_SECONDS)
    return True


def _no_address(rollout: Rollout, output: Output) -> int:
    awaited = MembershipAddress.objects.filter(mesh=rollout.mesh, host="").count()
    output.say(
        _("No address yet."),
        {"event": "ended", "rollout": str(rollout.id), "status": "address-pending", "awaited": awaited},
    )
    return codes.ADDRESS_PENDING
