"""Mutating admission: what a cluster's policies make of objects on their way in, dry runs included.

As with real API servers, the fields count as written by whoever sent the object: ownership is settled before admission.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.resources import Json


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy for the objects of a resource (its plural) whose names begin with `prefix`.

    `sets` are values by JSON pointer, put in where their parents exist; `removes` are pointers of what is taken out
    where it is there. It applies to creations and updates, not to subresources.
    """

    resource: str
    prefix: str = ""
    sets: Mapping[str, Any] = field(default_factory=dict)
    removes: tuple[str, ...] = ()

    def admit(self, plural: str, obj: Json) -> None:
        """Change the object in place, if the policy applies to it."""
        if plural != self.resource or not str(obj["metadata"].get("name", "")).startswith(self.prefix):
            return
        for pointer, value in self.sets.items():
            for parent, key in _places(obj, pointer):
                parent[key] = value
        for pointer in self.removes:
            for parent, key in _places(obj, pointer):
                if key in parent if isinstance(parent, dict) else key < len(parent):
                    del parent[key]


def _places(obj: Json, pointer: str) -> Iterator[tuple[Any, Any]]:
    """Yield the parent and key of the field at a JSON pointer; nothing if its parents aren't there."""
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.removeprefix("/").split("/")]
    node: Any = obj
    for part in parents:
        if isinstance(node, list):
            node = node[int(part)] if part.isdigit() and int(part) < len(node) else None
        else:
            node = node.get(part) if isinstance(node, dict) else None
    if isinstance(node, dict):
        yield node, last
    elif isinstance(node, list) and last.isdigit():
        yield node, int(last)
