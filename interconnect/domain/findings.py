"""What a look came to: a stable code with parameters, how grave it is, and what was seen; worded elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from interconnect.domain.json_types import Json
from interconnect.domain.violations import Violation


class Severity(StrEnum):
    FINAL = "final"
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """Of a preflight or a check. `evidence` is what was seen, as plain JSON; `token` is not empty for errors that may
    be overridden.
    """

    code: str
    severity: Severity
    params: Mapping[str, Any] = field(default_factory=dict)
    token: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def grave(self) -> bool:
        return self.severity is not Severity.WARNING

    def to_json(self) -> Json:
        """As a violation has it, with how grave it is and what was seen."""
        of_all = Violation(self.code, self.params, self.token).to_json()
        return of_all | {"severity": self.severity, "evidence": dict(self.evidence)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` made; a violation, which has no severity, is an error."""
        found = Violation.from_json(data)
        severity = Severity(data.get("severity", Severity.ERROR))
        return cls(found.code, severity, found.params, found.token, data.get("evidence", {}))


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a person should know of the mesh as it was last seen.

    `grave` ones mean that the mesh does not do what was asked for.
    """

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    grave: bool = True

    def to_json(self) -> Json:
        return {"code": self.code, "params": dict(self.params), "grave": self.grave}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(str(data.get("code", "")), data.get("params", {}), bool(data.get("grave", True)))


Found = Violation | Finding | Alert
"""All that has a sentence in the catalogue: a code, and the parameters that fill it."""


def parameters(found: Found) -> Mapping[str, Any]:
    """What fills the sentence: the parameters and, of a finding, what was seen."""
    return {**found.evidence, **found.params} if isinstance(found, Finding) else found.params
