"""Authorization, and the audit entry of every request that changes something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import transaction

from interconnect.domain.refusal import Refused
from interconnect.scope import scope_of
from meshconsole.audit.models import Entry
from meshconsole.audit.recording import record

if TYPE_CHECKING:
    from interconnect.models import Mesh
    from meshconsole.access.actor import Actor
    from meshconsole.access.roles import Role


def require(actor: Actor, role: Role) -> None:
    if not actor.may(role):
        raise Refused.because("role.missing", role=role.slug)


@dataclass
class Request:
    """One audited request; `params` and `rollout_id` may be filled in while it is carried out."""

    params: dict[str, Any] = field(default_factory=dict)
    rollout_id: str = ""


@contextmanager
def audited(
    actor: Actor,
    action: str,
    *,
    mesh: Mesh | None,
    subject: str = "",
    params: Mapping[str, Any] | None = None,
    asks_clusters: bool = False,
) -> Iterator[Request]:
    """Write exactly one audit entry: accepted when the block ends, or refused with the reasons when it raises
    `Refused`.

    What the block stores and the accepted entry are one transaction, unless the block calls clusters: no lock may be
    held while a cluster answers.
    """
    request = Request(dict(params or {}))
    scope = scope_of(mesh.id) if mesh else ""
    name = subject or (mesh.name if mesh else "")
    try:
        with nullcontext() if asks_clusters else transaction.atomic():
            yield request
            record(
                actor=actor,
                action=action,
                scope=scope,
                subject=name,
                outcome=Entry.Outcome.ACCEPTED,
                params=request.params,
                rollout_id=request.rollout_id,
            )
    except Refused as refusal:
        record(
            actor=actor,
            action=action,
            scope=scope,
            subject=name,
            outcome=Entry.Outcome.REFUSED,
            params={**request.params, "reasons": refusal.to_json()},
        )
        raise
