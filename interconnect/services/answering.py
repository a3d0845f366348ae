"""Answers to the questions that pages ask: what a worker does when the bell rings.

The rows are the queue: a worker answers whatever has its turn (`interconnect.domain.asking`), and equal questions that
wait are answered together. An answer is plain JSON; what is refused is stored as codes with parameters and worded when
shown.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.models import Max, QuerySet
from django.db.models.functions import Now

from interconnect import clients
from interconnect.domain.asking import Question, next_turn
from interconnect.domain.json_types import Json
from interconnect.domain.refusal import Refused
from interconnect.kube.errors import KubeError
from interconnect.kube.patience import patience
from interconnect.models import CheckAttempt, Inquiry, InquiryStatus
from interconnect.rollouts.clock import now_plus
from interconnect.services import checking, decisions, looks, plans, registration
from interconnect.services.inquiries import DROPPED, due, ring

log = logging.getLogger(__name__)

Answer = Callable[[Inquiry], Json]
ANSWERS: Mapping[str, Answer] = {
    checking.KIND.name: checking.answer,
    decisions.WORKLOADS.name: decisions.count,
    decisions.GATEWAY.name: decisions.gateway,
    looks.RULE.name: looks.rule,
    looks.ENABLING.name: looks.enabling,
    plans.KIND.name: plans.answer,
    registration.MESH_REGISTER.name: registration.look,
    registration.MESH_CREDENTIAL.name: registration.look,
    registration.CLUSTER_REGISTER.name: registration.look,
    registration.CLUSTER_CREDENTIAL.name: registration.look,
}
# Busy servers are waited for so long in all while one question is answered.
PATIENCE_SECONDS = 60.0


@cache
def _hands() -> threading.BoundedSemaphore:
    """This process's threads for questions."""
    return threading.BoundedSemaphore(settings.MESHCONSOLE_THREADS_EACH)


def answer_next(answers: Mapping[str, Answer] = ANSWERS) -> None:
    """Answer the question whose turn it is, if there is one and a thread for it; then ring for the next.

    `answers` is keyed by the kind's name. A worker that finds all threads taken leaves: each of them rings when it is
    done.
    """
    if not _hands().acquire(blocking=False):
        return
    try:
        # Another thread may have taken it first; then try the next one.
        while (turn := _next()) is not None and not answer(UUID(turn.id), answers):
            pass
    finally:
        _hands().release()
    if _next() is not None:
        ring()


def _next() -> Question | None:
    waiting = _questions(Inquiry.objects.filter(due()).order_by("asked_at"))
    if not waiting:
        return None
    running = _questions(Inquiry.objects.filter(status=InquiryStatus.RUNNING, lease_until__gte=Now()))
    # What is being answered was asked before: an equal question wants to know what is true after it was put.
    free = [question for key, question in waiting.items() if key not in running]
    ended = Inquiry.objects.filter(ended_at__isnull=False).values_list("mesh").annotate(Max("ended_at")).order_by()
    return next_turn(free, running.values(), {str(mesh): moment.timestamp() for mesh, moment in ended})


def _questions(rows: QuerySet[Inquiry]) -> dict[str, Question]:
    """By digest: those that are answered together count once."""
    found: dict[str, Question] = {}
    for each, mesh, person, digest in rows.values_list("id", "mesh", "user", "digest"):
        found.setdefault(digest or str(each), Question(str(each), str(mesh), person))
    return found


def answer(inquiry_id: UUID, answers: Mapping[str, Answer] = ANSWERS) -> bool:
    """Answer the question, and equal ones that wait with it; return False when another worker is doing so."""
    if not _take(inquiry_id):
        return False
    held = [inquiry_id]
    inquiry = (
        Inquiry.objects.select_related("mesh", "mesh__control_plane", "mesh__config").filter(id=inquiry_id).first()
    )
    if inquiry is None or inquiry.kind == DROPPED:
        Inquiry.objects.filter(id=inquiry_id, kind=DROPPED).delete()
        return True
    if inquiry.digest:
        equal = Inquiry.objects.filter(due(), digest=inquiry.digest).values_list("id", flat=True)
        held += [each for each in list(equal) if _take(each)]
    # With its digest: what is asked anew with other parameters meanwhile is no longer ours to answer.
    mine = Inquiry.objects.filter(id__in=held, digest=inquiry.digest)
    with _lease_kept(mine), clients.calling_for(f"question:{inquiry.mesh_id}"), patience(PATIENCE_SECONDS):
        outcome = _outcome(inquiry, answers)
    mine.filter(kind=DROPPED).delete()
    mine.filter(status=InquiryStatus.RUNNING).update(ended_at=Now(), lease_until=None, **outcome)
    if outcome["status"] == InquiryStatus.DONE:
        CheckAttempt.objects.filter(inquiry__in=held).delete()
    return True


def _take(inquiry_id: UUID) -> bool:
    lease = now_plus(settings.MESHCONSOLE_LEASE_SECONDS)
    return bool(Inquiry.objects.filter(due(), id=inquiry_id).update(status=InquiryStatus.RUNNING, lease_until=lease))


def _outcome(inquiry: Inquiry, answers: Mapping[str, Answer]) -> Json:
    try:
        return {"status": InquiryStatus.DONE, "result": answers[inquiry.kind](inquiry)}
    except Refused as refused:
        refusal = refused
    except KubeError as error:
        refusal = Refused([error.violation()])
    except Exception as error:
        log.exception("an inquiry of kind %s failed unexpectedly", inquiry.kind)
        refusal = Refused.because("step.internal", error=type(error).__name__)
    return {"status": InquiryStatus.FAILED, "errors": refusal.to_json()}


@contextmanager
def _lease_kept(mine: QuerySet[Inquiry]) -> Iterator[None]:
    """Within it the lease is renewed by a thread of its own: an answer may take many calls, and a dead worker is missed
    soon.
    """
    ended = threading.Event()
    thread = threading.Thread(target=_renew, args=(mine, ended), name="inquiry-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _renew(mine: QuerySet[Inquiry], ended: threading.Event) -> None:
    lease = settings.MESHCONSOLE_LEASE_SECONDS
    try:
        while not ended.wait(lease / 3):
            mine.filter(status=InquiryStatus.RUNNING).update(lease_until=now_plus(lease))
    except DatabaseError as error:
        # Then another worker may answer too, and the first answer counts.
        log.warning("the lease of an inquiry could not be renewed: %s", type(error).__name__)
    finally:
        connections.close_all()
