"""Limit how many things run at once in this process. What finds no room isn't blocked, but told when there is room."""

from __future__ import annotations

import threading


class Turns:
    """At most `most` keys at once, each of them once.

    What finds no room waits as a name only, in order of arrival.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._busy: set[str] = set()
        self._waiting: dict[str, None] = {}
        self._lock = threading.Lock()

    def enter(self, key: str) -> bool:
        """Whether it is this key's turn. If not, and it has no turn already, the key is queued."""
        with self._lock:
            if key in self._busy:
                return False
            if len(self._busy) >= self._most:
                self._waiting[key] = None
                return False
            self._waiting.pop(key, None)
            self._busy.add(key)
            return True

    def leave(self, key: str) -> str:
        """End the turn of a key; return the key that has waited longest and may run now, or an empty one."""
        with self._lock:
            self._busy.discard(key)
            following = next(iter(self._waiting), "")
            self._waiting.pop(following, None)
            return following
