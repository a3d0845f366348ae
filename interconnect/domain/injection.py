"""The network in the path of Istio's injection webhooks: `…/inject/cluster/<c>/net/<n>`.

istiod reads the path after `/inject` as pairs of key and value. The last of equal keys counts, and `--slash--` stands
for a slash (Istio `pkg/kube/inject`, parseInjectEnvs). Everything around the segment isn't ours and stays.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from interconnect.domain.facts import WebhookEntry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from interconnect.domain.json_types import Json

# The host is taken whole (atomic), so that one called `inject` is not read as the path.
_INJECT = re.compile(
    r"^(?P<head>(?>(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?)[^?#]*?/inject)(?P<pairs>(?:/[^?#]*)?)(?P<tail>[?#].*)?$",
    re.DOTALL,
)
_SLASH = "--slash--"
_PROXY = "istio-proxy"
_UNREPLACED_IMAGE = "auto"


def read_network(value: str) -> str | None:
    """Return the network in a URL or path; None when there is none or it isn't an injection path."""
    split = _split(value)
    if split is None:
        return None
    return _last(split[1], "net")


def clusters_of(entries: Iterable[WebhookEntry]) -> frozenset[str]:
    """Return the cluster IDs in injection paths: istiod assigns the Pods that they inject to these."""
    named = (_last(pairs[1], "cluster") for entry in entries if (pairs := _split(entry.value)))
    return frozenset(cluster for cluster in named if cluster)


def with_network(value: str, network: str | None) -> str | None:
    """Return `value` with `network` (None: without a network), and everything else unchanged.

    None when it isn't an injection path, or uses the old `:ENV:` syntax, which can't be changed safely.
    """
    split = _split(value)
    if split is None:
        return None
    head, pairs, tail = split
    index = _network_index(pairs)
    if network is None:
        changed = pairs if index is None else pairs[:index] + pairs[index + 2 :]
    elif index is not None:
        changed = [*pairs[: index + 1], _escape(network), *pairs[index + 2 :]]
    else:
        end = _end_of_pairs(pairs)
        changed = [*pairs[:end], "net", _escape(network), *pairs[end:]]
    return head + "".join(f"/{part}" for part in changed) + tail


def entries_of(configuration: Json) -> tuple[WebhookEntry, ...]:
    """Return the entries of a MutatingWebhookConfiguration that inject: those whose URL or path contains `/inject`."""
    name = str(configuration.get("metadata", {}).get("name", ""))
    found = (_entry(name, webhook) for webhook in _webhooks(configuration))
    return tuple(entry for entry in found if entry is not None)


def find_entry(configuration: Json, webhook: str) -> WebhookEntry | None:
    return next((entry for entry in entries_of(configuration) if entry.webhook == webhook), None)


def patch_ops(configuration: Json, webhook: str, network: str | None) -> list[Json] | None:
    """Return a JSON patch that sets the network of one entry (None: removes it).

    It tests the entry's name and its whole old value, so a reordered list or a changed value is a conflict. None when
    the entry doesn't exist or its path can't be changed.
    """
    entry = find_entry(configuration, webhook)
    value = None if entry is None else with_network(entry.value, network)
    if entry is None or value is None:
        return None
    index = next(number for number, item in enumerate(_webhooks(configuration)) if item.get("name") == webhook)
    base = f"/webhooks/{index}"
    path = f"{base}/clientConfig/url" if entry.attribute == "url" else f"{base}/clientConfig/service/path"
    return [
        {"op": "test", "path": f"{base}/name", "value": webhook},
        {"op": "test", "path": path, "value": entry.value},
        {"op": "replace", "path": path, "value": value},
    ]


def not_injected(pods: Iterable[Json], network: str) -> str:
    """Return why a gateway's Pods aren't gateways of this network: `image` (no proxy was injected), `network`, or
    empty.
    """
    for pod in pods:
        if pod.get("metadata", {}).get("deletionTimestamp"):
            continue
        containers = pod.get("spec", {}).get("containers") or []
        proxy = next((item for item in containers if item.get("name") == _PROXY), None)
        if proxy is None or proxy.get("image") == _UNREPLACED_IMAGE:
            return "image"
        env = {item.get("name"): item.get("value") for item in proxy.get("env") or []}
        if env.get("ISTIO_META_NETWORK") != network:
            return "network"
    return ""


def _webhooks(configuration: Json) -> Iterable[Json]:
    return [webhook for webhook in configuration.get("webhooks") or [] if isinstance(webhook, dict)]


def _entry(configuration: str, webhook: Json) -> WebhookEntry | None:
    client = webhook.get("clientConfig") or {}
    service = client.get("service") or {}
    for attribute, value in (("url", client.get("url")), ("path", service.get("path"))):
        if isinstance(value, str) and _INJECT.match(value):
            return WebhookEntry(configuration, str(webhook.get("name", "")), attribute, value)
    return None


def _split(value: str) -> tuple[str, list[str], str] | None:
    match = _INJECT.match(value)
    if match is None:
        return None
    pairs = match["pairs"].split("/")[1:]
    if pairs and pairs[0].startswith(":"):
        return None
    return match["head"], pairs, match["tail"] or ""


def _end_of_pairs(pairs: list[str]) -> int:
    """Where a new pair goes: before a trailing slash, and before an odd key, which istiod ignores."""
    used = len(pairs) - 1 if pairs and pairs[-1] == "" else len(pairs)
    return used - used % 2


def _network_index(pairs: list[str]) -> int | None:
    return _index(pairs, "net")


def _index(pairs: list[str], key: str) -> int | None:
    keys = range(0, _end_of_pairs(pairs), 2)
    return next((index for index in reversed(keys) if pairs[index] == key), None)


def _last(pairs: list[str], key: str) -> str | None:
    index = _index(pairs, key)
    return None if index is None else pairs[index + 1].replace(_SLASH, "/")


def _escape(network: str) -> str:
    return network.replace("/", _SLASH)
