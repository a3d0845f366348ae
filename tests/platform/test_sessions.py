"""A session ends after a working day, and after an hour in which nobody used it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db
HOUR = 3600


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel("2026-11-01 08:00", tick=False) as clock:
        yield clock


@pytest.fixture
def browser(clock: Any, vera: Any) -> Client:
    client = Client()
    client.force_login(vera)
    return client


def signed_in(browser: Client, **headers: str) -> bool:
    return browser.get(reverse("meshes"), headers=headers).status_code == 200


def test_a_session_that_nobody_uses_ends_after_an_hour(browser: Client, clock: Any) -> None:
    clock.shift(HOUR - 1)
    assert signed_in(browser)
    clock.shift(HOUR)
    assert not signed_in(browser)
    assert not Session.objects.exists()


def test_what_a_page_asks_by_itself_is_no_use(browser: Client, clock: Any) -> None:
    for _ in range(3):
        assert signed_in(browser, **{"X-Poll": "1", "HX-Request": "true"})
        clock.shift(HOUR / 3)
    answer = browser.get(reverse("meshes"), headers={"X-Poll": "1", "HX-Request": "true"})
    assert answer.status_code == 401


def test_a_session_in_use_ends_after_twelve_hours(browser: Client, clock: Any) -> None:
    for _ in range(23):
        clock.shift(HOUR / 2)
        assert signed_in(browser)
    clock.shift(HOUR / 2)
    assert not signed_in(browser)


def test_a_session_from_before_the_limits_has_ended(browser: Client) -> None:
    session = browser.session
    del session["used_at"], session["begun_at"]
    session.save()
    assert not signed_in(browser)


def test_the_limits_are_settings(browser: Client, clock: Any, settings: Any) -> None:
    settings.MESHCONSOLE_SESSION_IDLE_SECONDS = 60
    clock.shift(61)
    assert not signed_in(browser)


def test_use_is_noted_once_a_minute_and_not_at_each_page(
    browser: Client, clock: Any, django_assert_max_num_queries: Any
) -> None:
    signed_in(browser)
    with django_assert_max_num_queries(50) as asked:
        clock.shift(5)
        assert signed_in(browser)
    assert not [query for query in asked if "UPDATE" in query["sql"] and "session" in query["sql"]]


def test_the_cookie_lasts_no_longer_than_the_session(vera: Any) -> None:
    answer = Client().post(reverse("account_login"), {"login": "vera", "password": "password of vera"})
    assert answer.cookies["sessionid"]["max-age"] == 12 * HOUR
