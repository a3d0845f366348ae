from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interconnect.domain.addressing import canonical, endpoint, normalised, parse_address, parse_host
from interconnect.domain.topology import Address, GatewayKey
from interconnect.domain.violations import Violation


def code(text: str, port: int | str = 15443) -> str:
    found = parse_address(text, port)
    return found.code if isinstance(found, Violation) else ""


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("GW.Example.ORG.", "gw.example.org"),
        ("gateway", "gateway"),
        ("1.gw.example", "1.gw.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_an_address_has_one_normal_form(text: str, host: str) -> None:
    assert parse_address(text) == Address(host, 15443)


@pytest.mark.parametrize(
    "text", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost", "LOCALHOST.", "a.localhost"]
)
def test_a_loopback_address_is_refused(text: str) -> None:
    assert code(text) == "address.loopback"


@pytest.mark.parametrize("text", ["169.254.169.254", "fe80::1", "fe80::1%eth0", "::ffff:169.254.0.1"])
def test_a_link_local_address_is_refused(text: str) -> None:
    assert code(text) == "address.link-local"


@pytest.mark.parametrize("text", ["224.0.0.1", "239.1.2.3", "ff02::1", "::ffff:224.0.0.1"])
def test_a_multicast_address_is_refused(text: str) -> None:
    assert code(text) == "address.multicast"


@pytest.mark.parametrize("text", ["0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0"])
def test_an_unspecified_address_is_refused(text: str) -> None:
    assert code(text) == "address.unspecified"


def test_the_broadcast_address_is_refused() -> None:
    assert code("255.255.255.255") == "address.broadcast"


NO_HOSTS = """
a_b.example|-a.example|a..b|.|*.example|http://a.example|a.example:443|[2001:db8::1]|2001:db8::1%eth0|a b|bücher.example
127.1|0x7f000001|2130706433|010.0.0.1|1.2.3.4.5|a.example/x
"""


@pytest.mark.parametrize("text", [*NO_HOSTS.strip().replace("\n", "|").split("|"), "a" * 64, f"{'a.' * 127}aa", "a\nb"])
def test_what_is_neither_an_ip_nor_a_dns_name_is_refused(text: str) -> None:
    assert code(text) == "address.invalid"


def test_an_empty_address_says_so() -> None:
    assert code("") == code("  ") == "address.empty"


@pytest.mark.parametrize("port", [0, -1, 65536, "x", "1.5", "٣", "1e3", "0000443"])
def test_a_port_outside_1_to_65535_is_refused(port: int | str) -> None:
    assert code("203.0.113.7", port) == "address.port"


def test_a_port_may_be_typed_and_is_15443_when_left_empty() -> None:
    assert parse_address("203.0.113.7", "") == Address("203.0.113.7", 15443)
    assert parse_address("203.0.113.7", " 443 ") == Address("203.0.113.7", 443)


def test_an_awaited_address_has_no_host_to_check_but_a_port() -> None:
    awaited = Address("", gateway=GatewayKey("member-a", 1))
    assert normalised(awaited) == awaited
    refused = normalised(Address("", 0, GatewayKey("member-a", 1)))
    assert isinstance(refused, Violation)
    assert refused.code == "address.port"


def test_the_order_in_which_addresses_were_chosen_means_nothing() -> None:
    one, other = Address("B.example"), Address("203.0.113.7", gateway=GatewayKey("member-a", 1))
    assert canonical([one, other]) == canonical([other, one]) == (other, Address("b.example"))


def test_endpoints_of_others_compare_whoever_wrote_them() -> None:
    assert endpoint("GW.example.", 443) == endpoint("gw.example", 443)
    assert endpoint("::ffff:203.0.113.7", 1) == ("203.0.113.7", 1)
    assert endpoint("not_a_host", 1) == ("not_a_host", 1)


@given(st.text() | st.ip_addresses().map(str) | st.from_regex(r"[a-z0-9.:%-]{1,40}"))
def test_a_normal_form_is_its_own_normal_form(text: str) -> None:
    host = parse_host(text)
    if isinstance(host, str):
        assert parse_host(host) == host
        assert endpoint(host, 1) == (host, 1)
