"""Ports that others aren't given while nothing listens on them."""

from __future__ import annotations

import socket
import sys

_held: list[socket.socket] = []


def own_port() -> int:
    """Return a port of 127.0.0.1 that is this process's until it ends.

    On Linux a bound socket keeps the port from everything that asks for any port. Because it doesn't listen, a server
    that asks for this very port, with SO_REUSEADDR, gets it, as often as it is started.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    port = int(held.getsockname()[1])
    if sys.platform == "linux":
        _held.append(held)
    else:
        held.close()
    return port
