"""The network in the path of Istio's injection webhooks: `…/inject/cluster/<c>/net/<n>`.

istiod reads the path after `/inject` as pairs of key and value. The last of equal keys counts, and `--slash--` stands
for a slash (Istio `pkg/kube/inject`, parseInjectEnvs). Everything around the segment isn't ours and stays.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from interconnect.domain.entries import REVISION_LABEL
from interconnect.domain.facts import WebhookEntry
from interconnect.domain.label_selectors import selects
from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from interconnect.domain.json_types import Json

# The host is taken whole (atomic), so that one called `inject` is not read as the path.
_INJECT = re.compile(
    r"^(?P<head>(?>(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?)[^?#]*?/inject)(?P<pairs>(?:/[^?#]*)?)(?P<tail>[?#].*)?$",
    re.DOTALL,
)
_SLASH = "--slash--"
_PROXY = "istio-proxy"
# A policy may have put a registry before it, or a tag behind it.
_UNREPLACED_IMAGE = re.compile(r"(?:.*/)?auto(?:[:@].*)?")
_SWITCH = "istio-injection"
_DEACTIVATED = "istio.io/deactivated"

CODES = (
    "injection.earlier",
    "injection.namespace-label",
    "injection.no-webhook",
    "injection.policy",
    "injection.prevents-restart",
    "injection.revision",
    "injection.selector",
)


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


def lacks_ca(webhook: Json) -> bool:
    """Return whether the API server calls a webhook without a CA bundle. One that Istio has deactivated is never
    called.
    """
    labels = [_at(webhook, name, "matchLabels") for name in ("namespaceSelector", "objectSelector")]
    return not any(_DEACTIVATED in each for each in labels) and not _at(webhook, "clientConfig").get("caBundle")


def _at(value: Json, *path: str) -> Json:
    for key in path:
        found = value.get(key)
        value = found if isinstance(found, dict) else {}
    return value


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
    return next((fault for pod in _living(pods) if (fault := _fault(pod, network))), "")


def count_unfit(pods: Iterable[Json], network: str) -> int:
    """Return how many of a gateway's Pods aren't gateways of this network, for whatever reason."""
    return sum(1 for pod in _living(pods) if _fault(pod, network))


def newest_not_injected(pods: Iterable[Json], network: str) -> str:
    """Return what `not_injected` would of the Pods made last, while those before them are being replaced.

    Pods of two templates from the same second can't be told apart: then something must be wrong with all of them.
    """
    living = _living(pods)
    latest = max((_made_at(pod) for pod in living), default="")
    templates = {_template(pod) for pod in living if _made_at(pod) == latest}
    faults = [_fault(pod, network) for pod in living if _template(pod) in templates]
    if len(templates) > 1 and not all(faults):
        return ""
    return next((fault for fault in faults if fault), "")


def _made_at(pod: Json) -> str:
    return str(pod.get("metadata", {}).get("creationTimestamp", ""))


def _template(pod: Json) -> str:
    return str((pod.get("metadata", {}).get("labels") or {}).get("pod-template-hash", ""))


def _living(pods: Iterable[Json]) -> list[Json]:
    return [pod for pod in pods if not pod.get("metadata", {}).get("deletionTimestamp")]


def _fault(pod: Json, network: str) -> str:
    containers = pod.get("spec", {}).get("containers") or []
    proxy = next((item for item in containers if item.get("name") == _PROXY), None)
    if proxy is None or _UNREPLACED_IMAGE.fullmatch(str(proxy.get("image", ""))):
        return "image"
    env = {item.get("name"): item.get("value") for item in proxy.get("env") or []}
    return "" if env.get("ISTIO_META_NETWORK") == network else "network"


def relabelled(pods: Iterable[Json], labels: Mapping[str, str]) -> tuple[Json, str] | None:
    """Return a Pod that lacks one of its template's labels, or has it with another value, and that label's key."""
    for pod in _living(pods):
        there = pod.get("metadata", {}).get("labels") or {}
        # The injector may name the revision that it took for a tag.
        changed = [key for key in labels if key != REVISION_LABEL and there.get(key) != labels[key]]
        if changed:
            return pod, changed[0]
    return None


def obstacle(namespace: Json, labels: Mapping[str, str], configurations: Iterable[Json]) -> Violation | None:
    """Return why a Pod with these labels would be made without injection now; None if a webhook selects it.

    `namespace` is the live Namespace, and `configurations` are all MutatingWebhookConfigurations of its cluster.
    """
    injecting = [
        webhook
        for configuration in configurations
        for webhook in _webhooks(configuration)
        if _entry("", webhook) is not None
    ]
    where = {"namespace": str(namespace.get("metadata", {}).get("name", ""))}
    of_namespace = dict(namespace.get("metadata", {}).get("labels") or {})
    if not injecting:
        return Violation("injection.no-webhook")
    if _selected(injecting, of_namespace, labels):
        return None
    without = {key: value for key, value in of_namespace.items() if key != _SWITCH}
    if _SWITCH in of_namespace and _selected(injecting, without, labels):
        return Violation("injection.namespace-label", {**where, "label": f"{_SWITCH}={of_namespace[_SWITCH]}"})
    revision, known = labels.get(REVISION_LABEL) or of_namespace.get(REVISION_LABEL), _revisions(injecting)
    if revision and revision not in known:
        return Violation("injection.revision", {**where, "revision": revision, "revisions": sorted(known)})
    webhooks = sorted({str(webhook.get("name", "")) for webhook in injecting})
    return Violation("injection.selector", {**where, "webhooks": webhooks})


def overruled() -> Violation:
    """Return the cause that is left when a webhook selects the Pods and new ones come without a proxy all the same."""
    return Violation("injection.policy")


def earlier() -> Violation:
    """Return the cause as a look can tell it when a webhook selects the Pods: only new ones would show a policy."""
    return Violation("injection.earlier")


def prevents_restart(gateway: str, cause: Violation) -> Violation:
    """Return that a gateway isn't restarted: by `cause`, its new Pods would be made without injection."""
    return Violation("injection.prevents-restart", {**cause.params, "gateway": gateway, "violation": cause.code})


def _selected(webhooks: Iterable[Json], namespace: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return any(
        selects(webhook.get("namespaceSelector") or {}, namespace)
        and selects(webhook.get("objectSelector") or {}, labels)
        for webhook in webhooks
    )


def _revisions(webhooks: Iterable[Json]) -> frozenset[str]:
    """The revisions and tags that injecting webhooks select by."""
    selectors = [webhook.get(name) or {} for webhook in webhooks for name in ("namespaceSelector", "objectSelector")]
    exact = {selector.get("matchLabels", {}).get(REVISION_LABEL) for selector in selectors}
    listed = {
        str(value)
        for selector in selectors
        for item in selector.get("matchExpressions") or ()
        if item.get("key") == REVISION_LABEL and item.get("operator") == "In"
        for value in item.get("values") or ()
    }
    return frozenset({str(value) for value in exact if value} | listed)


def _webhooks(configuration: Json) -> Iterable[Json]:
    return [webhook for webhook in configuration.get("webhooks") or [] if isinstance(webhook, dict)]


def _entry(configuration: str, webhook: Json) -> WebhookEntry | None:
    client = webhook.get("clientConfig") or {}
    service = client.get("service") or {}
    for attribute, value in (("url", client.get("url")), ("path", service.get("path"))):
        if isinstance(value, str) and _INJECT.match(value):
            return WebhookEntry(configuration, str(webhook.get("name", "")), attribute, value, lacks_ca(webhook))
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
