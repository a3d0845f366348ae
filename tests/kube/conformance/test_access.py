"""Who may do what, and how a refusal is told from an absence; what an API server says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from interconnect.domain.rights import ClusterRole, needed
from interconnect.kube import kinds, rights
from interconnect.kube.errors import Permanent
from interconnect.kube.identity import cluster_uid
from tests.kube.conformance.places import ask, config_map, refused, target, thing

if TYPE_CHECKING:
    from collections.abc import Callable

    from interconnect.kube.api import Api
    from tests.kube.conformance.places import Installation

MAPS = kinds.CONFIG_MAP

REFUSED: dict[str, Callable[[Api, str], Any]] = {
    "get": lambda api, space: api.get(MAPS, "x", space),
    "list": lambda api, space: api.list(MAPS, space),
    "list everywhere": lambda api, space: api.list(kinds.POD),
    "list nodes": lambda api, space: api.list(kinds.NODE),
    "create": lambda api, space: api.create(config_map(space, "x")),
    "update": lambda api, space: api.replace(config_map(space, "x")),
    "patch": lambda api, space: api.apply(config_map(space, "x")),
    "delete": lambda api, space: api.delete(target(MAPS, space, "x")),
    "watch": lambda api, space: list(api.watch(MAPS, space, deadline=2)),
    "a namespace": lambda api, space: api.apply(thing(kinds.NAMESPACE, "", space)),
}


@pytest.mark.parametrize("what", list(REFUSED))
def test_who_has_no_right_is_forbidden_and_learns_of_no_absence(nobody: Api, space: str, what: str) -> None:
    error = refused(lambda: REFUSED[what](nobody, space))
    assert (type(error), error.code, error.params["status"]) == (Permanent, "forbidden", 403)
    assert 'User "nobody" cannot' in error.evidence


@pytest.mark.parametrize("what", ["get", "list", "create", "patch", "delete", "watch"])
def test_a_token_that_is_not_known_is_unauthorized(
    installation: Installation, cluster: str, space: str, what: str
) -> None:
    stranger = installation.api(cluster, "stranger")
    error = refused(lambda: REFUSED[what](stranger, space))
    assert (type(error), error.code, error.params["status"]) == (Permanent, "unauthorized", 401)


def test_anybody_known_may_ask_for_the_version_and_the_groups(nobody: Api) -> None:
    assert nobody.version().startswith("v1.")
    assert ask(nobody, "GET", "/apis")[0] == 200


@pytest.mark.parametrize("role", list(ClusterRole))
def test_an_admin_lacks_no_right_and_nobody_has_one(api: Api, nobody: Api, role: ClusterRole) -> None:
    assert rights.missing(api, role, "istio-system") == ()
    assert rights.missing(nobody, role, "istio-system") == needed(role, "istio-system")


def test_rules_tell_what_an_admin_may_do_in_a_namespace_and_in_the_whole_cluster(api: Api, nobody: Api) -> None:
    wanted = needed(ClusterRole.MEMBER, "istio-system")
    for place in ("istio-system", rights.NOWHERE):
        granted = api.rules(place)
        assert [right for right in wanted if not any(rights.grants(rule, right) for rule in granted)] == []
        own = nobody.rules(place)
        assert own and not [right for right in wanted if any(rights.grants(rule, right) for rule in own)]


def test_rules_are_those_of_one_namespace(api: Api) -> None:
    assert refused(lambda: api.rules("")).evidence.endswith("no namespace on request")


def test_a_review_answers_for_a_resource_that_is_not_served(api: Api, nobody: Api) -> None:
    assert api.review("list", "ippools", group="crd.projectcalico.org")
    assert not nobody.review("list", "ippools", group="crd.projectcalico.org")


@pytest.mark.parametrize(
    "path", ["/apis/no.such.group/v1/things", "/apis/apps/v1/nonsense", "/api/v1/namespaces/default/nonsense"]
)
def test_a_path_that_is_not_served_is_no_absent_object(api: Api, path: str) -> None:
    status, answer = ask(api, "GET", path)
    assert status == 404
    assert not isinstance(answer, dict) or not answer["details"].get("name")


def test_a_kind_that_is_not_installed_is_not_served(api: Api) -> None:
    error = refused(lambda: api.list(kinds.CALICO_POOL))
    assert (type(error), error.code) == (Permanent, "not-served")
    assert refused(lambda: api.get(kinds.CILIUM_POOL, "x")).code == "not-served"


def test_a_method_that_a_path_does_not_take_is_refused(api: Api, space: str) -> None:
    status, answer = ask(api, "PUT", MAPS.path(space), {})
    assert (status, answer["reason"]) == (405, "MethodNotAllowed")


def test_every_group_that_the_console_needs_is_announced(config: Api) -> None:
    groups = {item["name"] for item in ask(config, "GET", "/apis")[1]["groups"]}
    assert groups >= {
        kind.group for kind in (kinds.DEPLOYMENT, kinds.AUTOSCALER, kinds.GATEWAY, kinds.MUTATING_WEBHOOK)
    }
    listed = ask(config, "GET", "/apis/apps/v1")[1]["resources"]
    assert {"deployments", "deployments/scale", "replicasets"} <= {item["name"] for item in listed}


def test_a_cluster_has_an_identity_that_stays(api: Api, hub: Api) -> None:
    assert cluster_uid(api) == cluster_uid(api)
    assert (cluster_uid(api) == cluster_uid(hub)) == (
        api.transport.port == hub.transport.port and api.transport.prefix == hub.transport.prefix
    )


def test_nodes_tell_pod_networks(api: Api) -> None:
    from interconnect.kube.cidrs import pod_cidrs

    found = pod_cidrs(api)
    assert found
    assert {source for _, source in found} == {"nodes"}
