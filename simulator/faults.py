"""What can go wrong with a cluster, switchable while it runs, and the hook that fires at a write."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.errors import ApiError

if TYPE_CHECKING:
    from simulator.api import Request

KINDS = ("latency", "refuse", "hang", "status", "broken", "cut", "endless", "html", "redirect", "slow", "clock")
_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class Cut(Exception):
    """Raised by a hook: close the connection without an answer.

    The client then can't know whether its write arrived.
    """


@dataclass(slots=True)
class Fault:
    """One fault of a cluster.

    `kind` is one of KINDS, or an HTTP status as text. `seconds` is the latency, the pause of `slow`, or how far the
    `clock` is ahead. If `methods` or `resource` (a plural) is set, the fault applies only to requests with one of these
    methods and with this resource in their path. Of those requests, every `every`-th one meets it, and after it has
    struck `count` times it is over (None: never). `asked` counts the requests that it applies to.
    """

    kind: str
    status: int = 500
    retry_after: float | None = None
    seconds: float = 0.05
    methods: tuple[str, ...] = ()
    resource: str = ""
    count: int | None = None
    every: int = 1
    message: str = ""
    asked: int = field(default=0, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind.isdigit():
            self.kind, self.status = "status", int(self.kind)
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; known are {', '.join(KINDS)} and HTTP statuses")
        self.methods = tuple(self.methods)

    def meets(self, method: str, path: str) -> bool:
        if self.count is not None and self.count < 1:
            return False
        meant = (not self.methods or method in self.methods) and (not self.resource or self.resource in path.split("/"))
        self.asked += meant
        return meant and self.asked % self.every == 0

    def error(self) -> ApiError:
        reason = _REASONS.get(self.status, "")
        message = self.message or f"simulated fault: {reason or self.status}"
        details = {"retryAfterSeconds": self.retry_after} if self.retry_after is not None else None
        return ApiError(self.status, reason, message, details, self.retry_after)


HTML = b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"

Hook = Callable[[str, int, "Request", str], Any]


@dataclass(slots=True)
class RemoteHook:
    """A hook that another process sets over HTTP: at the `n`-th write, at `stage`, do `action`.

    Counts the writes of `cluster`, or of all clusters. Actions: `kill` sends `signal` to `pid`; `cut` closes the
    connection without an answer; `sleep` waits `seconds`; `status` answers with `status`.
    """

    action: str
    n: int = 1
    cluster: str = ""
    stage: str = "before"
    pid: int = 0
    signal: int = int(signal.SIGKILL)
    seconds: float = 0.0
    status: int = 500
    seen: int = 0
    fired: bool = False

    def __call__(self, cluster: str, n: int, request: Request, stage: str) -> None:
        if self.fired or stage != self.stage or (self.cluster and cluster != self.cluster):
            return
        self.seen += 1
        if self.seen < self.n:
            return
        self.fired = True
        if self.action == "sleep":
            time.sleep(self.seconds)
        elif self.action == "status":
            raise Fault("status", self.status).error()
        elif self.action == "kill":
            os.kill(self.pid, self.signal)
            raise Cut
        else:
            raise Cut
