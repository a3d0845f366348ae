"""How long to wait: for istiod, and before asking a cluster again, where a server's request can only lengthen the
console's own back-off.
"""

from __future__ import annotations

FIRST_BACKOFF_SECONDS = 0.2
LAST_BACKOFF_SECONDS = 15.0
# Within one call, whose deadline is near: a longer pause would leave a server that is half busy few tries.
LAST_PAUSE_IN_A_CALL = 1.0
# How long a rollout of istiod may take.
ISTIOD_SECONDS = 600


def backoff(attempts: int) -> float:
    """Return 0.2, 0.4, 0.8 … 15 seconds after this many attempts."""
    return float(min(LAST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** max(min(attempts - 1, 10), 0)))


def pause(attempts: int, asked: float | None) -> float:
    """Return the seconds until the next attempt; `asked` is the server's Retry-After, None without a valid one."""
    return max(backoff(attempts), asked or 0.0)


def pause_in_a_call(attempts: int, asked: float | None) -> float:
    """Return the seconds until the next attempt within one call."""
    return max(min(backoff(attempts), LAST_PAUSE_IN_A_CALL), asked or 0.0)


def pause_within(attempts: int, asked: float | None, left: float) -> float:
    """Return the seconds until the next attempt, cut so that the last one is made when the `left` seconds are over."""
    return min(pause(attempts, asked), max(left, FIRST_BACKOFF_SECONDS))
