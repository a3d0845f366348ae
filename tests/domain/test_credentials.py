"""What is said of a credential before it is relied upon."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from interconnect.domain.credentials import Account, expiry, notes
from interconnect.domain.facts import WebhookEntry

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def webhook(path: str) -> WebhookEntry:
    return WebhookEntry("istio-sidecar-injector", "rev.namespace", "url", f"https://istiod.example{path}")


def codes(account: Account, *webhooks: WebhookEntry, name: str = "one") -> list[str]:
    return [note.code for note in notes(account, webhooks, name, NOW)]


def test_an_end_within_thirty_days_is_a_warning() -> None:
    ends = [
        None,
        NOW + timedelta(days=30, seconds=1),
        NOW + timedelta(days=30),
        NOW + timedelta(hours=1),
        NOW,
        NOW - timedelta(days=1),
    ]
    found = [violation and violation.code for violation in (expiry(end, NOW) for end in ends)]
    assert found == [None, None, "credential.ends-soon", "credential.ends-soon", "credential.ended", "credential.ended"]


def test_an_end_is_told_in_utc_to_the_minute() -> None:
    found = expiry(datetime.fromisoformat("2026-06-02T01:30:59+02:00"), NOW)
    assert found is not None
    assert found.params == {"until": "2026-06-01 23:30 UTC"}


def test_istiods_account_is_told_with_its_rights() -> None:
    assert codes(Account()) == []
    assert codes(Account(is_istiods=True)) == ["credential.istiods"]
    account = Account(is_istiods=True, reads_secrets=True, missing=("patch pods",))
    assert codes(account) == ["credential.istiods", "credential.istiods-lacks", "credential.reads-secrets"]
    assert codes(Account(reads_secrets=True, missing=("patch pods",))) == []


def test_a_cluster_that_calls_itself_otherwise_is_a_warning() -> None:
    own, other = webhook("/inject/cluster/one/net/blue"), webhook("/inject/cluster/two/net/blue")
    assert codes(Account(), own) == codes(Account(), webhook("/inject")) == codes(Account(), other, name="") == []
    assert codes(Account(), other) == ["cluster.name.injection"]
    assert codes(Account(), own, other) == []
    assert codes(Account(remote_cluster="two")) == ["cluster.name.secret"]
    assert codes(Account(remote_cluster="one")) == []


def test_fields_that_mean_nothing_are_named() -> None:
    (note,) = notes(Account(ignored=("user.colour",)), (), "one", NOW)
    assert (note.code, note.params) == ("credential.ignored-fields", {"fields": ["user.colour"]})
