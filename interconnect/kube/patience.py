"""Calls that wait for a busy API server: they are repeated when it says so, within the call's own deadline.

Callers with a better way to wait use `patience(0)`: a step of a rollout waits without holding a thread.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from interconnect.domain.patience import pause_in_a_call
from interconnect.kube.errors import KubeError, Temporary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Result = TypeVar("_Result")
# The monotonic moment after which nothing is waited for any more.
_until: ContextVar[float] = ContextVar("patience", default=math.inf)


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Within it, calls wait for busy servers for at most this many seconds in all; 0 means not at all."""
    before = _until.set(time.monotonic() + seconds if seconds else -math.inf)
    try:
        yield
    finally:
        _until.reset(before)


@contextmanager
def more_patience(seconds: float) -> Iterator[None]:
    """Within it, calls wait for at least this many seconds, whatever an outer `patience` says."""
    before = _until.set(max(_until.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _until.reset(before)


def is_busy(error: KubeError) -> bool:
    """Whether the server itself asks for a later attempt. Errors without a time are left to the caller."""
    return error.code == "too-many-requests" or (error.code == "server-error" and error.retry_after is not None)


def patiently(ask: Callable[[float], _Result], seconds: float) -> _Result:
    """What `ask` gives, which is told how many of the `seconds` are left; again after each answer of a busy server."""
    until = time.monotonic() + seconds
    for attempts in count(1):
        try:
            return ask(max(until - time.monotonic(), 0.001))
        except Temporary as error:
            wait = pause_in_a_call(attempts, error.retry_after)
            if not is_busy(error) or time.monotonic() + wait >= min(until, _until.get()):
                raise
            time.sleep(wait)
    raise AssertionError
