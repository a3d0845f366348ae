"""What holds for every account: names that are told apart, a superuser that stays, passwords that are no word of a
list.
"""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import ProtectedError
from django.test import Client
from django.urls import reverse

from meshconsole.access.checks import names_are_told_apart
from meshconsole.access.names import mixes_alphabets, skeleton

ALIKE = ["admın", "Admin", "ADMIN", "ａｄｍｉｎ", "аdmin", "adm1n", "admln", "ádmin", "a\u200bdmin", "adrnin"]
NEW_PASSWORD = "a long one, and no word of a list"


@pytest.fixture
def root(db: None) -> Any:
    return get_user_model().objects.create_superuser(username="admin", password=NEW_PASSWORD)


@pytest.fixture
def admin_site(root: Any) -> Client:
    client = Client()
    client.force_login(root)
    return client


@pytest.mark.parametrize("name", ALIKE)
def test_names_that_look_alike_have_one_skeleton(name: str) -> None:
    assert skeleton(name) == skeleton("admin")


def test_names_that_look_different_have_two_skeletons() -> None:
    assert (
        len(
            {
                skeleton(name)
                for name in ("ada", "omar", "vera", "admin", "admins", "张伟", "ops-1", "ops-2", "müller", "oмск")
            }
        )
        == 10
    )


def test_alphabets_that_nobody_mixes_are_noticed() -> None:
    assert [mixes_alphabets(name) for name in ("аdmin", "αdmin", "张伟ops", "омск", "müller-2", "ops.1")] == [
        True,
        True,
        *[False] * 4,
    ]


@pytest.mark.parametrize("name", ["admın", "Admin"])
def test_no_account_is_made_beside_one_that_looks_alike(root: Any, name: str) -> None:
    with pytest.raises(ValidationError, match="looks like “admin”"):
        get_user_model().objects.create_user(username=name, password=NEW_PASSWORD)


def test_the_admin_refuses_a_name_that_looks_alike_and_keeps_the_form(admin_site: Client) -> None:
    form = {"username": "admın", "usable_password": "true", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    answer = admin_site.post(reverse("admin:auth_user_add"), form)
    assert answer.status_code == 200
    assert "This name looks like “admin”. Choose another one." in answer.content.decode()
    assert 'value="admın"' in answer.content.decode()


def test_the_command_line_refuses_a_name_that_looks_alike(root: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", NEW_PASSWORD)
    with pytest.raises(CommandError, match="looks like “admin”"):
        call_command("createsuperuser", "--noinput", "--username", "admın", "--email", "", stdout=StringIO())


def test_a_person_may_be_renamed_in_other_case(root: Any) -> None:
    root.username = "Admin"
    root.save()
    assert get_user_model().objects.get().username == "Admin"


def test_a_check_names_accounts_that_look_alike(root: Any) -> None:
    assert names_are_told_apart(None, ["default"]) == []
    get_user_model().objects.bulk_create([get_user_model()(username="admın")])
    (found,) = names_are_told_apart(None, ["default"])
    assert (found.id, "admin, admın" in found.msg) == ("meshconsole.W002", True)


def change(client: Client, user: Any, **flags: str) -> Any:
    form = {"username": user.username, "date_joined_0": "2026-01-01", "date_joined_1": "12:00:00", **flags}
    return client.post(reverse("admin:auth_user_change", args=[user.pk]), form)


@pytest.mark.parametrize("taken", ["is_superuser", "is_active", "is_staff"])
def test_the_admin_keeps_the_last_superuser(admin_site: Client, root: Any, taken: str) -> None:
    kept = {name: "on" for name in ("is_superuser", "is_active", "is_staff") if name != taken}
    answer = change(admin_site, root, **kept)
    assert "This is the last superuser" in answer.content.decode()
    root.refresh_from_db()
    assert getattr(root, taken)


def test_the_admin_lets_a_superuser_go_when_another_stays(admin_site: Client, root: Any) -> None:
    get_user_model().objects.create_superuser(username="second", password=NEW_PASSWORD)
    assert change(admin_site, root, is_active="on", is_staff="on").status_code == 302
    root.refresh_from_db()
    assert not root.is_superuser


def test_the_admin_does_not_delete_the_last_superuser(admin_site: Client, root: Any) -> None:
    page = admin_site.get(reverse("admin:auth_user_delete", args=[root.pk]))
    assert "This is the last superuser" in page.content.decode()
    admin_site.post(reverse("admin:auth_user_delete", args=[root.pk]), {"post": "yes"})
    assert get_user_model().objects.filter(pk=root.pk).exists()


def test_the_admin_does_not_delete_all_superusers_at_once(admin_site: Client, root: Any) -> None:
    other = get_user_model().objects.create_superuser(username="second", password=NEW_PASSWORD)
    form = {"action": "delete_selected", "_selected_action": [root.pk, other.pk], "post": "yes"}
    admin_site.post(reverse("admin:auth_user_changelist"), form)
    assert get_user_model().objects.count() == 2


@pytest.mark.parametrize("taken", ["is_superuser", "is_active", "is_staff"])
def test_no_code_takes_the_last_superuser_away(root: Any, taken: str) -> None:
    setattr(root, taken, False)
    with pytest.raises(ValidationError, match="last superuser"):
        root.save()
    with pytest.raises(ValidationError, match="last superuser"):
        root.save(update_fields=[taken])


def test_no_code_deletes_the_last_superuser(root: Any) -> None:
    with pytest.raises(ProtectedError), transaction.atomic():
        root.delete()
    get_user_model().objects.create_superuser(username="second", password=NEW_PASSWORD)
    with pytest.raises(ProtectedError), transaction.atomic():
        get_user_model().objects.all().delete()
    assert get_user_model().objects.count() == 2


def test_an_inactive_superuser_does_not_count_as_another(root: Any) -> None:
    get_user_model().objects.create_superuser(username="gone", password=NEW_PASSWORD, is_active=False)
    with pytest.raises(ProtectedError):
        root.delete()


def test_others_come_and_go_as_before(root: Any) -> None:
    person = get_user_model().objects.create_user(username="vera", password=NEW_PASSWORD)
    person.is_active = False
    person.save()
    person.delete()


@pytest.mark.parametrize("password", ["admin", "password1234", "administrator"])
def test_production_makes_no_account_with_a_weak_password(
    db: None, settings: Any, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    settings.PRODUCTION = True
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
    with pytest.raises(CommandError, match=r"too (short|common|similar)"):
        call_command("createsuperuser", "--noinput", "--username", "administrator", "--email", "", stdout=StringIO())
    assert not get_user_model().objects.exists()


def test_production_takes_no_weak_password_from_a_script(root: Any, settings: Any) -> None:
    settings.PRODUCTION = True
    root.set_password("admin")
    with pytest.raises(ValidationError):
        root.save()
