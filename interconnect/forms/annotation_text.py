"""Annotations as a person writes them: a YAML mapping of strings, usually one `key: value` per line.

`read` takes back exactly what `written` returns, whatever an annotation may contain.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

Pairs = tuple[tuple[str, str], ...]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# The line above annotations that were copied from a manifest.
_HEADER = "annotations"
_BLOCK = ("|", ">")
_QUOTES = ('"', "'")


class Unreadable(ValueError):
    """The text isn't a mapping of strings. `line` (from 1) is the first line that doesn't fit."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


def read(text: str) -> Pairs:
    """Return the pairs in their order; a duplicate key appears twice. Raises Unreadable.

    Every plain value is a string: `on` isn't a boolean here. `{…}` and `[…]` are kept as written. If the text isn't
    YAML, such as `key: a: b`, its lines are read one by one.
    """
    text = text.replace("\r\n", "\n").expandtabs()
    try:
        return _mapping(text)
    except (yaml.YAMLError, _NoMapping):
        return tuple(pair for number, line in enumerate(text.split("\n"), 1) for pair in _line(number, line.strip()))


def written(pairs: Iterable[tuple[str, str]]) -> str:
    """Return one line per pair. A value that wouldn't be read back unchanged is in double quotes."""
    return "\n".join(f"{key}: {value if _is_plain(key, value) else _quoted(value)}" for key, value in pairs)


def _is_plain(key: str, value: str) -> bool:
    try:
        return "\t" not in value and _mapping(f"{key}: {value}") == ((key, value),)
    except (yaml.YAMLError, _NoMapping, Unreadable):
        return False


def _quoted(value: str) -> str:
    # 1 << 20: never folded, so that the value stays on one line.
    return yaml.dump(value, default_style='"', allow_unicode=True, width=1 << 20).rstrip("\n")


class _NoMapping(Exception):
    """The text is YAML, but not a mapping."""


def _mapping(text: str) -> Pairs:
    events = [
        event
        for event in yaml.parse(text, Loader=_LOADER)
        if isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent)
    ]
    if not events:
        return ()
    if not isinstance(events[0], yaml.MappingStartEvent) or _end(events, 0) != len(events) - 1:
        raise _NoMapping
    return tuple(_pairs(events[1:-1], text))


def _pairs(events: list[Any], text: str) -> Iterable[tuple[str, str]]:
    place = 0
    while place < len(events):
        key, value = events[place], events[place + 1] if place + 1 < len(events) else None
        end = _end(events, place + 1)
        if (
            not isinstance(key, yaml.ScalarEvent)
            or value is None
            or isinstance(value, yaml.AliasEvent)
            or key.anchor
            or value.anchor
        ):
            raise Unreadable(key.start_mark.line + 1)
        yield from _value(key, events[place + 1 : end + 1], text)
        place = end + 1


def _value(key: Any, events: list[Any], text: str) -> Iterable[tuple[str, str]]:
    first = events[0]
    header = key.value == _HEADER
    if isinstance(first, yaml.ScalarEvent):
        if not (header and not first.style and not first.value):
            yield key.value, first.value
    elif first.flow_style:
        yield key.value, text[first.start_mark.index : events[-1].end_mark.index]
    elif header and isinstance(first, yaml.MappingStartEvent):
        yield from _pairs(events[1:-1], text)
    else:
        raise Unreadable(first.start_mark.line + 1)


def _end(events: list[Any], start: int) -> int:
    """Return the index of the last event of the node that begins at `start`."""
    depth = 0
    for place in range(start, len(events)):
        depth += isinstance(events[place], yaml.CollectionStartEvent)
        depth -= isinstance(events[place], yaml.CollectionEndEvent)
        if depth <= 0:
            return place
    return len(events) - 1


def _line(number: int, line: str) -> Pairs:
    key, separator, value = (part.strip() for part in line.partition(":"))
    try:
        # In malformed text, one line of a multiline value can't be read alone.
        found = () if value.startswith(_BLOCK) else _mapping(line)
    except (yaml.YAMLError, _NoMapping, Unreadable):
        found = ((key, value),) if separator and not value.startswith(_QUOTES) else ()
    if not found and not _is_idle(line):
        raise Unreadable(number)
    return found


def _is_idle(line: str) -> bool:
    return not line or line.startswith("#") or line == f"{_HEADER}:"
