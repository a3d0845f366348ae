"""What raises no alert: findings that are silenced for everybody for a while, and alerts that a person has put away."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models.functions import Now
from django.utils import timezone

from interconnect.domain.refusal import Refused
from interconnect.models import Dismissal, Mesh, Silence
from interconnect.permissions import role_for
from interconnect.services.authority import audited, require
from meshconsole.text import shows_nothing

if TYPE_CHECKING:
    from meshconsole.access.actor import Actor

LONGEST = timedelta(days=30)


def silence_add(
    *, actor: Actor, mesh: Mesh, code: str, subjects: Collection[str], until: datetime, reason: str
) -> Silence:
    """Raise no alert for a code until a time. Its findings stay listed.

    `subjects` are `kind/name`; without any, all subjects of the code are meant, later ones too.
    """
    params = {"code": code, "subjects": sorted(subjects), "until": until.isoformat(), "reason": reason}
    with audited(actor, "silence.add", mesh=mesh, subject=code, params=params):
        require(actor, role_for("silence.add"))
        now = timezone.now()
        if not now < until <= now + LONGEST:
            raise Refused.because("silence.until", days=LONGEST.days)
        if shows_nothing(reason):
            raise Refused.because("silence.no-reason")
        return Silence.objects.create(
            mesh=mesh, code=code, subjects=sorted(subjects), until=until, reason=reason.strip(), actor=actor.name
        )


def silence_end(*, actor: Actor, silence: Silence) -> None:
    """End a silence before its time: its findings raise alerts again."""
    params = {"code": silence.code, "subjects": silence.subjects, "reason": silence.reason}
    with audited(actor, "silence.end", mesh=silence.mesh, subject=silence.code, params=params):
        require(actor, role_for("silence.end"))
        open_ones = Silence.objects.filter(id=silence.id, ended_at__isnull=True, until__gt=timezone.now())
        if not open_ones.update(ended_at=Now()):
            raise Refused.because("silence.ended")


def alert_dismiss(*, user_id: int, mesh: Mesh, digest: str) -> None:
    """Put the alert of these critical findings away for one person, until their set changes."""
    Dismissal.objects.update_or_create(user_id=user_id, mesh=mesh, defaults={"digest": digest})
