"""What production refuses as too easily guessed, or as standing for names of others."""

from __future__ import annotations

import secrets

import pytest

from meshconsole.strength import host_weakness, origin_weakness, secret_weakness


@pytest.mark.parametrize("secret", ["", "x", "Qv7#" * 7, "x" * 60, "abcdefghij" * 6, "0" * 50])
def test_a_short_or_repeated_secret_is_weak(secret: str) -> None:
    assert secret_weakness(secret)


@pytest.mark.parametrize("secret", ["django-insecure-9f!k3v9zqpx7w8e2r5t6y1u4", "please-change-me-5!kq0zjf8w2xvb7"])
def test_a_secret_of_an_example_is_weak(secret: str) -> None:
    assert secret_weakness(secret) == "comes from an example that others know"


def test_a_random_secret_is_not_weak() -> None:
    assert {secret_weakness(secrets.token_urlsafe(48)) for _ in range(50)} == {""}
    assert secret_weakness(secrets.token_hex(32)) == ""


@pytest.mark.parametrize(
    "host", ["*", ".", ".com", "*.example.org", "https://console.example.org", "c.example:443", "a/b", "..a.org"]
)
def test_a_host_name_of_others_or_of_nobody_is_refused(host: str) -> None:
    assert host in host_weakness(["console.example.org", host])


@pytest.mark.parametrize(
    "host", ["console.example.org", ".console.example.org", "10.0.0.7", "[2001:db8::7]", "console", "Console.ORG"]
)
def test_a_host_name_of_the_console_is_taken(host: str) -> None:
    assert host_weakness([host]) == ""


@pytest.mark.parametrize(
    "origin",
    ["https://*", "https://*.com", "http://console.example.org", "console.example.org", "null", "https://c*.a"],
)
def test_an_origin_of_others_is_refused(origin: str) -> None:
    assert origin in origin_weakness(["https://console.example.org", origin])


@pytest.mark.parametrize(
    "origin", ["https://console.example.org", "https://console.example.org:8443", "https://*.mesh.example.org"]
)
def test_an_origin_of_the_console_is_taken(origin: str) -> None:
    assert origin_weakness([origin]) == ""
