"""YAML as a tree of nodes that know their position and how YAML 1.1 and 1.2 would read them.

The tree is built from the parser's events, so that aliases, tags and excessive depth are refused before anything is
constructed: otherwise a file of a kilobyte could expand into gigabytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from yaml.resolver import Resolver

from interconnect.files.errors import Errors, FileError, Position, error, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE_LIMIT = 1024 * 1024
DEPTH_LIMIT = 16
NODE_LIMIT = 100_000

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KINDS = {
    "bool": "boolean",
    "int": "number",
    "float": "number",
    "null": "nothing",
    "timestamp": "date",
    "merge": "merge key",
    "value": "default key",
}
# What other readers (YAML 1.2, Go's) read differently from PyYAML: a name must be a name to all of them.
_ELSEWHERE = (
    ("boolean", re.compile(r"[yYnN]")),
    ("number", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+")),
)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar value.

    `kind` is how YAML reads it: `string`, `boolean`, `number`, `nothing`, `date`, `merge key` or `default key`.
    """

    value: str
    kind: str
    at: Position
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Node, ...]
    at: Position
    kind: str = "list"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping. `pairs` holds each key once; a duplicate is already an error of the tree."""

    pairs: dict[str, tuple[Scalar, Node]]
    at: Position
    kind: str = "mapping"


@dataclass(frozen=True, slots=True)
class Broken:
    """A placeholder for something that was refused. Readers report nothing more about it."""

    at: Position
    kind: str = "broken"


Node = Scalar | Sequence | Mapping | Broken


def read_tree(text: str | bytes, errors: Errors) -> Node | None:
    """Return the only document of `text`, at most `SIZE_LIMIT` bytes of UTF-8; None if it can't be read to its end.

    Raises `Enough` when there are too many errors.
    """
    decoded = _decode(text)
    if isinstance(decoded, FileError):
        errors.found.append(decoded)
        return None
    try:
        return _Builder(decoded, errors).document()
    except yaml.MarkedYAMLError as problem:
        errors.found.append(_syntax(problem))
    except _BeyondLimit as limit:
        errors.found.append(limit.error)
    return None


def scalar_kind(value: str) -> str:
    """Return how YAML reads an unquoted scalar: `string` only if every reader agrees."""
    tag = str(_RESOLVER.resolve(yaml.ScalarNode, value, (True, False))).rpartition(":")[2]
    if tag != "str":
        return _KINDS.get(tag, tag)
    return next((kind for kind, pattern in _ELSEWHERE if pattern.fullmatch(value)), "string")


class _BeyondLimit(Exception):
    def __init__(self, found: FileError) -> None:
        super().__init__()
        self.error = found


_RESOLVER: Any = Resolver()


def _decode(text: str | bytes) -> str | FileError:
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if len(raw) > SIZE_LIMIT:
        return error("file.too-large", Position(1, 1), limit=SIZE_LIMIT, size=len(raw))
    try:
        decoded = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as problem:
        return error("file.not-utf8", _position_after(raw[: problem.start].decode("utf-8", "replace")))
    if found := _UNPRINTABLE.search(decoded):
        return error("file.unprintable", _position_after(decoded[: found.start()]), character=f"U+{ord(found[0]):04X}")
    return decoded


def _position_after(before: str) -> Position:
    return Position(before.count("\n") + 1, len(before) - before.rfind("\n"))


def _position(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1)


def _syntax(problem: yaml.MarkedYAMLError) -> FileError:
    mark = problem.problem_mark or problem.context_mark
    return error(
        "file.syntax",
        _position(mark) if mark else Position(1, 1),
        problem=shown(str(problem.problem or problem.context or "")),
    )


class _Builder:
    def __init__(self, text: str, errors: Errors) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.events: Iterator[Any] = iter(yaml.parse(text, Loader=loader))
        self.errors, self.nodes = errors, 0

    def document(self) -> Node | None:
        root: Node | None = None
        for event in self.events:
            if not isinstance(event, yaml.DocumentStartEvent):
                continue
            if root is not None:
                self.errors.add("file.several-documents", _position(event.start_mark))
                return root
            self._refuse_directives(event)
            root = self._node(next(self.events), 1)
        if root is None:
            self.errors.add("file.empty", Position(1, 1))
        return root

    def _refuse_directives(self, event: yaml.DocumentStartEvent) -> None:
        if event.tags:
            self.errors.add("file.tag", _position(event.start_mark), tag="%TAG")

    def _node(self, event: Any, depth: int) -> Node:
        at = _position(event.start_mark)
        self.nodes += 1
        if depth > DEPTH_LIMIT:
            raise _BeyondLimit(error("file.too-deep", at, limit=DEPTH_LIMIT))
        if self.nodes > NODE_LIMIT:
            raise _BeyondLimit(error("file.too-many-values", at, limit=NODE_LIMIT))
        if isinstance(event, yaml.AliasEvent):
            self.errors.add("file.alias", at, name=shown(f"*{event.anchor}"))
            return Broken(at)
        if event.anchor is not None:
            self.errors.add("file.alias", at, name=shown(f"&{event.anchor}"))
        if event.tag is not None:
            self.errors.add("file.tag", at, tag=shown(str(event.tag)))
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, at)
        if isinstance(event, yaml.SequenceStartEvent):
            return Sequence(tuple(self._node(item, depth + 1) for item in self._until(yaml.SequenceEndEvent)), at)
        return self._mapping(at, depth)

    def _until(self, end: type[Any]) -> Iterator[Any]:
        for event in self.events:
            if isinstance(event, end):
                return
            yield event

    def _scalar(self, event: yaml.ScalarEvent, at: Position) -> Node:
        if event.tag is not None:
            return Broken(at)
        plain = bool(event.implicit[0])
        return Scalar(event.value, scalar_kind(event.value) if plain else "string", at, quoted=not plain)

    def _mapping(self, at: Position, depth: int) -> Mapping:
        pairs: dict[str, tuple[Scalar, Node]] = {}
        for event in self._until(yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self.events), depth + 1)
            if self._usable(key, pairs) and isinstance(key, Scalar):
                pairs[key.value] = (key, value)
        return Mapping(pairs, at)

    def _usable(self, key: Node, pairs: dict[str, tuple[Scalar, Node]]) -> bool:
        if isinstance(key, Broken):
            return False
        if not isinstance(key, Scalar):
            self.errors.add("file.key", key.at, found=key.kind)
            return False
        if key.kind in ("merge key", "default key"):
            self.errors.add("file.merge-key", key.at, key=shown(key.value))
            return False
        if key.kind != "string":
            self.errors.add("file.not-a-string", key.at, value=shown(key.value), found=key.kind)
            return False
        if key.value in pairs:
            self.errors.add("file.duplicate-key", key.at, key=shown(key.value), line=pairs[key.value][0].at.line)
            return False
        return True
