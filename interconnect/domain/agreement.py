"""Whether a live object matches a manifest, and who owns which of its fields.

A live object matches when it has every leaf of the manifest, and the console owns no leaf that the manifest lacks.
Admission may change what is sent: a leaf matches too when it has the value that the cluster made of it in its answer to
our write. Needed leaves must be as sent.
Ownership is read from `metadata.managedFields` (FieldsV1, as structured-merge-diff writes it).
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from interconnect.domain.entries import FIELD_MANAGER, Admitted
from interconnect.domain.json_types import Json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
# The keys by which the API server merges lists of maps; lists that have none are compared item by item.
_LIST_KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "ports": (("port", "protocol"), ("containerPort", "protocol")),
    "containers": (("name",),),
    "env": (("name",),),
    "volumes": (("name",),),
}
_QUANTITY_PARENTS = frozenset({"limits", "requests"})

Path = tuple[str, ...]

_TEMPLATE = ("spec", "template", "metadata")
_PROXY = ("spec", "template", "spec", "containers", "[name=istio-proxy]")
# What traffic through a gateway depends on, by kind; `metadata.labels` of every kind are needed too. The image isn't
# among them: what counts is that the Pods' `auto` was replaced (`injection.not_injected`).
_NEEDED: dict[str, tuple[Path, ...]] = {
    "Deployment": (
        ("spec", "selector"),
        (*_TEMPLATE, "labels"),
        (*_TEMPLATE, "annotations", "inject.istio.io/templates"),
        (*_PROXY, "env"),
        (*_PROXY, "ports"),
    ),
    "Service": (("spec", "selector"), ("spec", "ports")),
    "PodDisruptionBudget": (("spec", "selector"),),
    "HorizontalPodAutoscaler": (("spec", "scaleTargetRef"),),
    "Gateway": (("spec",),),
}
_LABELS = ("metadata", "labels")
_COUNTS = (("spec", "replicas"), ("spec", "minReplicas"))


class Change(NamedTuple):
    """One leaf that the cluster changed on the way: what was sent, and what is there now; None where there is none."""

    path: Path
    sent: Any
    got: Any


class Admission(NamedTuple):
    """What a cluster's answer says of a manifest that was sent to it.

    `needed` are changes with which the object doesn't serve its purpose; `admitted` are all others.
    """

    needed: tuple[Change, ...] = ()
    admitted: tuple[Admitted, ...] = ()


def admission(manifest: Json, answer: Json) -> Admission:
    """Compare a manifest with the object that the cluster answered its apply with."""
    changes = [
        Change(path, value_at(manifest, path), value_at(answer, path))
        for path in _differing(_content(manifest), answer, ())
    ]
    kind = str(manifest.get("kind", ""))
    needed = tuple(change for change in changes if _is_needed(kind, change))
    admitted = tuple(Admitted(change.path, change.got) for change in changes if change not in needed)
    return Admission(needed, admitted)


def _is_needed(kind: str, change: Change) -> bool:
    if change.path in _COUNTS:
        return not isinstance(change.got, int) or change.got < 1
    places = (_LABELS, *_NEEDED.get(kind, ()))
    # A map or an item that is gone as a whole took the needed leaves below it along.
    return any(change.path[: len(place)] == place[: len(change.path)] for place in places)


def breaks_traffic(kind: str, paths: Iterable[Path]) -> bool:
    """Whether an object that differs at these paths may no longer pass traffic on."""
    places = _NEEDED.get(kind, ())
    return any(path[: len(place)] == place[: len(path)] for path in paths for place in places)


def differences(
    manifest: Json, live: Json, manager: str = FIELD_MANAGER, *, admitted: Iterable[Admitted] = ()
) -> tuple[Path, ...]:
    """Return the paths at which the live object differs from the manifest and from what the cluster made of it
    (`admitted`); empty when they match.

    List items appear as `[name=istio-proxy]` or `[0]`.
    """
    known = tuple(admitted)
    missing = [
        path
        for path in _differing(_content(manifest), live, ())
        if not any(_as_admitted(live, path, one) for one in known)
    ]
    surplus = _surplus(owned_fields(live, manager), manifest, ())
    return tuple(dict.fromkeys([*missing, *surplus]))


def agrees(manifest: Json, live: Json, manager: str = FIELD_MANAGER, *, admitted: Iterable[Admitted] = ()) -> bool:
    return not differences(manifest, live, manager, admitted=admitted)


def _content(manifest: Json) -> Json:
    # Items of a list carry neither; a target says both.
    return {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind")}


def _as_admitted(live: Json, path: Path, admitted: Admitted) -> bool:
    if admitted.path != path[: len(admitted.path)]:
        return False
    now = value_at(live, path)
    if admitted.value is None:
        return now is None
    return admitted.path == path and _equal(admitted.value, now, path)


def still_admitted(live: Json, admitted: Admitted) -> bool:
    """Whether a leaf is what admission made of it: somebody may have put it back once nothing changes it any more."""
    return _as_admitted(live, admitted.path, admitted)


def value_at(obj: Any, path: Path) -> Any:
    """Return the value at a path as `differences` gives it; None when there is none."""
    field = ""
    for step in path:
        if isinstance(obj, dict):
            obj = obj.get(step)
        elif isinstance(obj, list):
            obj = _item_at(obj, field, step)
        else:
            return None
        field = step
    return obj


def _item_at(items: list[Any], field: str, step: str) -> Any:
    if step[1:-1].isdigit():
        index = int(step[1:-1])
        return items[index] if index < len(items) else None
    return next((item for keys in _LIST_KEYS.get(field, ()) for item in items if _named(item, keys) == step), None)


def _named(item: Any, keys: tuple[str, ...]) -> str:
    """How a path names an item of a list that is merged by these keys."""
    known = item if isinstance(item, dict) else {}
    return "[" + ",".join(f"{key}={known.get(key)}" for key in keys) + "]"


def owned_fields(live: Json, manager: str) -> Json:
    """Return the FieldsV1 tree that this manager has applied; `{}` when it has applied nothing."""
    for entry in live.get("metadata", {}).get("managedFields") or []:
        if entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource"):
            fields = entry.get("fieldsV1")
            return fields if isinstance(fields, dict) else {}
    return {}


def owners_of(live: Json, path: Path) -> tuple[str, ...]:
    """Return the managers that own the field at a path, in the order of managedFields, without the console."""
    owners = [
        str(entry["manager"])
        for entry in live.get("metadata", {}).get("managedFields") or []
        if entry.get("manager") not in (None, FIELD_MANAGER) and _owned(entry.get("fieldsV1") or {}, path)
    ]
    return tuple(dict.fromkeys(owners))


def blamed(live: Json, paths: Iterable[Path]) -> tuple[str, ...]:
    """Return who else owns one of these fields, the latest writer first; empty when managedFields name nobody."""
    owners = {owner for path in paths for owner in owners_of(live, path)}
    entries = [entry for entry in live.get("metadata", {}).get("managedFields") or () if isinstance(entry, dict)]
    # Times are whole seconds. API servers list those who apply before those who update: of two in the same second, the
    # one listed later came to rewrite.
    latest = sorted(enumerate(entries), key=lambda item: (str(item[1].get("time", "")), item[0]), reverse=True)
    named = (str(entry.get("manager", "")) for _, entry in latest)
    return tuple(dict.fromkeys(name for name in named if name in owners))


def _owned(fields: Any, path: Path) -> bool:
    """Whether a FieldsV1 tree has the field at a path. The owner of a whole map or list owns what is in it."""
    for place, step in enumerate(path):
        if not isinstance(fields, dict) or (place and not fields):
            return isinstance(fields, dict)
        fields = _below(fields, step)
    return fields is not None


def _below(fields: Json, step: str) -> Any:
    return next((inner for key, inner in fields.items() if _element(key) == step), None)


def _element(key: str) -> str:
    """Return an element of a FieldsV1 path as `differences` writes it: `f:` a field, `k:` an item by its keys, `v:` a
    value of a set, `i:` an index.
    """
    kind, _, text = key.partition(":")
    if kind == "f":
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return _named(value, tuple(value)) if kind == "k" and isinstance(value, dict) else f"[{value}]"


def owns(live: Json, manager: str, path: Path) -> bool:
    """Whether this manager has applied the field at a path of plain map keys."""
    node: Any = owned_fields(live, manager)
    for key in path:
        node = node.get(f"f:{key}") if isinstance(node, dict) else None
    return node is not None


def applied_by(manager: str, manifest: Json, live: Json) -> bool:
    """Whether this manager has applied every field of the manifest to the live object, whatever the values are now."""
    content = {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind")}
    metadata = {
        key: value for key, value in content.get("metadata", {}).items() if key not in ("name", "namespace", "uid")
    }
    fields = owned_fields(live, manager)
    return bool(fields) and _covers(fields, {**content, "metadata": metadata})


def _covers(fields: Any, value: Any) -> bool:
    # An owner of a whole map or list has no fields below it.
    if not isinstance(fields, dict):
        return False
    if not fields:
        return True
    if isinstance(value, dict):
        # The API server stores no empty maps.
        return all(_covers(fields.get(f"f:{key}"), item) for key, item in value.items() if item not in ({}, [], None))
    return isinstance(value, list) and all(
        _covers(_of_item(fields, item, index), item) for index, item in enumerate(value)
    )


def _of_item(fields: Json, item: Any, index: int) -> Any:
    """The part of a list's FieldsV1 tree that is about one item."""
    for key, inner in fields.items():
        kind, _, text = key.partition(":")
        try:
            named = json.loads(text) if kind in ("k", "v", "i") else None
        except ValueError:
            continue
        if kind == "k" and isinstance(named, dict) and isinstance(item, dict):
            if all(item.get(name, part) == part for name, part in named.items()):
                return inner
        elif (kind == "v" and named == item) or (kind == "i" and named == index):
            return inner
    return None


def reverse_patch(manifest: Json, live: Json) -> Json:
    """Return the merge patch that would reset the leaves of `manifest` to what `live` has; null where it has none.

    Identity (`apiVersion`, `kind`, name, namespace) is left out. A list is one leaf, since a merge patch replaces it as
    a whole.
    """
    body = {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind")}
    metadata = {key: value for key, value in body.get("metadata", {}).items() if key not in ("name", "namespace")}
    return _reverse({**body, "metadata": metadata} if metadata else {**body, "metadata": {}}, live)


def restoring_patch(found: Json, sent: Json, live: Json) -> Json:
    """Return the part of a reverse patch whose leaves are still as sent: what others have changed since stays
    theirs.
    """
    patch: Json = {}
    for key, value in found.items():
        if isinstance(value, dict) and isinstance(sent.get(key), dict):
            inner = restoring_patch(value, sent[key], live.get(key) or {})
            if inner:
                patch[key] = inner
        elif _still_as_sent(key, value, sent, live):
            patch[key] = value
    return patch


def _still_as_sent(key: str, before: Any, sent: Json, live: Json) -> bool:
    if key in sent:
        return key in live and not list(_differing(sent[key], live[key], (key,)))
    # What we took away is still away.
    return key not in live and before is not None


def applied_over(manifest: Json, live: Json, manager: str = FIELD_MANAGER) -> Json:
    """Return what server-side apply of the manifest would make of the live object: the manifest's leaves, and what the
    manager doesn't own.
    """
    return dict(_applied(manifest, live, owned_fields(live, manager), ""))


def _applied(wanted: Any, live: Any, owned: Json, field: str) -> Any:
    if isinstance(wanted, dict) and isinstance(live, dict):
        kept = {key: _left(value, owned.get(f"f:{key}")) for key, value in live.items() if key not in wanted}
        own = {key: _applied(value, live.get(key), owned.get(f"f:{key}") or {}, key) for key, value in wanted.items()}
        # In the order of what is there, so that the two can be compared line by line.
        together = {**kept, **own}
        return {key: together[key] for key in dict.fromkeys((*live, *wanted)) if together[key] is not _NOTHING}
    if isinstance(wanted, list) and isinstance(live, list):
        return _applied_list(wanted, live, owned, field)
    return wanted


def _left(value: Any, owned: Json | None) -> Any:
    """A field that the manifest does not have: gone where the manager owned it, else without what the manager owned in
    it.
    """
    if owned is None:
        return value
    return _applied({}, value, owned, "") if owned and isinstance(value, dict) else _NOTHING


def _applied_list(wanted: list[Any], live: list[Any], owned: Json, field: str) -> list[Any]:
    keys = _keys_of(field, wanted)
    if not keys:
        return wanted
    mine = [json.loads(key[2:]) for key in owned if key.startswith("k:")]
    identities = [{key: item.get(key) for key in keys} for item in wanted]
    found = [(identity, _find(live, identity)) for identity in identities]
    kept = [
        item
        for item in live
        if not any(item is there for _, there in found) and not any(item.items() >= own.items() for own in mine)
    ]
    new = [
        item if there is None else _applied(item, there, owned.get(_key_of(there, owned)) or {}, "")
        for item, (_, there) in zip(wanted, found, strict=True)
    ]
    return [*new, *kept]


def _key_of(item: Json, owned: Json) -> str:
    return next((key for key in owned if key.startswith("k:") and item.items() >= json.loads(key[2:]).items()), "")


def quantity(text: Any) -> Decimal | None:
    """Return a Kubernetes quantity as a number (`"1000m"` is 1, `"1Gi"` is 2^30); None when it isn't one."""
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        return None
    number = str(text)
    suffix = next((suffix for suffix in sorted(_SUFFIXES, key=len, reverse=True) if number.endswith(suffix)), "")
    digits = number.removesuffix(suffix)
    return Decimal(digits) * _SUFFIXES.get(suffix, Decimal(1)) if _NUMBER.fullmatch(digits) else None


def _differing(wanted: Any, live: Any, path: Path) -> Iterator[Path]:
    if isinstance(wanted, dict):
        if not isinstance(live, dict):
            yield path
            return
        for key, value in wanted.items():
            if key not in live:
                # The API server stores no empty maps.
                if value not in ({}, []):
                    yield (*path, key)
                continue
            yield from _differing(value, live[key], (*path, key))
        return
    if isinstance(wanted, list):
        yield from _differing_list(wanted, live, path)
        return
    if not _equal(wanted, live, path):
        yield path


def _differing_list(wanted: list[Any], live: Any, path: Path) -> Iterator[Path]:
    if not isinstance(live, list):
        yield path
        return
    keys = _keys_of(path[-1] if path else "", wanted)
    if not keys and len(wanted) != len(live):
        yield path
        return
    for index, item in enumerate(wanted):
        if not keys:
            yield from _differing(item, live[index], (*path, f"[{index}]"))
            continue
        name = _named(item, keys)
        match = _find(live, {key: item.get(key) for key in keys})
        if match is None:
            yield (*path, name)
            continue
        yield from _differing(item, match, (*path, name))


def _keys_of(field: str, items: list[Any]) -> tuple[str, ...]:
    for keys in _LIST_KEYS.get(field, ()):
        if items and all(isinstance(item, dict) and item.keys() >= set(keys) for item in items):
            return keys
    return ()


def _find(items: Any, identity: Json) -> Json | None:
    if not isinstance(items, list):
        return None
    matching = (
        item
        for item in items
        if isinstance(item, dict) and all(item.get(key) == value for key, value in identity.items())
    )
    return next(matching, None)


def _equal(wanted: Any, live: Any, path: Path) -> bool:
    if type(wanted) is type(live) and wanted == live:
        return True
    if len(path) >= 2 and path[-2] in _QUANTITY_PARENTS:
        amount = quantity(wanted)
        return amount is not None and amount == quantity(live)
    return False


def _surplus(fields: Json, manifest: Any, path: Path) -> Iterator[Path]:
    """Paths of a FieldsV1 tree that are not in the manifest."""
    for key, inner in fields.items():
        if key == ".":
            continue
        name, item = _step(key, manifest)
        if item is _NOTHING:
            yield (*path, name)
            continue
        if isinstance(inner, dict) and inner:
            yield from _surplus(inner, item, (*path, name))


_NOTHING = object()


def _step(key: str, manifest: Any) -> tuple[str, Any]:
    """One element of a FieldsV1 path, by name, and what the manifest has there."""
    name, (kind, _, text) = _element(key), key.partition(":")
    if kind == "f":
        return name, manifest.get(text, _NOTHING) if isinstance(manifest, dict) else _NOTHING
    items = manifest if isinstance(manifest, list) else []
    try:
        value = json.loads(text)
    except ValueError:
        return name, _NOTHING
    if kind == "k" and isinstance(value, dict):
        found = _find(items, value)
        return name, _NOTHING if found is None else found
    if kind == "v":
        return name, value if value in items else _NOTHING
    within = kind == "i" and isinstance(value, int) and value < len(items)
    return name, items[value] if within else _NOTHING


def _reverse(wanted: Json, live: Json) -> Json:
    patch: Json = {}
    for key, value in wanted.items():
        # A map of labels that was not there may be shared by then: only our keys are taken out of it.
        if isinstance(value, dict) and (isinstance(live.get(key), dict) or key in ("labels", "annotations")):
            patch[key] = _reverse(value, live.get(key) or {})
        else:
            patch[key] = live.get(key)
    return patch
