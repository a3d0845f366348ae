"""YAML as a tree of nodes that know where they stand and how YAML 1.1 and 1.2 would read them.

Built from the parser's events, so that aliases, tags and depth are refused before anything is constructed: a file of a
kilobyte can otherwise unfold into gigabytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from yaml.resolver import Resolver

from interconnect.files.errors import FileError, Position, error

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE_LIMIT = 1024 * 1024
DEPTH_LIMIT = 16

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
# What other readers (YAML 1.2, Go's) take for something else than PyYAML does: a name must be a name to all of them.
_ELSEWHERE = (
    ("boolean", re.compile(r"[yYnN]")),
    ("number", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+")),
)


@dataclass(frozen=True, slots=True)
class Scalar:
    """`kind` is what YAML takes it for: `string`, `boolean`, `number`, `nothing`, `date`, `merge key` or `default key`."""

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
    """`pairs` hold each key once; a second one is already an error of the tree."""

    pairs: dict[str, tuple[Scalar, Node]]
    at: Position
    kind: str = "mapping"


@dataclass(frozen=True, slots=True)
class Broken:
    """Stands where something was refused; whoever meets it says nothing more about it."""

    at: Position
    kind: str = "broken"


Node = Scalar | Sequence | Mapping | Broken


@dataclass(slots=True)
class Tree:
    """`root` is None when the text could not be read to its end; `errors` are in the order of the text."""

    root: Node | None
    errors: list[FileError] = field(default_factory=list)


def read_tree(text: str | bytes) -> Tree:
    """The one document of `text`, at most `SIZE_LIMIT` bytes of UTF-8."""
    decoded = _decode(text)
    if isinstance(decoded, FileError):
        return Tree(None, [decoded])
    builder = _Builder(decoded)
    try:
        root = builder.document()
    except yaml.MarkedYAMLError as problem:
        builder.errors.append(_syntax(problem))
        return Tree(None, builder.errors)
    except _TooDeep as problem:
        builder.errors.append(error("file.too-deep", problem.at, limit=DEPTH_LIMIT))
        return Tree(None, builder.errors)
    return Tree(root, builder.errors)


def scalar_kind(value: str) -> str:
    """What an unquoted scalar is to YAML; `string` only when every reader agrees."""
    tag = str(_RESOLVER.resolve(yaml.ScalarNode, value, (True, False))).rpartition(":")[2]
    if tag != "str":
        return _KINDS.get(tag, tag)
    return next((kind for kind, pattern in _ELSEWHERE if pattern.fullmatch(value)), "string")


class _TooDeep(Exception):
    def __init__(self, at: Position) -> None:
        super().__init__()
        self.at = at


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
    return error("file.syntax", _position(mark) if mark else Position(1, 1), problem=str(problem.problem or problem.context or ""))


class _Builder:
    def __init__(self, text: str) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.events: Iterator[Any] = iter(yaml.parse(text, Loader=loader))
        self.errors: list[FileError] = []

    def document(self) -> Node | None:
        root: Node | None = None
        for event in self.events:
            if not isinstance(event, yaml.DocumentStartEvent):
                continue
            if root is not None:
                self._refuse("file.several-documents", _position(event.start_mark))
                return root
            self._refuse_directives(event)
            root = self._node(next(self.events), 1)
        if root is None:
            self._refuse("file.empty", Position(1, 1))
        return root

    def _refuse_directives(self, event: yaml.DocumentStartEvent) -> None:
        if event.tags:
            self._refuse("file.tag", _position(event.start_mark), tag="%TAG")

    def _refuse(self, code: str, at: Position, **params: Any) -> None:
        self.errors.append(error(code, at, **params))

    def _node(self, event: Any, depth: int) -> Node:
        at = _position(event.start_mark)
        if depth > DEPTH_LIMIT:
            raise _TooDeep(at)
        if isinstance(event, yaml.AliasEvent):
            self._refuse("file.alias", at, name=f"*{event.anchor}")
            return Broken(at)
        if event.anchor is not None:
            self._refuse("file.alias", at, name=f"&{event.anchor}")
        if event.tag is not None:
            self._refuse("file.tag", at, tag=str(event.tag))
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
            self._refuse("file.key", key.at, found=key.kind)
            return False
        if key.kind in ("merge key", "default key"):
            self._refuse("file.merge-key", key.at, key=key.value)
            return False
        if key.kind != "string":
            self._refuse("file.not-a-string", key.at, value=key.value, found=key.kind)
            return False
        if key.value in pairs:
            self._refuse("file.duplicate-key", key.at, key=key.value, line=pairs[key.value][0].at.line)
            return False
        return True
