"""How often a password may be guessed.

Every failure beyond the free ones makes the next attempt wait, and nothing locks anybody out. Counted in the cache, so
that all processes share the counts if REDIS_URL names one. An attempt counts as failed from the start, so that making
many at once is no way around. An attempt that comes too soon isn't counted, and its password isn't checked.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from django.core.cache import cache


class TooSoon(Exception):
    """The attempt came too soon; `seconds` until the next one is checked."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Limit:
    """`free` failures without a wait, then waits that double up to `longest` seconds.

    Failures are forgotten after `kept` seconds without another.
    """

    free: int
    longest: int
    kept: int = 900

    def wait(self, failures: int) -> int:
        return 0 if failures <= self.free else int(min(2.0 ** min(failures - self.free, 16), self.longest))


@dataclass(frozen=True, slots=True)
class Bucket:
    limit: Limit
    key: str

    @classmethod
    def of(cls, limit: Limit, *parts: str) -> Self:
        # What people type can have any length and any characters; a cache key can't.
        return cls(limit, hashlib.sha256("\0".join(parts).encode()).hexdigest())

    @property
    def _failures(self) -> str:
        return f"sign-in:failures:{self.key}"

    @property
    def _wait(self) -> str:
        return f"sign-in:wait:{self.key}"

    def take(self, now: float) -> int:
        """Count one failure. If the attempt comes too soon, count nothing and return the seconds to wait."""
        wait = self.limit.wait(self._count())
        if not wait or cache.add(self._wait, now + wait, timeout=wait):
            return 0
        self.give_back()
        until: float = cache.get(self._wait, now)
        return max(1, math.ceil(until - now))

    def give_back(self) -> None:
        with suppress(ValueError):  # forgotten in the meantime
            cache.decr(self._failures)

    def _count(self) -> int:
        cache.add(self._failures, 0, timeout=self.limit.kept)
        try:
            failures: int = cache.incr(self._failures)
        except ValueError:  # forgotten between the two
            return self._count()
        cache.touch(self._failures, timeout=self.limit.kept)
        return failures


class Attempt:
    """An attempt that counts as failed until `succeeded`. Raises TooSoon, and then isn't counted."""

    def __init__(self, buckets: Sequence[Bucket]) -> None:
        self._taken: list[Bucket] = []
        for bucket in buckets:
            seconds = bucket.take(time.time())
            if seconds:
                self.succeeded()
                raise TooSoon(seconds)
            self._taken.append(bucket)

    def succeeded(self) -> None:
        """Remove only this attempt from the counts.

        People with an account of their own must not be able to clear an address with it.
        """
        for bucket in self._taken:
            bucket.give_back()
        self._taken = []
