"""Values that would flap: what depends on answering or readiness counts once two looks in a row agree.

What was read from an object isn't steadied: it counts at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interconnect.domain.json_types import Json


@dataclass(frozen=True, slots=True)
class Steady:
    """A value that counts, and since when. `doubt` is another value that the last look saw first, at `doubt_at`."""

    value: str
    since: datetime
    doubt: str | None = None
    doubt_at: datetime | None = None

    @property
    def doubtful(self) -> bool:
        """Whether a second look should follow soon."""
        return self.doubt is not None

    def to_json(self) -> Json:
        return {
            "value": self.value,
            "since": self.since.isoformat(),
            "doubt": self.doubt,
            "doubt_at": self.doubt_at.isoformat() if self.doubt_at else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Self | None:
        """Return what `to_json` stored; None for nothing."""
        if not data:
            return None
        doubt_at = datetime.fromisoformat(data["doubt_at"]) if data.get("doubt_at") else None
        return cls(data["value"], datetime.fromisoformat(data["since"]), data.get("doubt"), doubt_at)


def settle(before: Steady | None, value: str, at: datetime) -> Steady:
    """Return what counts after a look that saw `value`: the first look counts, later ones need a second that agrees."""
    if before is None:
        return Steady(value, at)
    if value == before.value:
        return replace(before, doubt=None, doubt_at=None)
    if value == before.doubt:
        return Steady(value, before.doubt_at or at)
    return replace(before, doubt=value, doubt_at=at)
