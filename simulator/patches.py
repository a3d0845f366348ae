"""The three classic patches: JSON patch (RFC 6902), merge patch (RFC 7386) and strategic merge patch.

Nothing is changed in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simulator.errors import bad_request, rejected

if TYPE_CHECKING:
    from simulator.resources import Json, Names, Rule


def merge_patch(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def strategic_merge_patch(target: Any, patch: Any, rules: Mapping[Names, Rule], names: Names = ()) -> Any:
    """Return `target` after a strategic merge patch.

    Maps merge, and lists merge by their first key. `$patch: delete|replace` and `$retainKeys` work as far as kubectl
    sends them.
    """
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    result = dict(target) if isinstance(target, dict) else {}
    retained = patch.get("$retainKeys")
    if retained is not None:
        result = {key: value for key, value in result.items() if key in retained}
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            result.pop(key, None)
        elif isinstance(value, list):
            result[key] = _merge_list(result.get(key) or [], value, rules, (*names, key))
        else:
            result[key] = strategic_merge_patch(result.get(key), value, rules, (*names, key))
    return result


def _merge_list(target: list[Any], patch: list[Any], rules: Mapping[Names, Rule], names: Names) -> list[Any]:
    rule = rules.get(names)
    if rule is None or rule.atomic:
        return patch
    if rule.unique:
        return [*target, *(item for item in patch if item not in target)]
    key, result, added = rule.keys[0], list(target), 0
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        at = next((index for index, known in enumerate(result) if known.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            result = [known for known in result if known.get(key) != item[key]]
        elif at is None:
            result.insert(added, item)  # new items come first, as in the API server
            added += 1
        else:
            result[at] = strategic_merge_patch(result[at], item, rules, names)
    return result


def json_patch(target: Json, operations: Any) -> Json:
    """Return `target` after a JSON patch.

    Raise ApiError 422 if a path or a test fails, 400 if it isn't a JSON patch.
    """
    if not isinstance(operations, list) or not all(isinstance(item, dict) for item in operations):
        raise bad_request("error decoding patch: json: cannot unmarshal into Go value of type jsonpatch.Patch")
    document: Any = target
    for operation in operations:
        document = _operate(document, operation)
    if not isinstance(document, dict):
        raise rejected()
    return document


def _operate(document: Any, operation: Json) -> Any:
    kind, path = operation.get("op"), _pointer(operation.get("path"))
    if kind == "add":
        return _put(document, path, operation.get("value"), insert=True)
    if kind == "replace":  # the API server accepts this for a missing key too
        return _put(document, path, operation.get("value"), insert=False)
    if kind == "remove":
        return _drop(document, path)
    if kind == "test":
        if _read(document, path, missing=None) != operation.get("value"):
            raise rejected()
        return document
    if kind in ("move", "copy"):
        source = _pointer(operation.get("from"))
        value = _read(document, source)
        return _put(_drop(document, source) if kind == "move" else document, path, value, insert=True)
    raise rejected()


def _pointer(text: Any) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise rejected()
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


_FAIL: Any = object()


def _read(document: Any, path: list[str], missing: Any = _FAIL) -> Any:
    for step in path:
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        elif missing is _FAIL:
            raise rejected()
        else:
            return missing
    return document


def _put(document: Any, path: list[str], value: Any, insert: bool) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(document, dict):
        if rest and step not in document:
            raise rejected()
        return {**document, step: _put(document.get(step), rest, value, insert)}
    if not isinstance(document, list):
        raise rejected()
    if step == "-" and not rest and insert:
        return [*document, value]
    if not step.isdigit() or int(step) > len(document) - (0 if insert and not rest else 1):
        raise rejected()
    at = int(step)
    if insert and not rest:
        return [*document[:at], value, *document[at:]]
    return [*document[:at], _put(document[at], rest, value, insert), *document[at + 1 :]]


def _drop(document: Any, path: list[str]) -> Any:
    if not path:
        raise rejected()
    holder = _read(document, path[:-1])
    _read(holder, path[-1:])
    if isinstance(holder, dict):
        left: Any = {key: value for key, value in holder.items() if key != path[-1]}
    else:
        at = int(path[-1])
        left = [*holder[:at], *holder[at + 1 :]]
    return _put(document, path[:-1], left, insert=False)
