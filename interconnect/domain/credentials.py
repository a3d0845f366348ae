"""What to know about a credential before relying on it: when it expires, whose it is, which cluster it is for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from interconnect.domain.injection import clusters_of
from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from interconnect.domain.facts import WebhookEntry

CODES = (
    "credential.ended",
    "credential.ends-soon",
    "credential.istiods",
    "credential.istiods-lacks",
    "credential.reads-secrets",
    "credential.ignored-fields",
    "cluster.name.injection",
    "cluster.name.secret",
)
ENDED, ENDS_SOON = ENDINGS = ("credential.ended", "credential.ends-soon")
SOON = timedelta(days=30)
# with one of these a person should have seen it before anything is stored
GRAVE = frozenset({"credential.ended", "credential.istiods", "cluster.name.injection", "cluster.name.secret"})


@dataclass(frozen=True, slots=True)
class Account:
    """What a check found about a credential.

    `remote_cluster`: the cluster ID in istiod's own Secret, empty if it came from none.
    """

    ends_at: datetime | None = None
    is_istiods: bool = False
    remote_cluster: str = ""
    reads_secrets: bool = False
    missing: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def moment(time: datetime) -> str:
    """Return a time as messages show it, to the minute and in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def expiry(ends_at: datetime | None, now: datetime) -> Violation | None:
    """Return that a credential has expired, or will within 30 days."""
    if ends_at is None or ends_at - now > SOON:
        return None
    return Violation(ENDED if ends_at <= now else ENDS_SOON, {"until": moment(ends_at)})


def notes(account: Account, webhooks: Iterable[WebhookEntry], name: str, now: datetime) -> tuple[Violation, ...]:
    """Return all notes about a credential for the cluster `name` (empty for a control plane, which has no name
    here).
    """
    found = [*_of_istiod(account), expiry(account.ends_at, now)]
    if name:
        found += [*_of_another(account, webhooks, name)]
    if account.ignored:
        found.append(Violation("credential.ignored-fields", {"fields": list(account.ignored)}))
    return tuple(note for note in found if note)


def _of_istiod(account: Account) -> Iterator[Violation]:
    if not account.is_istiods:
        return
    yield Violation("credential.istiods")
    if account.missing:
        yield Violation("credential.istiods-lacks", {"count": len(account.missing), "missing": list(account.missing)})
    if account.reads_secrets:
        yield Violation("credential.reads-secrets")


def _of_another(account: Account, webhooks: Iterable[WebhookEntry], name: str) -> Iterator[Violation]:
    """The cluster itself, or istiod's Secret, knows it by another ID than the one that was typed."""
    injected = sorted(clusters_of(webhooks))
    if injected and name not in injected:
        yield Violation("cluster.name.injection", {"name": name, "found": injected})
    if account.remote_cluster and account.remote_cluster != name:
        yield Violation("cluster.name.secret", {"name": name, "found": account.remote_cluster})
