"""What a join's preflight needs to know about one cluster.

Each part that the console isn't allowed to read is *not known*, never assumed to be good.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import yaml

from interconnect.clients import twice
from interconnect.domain import stale
from interconnect.domain.entries import NETWORK_LABEL
from interconnect.domain.json_types import Json
from interconnect.domain.preflight import ClusterSeen
from interconnect.domain.topology import GATEWAY_PORT
from interconnect.kube import kinds
from interconnect.kube.errors import KubeError, Permanent
from interconnect.kube.reading import items, mapping, number, text

if TYPE_CHECKING:
    from interconnect.kube.api import Api

ROOT_CA = "istio-ca-root-cert"
_Result = TypeVar("_Result")


def inspect(api: Api, *, system_namespace: str, group: str | None) -> ClusterSeen:
    """Look once at a cluster that is in `group`, or in none."""
    lacking: list[str] = []

    def allowed(read: Callable[[], _Result]) -> _Result | None:
        try:
            return twice(read)
        except Permanent as error:
            if error.code != "forbidden":
                raise
            lacking.append(f"{error.params.get('verb', '')} {error.params.get('resource', '')}")
            return None

    try:
        version = twice(api.version)
        namespace = allowed(lambda: api.get(kinds.NAMESPACE, system_namespace, metadata_only=True) is not None)
        pods = allowed(lambda: api.list(kinds.POD, metadata_only=True))
        return ClusterSeen(
            answers=True,
            system_namespace=namespace,
            root_ca=allowed(lambda: _root_ca(api, system_namespace)),
            trust_domain=allowed(lambda: _trust_domain(api, system_namespace)),
            labelled_services=allowed(lambda: _labelled_services(api)),
            services=allowed(lambda: _services(api)),
            networks=None if pods is None else _networks(pods),
            stale=None if pods is None else stale.count(pods, group),
            version=version,
            missing_rights=tuple(sorted(set(lacking))),
        )
    except KubeError:
        return ClusterSeen(answers=False)


def _root_ca(api: Api, namespace: str) -> str | None:
    """Return the SHA-256 of the mesh's root that this cluster's Pods trust."""
    found = api.get(kinds.CONFIG_MAP, ROOT_CA, namespace)
    pem = text(found, "data", "root-cert.pem") if found else ""
    return hashlib.sha256(pem.strip().encode()).hexdigest() if pem else None


def _trust_domain(api: Api, namespace: str) -> str:
    """Return the trust domain: a member may have its own mesh configuration; without one it has istiod's default."""
    found = api.get(kinds.CONFIG_MAP, "istio", namespace)
    try:
        config = yaml.safe_load(text(found, "data", "mesh")) if found else {}
    except yaml.YAMLError:
        config = {}
    domain = config.get("trustDomain") if isinstance(config, dict) else None
    return domain if isinstance(domain, str) and domain else "cluster.local"


def _labelled_services(api: Api) -> tuple[str, ...]:
    found = api.list(kinds.SERVICE, labels=NETWORK_LABEL)
    return tuple(
        sorted(
            _name(service)
            for service in found
            if any(number(port, "port") == GATEWAY_PORT for port in items(service, "spec", "ports"))
        )
    )


def _services(api: Api) -> frozenset[str]:
    return frozenset(_name(service) for service in api.list(kinds.SERVICE, metadata_only=True))


def _name(service: Json) -> str:
    return f"{text(service, 'metadata', 'namespace')}/{text(service, 'metadata', 'name')}"


def _networks(pods: list[Json]) -> dict[str, int]:
    labels = (mapping(pod, "metadata", "labels").get(NETWORK_LABEL) for pod in pods)
    return dict(Counter(label for label in labels if isinstance(label, str) and label))
