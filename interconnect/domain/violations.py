"""Why something may not be done: a stable code with parameters, worded elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Violation:
    """`code` is stable and has a message in the catalogue; `params` are plain JSON values that fill it.

    `token` is not empty when a mesh admin may override it; it names this very finding.
    """

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    token: str = ""
