"""Label and field selectors, as in the API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from simulator.errors import bad_request
from simulator.resources import Json, Resource
from simulator.validation import qualified_name

Predicate = Callable[[Json], bool]

_COMMA = re.compile(r",(?![^(]*\))")
_WORD, _VALUE = re.compile(r"[-A-Za-z0-9_./]+"), re.compile(r"[-A-Za-z0-9_.]*")
# the fields by which kinds can be selected, beside name and namespace
_FIELDS = {
    "Pod": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.phase",
        "status.podIP",
    ),
    "Event": (
        *(
            f"involvedObject.{name}"
            for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
        ),
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "Namespace": ("status.phase",),
    "Node": ("spec.unschedulable",),
    "ReplicaSet": ("status.replicas",),
    "Secret": ("type",),
}
_SET = re.compile(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)")


def label_selector(text: str) -> Predicate | None:
    """Return the selector's test; None for the empty selector. Raise ApiError 400 for an invalid one."""
    tests = [_label_test(part.strip()) for part in _COMMA.split(text)] if text else []
    if not tests:
        return None
    return lambda obj: all(test(obj["metadata"].get("labels") or {}) for test in tests)


def _label_test(part: str) -> Predicate:
    match = _SET.fullmatch(part)
    if match:
        key, values = match[1], {value.strip() for value in match[3].split(",")}
        return (
            (lambda labels: labels.get(key) in values)
            if match[2] == "in"
            else (lambda labels: labels.get(key) not in values)
        )
    operator = next((item for item in ("!=", "==", "=") if item in part), "")
    if operator:
        name, value = (side.strip() for side in part.split(operator, 1))
        _check_key(name)
        if not _WORD.fullmatch(name) or not _VALUE.fullmatch(value):
            raise bad_request(f"unable to parse requirement: found '{part}', expected: a key and a value")
        return (
            (lambda labels: labels.get(name) != value)
            if operator == "!="
            else (lambda labels: labels.get(name) == value)
        )
    if not _WORD.fullmatch(part.removeprefix("!")):
        raise bad_request(f"unable to parse requirement: found '{part}', expected: in, notin, =, ==, !=, gt, lt")
    if part.startswith("!"):
        return lambda labels: part[1:] not in labels
    return lambda labels: part in labels


def _check_key(name: str) -> None:
    wrong = qualified_name(name, "<nil>")
    if wrong:
        _, message, field = wrong[0]
        raise bad_request(f"unable to parse requirement: {field}: {message}")


def field_selector(text: str, resource: Resource) -> Predicate | None:
    """Return the selector's test; None for the empty selector.

    Raise ApiError 400 for a field that the kind doesn't allow.
    """
    tests = [_field_test(part.strip(), resource) for part in text.split(",") if part.strip()]
    return (lambda obj: all(test(obj) for test in tests)) if tests else None


def _field_test(part: str, resource: Resource) -> Predicate:
    operator = next((item for item in ("!=", "==", "=") if item in part), "")
    if not operator:
        raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
    path, value = part.split(operator, 1)
    own = _FIELDS.get(resource.kind, ())
    if path not in ("metadata.name", "metadata.namespace", *own):
        plain = f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"'
        raise bad_request(f"field label not supported: {path}" if own or resource.custom else plain)
    steps = path.split(".")
    return lambda obj: (_read(obj, steps) == value) == (operator != "!=")


def _read(obj: Json, steps: list[str]) -> str:
    value: object = obj
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return "" if value is None else str(value)


def selects(selector: Json, obj: Json) -> bool:
    """Return whether a selector as objects hold it selects an object by its labels."""
    labels = obj["metadata"].get("labels", {})
    if not (selector.get("matchLabels") or {}).items() <= labels.items():
        return False
    return all(_expression(item, labels) for item in selector.get("matchExpressions") or ())


def _expression(item: Json, labels: Mapping[str, Any]) -> bool:
    key, operator, values = item["key"], item["operator"], item.get("values", ())
    if operator == "In":
        return bool(labels.get(key) in values)
    if operator == "NotIn":
        return bool(labels.get(key) not in values)
    return bool((key in labels) == (operator == "Exists"))
