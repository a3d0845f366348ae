"""Only what differs between two states of an object, as YAML for a person to compare."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

import yaml

from meshconsole.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_LINES = 400
MOST_TEXT = 100_000
CONTEXT_LINES = 3
LEFT_OUT = "…"


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Represent a text of many lines as a block: meshNetworks in a ConfigMap is one, and is compared line by line."""
    if "\n" not in value:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value)
    # YAML has no block style for lines that end in blanks or contain tabs.
    lines = [line.expandtabs().rstrip() for line in value.split("\n")]
    return dumper.represent_scalar("tag:yaml.org,2002:str", "\n".join(lines), style="|")


_Dumper.add_representer(str, _text)


def excerpt(before: Any, after: Any) -> tuple[str, str]:
    """Return both as YAML, without the leaves and, within long texts, the lines that they share.

    An element of a list stands under its place, such as `webhooks[0]`. If only one of the two is there (None: not
    there), it is shown whole.
    """
    if before is not None and after is not None:
        before, after = _differing(before, after)
    return as_yaml(before), as_yaml(after)


def _differing(before: Any, after: Any) -> tuple[Any, Any]:
    if isinstance(before, dict) and isinstance(after, dict):
        return _of_mappings(before, after)
    if isinstance(before, str) and isinstance(after, str):
        return _of_texts(before, after)
    return before, after


def _of_texts(before: str, after: str) -> tuple[str, str]:
    """Return the lines that differ, with a few around them.

    In a list of the networks of hundreds of clusters, most lines are the same.
    """
    old, new = before.split("\n"), after.split("\n")
    left: list[str] = []
    right: list[str] = []
    done = 0
    for group in SequenceMatcher(None, old, new).get_grouped_opcodes(CONTEXT_LINES):
        gap = [LEFT_OUT] if group[0][1] > done else []
        done = group[-1][2]
        left += gap + old[group[0][1] : done]
        right += gap + new[group[0][3] : group[-1][4]]
    rest = [LEFT_OUT] if done < len(old) else []
    return "\n".join(left + rest), "\n".join(right + rest)


def _of_mappings(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    left: dict[str, Any] = {}
    right: dict[str, Any] = {}
    for key in dict.fromkeys((*before, *after)):
        if key not in after:
            left[key] = before[key]
        elif key not in before:
            right[key] = after[key]
        elif key == "name" and before[key] == after[key]:
            # The name says which element of a list it is.
            left[key] = right[key] = before[key]
        else:
            for place, one, other in _places(key, before[key], after[key]):
                left[place], right[place] = _differing(one, other)
    return left, right


def _places(key: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield what differs under a key: the elements of a list under their places, everything else as a whole."""
    if not are_lists_of_mappings(before, after) or len(before) != len(after):
        yield from [(key, before, after)] if before != after else ()
        return
    pairs = enumerate(zip(before, after, strict=True))
    yield from ((f"{key}[{place}]", one, other) for place, (one, other) in pairs if one != other)


def are_lists_of_mappings(*values: Any) -> bool:
    """Return whether the elements of these lists are compared one by one, by place; other lists are compared whole."""
    return all(isinstance(value, list) and all(isinstance(item, dict) for item in value) for value in values)


def as_yaml(value: Any) -> str:
    """Return YAML as people read it, with texts of several lines as blocks.

    Only its beginning if it is very long; empty for a value that isn't there.
    """
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=120) if value else ""
    lines = visible(text, lines=True).removesuffix("\n").split("\n")
    shown = "\n".join(lines if len(lines) <= MOST_LINES else [*lines[:MOST_LINES], LEFT_OUT])
    return shown if len(shown) <= MOST_TEXT else shown[:MOST_TEXT] + LEFT_OUT
