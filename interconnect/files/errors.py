"""What can be wrong with a file: stable codes with parameters and a position. Their words are elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Mapping

CODES = (
    "file.too-large",
    "file.not-utf8",
    "file.unprintable",
    "file.syntax",
    "file.empty",
    "file.several-documents",
    "file.alias",
    "file.tag",
    "file.merge-key",
    "file.too-deep",
    "file.too-many-values",
    "file.key",
    "file.duplicate-key",
    "file.unknown-key",
    "file.missing-key",
    "file.not-a-string",
    "file.wrong-type",
    "file.number",
    "file.out-of-range",
    "file.empty-value",
    "file.too-long",
    "file.alphabet",
    "file.choice",
    "file.version",
    "file.inline-kubeconfig",
    "file.context-alone",
    "file.cidr",
    "file.ip",
    "file.duplicate-item",
    "file.gateway-key",
    "file.gateway-cluster",
    "file.replicas-and-autoscaling",
    "file.autoscaling-range",
    "file.joined-entry",
    "file.joined-gateway",
    "file.cluster-twice",
    "file.too-many-errors",
    "file.mesh-unknown",
    "file.revision",
    "file.control-plane",
    "file.control-plane-identity",
    "file.cluster-unknown",
    "file.cluster-identity",
    "file.cluster-renamed",
    "file.kubeconfig-missing",
    "file.kubeconfig-unreadable",
    "file.kubeconfig-too-large",
    "file.kubeconfig-not-a-file",
)


ERROR_LIMIT = 100
SHOWN = 60


class Position(NamedTuple):
    """Line and column, both from 1 as in editors. Columns count characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class FileError:
    """An error at a position in the file.

    `code` is one of `CODES`, or a code of the domain about an address. `params` are plain JSON values for its message.
    """

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    line: int = 1
    column: int = 1

    @property
    def violation(self) -> Violation:
        """The error without its position."""
        return Violation(self.code, self.params)


def error(code: str, at: Position, **params: Any) -> FileError:
    return FileError(code, params, at.line, at.column)


class Errors:
    """Collects errors, and raises `Enough` once there are more than anyone would read."""

    def __init__(self) -> None:
        self.found: list[FileError] = []

    def add(self, code: str, at: Position, **params: Any) -> None:
        self.found.append(error(code, at, **params))
        if len(self.found) >= ERROR_LIMIT:
            raise Enough


class Enough(Exception):
    """Raised to leave the rest of the file unread."""


def in_order(errors: list[FileError]) -> list[FileError]:
    """Return the errors in text order. If there are too many, one more at the end says so."""
    ordered = sorted(errors, key=lambda found: (found.line, found.column))
    if len(ordered) < ERROR_LIMIT:
        return ordered
    last = ordered[-1]
    return [*ordered, error("file.too-many-errors", Position(last.line, last.column), shown=ERROR_LIMIT)]


def shown(value: str) -> str:
    """Return as much of a value as fits into a message."""
    return value if len(value) <= SHOWN else f"{value[:SHOWN]}…"
