"""Questions to clusters that pages ask: stored, answered by a worker, polled, and dropped after a quarter of an hour.

A kind of question is a function from the inquiry to its result (plain JSON); what it refuses is stored as codes with
parameters and worded when shown.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from interconnect.kube.errors import KubeError
from interconnect.models import Inquiry, InquiryStatus, Mesh
from interconnect.rollouts.bell import somebody_listens
from interconnect.rollouts.clock import now_plus
from interconnect.services.refusal import Refused
from meshconsole.vault import open_sealed, seal

log = logging.getLogger(__name__)

Json = dict[str, Any]
Answer = Callable[[Inquiry], Json]

KEPT = timedelta(minutes=15)
_answers: dict[str, Answer] = {}


def answers(kind: str) -> Callable[[Answer], Answer]:
    """Registers the function that answers questions of this kind."""

    def register(function: Answer) -> Answer:
        _answers[kind] = function
        return function

    return register


def inquiry_start(
    *, user_id: int, kind: str, mesh: Mesh | None = None, params: Mapping[str, Any] | None = None, secret: str = ""
) -> Inquiry:
    """Ask; `secret` is sealed. The caller has checked that the user may ask."""
    Inquiry.objects.filter(asked_at__lt=timezone.now() - KEPT).delete()
    with transaction.atomic():
        inquiry = Inquiry(user_id=user_id, kind=kind, mesh=mesh, params=dict(params or {}))
        inquiry.sealed = seal(secret.encode(), binding=binding_of(inquiry)) if secret else ""
        inquiry.save()
        transaction.on_commit(lambda: ring(inquiry.id))
    return inquiry


def inquiry_again(*, inquiry: Inquiry, params: Mapping[str, Any]) -> None:
    """Ask the same once more, with other parameters; until it is answered there is no answer."""
    again: Json = {"status": InquiryStatus.WAITING, "params": dict(params), "result": {}, "errors": [], "ended_at": None}
    with transaction.atomic():
        Inquiry.objects.filter(id=inquiry.id).update(**again)
        transaction.on_commit(lambda: ring(inquiry.id))


def inquiry_of(*, inquiry_id: UUID, user_id: int) -> Inquiry | None:
    """The user's own inquiry, as long as it is kept."""
    return Inquiry.objects.filter(id=inquiry_id, user_id=user_id, asked_at__gte=timezone.now() - KEPT).select_related("mesh").first()


def inquiry_drop(*, inquiry: Inquiry) -> None:
    Inquiry.objects.filter(id=inquiry.id).delete()


def secret_of(inquiry: Inquiry) -> str:
    return open_sealed(inquiry.sealed, binding=binding_of(inquiry)).decode() if inquiry.sealed else ""


def binding_of(inquiry: Inquiry) -> str:
    return f"inquiry:{inquiry.id}"


def ring(inquiry_id: UUID) -> None:
    """Only a bell: the sweep finds what nobody has heard."""
    if not somebody_listens():
        return
    try:
        current_app.send_task("interconnect.tasks.answer", args=(str(inquiry_id),), queue="probe", retry=False, ignore_result=True)
    except Exception as error:
        # Whatever the broker's client raises: the question is in the database, and the sweep rings again.
        log.warning("the broker is away, the sweep will find the inquiry: %s", type(error).__name__)


def due() -> Q:
    return Q(status=InquiryStatus.WAITING) | Q(status=InquiryStatus.RUNNING, lease_until__lt=Now())


def answer(inquiry_id: UUID) -> None:
    """Answer it, if nobody else is doing so."""
    mine = Inquiry.objects.filter(id=inquiry_id)
    if not mine.filter(due()).update(status=InquiryStatus.RUNNING, lease_until=now_plus(settings.MESHCONSOLE_LEASE_SECONDS)):
        return
    inquiry = mine.select_related("mesh", "mesh__control_plane", "mesh__config").get()
    try:
        with _lease_kept(mine):
            outcome: Json = {"status": InquiryStatus.DONE, "result": _answers[inquiry.kind](inquiry)}
    except Refused as refused:
        errors = [{"code": each.code, "params": dict(each.params), "token": each.token} for each in refused.violations]
        outcome = {"status": InquiryStatus.FAILED, "errors": errors}
    except KubeError as error:
        params = {**error.params, "said": error.evidence}
        outcome = {"status": InquiryStatus.FAILED, "errors": [{"code": f"kube.{error.code}", "params": params, "token": ""}]}
    except Exception as error:
        log.exception("an inquiry of kind %s failed unexpectedly", inquiry.kind)
        outcome = {
            "status": InquiryStatus.FAILED,
            "errors": [{"code": "step.internal", "params": {"error": type(error).__name__}, "token": ""}],
        }
    mine.filter(status=InquiryStatus.RUNNING).update(ended_at=Now(), lease_until=None, **outcome)


@contextmanager
def _lease_kept(mine: QuerySet[Inquiry]) -> Iterator[None]:
    """Within it the lease is renewed by a thread of its own: an answer may take many calls, and a dead worker is missed soon."""
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
    """Ring again for what was not heard, and drop what is old."""
    Inquiry.objects.filter(asked_at__lt=timezone.now() - KEPT).delete()
    for inquiry_id in Inquiry.objects.filter(due()).values_list("id", flat=True):
        ring(inquiry_id)
