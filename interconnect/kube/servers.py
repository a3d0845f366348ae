"""The server address of a kubeconfig: one that leads to an API server over TLS, or the reason why it doesn't."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from interconnect.kube.guard import is_address
from interconnect.kube.refusals import Refusal

if TYPE_CHECKING:
    from interconnect.kube.guard import DenyList

_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))*\.?")
# what RFC 3986 allows in a path; an encoded character only where it does not hide one that has a meaning of its own
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+)*")
_HIDDEN = re.compile(r"[\x00-\x20./\\%?#\x7f]")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_BARE_IPV6 = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")


def server(given: str, deny: DenyList) -> str:
    """Return `given` without trailing slashes. Raises Refusal for an address that isn't https or that is denied."""
    if not given:
        raise Refusal("server-missing")
    if re.search(r"\s", given):
        raise Refusal("server-space")
    if not given[:8].lower() == "https://":
        raise Refusal("server-scheme")
    rest = given[8:]
    _require_plain(rest)
    try:
        url = urlsplit(f"https://{rest}")
        host, port = url.hostname or "", url.port
    except ValueError:
        raise Refusal("server-malformed") from None
    if port == 0 or not _plain_path(url.path.rstrip("/")) or not plausible_host(host):
        raise Refusal("server-malformed")
    _require_allowed(host, deny)
    return f"https://{url.netloc}{url.path.rstrip('/')}"


def _require_plain(rest: str) -> None:
    """Without what an address of a server does not have, each named as what it is."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        raise Refusal("server-user")
    if "?" in rest or "#" in rest:
        raise Refusal("server-query")
    if _BARE_IPV6.fullmatch(authority):
        raise Refusal("server-ipv6")


def _plain_path(path: str) -> bool:
    hidden = any(_HIDDEN.search(unquote(encoded)) for encoded in _ENCODED.findall(path))
    return not hidden and _PATH.fullmatch(path) is not None and not any(part in (".", "..") for part in path.split("/"))


def _require_allowed(host: str, deny: DenyList) -> None:
    if is_address(host) and _means_nowhere(host):
        # tools that run a cluster on the same machine write where it listens, which is no address to connect to
        raise Refusal("server-unspecified", address=host)
    if deny.denies_host(host):
        raise Refusal("server-denied", address=host)


def _means_nowhere(host: str) -> bool:
    ip = ipaddress.ip_address(host)
    inner = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (inner or ip).is_unspecified


def plausible_host(host: str) -> bool:
    if is_address(host):
        return "%" not in host
    # inet_aton reads 0x7f000001, 2130706433 and 127.1 as addresses: what ends like a number is no name
    last = host.rstrip(".").rpartition(".")[2]
    return _HOST.fullmatch(host) is not None and re.fullmatch(r"[0-9]+|0[xX][0-9a-fA-F]*", last) is None
