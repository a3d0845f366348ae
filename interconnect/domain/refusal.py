"""The answer to a request that was refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from interconnect.domain.json_types import Json
from interconnect.domain.violations import Violation


class Refused(Exception):
    """A request was refused, with every reason. Nothing was changed."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__(", ".join(violation.code for violation in self.violations))

    @classmethod
    def because(cls, code: str, **params: Any) -> Refused:
        return cls([Violation(code, params)])

    def to_json(self) -> list[Json]:
        """As it is stored: its violations."""
        return [violation.to_json() for violation in self.violations]

    @classmethod
    def from_json(cls, data: Iterable[Mapping[str, Any]]) -> Refused:
        return cls(map(Violation.from_json, data))
