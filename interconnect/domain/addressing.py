"""Addresses of east-west gateways: IPs and DNS names in one normal form, and which addresses are refused (rule 10)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from interconnect.domain.topology import GATEWAY_PORT, Address, GatewayKey
from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Iterable

CODES = (
    "address.empty",
    "address.port",
    "address.invalid",
    "address.unspecified",
    "address.loopback",
    "address.link-local",
    "address.multicast",
    "address.broadcast",
)

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
Endpoint = tuple[str, int]

MAX_HOST = 253
MAX_PORT = 65535

_HOST_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
_BROADCAST = ipaddress.ip_address("255.255.255.255")


def parse_address(text: str, port: int | str = GATEWAY_PORT, gateway: GatewayKey | None = None) -> Address | Violation:
    """Return the address in its normal form: IPs compressed (IPv4-mapped ones as IPv4), names in lower case without
    trailing dot.

    `port` may be raw input; empty means 15443. The code of the violation says what is wrong.
    """
    host = parse_host(text)
    if isinstance(host, Violation):
        return host
    number = _port(port)
    if isinstance(number, Violation):
        return number
    return Address(host, number, gateway)


def parse_host(text: str) -> str | Violation:
    """Return an IP or a DNS name in its normal form."""
    host = text.strip().lower()
    if not host:
        return Violation("address.empty")
    address = parse_ip(host)
    if address is None:
        return _dns_name(text.strip(), host)
    kind = forbidden_range(address)
    if kind:
        return Violation(f"address.{kind}", {"host": text.strip()})
    if "%" in host:
        return Violation("address.invalid", {"host": text.strip()})
    return str(address)


def parse_ip(text: str) -> Ip | None:
    """Return an IP, IPv4-mapped IPv6 as the IPv4 address that it means; None when `text` isn't one."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def forbidden_range(address: Ip) -> str:
    """Return why no other cluster could reach this address (the last part of a code in `CODES`); empty when one
    could.
    """
    if address.is_unspecified or (address.version == 4 and address in _THIS_NETWORK):
        return "unspecified"
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    if address.is_multicast:
        return "multicast"
    return "broadcast" if address == _BROADCAST else ""


def normalised(address: Address) -> Address | Violation:
    """Return `address` in its normal form. An awaited one has no host to check yet, but its port is still checked."""
    if not address.awaited:
        return parse_address(address.host, address.port, address.gateway)
    number = _port(address.port)
    return number if isinstance(number, Violation) else replace(address, port=number)


def canonical(addresses: Iterable[Address]) -> tuple[Address, ...]:
    """Return valid addresses in their normal form, sorted. Their order has no meaning, so equal sets become equal
    values.
    """
    found = (normalised(address) for address in addresses)
    return tuple(sorted((address for address in found if isinstance(address, Address)), key=_order))


def endpoint(host: str, port: int) -> Endpoint:
    """Return host and port in the form in which they are compared; unreadable values stay as they are."""
    address = parse_ip(host)
    return (host.strip().lower().removesuffix(".") if address is None else str(address)), port


def _order(address: Address) -> tuple[str, int, str, int]:
    cluster, number = address.gateway or ("", 0)
    return address.host, address.port, cluster, number


def _port(port: int | str) -> int | Violation:
    text = str(port).strip()
    if not text:
        return GATEWAY_PORT
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= MAX_PORT):
        return Violation("address.port", {"port": text, "max": MAX_PORT})
    return int(text)


def _dns_name(text: str, host: str) -> str | Violation:
    name = host.removesuffix(".")
    labels = name.split(".")
    if labels[-1] == "localhost":
        return Violation("address.loopback", {"host": text})
    # A resolver reads a name whose last label is a number (127.1, 0x7f000001) as an IPv4 address that nobody checked.
    if (
        len(name) > MAX_HOST
        or _NUMERIC_LABEL.fullmatch(labels[-1])
        or not all(_HOST_LABEL.fullmatch(label) for label in labels)
    ):
        return Violation("address.invalid", {"host": text})
    return name
