"""Why something isn't allowed: a stable code with parameters, worded elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from interconnect.domain.json_types import Json


@dataclass(frozen=True, slots=True)
class Violation:
    """`code` is stable and has a message in the catalogue; `params` are plain JSON values that fill it.

    `token` is not empty when a mesh admin may override it; it names this very finding.
    """

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    token: str = ""

    def to_json(self) -> Json:
        return {"code": self.code, "params": dict(self.params), "token": self.token}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what `to_json` stored, also by earlier versions, which kept the parameters beside the code."""
        params = data.get("params")
        if not isinstance(params, Mapping):
            params = {name: value for name, value in data.items() if name not in ("code", "token")}
        return cls(str(data.get("code", "")), params, str(data.get("token", "")))
