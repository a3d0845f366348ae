"""Few at once in this process; who comes meanwhile is not held up, but told when there is room."""

from __future__ import annotations

import threading


class Turns:
    """At most `most` keys at once, each of them once.

    What finds no room waits as a name only, in the order of coming.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._busy: set[str] = set()
        self._waiting: dict[str, None] = {}
        self._lock = threading.Lock()

    def enter(self, key: str) -> bool:
        """Whether it is this key's turn; it is noted when it is not, unless it has its turn already."""
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
        """After a turn: the key that has waited longest and may come now; empty when none waits."""
        with self._lock:
            self._busy.discard(key)
            following = next(iter(self._waiting), "")
            self._waiting.pop(following, None)
            return following
