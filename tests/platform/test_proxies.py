"""Whose word counts for who asks: a trusted proxy's, and what it was told only as far as those before
it are trusted.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from meshconsole.middleware import ForwardedMiddleware
from meshconsole.proxies import Origin, TrustedProxies, network_of

PROXIES = TrustedProxies.parse(["10.0.0.0/8", "2001:db8:9::1"])
CLIENT = "203.0.113.7"


def address(peer: str, chain: str) -> str:
    return PROXIES.origin(peer, {"for": chain}).address


def test_without_a_proxy_the_peer_is_who_asks() -> None:
    assert address(CLIENT, "192.0.2.1") == CLIENT
    assert TrustedProxies.parse([]).origin("127.0.0.1", {"for": "1.2.3.4", "proto": "https", "host": "x"}) == Origin(
        "127.0.0.1"
    )


def test_a_trusted_proxy_says_who_asks() -> None:
    assert address("10.0.0.1", CLIENT) == CLIENT


def test_what_a_client_has_put_in_front_is_not_believed() -> None:
    assert address("10.0.0.1", f"192.0.2.1, 10.9.9.9, {CLIENT}") == CLIENT


def test_a_chain_of_trusted_proxies_is_followed() -> None:
    assert address("10.0.0.1", f"192.0.2.1, {CLIENT}, 10.0.0.3, 10.0.0.2") == CLIENT


def test_a_proxy_that_says_nothing_asks_itself() -> None:
    assert address("10.0.0.1", "") == "10.0.0.1"


def test_an_entry_that_is_no_address_ends_the_chain() -> None:
    assert address("10.0.0.1", f"{CLIENT}, unknown, 10.0.0.2") == "10.0.0.2"


@pytest.mark.parametrize(
    ("entry", "plain"),
    [
        (f"{CLIENT}:4711", CLIENT),
        (f"::ffff:{CLIENT}", CLIENT),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
    ],
)
def test_an_address_is_read_in_every_form(entry: str, plain: str) -> None:
    assert address("10.0.0.1", entry) == plain


def test_a_proxy_seen_as_ipv4_within_ipv6_is_trusted() -> None:
    assert address("::ffff:10.0.0.1", CLIENT) == CLIENT


def test_a_unix_socket_is_trusted_only_when_named() -> None:
    said = {"for": CLIENT}
    assert PROXIES.origin("", said).address == ""
    assert TrustedProxies.parse(["unix"]).origin("", said).address == CLIENT


@pytest.mark.parametrize("entry", ["0.0.0.0/0", "::/0", "*", "proxy.example.org", "10.0.0.1/8", "300.1.1.1"])
def test_an_entry_that_trusts_everybody_or_nobody_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r".+") as refused:
        TrustedProxies.parse(["10.1.1.1", entry])
    assert str(refused.value) == entry


def test_scheme_and_host_are_those_of_the_outermost_trusted_proxy() -> None:
    said = {"for": f"{CLIENT}, 10.0.0.2", "proto": "https, http", "host": "console.example.org, inner"}
    assert PROXIES.origin("10.0.0.1", said) == Origin(CLIENT, "https", "console.example.org")


def test_a_scheme_that_a_client_has_put_in_front_is_not_believed() -> None:
    assert PROXIES.origin("10.0.0.1", {"for": CLIENT, "proto": "https, http"}).scheme == "http"
    assert PROXIES.origin("10.0.0.1", {"for": CLIENT, "proto": "javascript"}).scheme == ""


def test_an_ipv6_address_counts_as_its_64() -> None:
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::") == "2001:db8:1:2::/64"
    assert network_of(CLIENT) == CLIENT
    assert network_of(f"::ffff:{CLIENT}") == CLIENT


def seen(peer: str, **headers: str) -> HttpRequest:
    request: Any = RequestFactory().get("/", REMOTE_ADDR=peer, **headers)
    ForwardedMiddleware(lambda _request: HttpResponse())(request)
    return request  # type: ignore[no-any-return]


FORWARDED = {
    "HTTP_X_FORWARDED_FOR": CLIENT,
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "console.example.org",
    "HTTP_FORWARDED": f"for={CLIENT};proto=https",
    "HTTP_X_REAL_IP": CLIENT,
}


def test_django_sees_the_client_the_scheme_and_the_host(settings: Any) -> None:
    settings.MESHCONSOLE_TRUSTED_PROXIES = ["10.0.0.0/8"]
    settings.ALLOWED_HOSTS = ["console.example.org"]
    request = seen("10.0.0.1", **FORWARDED)
    assert (request.META["REMOTE_ADDR"], request.is_secure(), request.get_host()) == (
        CLIENT,
        True,
        "console.example.org",
    )


def test_nothing_of_what_a_stranger_forwards_is_seen(settings: Any) -> None:
    settings.MESHCONSOLE_TRUSTED_PROXIES = ["10.0.0.0/8"]
    request = seen(CLIENT, **{**FORWARDED, "HTTP_X_FORWARDED_FOR": "192.0.2.1"})
    assert (request.META["REMOTE_ADDR"], request.is_secure(), request.get_host()) == (CLIENT, False, "testserver")
    assert not set(FORWARDED) & set(request.META)
