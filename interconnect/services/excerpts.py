"""Of two states of an object only what differs, as YAML that a person compares."""

from __future__ import annotations

from typing import Any

import yaml

from meshconsole.text import visible

MOST_LINES = 400


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """meshNetworks is a text of many lines inside a ConfigMap: it is compared line by line."""
    if "\n" not in value:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value)
    # YAML has no block for lines that end in blanks, nor for tabs.
    lines = [line.expandtabs().rstrip() for line in value.split("\n")]
    return dumper.represent_scalar("tag:yaml.org,2002:str", "\n".join(lines), style="|")


_Dumper.add_representer(str, _text)


def excerpt(before: Any, after: Any) -> tuple[str, str]:
    """YAML of both, without the leaves that they share; the whole object where there is only one of them (None: not there)."""
    if before is not None and after is not None:
        before, after = _differing(before, after)
    return _yaml(before), _yaml(after)


def _differing(before: Any, after: Any) -> tuple[Any, Any]:
    if isinstance(before, dict) and isinstance(after, dict):
        return _of_mappings(before, after)
    if _is_list_of_mappings(before) and _is_list_of_mappings(after) and len(before) == len(after):
        pairs = [_differing(one, other) for one, other in zip(before, after, strict=True) if one != other]
        return [one for one, _other in pairs], [other for _one, other in pairs]
    return before, after


def _of_mappings(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    left: dict[str, Any] = {}
    right: dict[str, Any] = {}
    for key in dict.fromkeys((*before, *after)):
        if key not in after:
            left[key] = before[key]
        elif key not in before:
            right[key] = after[key]
        elif before[key] != after[key]:
            left[key], right[key] = _differing(before[key], after[key])
        elif key == "name":
            # Which element of a list it is.
            left[key] = right[key] = before[key]
    return left, right


def _is_list_of_mappings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def block_yaml(value: Any) -> str:
    """YAML as people read it, texts of several lines as such; empty for what is not there."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=120) if value else ""


def _yaml(value: Any) -> str:
    lines = visible(block_yaml(value), lines=True).removesuffix("\n").split("\n")
    return "\n".join(lines if len(lines) <= MOST_LINES else [*lines[:MOST_LINES], "…"])
