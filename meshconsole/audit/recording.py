"""The one way to write an audit entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import structlog

from meshconsole.audit.models import Entry
from meshconsole.ops.logging import redact

if TYPE_CHECKING:
    from uuid import UUID

    from meshconsole.access.actor import Actor


def record(
    *,
    actor: Actor,
    action: str,
    outcome: Entry.Outcome,
    scope: str = "",
    subject: str = "",
    params: Mapping[str, Any] | None = None,
    rollout_id: UUID | str = "",
) -> Entry:
    """Add an entry in the caller's transaction, so that nothing rolled back is reported as done.

    A refusal is recorded after the transaction that it ended. Anything in `params` that looks like a secret is removed.
    """
    return Entry.objects.create(
        actor=actor.name,
        user_id=actor.user_id,
        action=action,
        outcome=outcome,
        scope=scope,
        subject=subject[:300],
        params=redact(dict(params or {})),
        rollout_id=str(rollout_id),
        request_id=str(structlog.contextvars.get_contextvars().get("request_id", "")),
    )
