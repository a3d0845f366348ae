"""Topologies and changes as plain JSON values, and back: an exact round trip that rejects anything unknown."""

from __future__ import annotations

import hashlib
import json
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, cast

from interconnect.domain import changes
from interconnect.domain.topology import GatewayKey, Topology

if typing.TYPE_CHECKING:
    from interconnect.domain.changes import Change
    from interconnect.domain.json_types import Json

_CHANGES: dict[str, type] = {kind.__name__: kind for kind in typing.get_args(changes.Change)}
_NAMES_KEY = {"Cluster": "name", "Group": "name", "Gateway": "key"}


class SerialError(ValueError):
    """The JSON isn't in the format that this module writes. The message names the place and what was expected, never a
    value.
    """


def topology_to_json(topology: Topology) -> Json:
    """A mapping of the topology is a list of what it holds, in the order of the keys."""
    return cast("Json", _encode(topology))


def topology_from_json(data: object) -> Topology:
    """Raises `SerialError`."""
    return cast("Topology", _decode(Topology, data, "topology"))


def change_to_json(change: Change) -> Json:
    """The change's fields, and its name under `change`: `{"change": "Remove", "group": "blue"}`."""
    return {"change": type(change).__name__, **cast("Json", _encode(change))}


def change_from_json(data: object) -> Change:
    """Raises `SerialError`."""
    if not isinstance(data, Mapping):
        raise SerialError("change: expected an object")
    name = str(data.get("change"))
    if name not in _CHANGES:
        raise SerialError("change: not the name of a change")
    rest = {key: value for key, value in data.items() if key != "change"}
    return cast("Change", _decode(_CHANGES[name], rest, name))


def changes_to_json(several: Iterable[Change]) -> list[Json]:
    return [change_to_json(change) for change in several]


def changes_from_json(data: object) -> tuple[Change, ...]:
    """Raises `SerialError`."""
    return tuple(change_from_json(item) for item in _list(data, "changes"))


def canonical_text(*values: Any) -> str:
    """Return one text for equal values of the domain, in every process, independent of the order of sets and of
    Python's notation.
    """
    return json.dumps(_encode(values), sort_keys=True, separators=(",", ":"))


def fingerprint(*values: Any) -> str:
    """Return a short text (hex) that differs when any of the values does."""
    return hashlib.sha256(canonical_text(*values).encode()).hexdigest()[:16]


def _encode(value: Any) -> Any:
    if isinstance(value, GatewayKey):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return {field.name: _encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return [_encode(item) for item in value.values()]
    if isinstance(value, frozenset):
        return sorted((_encode(item) for item in value), key=_order)
    if isinstance(value, tuple | list):
        return [_encode(item) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise SerialError(f"a {type(value).__name__} is no value of the domain")


def _order(encoded: Any) -> str:
    return json.dumps(encoded, sort_keys=True)


def _decode(kind: Any, data: Any, where: str) -> Any:
    if kind is GatewayKey:
        return _gateway_key(data, where)
    if kind in (str, int, bool):
        return _plain(kind, data, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _member(kind, data, where)
    if is_dataclass(kind):
        return _instance(cast("type", kind), data, where)
    return _composite(typing.get_origin(kind), typing.get_args(kind), data, where)


def _composite(origin: Any, args: tuple[Any, ...], data: Any, where: str) -> Any:
    if origin in (types.UnionType, typing.Union):
        wanted = next(arg for arg in args if arg is not type(None))
        return None if data is None else _decode(wanted, data, where)
    items = _list(data, where)
    if origin is Mapping:
        return _keyed(args[1], items, where)
    if origin is tuple and args[-1] is not Ellipsis:
        if len(items) != len(args):
            raise SerialError(f"{where}: expected {len(args)} values")
        return tuple(_decode(arg, item, where) for arg, item in zip(args, items, strict=True))
    found = tuple(_decode(args[0], item, f"{where}[{index}]") for index, item in enumerate(items))
    if origin is not frozenset:
        return found
    if len(set(found)) != len(found):
        raise SerialError(f"{where}: a value is there twice")
    return frozenset(found)


def _keyed(kind: type, items: Sequence[Any], where: str) -> dict[Any, Any]:
    attribute = _NAMES_KEY[kind.__name__]
    found: dict[Any, Any] = {}
    for index, item in enumerate(items):
        value = _decode(kind, item, f"{where}[{index}]")
        key = getattr(value, attribute)
        if key in found:
            raise SerialError(f"{where}[{index}]: its {attribute} is there twice")
        found[key] = value
    return found


def _instance(kind: type, data: Any, where: str) -> Any:
    if not isinstance(data, Mapping):
        raise SerialError(f"{where}: expected an object")
    hints, known = _hints(kind)
    if not data.keys() <= hints.keys():
        raise SerialError(f"{where}: has a field that is not known")
    missing = [name for name in known if name not in data]
    if missing:
        raise SerialError(f"{where}: lacks {', '.join(missing)}")
    return kind(**{name: _decode(hints[name], value, f"{where}.{name}") for name, value in data.items()})


@cache
def _hints(kind: type) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fields' types, and the fields that must be there; one with a default may be missing from older data."""
    hints = typing.get_type_hints(kind)
    required = (field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING)
    return {field.name: hints[field.name] for field in fields(kind)}, tuple(required)


def _plain(kind: type, data: Any, where: str) -> Any:
    if type(data) is not kind:
        raise SerialError(f"{where}: expected {kind.__name__}")
    return data


def _member(kind: type[Enum], data: Any, where: str) -> Enum:
    try:
        return kind(_plain(str, data, where))
    except ValueError as error:
        raise SerialError(f"{where}: not one of {', '.join(str(member.value) for member in kind)}") from error


def _gateway_key(data: Any, where: str) -> GatewayKey:
    cluster, _, number = str(_plain(str, data, where)).rpartition("/")
    digits = number.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and str(int(number)) == number):
        raise SerialError(f"{where}: expected cluster/number")
    return GatewayKey(cluster, int(number))


def _list(data: Any, where: str) -> Sequence[Any]:
    if not isinstance(data, list | tuple):
        raise SerialError(f"{where}: expected a list")
    return data
