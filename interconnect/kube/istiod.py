"""The istiods of a mesh: which exist, which ConfigMap each reads meshNetworks from, and the webhooks that lead to them.

Sources: Istio's `pilot/pkg/bootstrap/mesh.go` (order of the sources of meshNetworks), the chart `istio-discovery`.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interconnect.domain.facts import ConfigMapRef, Istiod, WebhookEntry
from interconnect.domain.injection import lacks_ca
from interconnect.domain.json_types import Json
from interconnect.kube import kinds
from interconnect.kube.debug import clusterz, edsz, endpoint_shards, networkz, pushcontext, version
from interconnect.kube.errors import Permanent
from interconnect.kube.reading import items, mapping, number, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from interconnect.kube.api import Api

__all__ = [
    "clusterz",
    "edsz",
    "endpoint_shards",
    "injection_entries",
    "injection_webhooks",
    "istiods",
    "networkz",
    "pushcontext",
    "replicas",
    "version",
]
NETWORKS_KEY = "meshNetworks"
_NETWORKS_FILE = "/etc/istio/config/meshNetworks"
_INJECT = re.compile(r"/inject(?:/|\Z)")
_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?[\w.-]*")
_AMBIENT, _AMBIENT_NETWORKS = "PILOT_ENABLE_AMBIENT", "AMBIENT_ENABLE_MULTI_NETWORK"
# As Go reads booleans.
_TRUE = frozenset(("1", "t", "T", "true", "True", "TRUE"))
_ENDED = frozenset(("Succeeded", "Failed"))
_ISTIO_LABELS = frozenset(("istio.io/rev", "istio.io/tag"))


@dataclass(frozen=True, slots=True)
class _Setup:
    """What a Deployment says about its istiod. `open_env`: some variables come from elsewhere and cannot be seen."""

    name: str
    pod: Json
    container: Json
    env: dict[str, str]
    args: dict[str, str]
    hidden: frozenset[str]
    open_env: bool
    revision: str

    def unseen(self, name: str) -> bool:
        return name in self.hidden or (self.open_env and name not in self.env)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a mesh is: two APIs with their clusters' UIDs. `config` is None when its cluster cannot be asked."""

    control_plane: Api
    control_plane_uid: str
    config: Api | None
    config_uid: str
    namespace: str


def istiods(
    control_plane_api: Api,
    *,
    config_uid: str,
    control_plane_uid: str,
    system_namespace: str,
    config_api: Api | None = None,
    deployments: Iterable[Json] | None = None,
) -> tuple[Istiod, ...]:
    """Every istiod Deployment of the system namespace that reads this config cluster, by name; of the `deployments`,
    if they have been read already.

    With `config_api` a `SHARED_MESH_CONFIG` that has no meshNetworks yet is told from one that has; without it, and
    with two clusters, the shared ConfigMap is taken to be the one that counts.
    """
    config = config_api or (control_plane_api if config_uid == control_plane_uid else None)
    place = _Place(control_plane_api, control_plane_uid, config, config_uid, system_namespace)
    if deployments is None:
        deployments = deployments_of(control_plane_api, system_namespace)
    setups = [_setup(found) for found in deployments]
    found = [_istiod(deployment, setup, place) for deployment, setup in setups if _reads(setup, place)]
    return tuple(sorted(found, key=lambda istiod: istiod.deployment))


def deployments_of(api: Api, system_namespace: str) -> list[Json]:
    return api.list(kinds.DEPLOYMENT, system_namespace, labels="app=istiod")


def pods_of(deployment: Json, pods: Iterable[Json]) -> tuple[str, ...]:
    """Return the names of a Deployment's ready Pods among those that have been read, sorted."""
    return tuple(sorted(text(pod, "metadata", "name") for pod in _selected(deployment, pods) if pod_ready(pod)))


def unready_of(deployment: Json, pods: Iterable[Json]) -> tuple[str, ...]:
    """Return the names of a Deployment's Pods that should be ready and aren't, sorted: without those that are being
    deleted or have ended.
    """
    found = (pod for pod in _selected(deployment, pods) if not pod_ready(pod))
    return tuple(sorted(text(pod, "metadata", "name") for pod in found if not _leaving(pod)))


def _selected(deployment: Json, pods: Iterable[Json]) -> list[Json]:
    wanted = mapping(deployment, "spec", "selector", "matchLabels")
    return [pod for pod in pods if wanted and wanted.items() <= mapping(pod, "metadata", "labels").items()]


def _leaving(pod: Json) -> bool:
    return bool(mapping(pod, "metadata").get("deletionTimestamp")) or text(pod, "status", "phase") in _ENDED


def replicas(api: Api, istiod: Istiod, system_namespace: str) -> tuple[str, ...]:
    """Return the names of an istiod's ready Pods, sorted, without those that are being deleted."""
    deployment = api.get(kinds.DEPLOYMENT, istiod.deployment, system_namespace)
    wanted = mapping(deployment, "spec", "selector", "matchLabels")
    if not wanted:
        return ()
    labels = ",".join(f"{key}={value}" for key, value in sorted(wanted.items()))
    return pods_of(deployment or {}, api.list(kinds.POD, system_namespace, labels=labels))


def pod_ready(pod: Json) -> bool:
    """Ready, and not being deleted."""
    if _leaving(pod):
        return False
    return any(
        text(entry, "type") == "Ready" and text(entry, "status") == "True"
        for entry in items(pod, "status", "conditions")
    )


def injection_webhooks(api: Api) -> tuple[WebhookEntry, ...]:
    """Return the entries of Istio's injection webhooks, of every revision and tag."""
    return injection_entries(api.list(kinds.MUTATING_WEBHOOK))


def injection_entries(configurations: Iterable[Json]) -> tuple[WebhookEntry, ...]:
    """Return the injection entries of MutatingWebhookConfigurations that have already been read."""
    found: list[WebhookEntry] = []
    for configuration in configurations:
        for webhook in items(configuration, "webhooks"):
            if not _is_istios(configuration, webhook):
                continue
            for attribute, value in (
                ("url", text(webhook, "clientConfig", "url")),
                ("path", text(webhook, "clientConfig", "service", "path")),
            ):
                if _INJECT.search(value):
                    name = text(configuration, "metadata", "name")
                    found.append(WebhookEntry(name, text(webhook, "name"), attribute, value, lacks_ca(webhook)))
    return tuple(sorted(found, key=lambda entry: (entry.configuration, entry.webhook, entry.attribute)))


def _is_istios(configuration: Json, webhook: Json) -> bool:
    # other products have injectors at paths of the same name
    labels = mapping(configuration, "metadata", "labels")
    return (
        "istio" in text(webhook, "name")
        or bool(_ISTIO_LABELS & labels.keys())
        or labels.get("app") == "sidecar-injector"
    )


def _setup(deployment: Json) -> tuple[Json, _Setup]:
    pod = mapping(deployment, "spec", "template", "spec")
    containers = items(pod, "containers")
    container = next(
        (entry for entry in containers if text(entry, "name") == "discovery"), containers[0] if containers else {}
    )
    variables = items(container, "env")
    env = {text(entry, "name"): text(entry, "value") for entry in variables if "valueFrom" not in entry}
    hidden = frozenset(text(entry, "name") for entry in variables if "valueFrom" in entry)
    args = _arguments(container.get("args"))
    labels = mapping(deployment, "metadata", "labels")
    revision = args.get("revision") or env.get("REVISION") or text(labels, "istio.io/rev") or "default"
    name = text(deployment, "metadata", "name")
    return deployment, _Setup(name, pod, container, env, args, hidden, bool(container.get("envFrom")), revision)


def _arguments(args: Any) -> dict[str, str]:
    """Flags of a command line, in both forms: `--name=value` and `--name value`."""
    words = [word for word in args if isinstance(word, str)] if isinstance(args, list) else []
    flags: dict[str, str] = {}
    for word, following in zip(words, [*words, ""][1:], strict=True):
        if not word.startswith("--"):
            continue
        name, equals, value = word[2:].partition("=")
        flags[name] = value if equals else ("" if following.startswith("--") else following)
    return flags


def _istiod(deployment: Json, setup: _Setup, place: _Place) -> Istiod:
    networks, mounted = _networks(setup, place)
    image = text(setup.container, "image").partition("@")[0].rpartition(":")[2]
    return Istiod(
        deployment=setup.name,
        revision=setup.revision,
        replicas=number(deployment, "spec", "replicas"),
        cluster_id=setup.args.get("clusterID") or setup.env.get("CLUSTER_ID") or "Kubernetes",
        version=image if _VERSION.fullmatch(image) else "",
        networks=networks,
        mounted=mounted,
        strategy=text(deployment, "spec", "strategy", "type") or "RollingUpdate",
        ambient=_does_ambient_networks(setup),
    )


def _does_ambient_networks(setup: _Setup) -> bool:
    """Without ambient mode istiod ignores the switch of its networks."""
    ambient = setup.env.get(_AMBIENT) in _TRUE or setup.unseen(_AMBIENT)
    return ambient and setup.env.get(_AMBIENT_NETWORKS) in _TRUE


def _reads(setup: _Setup, place: _Place) -> bool:
    """Without any kubeconfig an istiod reads the cluster it runs in, and so belongs to another mesh than a remote
    one's.
    """
    if place.config_uid == place.control_plane_uid:
        return True
    return bool(setup.args.get("kubeconfig") or setup.env.get("KUBECONFIG") or setup.unseen("KUBECONFIG"))


def _networks(setup: _Setup, place: _Place) -> tuple[ConfigMapRef | None, bool]:
    """The source that wins, as istiod chooses: shared ConfigMap, else mounted file, else `istio[-<revision>]`; no
    merging.
    """
    if setup.unseen("SHARED_MESH_CONFIG"):
        return None, False
    shared = setup.env.get("SHARED_MESH_CONFIG", "")
    if shared and _has_networks(place.config, place.namespace, shared) in (True, None):
        return ConfigMapRef(place.config_uid, place.namespace, shared), False
    base, mounted, present = _base(setup, place)
    if shared and present is False:
        return ConfigMapRef(place.config_uid, place.namespace, shared), False
    return base, mounted


def _base(setup: _Setup, place: _Place) -> tuple[ConfigMapRef | None, bool, bool | None]:
    """The ConfigMap behind a shared one, whether it is mounted, and whether it has meshNetworks now (None: not known,
    or there is no shared one before which it would matter).
    """
    volume = _volume(setup)
    if volume:
        name = text(volume, "configMap", "name")
        there = _has_networks(place.control_plane, place.namespace, name) if name else None
        if there is None:
            return None, False, None
        if there:
            return ConfigMapRef(place.control_plane_uid, place.namespace, name), True, True
    name = "istio" if setup.revision == "default" else f"istio-{setup.revision}"
    present = _has_networks(place.config, place.namespace, name) if setup.env.get("SHARED_MESH_CONFIG") else None
    return ConfigMapRef(place.config_uid, place.namespace, name), False, present


def _volume(setup: _Setup) -> Json:
    """The volume that holds the networks file; empty when none is mounted there."""
    file = posixpath.normpath(posixpath.join("/", setup.args.get("networksConfig") or _NETWORKS_FILE))
    mounts = [
        (posixpath.normpath(text(entry, "mountPath")), text(entry, "name"))
        for entry in items(setup.container, "volumeMounts")
    ]
    holding = [mount for mount in mounts if mount[0] == file or mount[0] == posixpath.dirname(file)]
    volumes = {text(entry, "name"): entry for entry in items(setup.pod, "volumes")}
    return volumes.get(max(holding)[1], {}) if holding else {}


def _has_networks(api: Api | None, namespace: str, name: str) -> bool | None:
    if api is None:
        return None
    try:
        found = api.get(kinds.CONFIG_MAP, name, namespace)
    except Permanent as error:
        if error.code == "forbidden":
            return None
        raise
    return NETWORKS_KEY in mapping(found, "data")
