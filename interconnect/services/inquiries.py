"""Questions to clusters that pages ask: stored, answered by a worker (`answering`), polled, and dropped after a quarter
of an hour.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import salted_hmac

from interconnect.domain.asking import WINDOW_MINUTES, Load, may_ask
from interconnect.domain.json_types import Json
from interconnect.domain.refusal import Refused
from interconnect.models import CheckAttempt, Inquiry, InquiryStatus, Mesh
from interconnect.rollouts.bell import somebody_listens
from meshconsole.vault import VaultError, open_sealed, seal

if TYPE_CHECKING:
    from interconnect.domain.violations import Violation

log = logging.getLogger(__name__)


KEPT = timedelta(minutes=WINDOW_MINUTES)
MOST_KEPT = 5
# The kind of what its asker has dropped while it was being answered.
DROPPED = "dropped"
OPEN = (InquiryStatus.WAITING, InquiryStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of question. `shared`: everybody in the mesh gets the same answer. `check`: it tries a credential that
    isn't stored yet. Kinds that aren't `capped` are limited in another way.
    """

    name: str
    shared: bool = False
    check: bool = False
    capped: bool = True


def inquiry_start(
    *, user_id: int, kind: Kind, mesh: Mesh | None = None, params: Mapping[str, Any] | None = None, secret: str = ""
) -> Inquiry:
    """Ask a question; `secret` is sealed. The caller has checked that the user may ask.

    If the same question of the same person already waits, that one is returned. One too many is stored as failed, with
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
        inquiry = _made(user_id, kind.name, mesh, params, secret)
        refused = _why_not(inquiry, kind)
        if refused:
            inquiry.status, inquiry.errors = InquiryStatus.FAILED, Refused([refused]).to_json()
        else:
            inquiry.digest = digest
            transaction.on_commit(ring)
        inquiry.save()
        if inquiry.digest and kind.check:
            CheckAttempt.objects.create(user_id=user_id, inquiry=inquiry.id)
        _prune_unasked(user_id, kind.name)
    return inquiry


def inquiry_again(*, inquiry: Inquiry, kind: Kind, params: Mapping[str, Any]) -> None:
    """Ask the question again with other parameters. Its answer is empty until then."""
    again: Json = {
        "status": InquiryStatus.WAITING,
        "params": dict(params),
        "result": {},
        "errors": [],
        "ended_at": None,
    }
    again["asked_at"] = timezone.now()
    again["digest"] = _digest(kind, inquiry.mesh, params, secret_of(inquiry), inquiry.user_id)
    with transaction.atomic():
        Inquiry.objects.filter(id=inquiry.id).update(**again)
        transaction.on_commit(ring)


def inquiry_keep(*, user_id: int, kind: str, mesh: Mesh | None, params: Mapping[str, Any], secret: str) -> Inquiry:
    """Store something of a person's for later, sealed; no cluster is asked."""
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


def _digest(kind: Kind, mesh: Mesh | None, params: Mapping[str, Any], secret: str, user_id: int) -> str:
    """Equal for questions that have one answer; keyed, since there may be a credential in it."""
    asker = None if kind.shared else user_id
    said = json.dumps([kind.name, str(mesh.id) if mesh else "", params, secret, asker], sort_keys=True, default=str)
    return salted_hmac("interconnect.inquiry", said, algorithm="sha256").hexdigest()


def _why_not(inquiry: Inquiry, kind: Kind) -> Violation | None:
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
    """Keep only the last few of those kept or refused, so that repeating a question does not fill the database."""
    unasked = (
        Inquiry.objects.filter(user_id=user_id, kind=kind, digest="").exclude(status__in=OPEN).order_by("-asked_at")
    )
    Inquiry.objects.filter(id__in=[each.id for each in unasked.only("id")[MOST_KEPT:]]).delete()


def _forget_old() -> None:
    before = timezone.now() - KEPT
    Inquiry.objects.filter(asked_at__lt=before).delete()
    CheckAttempt.objects.filter(at__lt=before).delete()


def inquiry_of(*, inquiry_id: UUID, user_id: int) -> Inquiry | None:
    """Return the user's own inquiry while it is kept. Its sealed part is lost when the key is."""
    kept = Inquiry.objects.filter(user_id=user_id, asked_at__gte=timezone.now() - KEPT).exclude(kind=DROPPED)
    found = kept.filter(id=inquiry_id).select_related("mesh").first()
    try:
        secret_of(found) if found else None
    except Refused:
        return None
    return found


def inquiry_drop(*, inquiry: Inquiry) -> None:
    """Delete the inquiry and its secret. One that is being answered still counts until its thread is free."""
    row = Inquiry.objects.filter(id=inquiry.id)
    if not row.filter(status=InquiryStatus.RUNNING, lease_until__gte=Now()).update(kind=DROPPED, sealed="", params={}):
        row.delete()


def secret_of(inquiry: Inquiry) -> str:
    """Return the secret of the inquiry. Raises Refused when its key is gone."""
    try:
        return open_sealed(inquiry.sealed, binding=binding_of(inquiry)).decode() if inquiry.sealed else ""
    except VaultError:
        raise Refused.because("inquiry.unreadable") from None


def binding_of(inquiry: Inquiry) -> str:
    return f"inquiry:{inquiry.id}"


def ring() -> None:
    """Tell the workers that an inquiry waits. This is only a hint: the sweep finds inquiries whose message was lost."""
    if not somebody_listens():
        return
    try:
        current_app.send_task("interconnect.tasks.answer", queue="question", retry=False, ignore_result=True)
    except Exception as error:
        # Whatever the broker's client raises: the question is in the database, and the sweep rings again.
        log.warning("the broker is away, the sweep will find the inquiry: %s", type(error).__name__)


def due() -> Q:
    return Q(status=InquiryStatus.WAITING) | (Q(status=InquiryStatus.RUNNING, lease_until__lt=Now()) & ~Q(kind=DROPPED))


def sweep() -> None:
    """Ring again for questions whose message was lost, as often as one worker could answer, and delete old ones."""
    _forget_old()
    for _ in range(min(Inquiry.objects.filter(due()).count(), settings.MESHCONSOLE_THREADS_EACH)):
        ring()
