"""Istio's `meshNetworks`: reading and checking it as istiod does, and keeping what others wrote.

istiod reads the text as YAML into the message MeshNetworks and validates it. It ignores an invalid value at once, and
the mesh has no networks after the next restart (Istio `pkg/config/validation/agent`, ValidateMeshNetworks).
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from interconnect.domain import networks_text
from interconnect.domain.entries import NETWORKS_ANNOTATION
from interconnect.domain.json_types import Json
from interconnect.domain.networks_check import CODES as CHECK_CODES
from interconnect.domain.networks_check import port_of, validate
from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "CODES",
    "addresses_of",
    "canonical",
    "digest",
    "foreign",
    "foreign_addresses",
    "joined_set",
    "merge",
    "networks_in",
    "ours_in",
    "owned_names",
    "problems_in",
    "registries_of",
    "rewritten",
    "validate",
    "with_networks",
]

CODES = ("networks.name-taken", "networks.rewritten", *networks_text.CODES, *CHECK_CODES)
DATA_KEY = "meshNetworks"
# The notation of the proto files, which istiod takes too.
_JSON_NAMES = {"from_cidr": "fromCidr", "from_registry": "fromRegistry", "registry_service_name": "registryServiceName"}


def networks_in(text: str | None) -> dict[str, Any] | Violation:
    """Return the `networks` of the text by name, `{}` when there are none."""
    document = networks_text.parse(text)
    return document if isinstance(document, Violation) else _networks(document)


def problems_in(text: str | None) -> tuple[Violation, ...]:
    """Return everything for which istiod would ignore the text; empty when it would accept it."""
    networks = networks_in(text)
    return (networks,) if isinstance(networks, Violation) else validate(networks)


def owned_names(annotation: str | None) -> frozenset[str]:
    """Return the names that the ConfigMap's annotation `meshconsole.io/networks` lists as ours."""
    return frozenset(name for name in (annotation or "").split(",") if name)


def joined_set(networks: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(networks)


def foreign(text: str | None, annotation: str | None) -> dict[str, Any]:
    """Return the networks in the text that others manage; `{}` when it can't be read."""
    networks = networks_in(text)
    if isinstance(networks, Violation):
        return {}
    ours = owned_names(annotation)
    return {name: network for name, network in networks.items() if name not in ours}


def foreign_addresses(text: str | None, annotation: str | None) -> dict[str, frozenset[tuple[str, int]]]:
    """Return the addresses of networks that others manage, as (host, port) pairs, as `Facts.foreign_networks` holds
    them.
    """
    return {name: addresses_of(network) for name, network in foreign(text, annotation).items()}


def addresses_of(network: Any) -> frozenset[tuple[str, int]]:
    """Return the static gateway addresses of one network, with their ports."""
    items = _items(network, "gateways")
    return frozenset(
        (item["address"], item["port"])
        for item in items
        if _is_text(item, "address") and isinstance(item.get("port"), int)
    )


def registries_of(network: Any) -> frozenset[str]:
    """Return the cluster names that one network claims with `fromRegistry`."""
    return frozenset(item["fromRegistry"] for item in _items(network, "endpoints") if _is_text(item, "fromRegistry"))


def canonical(network: Any) -> Any:
    """Return a network in one form (JSON's names, ports as numbers, lists sorted), so that equal meaning is an equal
    value.
    """
    if not isinstance(network, dict):
        return network
    changed = {key: value for key, value in network.items() if value not in (None, [])}
    for key in ("endpoints", "gateways"):
        if isinstance(changed.get(key), list):
            changed[key] = sorted((_canonical_item(item) for item in changed[key]), key=_text)
    return changed


def digest(networks: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of the networks' meaning, equal for every order and notation."""
    return hashlib.sha256(_text({name: canonical(network) for name, network in networks.items()}).encode()).hexdigest()


def ours_in(text: str | None, annotation: str | None, sent: Mapping[str, Any]) -> dict[str, Any] | Violation:
    """Return the networks in the text that are ours: named in the annotation, or still exactly as sent."""
    networks = networks_in(text)
    if isinstance(networks, Violation):
        return networks
    listed = owned_names(annotation)
    return {
        name: network
        for name, network in networks.items()
        if name in listed or (name in sent and canonical(network) == canonical(sent[name]))
    }


def rewritten(text: str | None, sent: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of our networks that are still in the text, but no longer as sent."""
    networks = networks_in(text)
    if isinstance(networks, Violation):
        return ()
    return tuple(
        name for name in sorted(sent) if name in networks and canonical(networks[name]) != canonical(sent[name])
    )


def merge(
    text: str | None, ours: Mapping[str, Any], previous_ours: Iterable[str], found: Mapping[str, Any] | None = None
) -> str | Violation | None:
    """Return the text with our networks as desired, and everything else unchanged.

    `previous_ours` names the networks in the text that are ours to change or remove. `found` is `{"text": ...}` from
    before the first write (`text` None: the key didn't exist). When nothing else has changed since, the result is that
    very text, with its comments. A name that others use is refused.
    """
    document = networks_text.parse(text)
    if isinstance(document, Violation):
        return document
    networks = _networks(document)
    if isinstance(networks, Violation):
        return networks
    previous = frozenset(previous_ours)
    taken = sorted(name for name in ours if name in networks and name not in previous)
    if taken:
        return Violation("networks.name-taken", {"network": taken[0]})
    kept = {name: ours.get(name, network) for name, network in networks.items() if name in ours or name not in previous}
    merged = kept | {name: ours[name] for name in sorted(ours) if name not in kept}
    if _same(networks, merged):
        return text
    changed = {**document, "networks": merged}
    if found is not None and _is_found(changed, found):
        original: str | None = found.get("text")
        return original
    return networks_text.dump(changed)


def with_networks(config_map: Json, text: str | None, names: Iterable[str]) -> Json:
    """Return a copy of the ConfigMap with this text and our names in its annotation, to be PUT under its
    resourceVersion.
    """
    changed = json.loads(json.dumps(config_map))
    data = changed.get("data") or {}
    annotations = changed["metadata"].get("annotations") or {}
    listed = ",".join(sorted(names))
    _set(data, DATA_KEY, text)
    _set(annotations, NETWORKS_ANNOTATION, listed or None)
    _set(changed, "data", data or None)
    _set(changed["metadata"], "annotations", annotations or None)
    return dict(changed)


def _set(mapping: Json, key: str, value: Any) -> None:
    if value is None:
        mapping.pop(key, None)
        return
    mapping[key] = value


def _networks(document: Json) -> dict[str, Any] | Violation:
    networks = document.get("networks")
    if networks is None:
        return {}
    return (
        networks
        if isinstance(networks, dict)
        else Violation("networks.unreadable", {"reason": "networks is not a mapping"})
    )


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.keys() == other.keys() and all(canonical(one[name]) == canonical(other[name]) for name in one)


def _is_found(document: Json, found: Mapping[str, Any]) -> bool:
    before = networks_text.parse(found.get("text"))
    if isinstance(before, Violation):
        return False
    networks = _networks(before)
    if isinstance(networks, Violation):
        return False
    rest = {key: value for key, value in before.items() if key != "networks"}
    return rest == {key: value for key, value in document.items() if key != "networks"} and _same(
        networks, document["networks"]
    )


def _canonical_item(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    named = {_JSON_NAMES.get(key, key): value for key, value in item.items() if _JSON_NAMES.get(key) not in item}
    port = port_of(named.get("port"))
    return {key: value for key, value in named.items() if value is not None} | ({} if port is None else {"port": port})


def _items(network: Any, key: str) -> list[Json]:
    items = canonical(network).get(key) if isinstance(network, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _is_text(item: Json, key: str) -> bool:
    return isinstance(item.get(key), str)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
