"""A process to keep running. Needs nothing that must be installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

# The exit code of a process that only wants to be started again.
SUCCEEDED_BY_ANOTHER = 75


@dataclass(frozen=True, slots=True)
class Process:
    """A command to start in the folder of manage.py, with the console's environment and `environment`.

    If it ends, it is started again, unless it is to be run `once`. Processes of the `foundation` are started first and
    ended last, since others need them. `descriptors` are open files that it inherits under the same numbers.
    """

    name: str
    command: tuple[str, ...]
    once: bool = False
    foundation: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        return cls(**{**said, "command": tuple(said["command"]), "descriptors": tuple(said["descriptors"])})
