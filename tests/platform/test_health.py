from __future__ import annotations

import pytest
from django.shortcuts import resolve_url
from django.test import Client

from tests.support.valkey import Valkey


@pytest.fixture
def probe() -> Client:
    """As a kubelet asks: by an address, without a session."""
    return Client(headers={"host": "10.0.0.7:8000"})


def test_a_process_that_runs_is_alive(probe: Client) -> None:
    assert probe.get("/livez").json() == {"status": "ok"}


@pytest.mark.django_db
def test_a_process_is_ready_when_database_and_broker_answer(probe: Client, settings, valkey: Valkey) -> None:
    settings.REDIS_URL = valkey.url
    response = probe.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_a_process_is_not_ready_while_its_broker_is_away(
    probe: Client, settings, caplog: pytest.LogCaptureFixture
) -> None:
    with Valkey() as server:
        settings.REDIS_URL = server.url
        server.stop()
        response = probe.get("/readyz")
        assert (response.status_code, response.json()) == (503, {"status": "failed"})
        assert "the broker does not answer" in caplog.text
        server.start()
        assert probe.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_a_process_without_a_broker_is_ready_with_its_database_alone(probe: Client, settings) -> None:
    settings.REDIS_URL = ""
    assert probe.get("/readyz").json() == {"status": "ok"}


def test_a_probe_is_not_sent_elsewhere_for_encryption(probe: Client, settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert probe.get("/livez").status_code == 200


@pytest.mark.django_db
def test_the_answer_names_no_part_to_anybody(probe: Client, admin_client: Client, settings, valkey: Valkey) -> None:
    settings.REDIS_URL = valkey.url
    for asked in (probe, admin_client):
        assert set(asked.get("/livez").json()) == set(asked.get("/readyz").json()) == {"status"}


@pytest.mark.django_db
def test_pages_forbid_inline_scripts_and_devices(client: Client) -> None:
    response = client.get("/sign-in/")
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in response.headers["Content-Security-Policy"]
    assert "camera=()" in response.headers["Permissions-Policy"]


@pytest.mark.django_db
def test_who_is_not_signed_in_is_asked_to(client: Client, settings) -> None:
    response = client.get("/admin/access/binding/")
    assert (response.status_code, response.headers["Location"].split("?")[0]) == (302, resolve_url(settings.LOGIN_URL))
