"""The client's address, scheme and host when there are proxies in front of the console. Pure.

Headers about them are trusted only from the addresses in MESHCONSOLE_TRUSTED_PROXIES. A mere number of proxies, as
allauth and others use, would trust anyone who bypasses them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

UNIX = "unix"
SCHEMES = frozenset({"http", "https"})
# Sites share an IPv4 address; a provider's customer can choose from at least a /64 of IPv6.
IPV6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Origin:
    """What the outermost trusted proxy saw. `scheme` and `host` are "" if no trusted proxy names them."""

    address: str
    scheme: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    networks: tuple[IPv4Network | IPv6Network, ...]
    unix: bool = False

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Self:
        """Parse networks, addresses, and `unix` for clients that connect by a unix socket.

        Raise ValueError with the entry if it is none of these, or if it would trust everybody.
        """
        networks = tuple(_network(entry) for entry in entries if entry != UNIX)
        return cls(networks, UNIX in set(entries))

    def __contains__(self, address: str) -> bool:
        if not address:
            return self.unix
        parsed = _address(address)
        return parsed is not None and any(parsed in network for network in self.networks)

    def origin(self, peer: str, said: Mapping[str, str]) -> Origin:
        """Return where a request came from.

        `peer` is the address that connected. `said` holds the values of X-Forwarded-For, -Proto and -Host under `for`,
        `proto` and `host`. Each proxy appends the address that asked it; the entries are followed backwards from the
        last one, as long as the proxy that wrote them is trusted.
        """
        if peer not in self:
            return Origin(_plain(peer))
        address, hops = peer, 0
        for entry in reversed(_entries(said.get("for", ""))):
            if address not in self or _address(entry) is None:
                break
            address, hops = entry, hops + 1
        scheme = _outermost(_entries(said.get("proto", "")), hops).lower()
        return Origin(
            _plain(address), scheme if scheme in SCHEMES else "", _outermost(_entries(said.get("host", "")), hops)
        )


def network_of(address: str) -> str:
    """Return `address`, or the /64 of an IPv6 address: a limit counts these as one place."""
    parsed = _address(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, IPV6_PREFIX), strict=False))
    return str(parsed or address)


def _network(entry: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(entry)
    except ValueError:
        raise ValueError(entry) from None
    if network.prefixlen == 0:
        raise ValueError(entry)
    return network


def _entries(value: str) -> list[str]:
    return [entry.strip() for entry in value.split(",") if entry.strip()]


def _outermost(values: Sequence[str], hops: int) -> str:
    """Return what the outermost of `hops` trusted proxies said; anything before it came from outside."""
    return values[-min(max(hops, 1), len(values))] if values else ""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an address in any form that proxies write: with a port, in brackets, IPv4 within IPv6, with a zone."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        parsed = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return parsed.ipv4_mapped or parsed if isinstance(parsed, IPv6Address) else parsed


def _plain(address: str) -> str:
    return str(_address(address) or address)
