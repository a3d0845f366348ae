"""The possible results of carrying out a step."""

from __future__ import annotations

from dataclasses import dataclass, field

from interconnect.domain.json_types import Json


@dataclass(frozen=True, slots=True)
class Done:
    """The step has succeeded. `skipped`: there was nothing to do, or a decision says so."""

    evidence: Json = field(default_factory=dict)
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again in `seconds`, holding no thread until then; None: after the step's own back-off.

    `queued`: it couldn't even look, so this doesn't count as waiting.
    """

    seconds: float | None = None
    evidence: Json = field(default_factory=dict)
    queued: bool = False


class StepFailed(Exception):
    """The step can't continue. `code` and `params` are worded when shown; `evidence` is what was last observed."""

    def __init__(self, code: str, params: Json | None = None, evidence: Json | None = None) -> None:
        self.code, self.params, self.evidence = code, params or {}, evidence or {}
        super().__init__(code)


class LostLease(Exception):
    """Another worker holds the step now, so write nothing more."""
