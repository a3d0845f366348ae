"""What the console must be allowed to do in a cluster, by what the cluster is to a mesh.

The one list: access reviews ask for it, and the YAML, the script and the words of a registration page are made of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

SYSTEM = "{system}"  # stands for the system namespace, as a namespace and as a name
OWN_NAMESPACE, OWN_NAME = "{account-namespace}", "{account}"  # of the console's own service account


class ClusterRole(StrEnum):
    MEMBER = "member"
    CONFIG = "config"
    CONTROL_PLANE = "control-plane"


class ServiceAccount(NamedTuple):
    """A service account in a cluster. Both are DNS labels."""

    namespace: str = "meshconsole"
    name: str = "meshconsole"


class Right(NamedTuple):
    """One verb on one resource.

    `namespace` is empty for the whole cluster; `optional` ones serve a single feature. `purpose` is a code of CODES
    without its prefix.
    """

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    optional: bool = False
    purpose: str = ""

    def __str__(self) -> str:
        group = f".{self.group}" if self.group else ""
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.path}{group}{f' {self.name}' if self.name else ''}{where}"

    @property
    def path(self) -> str:
        """The resource as the rules of a role write it, such as `pods/portforward`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


CODES = (
    "right.identity",
    "right.network",
    "right.injection",
    "right.gateways",
    "right.trust",
    "right.rule",
    "right.networks",
    "right.istiod",
    "right.restart",
    "right.verify",
    "right.stale-pods",
    "right.common-services",
    "right.pod-cidrs",
    "right.restart-workloads",
    "right.renewal",
)


def _all(verbs: str, resource: str, **rest: str | bool) -> Iterator[Right]:
    """One right for each verb; `resource` is written as in messages: `deployments.apps`, `services`."""
    plural, _, group = resource.partition(".")
    for verb in verbs.split():
        yield Right(verb, plural, group, **rest)  # type: ignore[arg-type]


_IDENTITY = (
    *_all("get", "namespaces", name="kube-system", purpose="identity"),
    *_all("get", "namespaces", name=SYSTEM, purpose="identity"),
)

_RENEWAL = tuple(
    _all(
        "create",
        "serviceaccounts",
        subresource="token",
        namespace=OWN_NAMESPACE,
        name=OWN_NAME,
        optional=True,
        purpose="renewal",
    )
)

_TRUST = tuple(
    right
    for name in (
        "istio-ca-root-cert",
        "istio",
    )  # a member may have a mesh configuration, and a trust domain, of its own
    for right in _all("get", "configmaps", namespace=SYSTEM, name=name, purpose="trust")
)

_GATEWAYS = (
    *("serviceaccounts", "services", "deployments.apps", "poddisruptionbudgets.policy"),
    "horizontalpodautoscalers.autoscaling",
)

_MEMBER = (
    *_IDENTITY,
    *_all("patch", "namespaces", name=SYSTEM, purpose="network"),
    *_all("get list patch", "mutatingwebhookconfigurations.admissionregistration.k8s.io", purpose="injection"),
    *(
        right
        for resource in _GATEWAYS
        for right in _all("get list create patch delete", resource, namespace=SYSTEM, purpose="gateways")
    ),
    *_all("list", "pods", namespace=SYSTEM, purpose="gateways"),
    *_all("list", "events", namespace=SYSTEM, purpose="gateways"),
    *_TRUST,
    *_all("list", "pods", optional=True, purpose="stale-pods"),
    *_all("list", "services", optional=True, purpose="common-services"),
    *_all("list", "nodes", optional=True, purpose="pod-cidrs"),
    *_all("list", "ippools.crd.projectcalico.org", optional=True, purpose="pod-cidrs"),
    *_all("list", "ciliumpodippools.cilium.io", optional=True, purpose="pod-cidrs"),
    *(
        right
        for resource in ("deployments.apps", "statefulsets.apps", "daemonsets.apps")
        for right in _all("get patch", resource, optional=True, purpose="restart-workloads")
    ),
    *_RENEWAL,
)

_CONFIG = (
    *_IDENTITY,
    *_all("list", "gateways.networking.istio.io", purpose="rule"),
    *_all("get create patch delete", "gateways.networking.istio.io", namespace=SYSTEM, purpose="rule"),
    *_all("get update", "configmaps", namespace=SYSTEM, name="istio", purpose="networks"),
    *_all("get", "configmaps", namespace=SYSTEM, name="istio-ca-root-cert", purpose="trust"),
    *_RENEWAL,
)

_CONTROL_PLANE = (
    *_IDENTITY,
    *_all("get list", "deployments.apps", namespace=SYSTEM, purpose="istiod"),
    *_all("list", "pods", namespace=SYSTEM, purpose="istiod"),
    *_all("patch", "deployments.apps", namespace=SYSTEM, name="istiod", purpose="restart"),
    *_all("get create", "pods", namespace=SYSTEM, subresource="portforward", purpose="verify"),
    *_all("get update", "configmaps", namespace=SYSTEM, name="istio", purpose="networks"),
    *_RENEWAL,
)

_NEEDED = {ClusterRole.MEMBER: _MEMBER, ClusterRole.CONFIG: _CONFIG, ClusterRole.CONTROL_PLANE: _CONTROL_PLANE}


def needed(
    role: ClusterRole,
    system_namespace: str,
    account: ServiceAccount | None = None,
    *,
    renamed: Mapping[tuple[str, str], Collection[str]] | None = None,
) -> tuple[Right, ...]:
    """Return the rights of a role. Without `account`, those on the console's own service account are left out: a
    credential that belongs to none needs none.

    `renamed` gives, by resource and usual name, the names that the mesh has instead: an istiod of a revision reads
    `{("configmaps", "istio"): ["istio-canary"]}`. Where it has none, the right isn't needed.
    """
    own = account or ServiceAccount("", "")
    places = {SYSTEM: system_namespace, OWN_NAMESPACE: own.namespace, OWN_NAME: own.name}
    return tuple(
        right._replace(namespace=places.get(right.namespace, right.namespace), name=places.get(name, name))
        for right in _NEEDED[role]
        if account or right.namespace != OWN_NAMESPACE
        for name in (renamed or {}).get((right.resource, right.name), (right.name,))
    )


def purposes(rights: Iterable[Right]) -> tuple[str, ...]:
    """Return what rights are for, as codes of CODES, each once and in their order."""
    return tuple(dict.fromkeys(f"right.{right.purpose}" for right in rights))
