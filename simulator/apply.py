"""Server-side apply: who owns which field, what an apply changes, and whose fields it would overwrite.

Follows sigs.k8s.io/structured-merge-diff and the API server's wording of conflicts. A path is a tuple of elements as
they appear in `managedFields`: `f:name`, `k:{"name":"x"}`, `v:"x"`. A set of fields is a set of paths.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from simulator.errors import apply_conflict
from simulator.resources import ATOMIC, Json, Names, Rule

Path = tuple[str, ...]
Fields = frozenset[Path]
Rules = Mapping[Names, Rule]

_MISSING: Any = object()
# fields that every object has and nobody owns
_UNOWNED: Fields = frozenset(
    [("f:apiVersion",), ("f:kind",), ("f:metadata",)]
    + [
        ("f:metadata", f"f:{name}")
        for name in (
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "generation",
            "managedFields",
            "resourceVersion",
        )
    ]
)


class Manager(NamedTuple):
    """Who wrote: the key by which entries of `managedFields` are merged.

    Appliers have no `api_version`, since they own fields across versions.
    """

    name: str
    operation: str
    api_version: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        text = json.dumps(self.name)
        if self.subresource:
            text += f" with subresource {json.dumps(self.subresource)}"
        return text + (f" using {self.api_version}" if self.operation == "Update" else "")


@dataclass(slots=True)
class Difference:
    added: set[Path] = field(default_factory=set)
    removed: set[Path] = field(default_factory=set)
    modified: set[Path] = field(default_factory=set)

    @property
    def written(self) -> set[Path]:
        return self.added | self.modified


def element(rule: Rule, item: Any) -> str:
    """Return the path element of one item in a list that is merged item by item."""
    if rule.unique:
        return "v:" + json.dumps(item)
    defaults = dict(rule.defaults)
    keys = {key: item.get(key, defaults.get(key)) for key in sorted(rule.keys)}
    return "k:" + json.dumps({key: value for key, value in keys.items() if value is not None}, separators=(",", ":"))


def fields_of(value: Any, rules: Rules, names: Names = (), path: Path = ()) -> Iterator[Path]:
    """Yield every field that `value` sets."""
    rule = rules.get(names)
    if isinstance(value, dict):
        if rule is ATOMIC:
            yield path
            return
        for key, child in value.items():
            here = (*path, f"f:{key}")
            if child is None or child == {}:
                yield here
            else:
                yield from fields_of(child, rules, (*names, key), here)
    elif isinstance(value, list) and rule is not None and not rule.atomic:
        for item in value:
            here = (*path, element(rule, item))
            yield here
            if isinstance(item, dict):
                yield from fields_of(item, rules, names, here)
    else:
        yield path


def _children(value: Any, rules: Rules, names: Names) -> dict[str, tuple[Any, Names]] | None:
    """Return the parts of a value that merge separately; None if it merges as a whole."""
    rule = rules.get(names)
    if isinstance(value, dict) and rule is not ATOMIC:
        return {f"f:{key}": (child, (*names, key)) for key, child in value.items()}
    if isinstance(value, list) and rule is not None and not rule.atomic:
        return {element(rule, item): (item, names if isinstance(item, dict) else (*names, "")) for item in value}
    return None


def compare(old: Any, new: Any, rules: Rules, result: Difference, names: Names = (), path: Path = ()) -> Difference:
    """Collect in `result` the fields in which `new` differs from `old`, and return it."""
    if old is new:
        return result
    before = None if old is _MISSING else _children(old, rules, names)
    after = None if new is _MISSING else _children(new, rules, names)
    if (before is None and old is not _MISSING) or (after is None and new is not _MISSING):
        if old is _MISSING:
            result.added.add(path)
        elif new is _MISSING:
            result.removed.add(path)
        elif old != new:
            result.modified.add(path)
        return result
    nothing: tuple[Any, Names] = (_MISSING, ())
    for key in (before or {}) | (after or {}):
        left, right = (before or {}).get(key, nothing), (after or {}).get(key, nothing)
        compare(left[0], right[0], rules, result, left[1] or right[1], (*path, key))
    if path and old is _MISSING:
        result.added.add(path)
    elif path and new is _MISSING:
        result.removed.add(path)
    return result


def merge(live: Any, config: Any, rules: Rules, names: Names = ()) -> Any:
    """Return `live` with everything that `config` sets. Neither is changed; the result shares their parts."""
    rule = rules.get(names)
    if isinstance(live, dict) and isinstance(config, dict) and rule is not ATOMIC:
        changed = {
            key: merge(live[key], child, rules, (*names, key)) if key in live else child
            for key, child in config.items()
        }
        return {**live, **changed}
    if isinstance(live, list) and isinstance(config, list) and rule is not None and not rule.atomic:
        return _merge_lists(live, config, rule, rules, names)
    return config


def _merge_lists(live: list[Any], config: list[Any], rule: Rule, rules: Rules, names: Names) -> list[Any]:
    left = {element(rule, item): item for item in live}
    right = {element(rule, item): item for item in config}
    order, waiting = [], list(right)
    for key in left:
        if key not in right:
            order.append(key)
            continue
        while key in waiting:  # among applied items, the applied order wins
            order.append(waiting.pop(0))
    order += waiting
    return [
        merge(left[key], right[key], rules, names) if key in left and key in right else right.get(key, left.get(key))
        for key in order
    ]


def remove(value: Any, paths: set[Path], rules: Rules, names: Names = (), path: Path = ()) -> Any:
    """Return `value` without the fields in `paths`. Anything that this leaves empty is removed too (`_MISSING`)."""
    children = _children(value, rules, names)
    if children is None:
        return value
    kept: dict[str, Any] = {}
    for key, (child, deeper) in children.items():
        here = (*path, key)
        if here in paths:
            continue
        left = remove(child, paths, rules, deeper, here) if any(item[: len(here)] == here for item in paths) else child
        if left is not _MISSING:
            kept[key] = left
    if children and not kept:
        return _MISSING
    return {key[2:]: child for key, child in kept.items()} if isinstance(value, dict) else list(kept.values())


def _with_parents(paths: Iterable[Path]) -> set[Path]:
    """Return the paths and all named fields that lead to them."""
    found: set[Path] = set()
    for path in paths:
        found.add(path)
        for end in range(len(path) - 1, 0, -1):
            if path[:end] in found and path[end - 1].startswith("f:"):
                break
            if path[end - 1].startswith("f:"):
                found.add(path[:end])
    return found


def encode(fields: Fields) -> Json:
    """Return the fields in the format of `fieldsV1`."""
    root: Json = {}
    for path in sorted(fields):
        node = root
        for step in path:
            node = node.setdefault(step, {})
        node["."] = {}
    return _without_lone_dots(root)


def _without_lone_dots(node: Json) -> Json:
    if node.keys() == {"."}:
        return {}
    return {key: {} if key == "." else _without_lone_dots(child) for key, child in node.items()}


def decode(node: Json, path: Path = ()) -> Iterator[Path]:
    if path and (not node or "." in node):
        yield path
    for key, child in node.items():
        if key != ".":
            yield from decode(child, (*path, key))


Owners = dict[Manager, Fields]


def owners_of(obj: Json) -> Owners:
    found: Owners = {}
    for entry in obj["metadata"].get("managedFields", ()):
        version = entry["apiVersion"] if entry["operation"] == "Update" else ""
        manager = Manager(entry["manager"], entry["operation"], version, entry.get("subresource", ""))
        found[manager] = frozenset(decode(entry["fieldsV1"]))
    return found


def managed_fields(owners: Owners, before: Json | None, api_version: str, now: str) -> list[Json]:
    """Return the entries of `managedFields`. An entry that hasn't changed keeps its time."""
    times = {}
    if before is not None:
        known = owners_of(before)
        stamps = dict(
            zip(known, (entry.get("time", now) for entry in before["metadata"].get("managedFields", ())), strict=False)
        )
        times = {manager: stamps[manager] for manager, fields in known.items() if owners.get(manager) == fields}
    entries = []
    for manager, fields in owners.items():
        entry = {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": manager.api_version or api_version,
            "time": times.get(manager, now),
            "fieldsType": "FieldsV1",
            "fieldsV1": encode(fields),
        }
        entries.append(entry | ({"subresource": manager.subresource} if manager.subresource else {}))
    return sorted(
        entries, key=lambda entry: (entry["operation"], entry["time"], entry["manager"], entry.get("subresource", ""))
    )


def dotted(path: Path) -> str:
    """Return a path as conflicts print it: `.spec.containers[name="app"].image`."""
    text = ""
    for step in path:
        kind, value = step[:2], step[2:]
        if kind == "f:":
            text += f".{value}"
        elif kind == "k:":
            text += "[" + ",".join(f"{key}={json.dumps(item)}" for key, item in json.loads(value).items()) + "]"
        else:
            text += f"[={value}]"
    return text


def _refuse(conflicts: Mapping[Manager, set[Path]]) -> None:
    found = [(manager, path) for manager in sorted(conflicts, key=str) for path in sorted(conflicts[manager])]
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": dotted(path)}
        for manager, path in found
    ]
    if len(found) == 1:
        manager, path = found[0]
        raise apply_conflict(f"Apply failed with 1 conflict: conflict with {manager}: {dotted(path)}", causes)
    lines: list[str] = []
    for manager in sorted(conflicts, key=str):
        lines.append(f"conflicts with {manager}:")
        lines += [f"- {dotted(path)}" for path in sorted(conflicts[manager])]
    raise apply_conflict(f"Apply failed with {len(found)} conflicts: " + "\n".join(lines), causes)


def _taken_from_others(owners: Owners, author: Manager, difference: Difference, force: bool) -> Owners:
    written = difference.written
    conflicts = {
        manager: set(fields & written) for manager, fields in owners.items() if manager != author and fields & written
    }
    if conflicts and not force:
        _refuse(conflicts)
    left: Owners = {}
    for manager, fields in owners.items():
        kept = fields if manager == author else fields - written - difference.removed
        if kept:
            left[manager] = kept
    return left


def apply(live: Json, config: Json, rules: Rules, owners: Owners, author: Manager, force: bool) -> tuple[Json, Owners]:
    """Return the object after `author` has applied `config`, and the resulting owners.

    `live` and `config` carry no `managedFields`. Raise ApiError 409, with one cause for each field that another manager
    owns and that the apply would change, unless `force` is set.
    """
    last, new = owners.get(author, frozenset()), frozenset(fields_of(config, rules))
    merged = merge(live, config, rules)
    owned = {**owners, author: new}
    if last:
        dropped = _with_parents(last) - _with_parents(path for fields in owned.values() for path in fields)
        merged = remove(merged, dropped, rules) if dropped else merged
    difference = compare(live, merged, rules, Difference())
    left = _taken_from_others(owned, author, difference, force)
    left[author] = new - _UNOWNED
    return merged, {manager: fields for manager, fields in left.items() if fields}


def update(live: Json, changed: Json, rules: Rules, owners: Owners, author: Manager) -> Owners:
    """Return the owners after `author` has written `changed` by any means other than apply."""
    difference = compare(live, changed, rules, Difference())
    left = _taken_from_others(owners, author, difference, force=True)
    own = (owners.get(author, frozenset()) - difference.removed | difference.written) - _UNOWNED
    left.pop(author, None)
    return {**left, author: frozenset(own)} if own else left
