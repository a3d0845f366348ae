"""What the console must be allowed to do in a cluster, by what the cluster is to a mesh.

`deploy/rbac` grants exactly this.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from interconnect.kube import kinds
from interconnect.kube.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from interconnect.domain.json_types import Json
    from interconnect.kube.api import Api
    from interconnect.kube.kinds import Kind


AT_ONCE = 8  # as many connections as a transport keeps
NOWHERE = "-"
"""No namespace can have this name, so that no RoleBinding is in it: its rules are those of the whole cluster."""
_Question = TypeVar("_Question")
_Answer = TypeVar("_Answer")


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


def needed(
    role: ClusterRole, system_namespace: str, *, renamed: Mapping[tuple[str, str], Collection[str]] | None = None
) -> tuple[Right, ...]:
    """Return the permissions of a role.

    `renamed` gives, by resource and usual name, the names that the mesh has instead: an istiod of a revision reads
    `{("configmaps", "istio"): ["istio-canary"]}`. Where it has none, the permission isn't needed.
    """
    return tuple(
        right._replace(
            namespace=system_namespace if right.namespace == SYSTEM else right.namespace,
            name=system_namespace if right.name == SYSTEM else name,
        )
        for right in _NEEDED[role]
        for name in (renamed or {}).get((right.resource, right.name), (right.name,))
    )


def missing(api: Api, role: ClusterRole, system_namespace: str) -> tuple[Right, ...]:
    """Return the permissions of a role that this credential lacks."""
    return lacking(api, needed(role, system_namespace))


def lacking(api: Api, rights: Iterable[Right]) -> tuple[Right, ...]:
    """Return which of these permissions this credential lacks.

    One review per namespace tells the rules, which shortens the list. What no rule plainly grants is asked for one by
    one, a few at once: one by one, dozens of questions to a busy server would wait for each other.
    """
    wanted = tuple(dict.fromkeys(rights))
    pool = ThreadPoolExecutor(AT_ONCE, "rights")
    try:
        places = dict.fromkeys(right.namespace or NOWHERE for right in wanted)
        rules = dict(zip(places, _side_by_side(pool, lambda place: _rules(api, place), places), strict=True))
        doubtful = [
            right for right in wanted if not any(grants(rule, right) for rule in rules[right.namespace or NOWHERE])
        ]
        granted = _side_by_side(pool, lambda right: _granted(api, right), doubtful)
        return tuple(right for right, yes in zip(doubtful, granted, strict=True) if not yes)
    finally:
        pool.shutdown(cancel_futures=True)


def _side_by_side(
    pool: ThreadPoolExecutor, ask: Callable[[_Question], _Answer], questions: Iterable[_Question]
) -> list[_Answer]:
    asked = [pool.submit(copy_context().run, ask, question) for question in questions]
    return [each.result() for each in asked]


def _rules(api: Api, namespace: str) -> list[Json]:
    try:
        return api.rules(namespace)
    except Permanent:
        # Every right is asked for by itself then, and what is wrong with the whole cluster comes with the first.
        return []


def grants(rule: Json, right: Right) -> bool:
    """Return whether a rule of a SelfSubjectRulesReview gives a right, by RBAC's rules of matching."""
    names = rule.get("resourceNames")
    return (
        bool({"*", right.verb} & _words(rule, "verbs"))
        and bool({"*", right.group} & _words(rule, "apiGroups"))
        and bool(_resources(right) & _words(rule, "resources"))
        # An asterisk is an ordinary name here.
        and (names in (None, []) or right.name in _words(rule, "resourceNames"))
    )


def _resources(right: Right) -> set[str]:
    """How rules may name what the right is about: all subresources of one resource can't be named."""
    if not right.subresource:
        return {"*", right.resource}
    return {"*", f"{right.resource}/{right.subresource}", f"*/{right.subresource}"}


def _words(rule: Json, name: str) -> set[str]:
    found = rule.get(name)
    return {each for each in found if isinstance(each, str)} if isinstance(found, list) else set()


def _granted(api: Api, right: Right) -> bool:
    return api.review(
        right.verb,
        right.resource,
        group=right.group,
        subresource=right.subresource,
        namespace=right.namespace,
        name=right.name,
    )
