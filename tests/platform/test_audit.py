from __future__ import annotations

from uuid import uuid4

import pytest
import structlog
from django.db import transaction
from django.urls import reverse

from meshconsole.access.actor import Actor
from meshconsole.audit.models import AppendOnlyError, Entry
from meshconsole.audit.recording import record

pytestmark = pytest.mark.django_db
CLI = Actor.for_cli("root")


def entry(**values) -> Entry:
    return record(**{"actor": CLI, "action": "group.create", "outcome": Entry.Outcome.ACCEPTED, **values})


def test_an_entry_says_who_what_where_and_how_it_ended() -> None:
    rollout = uuid4()
    entry(scope="mesh:1", subject="blue", params={"clusters": ["member-a"]}, rollout_id=rollout)
    stored = Entry.objects.get()
    assert (stored.actor, stored.action, stored.scope, stored.subject) == ("cli:root", "group.create", "mesh:1", "blue")
    assert (stored.params, stored.outcome, stored.rollout_id) == ({"clusters": ["member-a"]}, "accepted", str(rollout))


def test_an_entry_carries_the_request_it_was_made_in() -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        assert entry().request_id == "r-1"


def test_an_entry_outlives_its_users_account(omar) -> None:
    entry(actor=Actor.for_user(omar, "somewhere"))
    omar.delete()
    stored = Entry.objects.get()
    assert (stored.actor, stored.user_id) == ("omar", None)


def test_secrets_in_parameters_are_left_out() -> None:
    made = entry(params={"kubeconfig": "apiVersion: v1", "note": "Authorization: Bearer abcdefghijkl", "count": 2})
    assert made.params == {"kubeconfig": "[redacted]", "note": "Authorization: [redacted]", "count": 2}


def test_an_entry_cannot_be_saved_again() -> None:
    made = entry()
    made.action = "group.delete"
    with pytest.raises(AppendOnlyError):
        made.save()


def test_an_entry_cannot_be_deleted() -> None:
    with pytest.raises(AppendOnlyError):
        entry().delete()


def test_entries_cannot_be_changed_or_deleted_in_bulk() -> None:
    made = entry()
    with pytest.raises(AppendOnlyError):
        Entry.objects.update(action="x")
    with pytest.raises(AppendOnlyError):
        Entry.objects.filter(pk=made.pk).delete()
    with pytest.raises(AppendOnlyError):
        Entry.objects.bulk_update([made], ["action"])
    with pytest.raises(AppendOnlyError):
        Entry.objects.bulk_create([made], update_conflicts=True, update_fields=["action"], unique_fields=["id"])
    assert Entry.objects.get().action == "group.create"


def test_what_is_rolled_back_leaves_no_entry() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        entry()
        raise ZeroDivisionError
    assert not Entry.objects.exists()


def test_the_admin_shows_entries_and_offers_no_way_to_change_them(admin_client) -> None:
    made = entry(subject="blue")
    assert "blue" in admin_client.get(reverse("admin:audit_entry_changelist")).content.decode()
    assert admin_client.get(reverse("admin:audit_entry_add")).status_code == 403
    assert admin_client.post(reverse("admin:audit_entry_delete", args=[made.pk]), {"post": "yes"}).status_code == 403
    assert admin_client.post(reverse("admin:audit_entry_change", args=[made.pk]), {"action": "x"}).status_code == 403
