from __future__ import annotations

import socket
import time

import pytest

from interconnect.kube.errors import Permanent, Temporary
from interconnect.kube.guard import Deadline, DenyList, open_socket, resolve
from tests.kube.servers import DENIED

METADATA = [
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
]
DISGUISED = ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::169.254.169.254"]
LOOPBACK = ["127.0.0.0/8", "::1/128"]  # what production adds
NOWHERE = ["0.0.0.0", "0.1.2.3", "255.255.255.255", "::", "224.0.0.1", "ff02::1", "no address", ""]


@pytest.mark.parametrize("address", METADATA + DISGUISED + NOWHERE)
def test_addresses_that_nothing_should_connect_to_are_denied(address: str) -> None:
    assert DENIED.denies(address)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "192.168.1.1", "203.0.113.7", "::1", "2001:db8::1", "fd12::1"]
)
def test_private_and_public_addresses_are_allowed_by_default(address: str) -> None:
    assert not DENIED.denies(address)


def test_the_operator_names_other_networks() -> None:
    deny = DenyList(["10.0.0.0/8", "2001:db8::/32"])
    assert deny.denies("10.1.2.3")
    assert deny.denies("::ffff:10.1.2.3")
    assert deny.denies("2001:db8::5")
    assert not deny.denies("169.254.169.254")


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1"),
        *(
            "64:ff9b:1::7f00:1",
            "2002:7f00:1::",
            "0.0.0.0",
            "::",
            "localhost",
            "LocalHost.",
            "api.localhost",
            "ip6-localhost",
        ),
    ],
)
def test_loopback_is_denied_however_it_is_written(host: str) -> None:
    assert DenyList(LOOPBACK).denies_host(host)


@pytest.mark.parametrize(
    "host", ["localhost.example.com", "notlocalhost", "api.example.com", "2002:cb00:7107::", "10.0.0.1"]
)
def test_what_only_resembles_loopback_is_allowed(host: str) -> None:
    assert not DenyList(LOOPBACK).denies_host(host)


def test_localhost_is_allowed_where_loopback_is() -> None:
    assert not DENIED.denies_host("localhost")


def test_a_deny_list_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/99"):
        DenyList(["10.0.0.0/99"])


@pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe", "169.16689662"])
def test_a_number_that_the_system_reads_as_a_metadata_address_is_denied(host: str) -> None:
    with Deadline(5) as deadline, pytest.raises((Permanent, Temporary)) as caught:
        open_socket(host, 80, deny=DENIED, deadline=deadline)
    assert caught.value.code in ("address-denied", "unreachable")


def test_addresses_are_not_looked_up() -> None:
    with Deadline(1) as deadline:
        assert resolve("203.0.113.7", 443, deadline) == ["203.0.113.7"]
        assert resolve("2001:db8::1", 443, deadline) == ["2001:db8::1"]


def test_a_deadline_wakes_a_reader_that_waits() -> None:
    near, far = socket.socketpair()
    with near, far, Deadline(0.1) as deadline:
        deadline.watch(near)
        assert near.recv(1) == b""
        assert deadline.expired


def test_a_socket_given_to_a_deadline_that_is_over_is_shut_at_once() -> None:
    near, far = socket.socketpair()
    with near, far, Deadline(0.01) as deadline:
        while not deadline.expired:
            time.sleep(0.005)
        deadline.watch(near)
        assert near.recv(1) == b""


def test_a_deadline_that_was_left_shuts_nothing_any_more() -> None:
    near, far = socket.socketpair()
    with near, far:
        with Deadline(1) as deadline:
            deadline.watch(near)
        time.sleep(1.2)
        far.sendall(b"x")
        assert near.recv(1) == b"x"
        assert not deadline.expired


def test_many_deadlines_come_in_their_order() -> None:
    pairs = [socket.socketpair() for _ in range(5)]
    deadlines = [Deadline(0.3 - index * 0.05) for index in range(5)]
    for (near, _), deadline in zip(pairs, deadlines, strict=True):
        deadline.__enter__().watch(near)
    ends = [near.recv(1) for near, _ in reversed(pairs)]
    assert ends == [b""] * 5
    for near, far in pairs:
        near.close()
        far.close()
