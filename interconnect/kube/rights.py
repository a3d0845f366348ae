"""Which of the rights that the console needs in a cluster its credential lacks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, TypeVar

from interconnect.domain.rights import needed
from interconnect.kube.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from interconnect.domain.json_types import Json
    from interconnect.domain.rights import ClusterRole, Right
    from interconnect.kube.api import Api

AT_ONCE = 8  # as many connections as a transport keeps
NOWHERE = "-"
"""No namespace can have this name, so that no RoleBinding is in it: its rules are those of the whole cluster."""
_Question = TypeVar("_Question")
_Answer = TypeVar("_Answer")


def missing(api: Api, role: ClusterRole, system_namespace: str) -> tuple[Right, ...]:
    """Return the permissions of a role that this credential lacks."""
    return lacking(api, needed(role, system_namespace, api.transport.credential.account))


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
