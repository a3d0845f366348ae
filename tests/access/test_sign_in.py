"""One door for everybody: how often a password may be guessed, and who is not held up by the guesses of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests.conftest import person

pytestmark = pytest.mark.django_db
PROXY = "172.30.77.9"
ATTACKER, HOME, OFFICE = "203.0.113.7", "198.51.100.20", "192.0.2.33"


@pytest.fixture(autouse=True)
def counted_anew() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """It stands still: the shortest wait is a second, and a machine may stall for longer than that."""
    with time_machine.travel("2026-11-01 12:00", tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def behind_a_proxy(settings: Any) -> None:
    settings.MESHCONSOLE_TRUSTED_PROXIES = ["172.30.77.0/24"]


@pytest.fixture
def owner(db: None) -> Any:
    return person("olga", None, "somewhere")


def attempt(
    address: str, name: str = "olga", password: str = "wrong", client: Client | None = None, **headers: str
) -> Any:
    asked = client or Client()
    extra = {f"HTTP_{key.upper()}": value for key, value in headers.items()}
    form = {"login": name, "password": password}
    return asked.post(reverse("account_login"), form, REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR=address, **extra)


def right(address: str, **options: Any) -> Any:
    return attempt(address, password="password of olga", **options)


def guess_until_held_up(address: str, most: int = 60, **options: Any) -> Any:
    for _ in range(most):
        answer = attempt(address, **options)
        if answer.status_code == 429:
            return answer
    raise AssertionError(f"{most} guesses in a row")


def test_guessing_is_slowed_down_after_five_failures(owner: Any) -> None:
    answers = [attempt(ATTACKER).status_code for _ in range(6)]
    assert answers == [422] * 6
    held_up = attempt(ATTACKER)
    assert held_up.status_code == 429
    assert 1 <= int(held_up.headers["Retry-After"]) <= 2
    assert b"Try again in" in held_up.content


def test_the_right_password_is_not_looked_at_too_soon(owner: Any) -> None:
    guess_until_held_up(ATTACKER)
    assert right(ATTACKER).status_code == 429


def test_a_wait_ends_and_never_exceeds_a_minute(owner: Any, clock: time_machine.Traveller) -> None:
    for _ in range(20):
        answer = guess_until_held_up(ATTACKER)
        assert int(answer.headers["Retry-After"]) <= 60
        clock.shift(60)
    assert right(ATTACKER).status_code == 302


def test_guesses_from_elsewhere_do_not_hold_up_the_owner(owner: Any) -> None:
    guess_until_held_up(ATTACKER)
    assert right(HOME).status_code == 302


def test_a_known_browser_passes_beside_one_that_guesses(owner: Any) -> None:
    browser = Client()
    assert right(OFFICE, client=browser).status_code == 302
    browser.post(reverse("account_logout"))
    guess_until_held_up(OFFICE)
    assert right(OFFICE, client=browser).status_code == 302


def test_a_known_browser_is_known_after_the_dialog_too(owner: Any) -> None:
    browser = Client()
    assert right(OFFICE, client=browser, hx_request="true").status_code == 204
    assert browser.cookies["device"]["httponly"]


def test_a_known_browser_has_a_limit_of_its_own(owner: Any) -> None:
    browser = Client()
    right(OFFICE, client=browser)
    browser.post(reverse("account_logout"))
    assert guess_until_held_up(OFFICE, client=browser).status_code == 429


def test_a_browser_is_known_for_its_own_names_only(owner: Any) -> None:
    person("mallory", None, "somewhere")
    browser = Client()
    assert attempt(OFFICE, "mallory", "password of mallory", browser).status_code == 302
    browser.post(reverse("account_logout"))
    guess_until_held_up(OFFICE)
    assert right(OFFICE, client=browser).status_code == 429


def test_a_forged_device_cookie_is_worth_nothing(owner: Any) -> None:
    browser = Client()
    browser.cookies["device"] = "eyJpZCI6ImEiLCJuYW1lcyI6W119:1abc:forged"
    assert guess_until_held_up(ATTACKER, client=browser).status_code == 429


def test_one_address_that_tries_many_names_is_slowed_down(owner: Any) -> None:
    statuses = [attempt(ATTACKER, f"name{number}").status_code for number in range(40)]
    assert 429 in statuses
    assert right(HOME).status_code == 302


def test_colleagues_behind_one_proxy_are_counted_apart(owner: Any) -> None:
    for number in range(40):
        attempt(ATTACKER, f"name{number}")
    assert attempt(OFFICE).status_code == 422


@pytest.mark.parametrize("name", ["OLGA", " olga ", "ｏｌｇａ", "оlgа", "ólga"])
def test_another_spelling_is_the_same_name(owner: Any, name: str) -> None:
    guess_until_held_up(ATTACKER)
    assert attempt(ATTACKER, name).status_code == 429


def test_an_ipv6_address_counts_with_its_64(owner: Any) -> None:
    for number in range(7):
        attempt(f"2001:db8:1:2::{number}")
    assert attempt("2001:db8:1:2:ffff::1").status_code == 429
    assert attempt("2001:db8:1:3::1").status_code == 422


def test_a_client_without_a_proxy_cannot_choose_its_address(owner: Any) -> None:
    form = {"login": "olga", "password": "x"}
    answers = [
        Client().post("/sign-in/", form, REMOTE_ADDR=ATTACKER, HTTP_X_FORWARDED_FOR=f"192.0.2.{n}") for n in range(7)
    ]
    assert answers[-1].status_code == 429


def test_a_client_behind_a_proxy_cannot_choose_its_address(owner: Any) -> None:
    statuses = [attempt(f"192.0.2.{number}, {ATTACKER}").status_code for number in range(7)]
    assert statuses[-1] == 429


def test_signing_in_rightly_does_not_clear_an_address(owner: Any) -> None:
    person("mallory", None, "somewhere")
    for number in range(35):
        attempt(ATTACKER, f"name{number}")
    attempt(ATTACKER, "mallory", "password of mallory")
    assert attempt(ATTACKER, "another").status_code == 429


def test_signing_in_rightly_many_times_is_not_slowed_down(owner: Any) -> None:
    assert {right(OFFICE).status_code for _ in range(40)} == {302}


def test_the_admin_has_no_sign_in_of_its_own(admin_user: Any) -> None:
    form = {"username": "admin", "password": "password", "this_is_the_login_form": "1"}
    answer = Client().post("/admin/login/?next=/admin/", form)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in/?next=%2Fadmin%2F")
    assert Client().get("/admin/login/").headers["Location"].startswith("/sign-in/")


def test_who_has_signed_in_guesses_at_no_other_account_in_the_admin(admin_client: Client, owner: Any) -> None:
    form = {"username": owner.username, "password": "guess", "this_is_the_login_form": "1", "next": "/admin/"}
    answer = admin_client.post("/admin/login/", form)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")


def test_the_admin_is_reached_by_the_consoles_sign_in(admin_user: Any) -> None:
    browser = Client()
    answer = browser.post("/sign-in/?next=/admin/", {"login": "admin", "password": "password", "next": "/admin/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")
    assert browser.get("/admin/").status_code == 200


def test_the_admin_turns_away_people_without_its_right(owner: Any) -> None:
    browser = Client()
    browser.force_login(owner)
    assert browser.get("/admin/", follow=True).status_code == 403


def test_the_old_password_cannot_be_guessed_in_the_admin(admin_client: Client) -> None:
    form = {"old_password": "wrong", "new_password1": "a long new one!", "new_password2": "a long new one!"}
    statuses = [admin_client.post("/admin/password_change/", form).status_code for _ in range(13)]
    assert (statuses[0], statuses[-1]) == (200, 429)


def test_a_failed_sign_in_leaves_a_line_in_the_log(owner: Any, caplog: pytest.LogCaptureFixture) -> None:
    attempt(ATTACKER)
    attempt(ATTACKER, name="hunter2-typed-in-the-wrong-field")
    said = [record.getMessage() for record in caplog.records if "sign_in_failed" in record.getMessage()]
    assert len(said) == 2
    assert ATTACKER in said[0] and "olga" in said[0]
    assert "hunter2" not in said[1]


def test_a_deactivated_account_answers_like_a_wrong_password(owner: Any) -> None:
    get_user_model().objects.filter(pk=owner.pk).update(is_active=False)
    assert right(HOME).status_code == 422
