"""Typed reading of a tree: each method returns the value, or records what is wrong and where and returns None."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from interconnect.files.errors import Errors, Position, shown
from interconnect.files.tree import Broken, Node, Scalar, Sequence
from interconnect.files.tree import Mapping as MappingNode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

Path = tuple[str | int, ...]

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Text:
    """The rules for a string. `name` is what messages call it."""

    name: str
    limit: int
    pattern: re.Pattern[str] | None = None
    lines: bool = False
    empty: bool = False


@dataclass(slots=True)
class Reader:
    errors: Errors
    positions: dict[Path, Position] = field(default_factory=dict)

    def refuse(self, code: str, at: Position, **params: object) -> None:
        self.errors.add(code, at, **params)

    def mapping(self, node: Node, path: Path) -> dict[str, tuple[Scalar, Node]] | None:
        self.positions.setdefault(path, node.at)
        if isinstance(node, MappingNode):
            return node.pairs
        self._wrong_type(node, "mapping")
        return None

    def fields(
        self, node: Node, path: Path, known: Collection[str], required: Iterable[str] = ()
    ) -> dict[str, Node] | None:
        """Return the values of a mapping whose keys are fixed. Missing keys are reported at the mapping's beginning."""
        pairs = self.mapping(node, path)
        if pairs is None:
            return None
        for name, (key, _) in pairs.items():
            self.positions[*path, name] = key.at
            if name not in known:
                near = difflib.get_close_matches(shown(name), known, 1)
                self.refuse(
                    "file.unknown-key", key.at, key=shown(name), known=sorted(known), near=near[0] if near else ""
                )
        for name in required:
            if name not in pairs:
                self.refuse("file.missing-key", node.at, key=name)
        return {name: value for name, (_, value) in pairs.items() if name in known}

    def named(self, node: Node, path: Path, kind: Text) -> dict[str, Node] | None:
        """Return the values of a mapping whose keys are names chosen by people."""
        pairs = self.mapping(node, path)
        if pairs is None:
            return None
        for name, (key, _) in pairs.items():
            self.positions[*path, name] = key.at
        return {name: value for name, (key, value) in pairs.items() if self.text(key, kind) is not None}

    def items(self, node: Node, path: Path, *, empty: bool = False) -> tuple[Node, ...] | None:
        self.positions.setdefault(path, node.at)
        if not isinstance(node, Sequence):
            self._wrong_type(node, "list")
            return None
        for index, item in enumerate(node.items):
            self.positions[*path, index] = item.at
        if not node.items and not empty:
            self.refuse("file.empty-value", node.at, expected="list")
            return None
        return node.items

    def texts(self, node: Node, path: Path, kind: Text, *, empty: bool = False) -> tuple[str, ...] | None:
        """Return the strings of a list, in which duplicates are refused."""
        items = self.items(node, path, empty=empty)
        if items is None:
            return None
        seen: dict[str, Position] = {}
        for item in items:
            value = self.text(item, kind)
            if value is not None and value in seen:
                self.refuse("file.duplicate-item", item.at, value=shown(value), line=seen[value].line)
            elif value is not None:
                seen[value] = self.positions[*path, value] = item.at
        return tuple(seen)

    def text(self, node: Node, kind: Text) -> str | None:
        if not isinstance(node, Scalar):
            self._wrong_type(node, "string")
            return None
        if node.kind != "string":
            code = "file.not-a-string" if node.value else "file.empty-value"
            self.refuse(code, node.at, value=shown(node.value), found=node.kind, expected=kind.name)
            return None
        if not node.value and not kind.empty:
            self.refuse("file.empty-value", node.at, expected=kind.name)
            return None
        if len(node.value) > kind.limit:
            self.refuse("file.too-long", node.at, what=kind.name, limit=kind.limit, length=len(node.value))
            return None
        if bad := _CONTROL.search(node.value):
            self.refuse("file.unprintable", node.at, character=f"U+{ord(bad[0]):04X}")
            return None
        if (not kind.lines and "\n" in node.value) or (kind.pattern and not kind.pattern.fullmatch(node.value)):
            self.refuse("file.alphabet", node.at, value=shown(node.value), what=kind.name)
            return None
        return node.value

    def choice(self, node: Node, choices: Iterable[str]) -> str | None:
        allowed = list(choices)
        if not isinstance(node, Scalar):
            self._wrong_type(node, "string")
            return None
        if node.kind != "string" or node.value not in allowed:
            self.refuse("file.choice", node.at, value=shown(node.value), choices=allowed)
            return None
        return node.value

    def boolean(self, node: Node) -> bool | None:
        if isinstance(node, Scalar) and not node.quoted and node.value in ("true", "false"):
            return node.value == "true"
        self._wrong_type(node, "boolean")
        return None

    def integer(self, node: Node, least: int, most: int) -> int | None:
        """Return a plain decimal number. `010` is refused: it is eight to some YAML readers and ten to others."""
        if not isinstance(node, Scalar) or node.quoted or node.kind != "number":
            self._wrong_type(node, "integer")
            return None
        if not _INTEGER.fullmatch(node.value):
            self.refuse("file.number", node.at, value=shown(node.value))
            return None
        if not least <= int(node.value) <= most:
            self.refuse("file.out-of-range", node.at, value=int(node.value), least=least, most=most)
            return None
        return int(node.value)

    def _wrong_type(self, node: Node, expected: str) -> None:
        if isinstance(node, Broken):
            return
        self.refuse("file.wrong-type", node.at, expected=expected, found=node.kind)


def place(positions: Mapping[Path, Position], *path: str | int) -> Position:
    """Return the position of `path`, or of its nearest known parent, or else of the beginning."""
    while path:
        if path in positions:
            return positions[path]
        path = path[:-1]
    return positions.get((), Position(1, 1))
