"""Reads of one look: what can't be read is told with its reason, and costs nothing else of the look."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from interconnect.clients import twice
from interconnect.domain.seen import Unread
from interconnect.kube.errors import KubeError, Permanent, Temporary

if TYPE_CHECKING:
    from interconnect.domain.violations import Violation

_Result = TypeVar("_Result")

# What ends a look although the server has answered: it isn't the cluster, or not with this credential.
ENDING = frozenset({"unauthorized", "wrong-cluster", "credential-unreadable", "not-tls", "web-page"})
# What a server that answers says of a single read, also after a second try.
SAID = frozenset({"expired", "server-error", "server-timeout", "too-many-requests"})
# The resources that rights name one by one: see `interconnect.kube.rights`.
_NAMED = frozenset({"configmaps", "namespaces"})


class Reads:
    """Reads one thing after the other. `lacking` are the rights that turned out to be missing."""

    def __init__(self) -> None:
        self.lacking: dict[str, None] = {}
        self._unread: dict[tuple[str, str], Violation] = {}

    @property
    def unread(self) -> tuple[Unread, ...]:
        return tuple(Unread(cause, kind, name) for (kind, name), cause in self._unread.items())

    def ask(self, read: Callable[[], _Result], kind: str, name: str = "") -> _Result | None:
        """Return what was read of objects of this kind; None where that failed, while the cluster answers."""
        try:
            return twice(read)
        except Temporary as error:
            # A list whose pages come, but not all of them in time, is no silence.
            if error.params.get("phase") != "list" and error.code not in SAID:
                raise
            self.miss(error, kind, name)
        except Permanent as error:
            if error.code in ENDING:
                raise
            self.miss(error, kind, name)
        return None

    def miss(self, error: KubeError, kind: str = "", name: str = "") -> None:
        """Note that this wasn't read; without a kind: nothing was."""
        self._unread.setdefault((kind, name), error.violation())
        if error.code == "forbidden":
            self.lacking[right_of(error)] = None


def right_of(error: KubeError) -> str:
    """Return the right that a forbidden call lacks, as `interconnect.kube.rights` words it."""
    said = error.params
    name = said.get("name") if said.get("resource") in _NAMED else ""
    where = f"in {said['namespace']}" if said.get("namespace") else ""
    return " ".join(str(part) for part in (said.get("verb"), said.get("resource"), name, where) if part)
