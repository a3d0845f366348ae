"""The answer to a request that was refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from interconnect.domain.violations import Violation


class Refused(Exception):
    """A request was refused, with every reason. Nothing was changed."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__(", ".join(violation.code for violation in self.violations))

    @classmethod
    def because(cls, code: str, **params: Any) -> Refused:
        return cls([Violation(code, params)])
