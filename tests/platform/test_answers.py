"""What every answer has: no copy in a cache, and no Host that no server can have."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("port", ["0", "65536", "99999", "4294967377", "00080000"])
def test_a_host_with_a_port_that_is_none_is_a_bad_request(port: str) -> None:
    for host in ("127.0.0.1", "[::1]", "localhost"):
        assert Client(headers={"host": f"{host}:{port}"}).get("/sign-in/").status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:1", "127.0.0.1:65535", "localhost", "localhost:8000"])
def test_a_host_that_a_server_can_have_is_answered(host: str) -> None:
    assert Client(headers={"host": host}).get("/sign-in/").status_code == 200


def test_no_error_page_is_stored_anywhere(client: Client, vera: Any) -> None:
    answers = {
        400: Client(headers={"host": "elsewhere.example"}).get("/sign-in/"),
        401: client.get("/meshes/", headers={"HX-Request": "true"}),
        302: client.get("/meshes/"),
    }
    client.force_login(vera)
    answers[404] = client.get("/nowhere/")
    answers[403] = client.get(reverse("mesh-register"))
    answers[405] = client.post(reverse("meshes"))
    answers[413] = client.post("/sign-in/", b"x", content_type="text/plain", CONTENT_LENGTH="99999999")
    for status, answer in answers.items():
        assert (answer.status_code, "no-store" in answer.headers.get("Cache-Control", "")) == (status, True), status


def test_a_failure_of_the_console_is_not_stored_either(
    client: Client, vera: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meshconsole.htmx.render", None)
    client.force_login(vera)
    client.raise_request_exception = False
    answer = client.get(reverse("meshes"))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (500, "no-store")


def test_health_is_not_stored_either(client: Client) -> None:
    assert client.get("/livez").headers["Cache-Control"] == "no-store"
