"""What the console must be allowed to do in a cluster, by what the cluster is to a mesh.

`deploy/rbac` grants exactly this.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from interconnect.kube import kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from interconnect.kube.api import Api
    from interconnect.kube.kinds import Kind


AT_ONCE = 8  # as many connections as a transport keeps


class ClusterRole(StrEnum):
    MEMBER = "member"
    CONFIG = "config"
    CONTROL_PLANE = "control-plane"


SYSTEM = "{system}"  # stands for the system namespace, as a namespace and as a name


class Right(NamedTuple):
    """One verb on one resource.

    `namespace` is empty for the whole cluster; `optional` ones serve a single feature, `purpose`.
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
        what = (
            self.resource
            + (f"/{self.subresource}" if self.subresource else "")
            + (f".{self.group}" if self.group else "")
        )
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {what}{f' {self.name}' if self.name else ''}{where}"


def _all(verbs: str, kind: Kind, **rest: str | bool) -> Iterator[Right]:
    for verb in verbs.split():
        yield Right(verb, kind.plural, kind.group, **rest)  # type: ignore[arg-type]


_IDENTITY = (
    *_all("get", kinds.NAMESPACE, name="kube-system", purpose="identity"),
    *_all("get", kinds.NAMESPACE, name=SYSTEM, purpose="identity"),
)

_MEMBER = (
    *_IDENTITY,
    *_all("patch", kinds.NAMESPACE, name=SYSTEM, purpose="network"),
    *_all("get list patch", kinds.MUTATING_WEBHOOK, purpose="injection"),
    *(
        right
        for kind in (kinds.SERVICE_ACCOUNT, kinds.SERVICE, kinds.DEPLOYMENT, kinds.DISRUPTION_BUDGET, kinds.AUTOSCALER)
        for right in _all("get list create patch delete", kind, namespace=SYSTEM, purpose="gateways")
    ),
    *_all("get list", kinds.POD, namespace=SYSTEM, purpose="gateways"),
    *_all("list", kinds.EVENT, namespace=SYSTEM, purpose="gateways"),
    *_all("get", kinds.CONFIG_MAP, namespace=SYSTEM, name="istio-ca-root-cert", purpose="trust"),
    *_all("list", kinds.POD, optional=True, purpose="stale-pods"),
    *_all("list", kinds.SERVICE, optional=True, purpose="common-services"),
    *_all("list", kinds.NODE, optional=True, purpose="pod-cidrs"),
    *_all("list", kinds.CALICO_POOL, optional=True, purpose="pod-cidrs"),
    *_all("list", kinds.CILIUM_POOL, optional=True, purpose="pod-cidrs"),
    *_all("get", kinds.REPLICA_SET, optional=True, purpose="stale-pods"),
    *(
        right
        for kind in (kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET)
        for right in _all("get patch", kind, optional=True, purpose="restart-workloads")
    ),
)

_CONFIG = (
    *_IDENTITY,
    *_all("list", kinds.GATEWAY, purpose="rule"),
    *_all("get create patch delete", kinds.GATEWAY, namespace=SYSTEM, purpose="rule"),
    *_all("get update", kinds.CONFIG_MAP, namespace=SYSTEM, name="istio", purpose="networks"),
    *_all("get", kinds.CONFIG_MAP, namespace=SYSTEM, name="istio-ca-root-cert", purpose="trust"),
)

_CONTROL_PLANE = (
    *_IDENTITY,
    *_all("get list", kinds.DEPLOYMENT, namespace=SYSTEM, purpose="istiod"),
    *_all("patch", kinds.DEPLOYMENT, namespace=SYSTEM, name="istiod", purpose="restart"),
    *_all("get list", kinds.POD, namespace=SYSTEM, purpose="istiod"),
    *_all("get create", kinds.POD, namespace=SYSTEM, subresource="portforward", purpose="verify"),
    *_all("list", kinds.EVENT, namespace=SYSTEM, purpose="istiod"),
    *_all("get update", kinds.CONFIG_MAP, namespace=SYSTEM, name="istio", purpose="networks"),
)

_NEEDED = {ClusterRole.MEMBER: _MEMBER, ClusterRole.CONFIG: _CONFIG, ClusterRole.CONTROL_PLANE: _CONTROL_PLANE}


def needed(role: ClusterRole, system_namespace: str) -> tuple[Right, ...]:
    return tuple(
        right._replace(
            namespace=system_namespace if right.namespace == SYSTEM else right.namespace,
            name=system_namespace if right.name == SYSTEM else right.name,
        )
        for right in _NEEDED[role]
    )


def missing(
    api: Api, role: ClusterRole, system_namespace: str, *, renamed: Iterable[tuple[str, str, str]] = ()
) -> tuple[Right, ...]:
    """Return the permissions of a role that this credential lacks, asking a few at once (SelfSubjectAccessReview).

    `renamed` replaces names where the mesh has others, as (resource, usual name, name there): an istiod of a revision
    reads `("configmaps", "istio", "istio-canary")`.
    """
    names = {(resource, usual): name for resource, usual, name in renamed}
    rights = [
        right._replace(name=names.get((right.resource, right.name), right.name))
        for right in needed(role, system_namespace)
    ]
    return tuple(right for right, granted in zip(rights, _reviewed(api, rights), strict=True) if not granted)


def _reviewed(api: Api, rights: Iterable[Right]) -> list[bool]:
    """One by one, dozens of questions to a busy server would wait for each other."""
    pool = ThreadPoolExecutor(AT_ONCE, "rights")
    try:
        asked = [pool.submit(copy_context().run, _granted, api, right) for right in rights]
        return [each.result() for each in asked]
    finally:
        pool.shutdown(cancel_futures=True)


def _granted(api: Api, right: Right) -> bool:
    return api.review(
        right.verb,
        right.resource,
        group=right.group,
        subresource=right.subresource,
        namespace=right.namespace,
        name=right.name,
    )
