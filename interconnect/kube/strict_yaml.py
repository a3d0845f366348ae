"""YAML of a stranger as plain mappings, lists and strings, built from events so that nothing can grow or run while
reading.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

Node = dict[str, Any] | list[Any] | str | bool | None
DEPTH = 20
NODES = 20_000
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FALSE_SPACE = re.compile(r"^ *[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\u2060]", re.MULTILINE)
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"(?i)true|false|yes|no|on|off")
_NUMBER = re.compile(
    r"[-+]?(?:0[xob])?[0-9][0-9_a-fA-F]*(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)


class Refused(Exception):
    """Not read; `code` says why, `line` and `column` (from 1) where."""

    def __init__(self, code: str, mark: Any = None) -> None:
        super().__init__(code)
        self.code = code
        self.line = mark.line + 1 if mark else 0
        self.column = mark.column + 1 if mark else 0


class Number(str):
    """A plain scalar that YAML reads as a number; kept apart from text, never converted."""

    __slots__ = ()


def load_all(text: str) -> list[Node]:
    """The documents of `text`, in their order. Raises Refused: `malformed`, `tab`, `space`, `alias`, `merge-key`,
    `duplicate-key`, `tag`, `too-deep`, `too-many-nodes`.
    """
    _require_real_spaces(text)
    try:
        return _documents(iter(yaml.parse(text, Loader=_LOADER)))
    except yaml.MarkedYAMLError as error:
        raise Refused("tab" if _is_tab(text, error.problem_mark) else "malformed", error.problem_mark) from None
    except yaml.reader.ReaderError:
        raise Refused("malformed", _mark_of_control(text)) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise Refused("malformed") from None


def _require_real_spaces(text: str) -> None:
    """Pages and chats that code is copied from write spaces that are none to YAML: it takes them for a part of the
    text.
    """
    found = _FALSE_SPACE.search(text)
    if found:
        raise Refused("space", _mark_at(text, found.end() - 1))


def _mark_of_control(text: str) -> Any:
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    return _mark_at(text, found.start()) if found else None


def _mark_at(text: str, place: int) -> Any:
    before = text[:place].splitlines(keepends=True)
    ended = not before or before[-1].endswith(("\n", "\r"))
    return yaml.Mark("", place, len(before) - (not ended), 0 if ended else len(before[-1]), None, 0)


def _is_tab(text: str, mark: Any) -> bool:
    """Whether the line that cannot be read, or the one after it, is indented by a tab: editors show it like spaces."""
    lines = text.splitlines()[mark.line : mark.line + 2] if mark else []
    return any("\t" in line[: len(line) - len(line.lstrip())] for line in lines)


def _documents(events: Iterator[Any]) -> list[Node]:
    builder = _Builder()
    found: list[Node] = []
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            builder.root = None
        elif isinstance(event, yaml.DocumentEndEvent):
            found.append(builder.root)
        elif isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            builder.take(event)
    return found


class _Builder:
    """Puts events together without recursion; a collection under construction is a frame on the stack."""

    def __init__(self) -> None:
        self.root: Node = None
        self._stack: list[tuple[Any, list[str]]] = []
        self._count = 0

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.CollectionEndEvent):
            self._stack.pop()
            return
        self._refuse(event)
        if isinstance(event, yaml.ScalarEvent):
            self._place(_scalar(event), event)
            return
        made: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._place(made, event)
        self._stack.append((made, []))

    def _refuse(self, event: Any) -> None:
        self._count += 1
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise Refused("alias", event.start_mark)
        if event.tag and event.tag != "!":
            raise Refused("tag", event.start_mark)
        if len(self._stack) >= DEPTH:
            raise Refused("too-deep", event.start_mark)
        if self._count > NODES:
            raise Refused("too-many-nodes", event.start_mark)

    def _place(self, value: Node, event: Any) -> None:
        if not self._stack:
            self.root = value
            return
        holder, key = self._stack[-1]
        if isinstance(holder, list):
            holder.append(value)
        elif key:
            holder[key.pop()] = value
        else:
            key.append(_key(holder, event))


def _key(holder: dict[str, Any], event: Any) -> str:
    if not isinstance(event, yaml.ScalarEvent):
        raise Refused("malformed", event.start_mark)
    name = str(event.value)
    if name == "<<" and event.implicit[0]:
        raise Refused("merge-key", event.start_mark)
    if name in holder:
        raise Refused("duplicate-key", event.start_mark)
    return name


def _scalar(event: Any) -> Node:
    if not event.implicit[0]:
        return str(event.value)
    if _NULL.fullmatch(event.value):
        return None
    if _BOOL.fullmatch(event.value):
        return str(event.value).lower() in ("true", "yes", "on")
    return Number(event.value) if _NUMBER.fullmatch(event.value) else str(event.value)
