from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from interconnect.kube.rights import ClusterRole, Right, missing, needed
from tests.kube.servers import Connection, HttpsServer

FOLDER = Path(__file__).parents[2] / "deploy" / "rbac"
NAMESPACE = "istio-system"


def manifests(role: ClusterRole) -> list[dict[str, Any]]:
    return [found for found in yaml.safe_load_all((FOLDER / f"{role}.yaml").read_text()) if found]


def granted(role: ClusterRole) -> set[tuple[str, ...]]:
    """(verb, group, resource, namespace, name) of every rule of the file."""
    found: set[tuple[str, ...]] = set()
    for manifest in manifests(role):
        if manifest["kind"] not in ("Role", "ClusterRole"):
            continue
        for rule in manifest["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for name in rule.get("resourceNames", [""]):
                        found |= {
                            (verb, group, resource, manifest["metadata"].get("namespace", ""), name)
                            for verb in rule["verbs"]
                        }
    return found


def wanted(right: Right) -> tuple[str, ...]:
    resource = f"{right.resource}/{right.subresource}" if right.subresource else right.resource
    return right.verb, right.group, resource, right.namespace, right.name


@pytest.mark.parametrize("role", ClusterRole)
def test_the_manifests_grant_what_is_needed_and_nothing_else(role: ClusterRole) -> None:
    assert granted(role) == {wanted(right) for right in needed(role, NAMESPACE)}


@pytest.mark.parametrize("role", ClusterRole)
def test_every_role_of_the_manifests_is_bound_to_the_account(role: ClusterRole) -> None:
    found = manifests(role)
    roles = {(item["kind"], item["metadata"]["name"]) for item in found if item["kind"].endswith("Role")}
    bindings = [item for item in found if item["kind"].endswith("Binding")]
    assert {(item["roleRef"]["kind"], item["roleRef"]["name"]) for item in bindings} == roles
    for item in bindings:
        assert item["subjects"] == [{"kind": "ServiceAccount", "name": "meshconsole", "namespace": "meshconsole"}]


@pytest.mark.parametrize("role", ClusterRole)
def test_no_cluster_gives_rights_on_secrets_or_on_everything(role: ClusterRole) -> None:
    for verb, group, resource, _, _ in granted(role):
        assert "*" not in (verb, group, resource)
        assert resource != "secrets"
        assert verb not in ("escalate", "bind", "impersonate", "deletecollection")


def test_what_is_optional_stands_in_a_role_of_its_own() -> None:
    optional = next(
        item for item in manifests(ClusterRole.MEMBER) if item["metadata"]["name"] == "meshconsole-member-optional"
    )
    resources = {resource for rule in optional["rules"] for resource in rule["resources"]}
    assert resources == {right.resource for right in needed(ClusterRole.MEMBER, NAMESPACE) if right.optional}


def reviewer(refused: set[str]) -> HttpsServer:
    def handler(connection: Connection) -> None:
        asked = yaml.safe_load(connection.body)["spec"]["resourceAttributes"]
        resource = asked["resource"] + (f"/{asked['subresource']}" if "subresource" in asked else "")
        connection.answer({"status": {"allowed": f"{asked['verb']} {resource}" not in refused}})

    return HttpsServer(handler)


def test_what_is_missing_is_named() -> None:
    with reviewer({"patch deployments", "create pods/portforward"}) as server:
        found = missing(server.api(), ClusterRole.CONTROL_PLANE, "mesh-system")
    assert [str(right) for right in found] == [
        "patch deployments.apps istiod in mesh-system",
        "create pods/portforward in mesh-system",
    ]


def test_names_of_a_revision_are_asked_for_in_place_of_the_usual_ones() -> None:
    with reviewer(set()) as server:
        renamed = [("configmaps", "istio", "istio-canary")]
        assert missing(server.api(), ClusterRole.CONFIG, NAMESPACE, renamed=renamed) == ()
        asked = [yaml.safe_load(request.body)["spec"]["resourceAttributes"] for request in server.requests]
    names = {attributes.get("name") for attributes in asked if attributes["resource"] == "configmaps"}
    assert names == {"istio-canary", "istio-ca-root-cert"}
