"""A process to keep running, without anything that needs installing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

# The exit code of a process that asks for nothing but to be started again.
SUCCEEDED_BY_ANOTHER = 75


@dataclass(frozen=True, slots=True)
class Process:
    """A command to be started in the folder of manage.py with the console's environment and `environment`.

    One that ends is started again, unless it is to be run `once`. Those of the `foundation` are started first and ended
    last, since others need them. `descriptors` are open files that it inherits under the same numbers.
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
