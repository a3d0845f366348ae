"""Which of the rights that the console needs in a cluster its credential lacks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING

from interconnect.domain.rights import needed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from interconnect.domain.rights import ClusterRole, Right
    from interconnect.kube.api import Api

AT_ONCE = 8  # as many connections as a transport keeps


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
        for right in needed(role, system_namespace, api.transport.credential.account)
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
