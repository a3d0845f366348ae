"""Questions to clusters that pages ask: stored, answered by a worker, polled, and dropped after a quarter of an hour.

A kind of question is a function from the inquiry to its result (plain JSON); what it refuses is stored as codes with
parameters and worded when shown. The rows are the queue: a bell has a worker answer whatever has its turn
(`interconnect.domain.asking`), and equal questions that wait are answered together.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connections, transaction
from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import salted_hmac

from interconnect import clients
from interconnect.domain.asking import WINDOW_MINUTES, Load, Question, may_ask, next_turn
from interconnect.domain.json_types import Json
from interconnect.domain.refusal import Refused
from interconnect.kube.errors import KubeError
from interconnect.kube.patience import patience
from interconnect.models import CheckAttempt, Inquiry, InquiryStatus, Mesh
from interconnect.rollouts.bell import somebody_listens
from interconnect.rollouts.clock import now_plus
from meshconsole.vault import VaultError, open_sealed, seal

if TYPE_CHECKING:
    from interconnect.domain.violations import Violation

log = logging.getLogger(__name__)

Answer = Callable[[Inquiry], Json]

KEPT = timedelta(minutes=WINDOW_MINUTES)
MOST_KEPT = 5
# The kind of what its asker has dropped while it was being answered.
DROPPED = "dropped"
# Busy servers are waited for so long in all while one question is answered.
PATIENCE_SECONDS = 60.0
OPEN = (InquiryStatus.WAITING, InquiryStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Kind:
    """`shared`: everybody in the mesh gets the same answer. `check`: a credential that nobody knows yet is tried. What
    is not `capped` is limited in another way.
    """

    answer: Answer
    shared: bool = False
    check: bool = False
    capped: bool = True


_kinds: dict[str, Kind] = {}


def answers(kind: str, *, shared: bool = False, check: bool = False, capped: bool = True) -> Callable[[Answer], Answer]:
    """Registers the function that answers questions of this kind."""

    def register(function: Answer) -> Answer:
        _kinds[kind] = Kind(function, shared, check, capped)
        return function

    return register


def inquiry_start(
    *, user_id: int, kind: str, mesh: Mesh | None = None, params: Mapping[str, Any] | None = None, secret: str = ""
) -> Inquiry:
    """Ask; `secret` is sealed. The caller has checked that the user may ask.

    The same question of the same person that waits already is returned instead; one too many is stored as failed, with
    the reason.
    """
    _forget_old()
    digest = _digest(kind, mesh, params or {}, secret, user_id)
    with transaction.atomic():
        # Locked: requests that come together are counted one after the other.
        list(get_user_model().objects.select_for_update(no_key=True).filter(id=user_id))
        same = Inquiry.objects.filter(digest=digest, user_id=user_id, status=InquiryStatus.WAITING).first()
        if same is not None:
            return same
        inquiry = _made(user_id, kind, mesh, params, secret)
        refused = _why_not(inquiry)
        if refused:
            inquiry.status, inquiry.errors = InquiryStatus.FAILED, Refused([refused]).to_json()
        else:
            inquiry.digest = digest
            transaction.on_commit(ring)
        inquiry.save()
        if inquiry.digest and _kinds[kind].check:
            CheckAttempt.objects.create(user_id=user_id, inquiry=inquiry.id)
        _prune_unasked(user_id, kind)
    return inquiry


def inquiry_again(*, inquiry: Inquiry, params: Mapping[str, Any]) -> None:
    """Ask the same once more, with other parameters; until it is answered there is no answer."""
    again: Json = {
        "status": InquiryStatus.WAITING,
        "params": dict(params),
        "result": {},
        "errors": [],
        "ended_at": None,
    }
    again["asked_at"] = timezone.now()
    again["digest"] = _digest(inquiry.kind, inquiry.mesh, params, secret_of(inquiry), inquiry.user_id)
    with transaction.atomic():
        Inquiry.objects.filter(id=inquiry.id).update(**again)
        transaction.on_commit(ring)


def inquiry_keep(*, user_id: int, kind: str, mesh: Mesh | None, params: Mapping[str, Any], secret: str) -> Inquiry:
    """Something of the person's to come back to, sealed: nothing is asked."""
    _forget_old()
    inquiry = _made(user_id, kind, mesh, params, secret)
    inquiry.status = InquiryStatus.DONE
    inquiry.save()
    _prune_unasked(user_id, kind)
    return inquiry


def _made(user_id: int, kind: str, mesh: Mesh | None, params: Mapping[str, Any] | None, secret: str) -> Inquiry:
    inquiry = Inquiry(user_id=user_id, kind=kind, mesh=mesh, params=dict(params or {}))
    inquiry.sealed = seal(secret.encode(), binding=binding_of(inquiry)) if secret else ""
    return inquiry


def _digest(kind: str, mesh: Mesh | None, params: Mapping[str, Any], secret: str, user_id: int) -> str:
    """Equal for questions that have one answer; keyed, since there may be a credential in it."""
    asker = None if _kinds[kind].shared else user_id
    said = json.dumps([kind, str(mesh.id) if mesh else "", params, secret, asker], sort_keys=True, default=str)
    return salted_hmac("interconnect.inquiry", said, algorithm="sha256").hexdigest()


def _why_not(inquiry: Inquiry) -> Violation | None:
    kind = _kinds[inquiry.kind]
    if not kind.capped:
        return None
    opened = Inquiry.objects.filter(status__in=OPEN)
    tried = CheckAttempt.objects.filter(user_id=inquiry.user_id, at__gte=timezone.now() - KEPT)
    load = Load(
        own=opened.filter(user_id=inquiry.user_id).count(),
        mesh=opened.filter(mesh=inquiry.mesh).count(),
        failed_checks=tried.count() if kind.check else 0,
    )
    return may_ask(load, check=kind.check)


def _prune_unasked(user_id: int, kind: str) -> None:
    """Of what is kept or was refused only the last few: whoever repeats it does not fill the database."""
    unasked = (
        Inquiry.objects.filter(user_id=user_id, kind=kind, digest="").exclude(status__in=OPEN).order_by("-asked_at")
    )
    Inquiry.objects.filter(id__in=[each.id for each in unasked.only("id")[MOST_KEPT:]]).delete()


def _forget_old() -> None:
    before = timezone.now() - KEPT
    Inquiry.objects.filter(asked_at__lt=before).delete()
    CheckAttempt.objects.filter(at__lt=before).delete()


def inquiry_of(*, inquiry_id: UUID, user_id: int) -> Inquiry | None:
    """The user's own inquiry, as long as it is kept; what was sealed in it is lost with its key."""
    kept = Inquiry.objects.filter(user_id=user_id, asked_at__gte=timezone.now() - KEPT).exclude(kind=DROPPED)
    found = kept.filter(id=inquiry_id).select_related("mesh").first()
    try:
        secret_of(found) if found else None
    except Refused:
        return None
    return found


def inquiry_drop(*, inquiry: Inquiry) -> None:
    """It and its secret are gone; but one that is being answered counts as such until its thread is free."""
    row = Inquiry.objects.filter(id=inquiry.id)
    if not row.filter(status=InquiryStatus.RUNNING, lease_until__gte=Now()).update(kind=DROPPED, sealed="", params={}):
        row.delete()


def secret_of(inquiry: Inquiry) -> str:
    """Raises Refused when its key is gone."""
    try:
        return open_sealed(inquiry.sealed, binding=binding_of(inquiry)).decode() if inquiry.sealed else ""
    except VaultError:
        raise Refused.because("inquiry.unreadable") from None


def binding_of(inquiry: Inquiry) -> str:
    return f"inquiry:{inquiry.id}"


def ring() -> None:
    """Only a bell: the sweep finds what nobody has heard."""
    if not somebody_listens():
        return
    try:
        current_app.send_task("interconnect.tasks.answer", queue="question", retry=False, ignore_result=True)
    except Exception as error:
        # Whatever the broker's client raises: the question is in the database, and the sweep rings again.
        log.warning("the broker is away, the sweep will find the inquiry: %s", type(error).__name__)


def due() -> Q:
    return Q(status=InquiryStatus.WAITING) | (Q(status=InquiryStatus.RUNNING, lease_until__lt=Now()) & ~Q(kind=DROPPED))


@cache
def _hands() -> threading.BoundedSemaphore:
    """This process's threads for questions."""
    return threading.BoundedSemaphore(settings.MESHCONSOLE_THREADS_EACH)


def answer_next() -> None:
    """Answer the question that has its turn, if there is one and a thread for it; then ring for the next.

    Whoever finds all threads taken leaves: each of them rings when it is through.
    """
    if not _hands().acquire(blocking=False):
        return
    try:
        # Whoever was quicker has taken it: then it is the next one's turn.
        while (turn := _next()) is not None and not answer(UUID(turn.id)):
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


def answer(inquiry_id: UUID) -> bool:
    """Answer it, and with it equal ones that wait; False when somebody else is doing so."""
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
        outcome = _outcome(inquiry)
    mine.filter(kind=DROPPED).delete()
    mine.filter(status=InquiryStatus.RUNNING).update(ended_at=Now(), lease_until=None, **outcome)
    if outcome["status"] == InquiryStatus.DONE:
        CheckAttempt.objects.filter(inquiry__in=held).delete()
    return True


def _take(inquiry_id: UUID) -> bool:
    lease = now_plus(settings.MESHCONSOLE_LEASE_SECONDS)
    return bool(Inquiry.objects.filter(due(), id=inquiry_id).update(status=InquiryStatus.RUNNING, lease_until=lease))


def _outcome(inquiry: Inquiry) -> Json:
    try:
        return {"status": InquiryStatus.DONE, "result": _kinds[inquiry.kind].answer(inquiry)}
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


def sweep() -> None:
    """Ring again for what was not heard, as often as one worker could answer, and drop what is old."""
    _forget_old()
    for _ in range(min(Inquiry.objects.filter(due()).count(), settings.MESHCONSOLE_THREADS_EACH)):
        ring()
