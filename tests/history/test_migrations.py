"""What people have stored with an earlier commit is all there after today's migrations, and today's pages show it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from interconnect.models import Connection, Inquiry, JoinDraft, Mesh, Rollout, RolloutStatus, Step, StepStatus
from meshconsole.access.models import Binding
from meshconsole.audit.models import Entry
from meshconsole.vault import open_sealed, registry
from tests.history.restored import rows_by_table

if TYPE_CHECKING:
    from django.test import Client

    from tests.history.restored import Restored

pytestmark = pytest.mark.django_db
PAGES = (
    "interconnect",
    "topology",
    "clusters",
    "rollouts",
    "checks",
    "activity",
    "members",
    "mesh-settings",
    "mesh-status",
    "join",
)


@pytest.fixture
def browser(old: Restored, client: Client) -> Client:
    """Of the platform's admin, as the database knows it."""
    client.force_login(get_user_model().objects.get(username="admin"))
    return client


def test_no_row_is_lost(old: Restored) -> None:
    after = rows_by_table()
    fewer = {table: (count, after.get(table, 0)) for table, count in old.before.items() if after.get(table, 0) < count}
    assert not fewer


def test_what_was_stored_is_what_a_console_has(old: Restored) -> None:
    """Otherwise the other tests here would prove nothing."""
    assert set(Mesh.objects.values_list("name", flat=True)) == {"legacy", "playground", "storefront"}
    assert Mesh.objects.get(name="storefront").groups.filter(membership__isnull=False).count() == 3
    assert set(Rollout.objects.values_list("status", flat=True)) == {"succeeded", "failed", "cancelled", "running"}
    assert set(Step.objects.values_list("status", flat=True)) >= set(StepStatus.values) - {"skipped"}
    assert set(Entry.objects.values_list("outcome", flat=True)) == set(Entry.Outcome.values)
    assert set(Inquiry.objects.values_list("status", flat=True)) == {"done", "failed", "waiting"}
    assert JoinDraft.objects.get().groups == ["america"]
    assert (
        Binding.objects.filter(user__isnull=False).count() >= 6 and Binding.objects.filter(group__isnull=False).exists()
    )


def test_nothing_is_left_to_migrate_and_the_checks_pass(old: Restored) -> None:
    executor = MigrationExecutor(connection)
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []
    call_command("check", databases=["default"], fail_level="WARNING", stdout=io.StringIO())
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


def test_every_page_answers_and_shows_what_was_stored(browser: Client) -> None:
    urls = {("", "meshes"): reverse("meshes")}
    for mesh in Mesh.objects.all():
        urls |= {(mesh.name, page): reverse(page, kwargs={"name": mesh.name}) for page in PAGES}
        urls |= {
            (mesh.name, found.id): reverse("rollout", kwargs={"name": mesh.name, "rollout_id": found.id})
            for found in mesh.rollouts.all()
        }
    said = {key: browser.get(url) for key, url in urls.items()}
    assert {key: answer.status_code for key, answer in said.items() if answer.status_code != 200} == {}

    text = {key: answer.content.decode() for key, answer in said.items()}
    for mesh in Mesh.objects.all():
        assert mesh.name in text["", "meshes"]
        assert all(cluster.name in text[mesh.name, "clusters"] for cluster in mesh.clusters.all())
        assert all(group.name in text[mesh.name, "interconnect"] for group in mesh.groups.all())
    assert all(name in text["storefront", "members"] for name in ("vera", "omar", "ada", "on call"))
    assert "Running rollout" in text["playground", "interconnect"]


def test_every_credential_opens_with_the_key_it_was_sealed_with(old: Restored) -> None:
    opened = 0
    for column in registry.columns():
        for row in column.model._default_manager.exclude(**{column.field: ""}):
            assert open_sealed(getattr(row, column.field), binding=column.binding_of(row))
            opened += 1
    assert opened > Connection.objects.count() > 15


def test_every_audit_entry_is_still_told_in_words(browser: Client) -> None:
    for mesh in Mesh.objects.all():
        shown = browser.get(reverse("activity", kwargs={"name": mesh.name}))
        entries = Entry.objects.filter(scope__contains=str(mesh.id))
        rows: list[Any] = shown.context["rows"]
        assert {entry.id for entry, *_rest in rows} == set(entries.order_by("-time").values_list("id", flat=True)[:50])
        assert all(words and words != entry.action for entry, words, *_rest in rows)


def test_the_rollout_that_was_running_still_is(old: Restored) -> None:
    running = Rollout.objects.get(status=RolloutStatus.RUNNING)
    held = running.steps.get(status=StepStatus.ACTIVE)
    assert held.lease_owner and held.lease_until is not None
