from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from interconnect.domain.json_types import Json
from interconnect.domain.rights import ClusterRole, Right, needed
from interconnect.kube import kinds
from interconnect.kube.rights import NOWHERE, grants, missing
from tests.kube.servers import Connection, HttpsServer
from tests.support.tokens import jwt

FOLDER = Path(__file__).parents[2] / "deploy" / "rbac"
NAMESPACE = "istio-system"


def test_every_resource_is_a_kind_that_the_console_handles() -> None:
    asked = {(right.resource, right.group) for role in ClusterRole for right in needed(role, NAMESPACE)}
    assert asked <= {(kind.plural, kind.group) for kind in kinds.ALL}


RULES, REVIEW = "selfsubjectrulesreviews", "selfsubjectaccessreviews"


class Reviewer(HttpsServer):
    """A server that answers reviews of one right each, all with yes but for those `refused` (`verb resource`), and
    reviews of a namespace's rules: with `rules` (by the namespace that is asked about), or not at all.
    """

    def __init__(
        self, refused: Iterable[str] = (), rules: Callable[[str], list[Json]] | None = None, **status: Any
    ) -> None:
        super().__init__(self._answer)
        self.refused, self.rules, self.more = set(refused), rules, status

    def _answer(self, connection: Connection) -> None:
        spec = yaml.safe_load(connection.body)["spec"]
        if not connection.path.endswith(RULES):
            connection.answer({"status": {"allowed": asked(connection) not in self.refused}})
        elif self.rules is None:
            connection.status(404, "NotFound")
        else:
            granted = {"resourceRules": self.rules(spec["namespace"]), "nonResourceRules": [], "incomplete": False}
            connection.answer({"status": granted | self.more})

    @property
    def told(self) -> list[str]:
        """The namespaces whose rules were asked for."""
        found = [yaml.safe_load(each.body)["spec"] for each in self.requests if each.path.endswith(RULES)]
        return sorted(spec["namespace"] for spec in found)

    @property
    def asked(self) -> list[str]:
        """The rights that were asked for one by one."""
        return sorted(asked(each) for each in self.requests if each.path.endswith(REVIEW))


def asked(connection: Connection) -> str:
    wanted = yaml.safe_load(connection.body)["spec"]["resourceAttributes"]
    return f"{wanted['verb']} " + "/".join(filter(None, (wanted["resource"], wanted.get("subresource"))))


def rule(verbs: str, resources: str, groups: tuple[str, ...] = ("",), **names: Any) -> Json:
    return {"verbs": verbs.split(), "apiGroups": list(groups), "resources": resources.split()} | names


def shipped(role: ClusterRole) -> Callable[[str], list[Json]]:
    """The rules of the manifests, as an API server tells them of a namespace: those of the cluster with them."""

    def rules(namespace: str) -> list[Json]:
        manifests = yaml.safe_load_all((FOLDER / f"{role}.yaml").read_text())
        roles = [item for item in manifests if item["kind"] in ("Role", "ClusterRole")]
        valid = [item for item in roles if item["metadata"].get("namespace", namespace) == namespace]
        return [each for item in valid for each in item["rules"]]

    return rules


@pytest.mark.parametrize("role", ClusterRole)
def test_rights_that_rules_grant_are_not_asked_for_one_by_one(role: ClusterRole) -> None:
    with Reviewer(rules=shipped(role)) as server:
        assert missing(server.api(), role, NAMESPACE) == ()
    assert (server.told, server.asked) == ([NOWHERE, NAMESPACE], [])


def test_a_right_that_no_rule_grants_is_asked_for_and_only_that_one() -> None:
    def without(namespace: str) -> list[Json]:
        return [each for each in shipped(ClusterRole.CONFIG)(namespace) if "update" not in each["verbs"]]

    for refused in (set(), {"update configmaps"}):
        with Reviewer(refused, without) as server:
            found = missing(server.api(), ClusterRole.CONFIG, NAMESPACE)
        assert [str(right) for right in found] == [f"{each} istio in {NAMESPACE}" for each in refused]
        assert "update configmaps" in server.asked and len(server.asked) == 2, "with the other verb of that rule"


def test_a_server_without_reviews_of_rules_is_asked_for_every_right() -> None:
    with Reviewer({"patch deployments", "create pods/portforward"}) as server:
        found = missing(server.api(), ClusterRole.CONTROL_PLANE, "mesh-system")
    assert [str(right) for right in found] == [
        "patch deployments.apps istiod in mesh-system",
        "create pods/portforward in mesh-system",
    ]
    assert len(server.asked) == len(needed(ClusterRole.CONTROL_PLANE, "mesh-system"))


def test_a_service_account_is_asked_about_its_own_token_only() -> None:
    token = jwt(sub="system:serviceaccount:consoles:prod")
    with Reviewer({"create serviceaccounts/token"}) as server:
        found = missing(server.api(token=token), ClusterRole.MEMBER, NAMESPACE)
    assert [str(right) for right in found] == ["create serviceaccounts/token prod in consoles"]


@pytest.mark.parametrize("status", [{"incomplete": True}, {"evaluationError": "no such authorizer"}])
def test_an_incomplete_review_of_rules_still_grants_what_it_names(status: Json) -> None:
    with Reviewer(rules=lambda _namespace: [rule("get", "namespaces")], **status) as server:
        assert missing(server.api(), ClusterRole.CONTROL_PLANE, NAMESPACE) == ()
    rights = needed(ClusterRole.CONTROL_PLANE, NAMESPACE)
    assert len(server.asked) == len([right for right in rights if right.resource != "namespaces"])


@pytest.mark.parametrize("status", [{"resourceRules": None}, {"resourceRules": "all"}, {"resourceRules": [7, {}]}])
def test_rules_of_another_shape_grant_nothing(status: Json) -> None:
    with Reviewer(rules=lambda _namespace: [], **status) as server:
        assert missing(server.api(), ClusterRole.CONTROL_PLANE, NAMESPACE) == ()
    assert len(server.asked) == len(needed(ClusterRole.CONTROL_PLANE, NAMESPACE))


PODS = Right("list", "pods", namespace=NAMESPACE)
FORWARD = Right("create", "pods", namespace=NAMESPACE, subresource="portforward")
RESTART = Right("patch", "deployments", "apps", namespace=NAMESPACE, name="istiod")
GRANTS = [
    (rule("list", "pods"), PODS, True),
    (rule("*", "pods"), PODS, True),
    (rule("list", "*"), PODS, True),
    (rule("list", "pods", ("*",)), PODS, True),
    (rule("get list", "nodes pods", ("apps", "")), PODS, True),
    (rule("get", "pods"), PODS, False),
    (rule("list", "pods", ("apps",)), PODS, False),
    (rule("list", "pods", resourceNames=["one"]), PODS, False),
    (rule("list", "pods", resourceNames=[]), PODS, True),
    (rule("list", "pods", resourceNames=None), PODS, True),
    (rule("list", "pods", resourceNames="istiod"), PODS, False),
    (rule("list", "pods/log */portforward"), PODS, False),
    (rule("create", "pods"), FORWARD, False),
    (rule("create", "pods/portforward"), FORWARD, True),
    (rule("create", "*/portforward"), FORWARD, True),
    (rule("create", "*/forward pods/* */*"), FORWARD, False),
    (rule("create", "*"), FORWARD, True),
    (rule("patch", "deployments", ("apps",)), RESTART, True),
    (rule("patch", "deployments", ("apps",), resourceNames=["istiod", "other"]), RESTART, True),
    (rule("patch", "deployments", ("apps",), resourceNames=["*"]), RESTART, False),
    (rule("patch", "deployments/scale", ("apps",)), RESTART, False),
    ({"verbs": "list", "apiGroups": [""], "resources": ["pods"]}, PODS, False),
    ({"verbs": ["list"], "resources": ["pods"]}, PODS, False),
]


@pytest.mark.parametrize(("given", "right", "granted"), GRANTS)
def test_a_rule_grants_what_kubernetes_grants_by_it(given: Json, right: Right, granted: bool) -> None:
    assert grants(given, right) is granted


def test_rules_of_a_namespace_grant_nothing_in_the_whole_cluster() -> None:
    def rules(namespace: str) -> list[Json]:
        return [rule("*", "*", ("*",))] if namespace == NAMESPACE else []

    with Reviewer(rules=rules) as server:
        assert missing(server.api(), ClusterRole.MEMBER, NAMESPACE) == ()
    everywhere = [right for right in needed(ClusterRole.MEMBER, NAMESPACE) if not right.namespace]
    assert len(server.asked) == len(everywhere)


def test_names_of_revisions_are_asked_for_in_place_of_the_usual_ones() -> None:
    renamed = {("configmaps", "istio"): ("istio-canary", "istio-stable")}
    rights = needed(ClusterRole.CONFIG, NAMESPACE, renamed=renamed)
    names = [right.name for right in rights if (right.verb, right.resource) == ("update", "configmaps")]
    assert names == ["istio-canary", "istio-stable"]
    assert "istio-ca-root-cert" in {right.name for right in rights}
    without = needed(ClusterRole.CONFIG, NAMESPACE, renamed={("configmaps", "istio"): ()})
    assert {right.name for right in without if right.resource == "configmaps"} == {"istio-ca-root-cert"}
