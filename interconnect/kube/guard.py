"""Where the console may connect to, and for how long: deny list, name resolution, checked sockets, enforced
deadlines.
"""

from __future__ import annotations

import contextlib
import heapq
import ipaddress
import itertools
import os
import re
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TYPE_CHECKING, Self

from interconnect.kube.errors import Permanent, Temporary

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Before = Callable[[], None]
"""Called before each call to a cluster; raises where there must be none."""

# "this network" leads to the machine itself, as loopback does
_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in ("0.0.0.0/8", "255.255.255.255/32", "::/128", "224.0.0.0/4", "ff00::/8")
)
# an IPv4 address in the last 32 bits: NAT64 (RFC 6052, 8215), IPv4-translated (RFC 2765)
_CARRIERS = tuple(ipaddress.ip_network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96"))
_LOCALHOST = re.compile(r"(?:.*\.)?localhost|localhost\.localdomain|ip6-(?:localhost|loopback)", re.IGNORECASE)
CONNECT_TIMEOUT = 3.0


class DenyList:
    """Networks that the console never connects to. Unspecified and multicast addresses are always among them."""

    def __init__(self, networks: Iterable[str]) -> None:
        """`networks` are CIDRs or addresses; ValueError names the first that is neither."""
        self._networks: tuple[IpNetwork, ...] = (*_NEVER, *(ipaddress.ip_network(network) for network in networks))

    def denies(self, address: str) -> bool:
        """Whether this IP address, or the IPv4 address that it embeds, is denied. Invalid addresses are denied too."""
        try:
            ip = ipaddress.ip_address(address.split("%")[0])
        except ValueError:
            return True
        return any(
            form.version == network.version and form in network for form in _forms(ip) for network in self._networks
        )

    def denies_host(self, host: str) -> bool:
        """As far as it can be told without asking anybody: an address, or a name that always means this machine (RFC
        6761).
        """
        if _LOCALHOST.fullmatch(host.rstrip(".")):
            return self.denies("127.0.0.1") or self.denies("::1")
        return is_address(host) and self.denies(host)


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return False
    return True


def _forms(ip: IpAddress) -> tuple[IpAddress, ...]:
    """An IPv6 address can lead to an IPv4 one: mapped, translated, 6to4, Teredo and NAT64 are looked at as both."""
    if isinstance(ip, ipaddress.IPv4Address):
        return (ip,)
    inner = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if 1 < int(ip) < 2**32 or any(ip in carrier for carrier in _CARRIERS):
        inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return (ip, *(form for form in inner if form is not None))


class Deadline:
    """A moment after which every socket given to it is shut down, whatever its reader is waiting for.

    Socket timeouts restart with each byte, so a slow peer never exceeds them; this deadline holds.
    """

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds
        self.expired = False
        self._sockets: list[socket.socket] = []
        self._over = False
        self._lock = threading.Lock()

    @property
    def remaining(self) -> float:
        """Return the seconds left, at least a millisecond: zero would make a socket non-blocking."""
        return max(self.at - time.monotonic(), 0.001)

    def watch(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.append(sock)
            late = self.expired
        if late:
            _shut(sock)

    def fire(self) -> None:
        with self._lock:
            if self._over:
                return
            self.expired = True
            for sock in self._sockets:
                _shut(sock)

    def check(self) -> None:
        """Raise Temporary `timeout` once the moment has passed."""
        if self.expired or time.monotonic() >= self.at:
            raise Temporary("timeout") from None

    def __enter__(self) -> Self:
        _watchdog().add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._over = True
            self._sockets.clear()


def _shut(sock: socket.socket) -> None:
    # SSLSocket.shutdown would drop the TLS state under a reader in another thread
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Watchdog(threading.Thread):
    def __init__(self) -> None:
        super().__init__(name="kube-deadlines", daemon=True)
        self.pid = os.getpid()
        self._due: list[tuple[float, int, Deadline]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()

    def add(self, deadline: Deadline) -> None:
        with self._changed:
            heapq.heappush(self._due, (deadline.at, next(self._order), deadline))
            if self._due[0][2] is deadline:
                self._changed.notify()

    def run(self) -> None:
        while True:
            self._next_due().fire()

    def _next_due(self) -> Deadline:
        with self._changed:
            while not self._due or self._due[0][0] > time.monotonic():
                self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
            return heapq.heappop(self._due)[2]


class _Shared:
    """What a process has one of; a forked child has no threads of its parent and starts its own."""

    lock = threading.Lock()
    watchdog: _Watchdog | None = None
    resolvers: ThreadPoolExecutor | None = None


def _forget_parent() -> None:
    _Shared.lock, _Shared.watchdog, _Shared.resolvers = threading.Lock(), None, None


os.register_at_fork(after_in_child=_forget_parent)


def _watchdog() -> _Watchdog:
    with _Shared.lock:
        if _Shared.watchdog is None:
            _Shared.watchdog = _Watchdog()
            _Shared.watchdog.start()
        return _Shared.watchdog


def resolve(host: str, port: int, deadline: Deadline) -> list[str]:
    """Return the IP addresses of `host`, without a lookup if it is one. Raises Temporary `unreachable` or `timeout`."""
    with contextlib.suppress(ValueError):
        return [str(ipaddress.ip_address(host.split("%")[0]))]
    with _Shared.lock:
        _Shared.resolvers = _Shared.resolvers or ThreadPoolExecutor(32, "kube-resolve")
        # the system's resolver takes no time-out: waiting for it is what can be given up
        answer: Future[list[str]] = _Shared.resolvers.submit(_lookup, host, port)
    try:
        return answer.result(timeout=deadline.remaining)
    except (FutureTimeout, TimeoutError):
        answer.cancel()
        raise Temporary("timeout", phase="resolve", host=host) from None
    except (OSError, UnicodeError):
        raise Temporary("unreachable", phase="resolve", host=host) from None


def _lookup(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def open_socket(
    host: str, port: int, *, deny: DenyList, deadline: Deadline, connect: float = CONNECT_TIMEOUT
) -> socket.socket:
    """Open a TCP connection to the first address of `host` that answers, watched by `deadline`.

    The addresses that were checked are the ones connected to, so a name can't change in between. Raises Permanent
    `address-denied`, Temporary `unreachable` or `timeout`.
    """
    addresses = resolve(host, port, deadline)
    if denied := [address for address in addresses if deny.denies(address)]:
        raise Permanent("address-denied", host=host, address=denied[0])
    failure = Temporary("unreachable", phase="resolve", host=host)
    for address in addresses[:8]:
        deadline.check()
        try:
            sock = socket.create_connection((address, port), timeout=min(connect, deadline.remaining))
        except TimeoutError:
            failure = Temporary("timeout", phase="connect", host=host, port=port)
        except (OSError, OverflowError) as error:
            failure = Temporary("unreachable", phase="connect", host=host, port=port, evidence=_reason(error))
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            deadline.watch(sock)
            return sock
    raise failure from None


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number) if isinstance(number, int) and number > 0 else type(error).__name__
