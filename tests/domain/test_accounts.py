"""The permissions of the console's account as YAML: what access reviews ask for, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.utils import translation

from interconnect.domain.accounts import Place, as_yaml, rights_of, script
from interconnect.domain.rights import ClusterRole, Right, ServiceAccount, needed
from interconnect.wording import word

SHIPPED = Path(__file__).parents[2] / "deploy" / "rbac"
SYSTEM = "mesh-system"
ACCOUNT = ServiceAccount()
Granted = set[tuple[str, ...]]


def manifests(text: str) -> list[dict[str, Any]]:
    return [found for found in yaml.safe_load_all(text) if found]


def granted(found: list[dict[str, Any]]) -> Granted:
    """(verb, group, resource, namespace, name) of every rule of every role."""
    return {
        (verb, group, resource, role["metadata"].get("namespace", ""), name)
        for role in found
        if role["kind"] in ("Role", "ClusterRole")
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
        for verb in rule["verbs"]
    }


def wanted(rights: tuple[Right, ...]) -> Granted:
    return {(right.verb, right.group, right.path, right.namespace, right.name) for right in rights}


@pytest.mark.parametrize("place", Place)
def test_yaml_grants_what_reviews_ask_for_and_nothing_else(place: Place) -> None:
    asked = {right for role in place.roles for right in needed(role, SYSTEM, ACCOUNT)}
    assert granted(manifests(as_yaml(place, SYSTEM, word))) == wanted(tuple(asked))
    assert set(rights_of(place, SYSTEM)) == asked


@pytest.mark.parametrize("place", Place)
def test_optional_permissions_come_last_in_roles_of_their_own(place: Place) -> None:
    with translation.override("en"):
        text = as_yaml(place, SYSTEM, word)
    required, mark, optional = text.partition("# Optional from here on")
    assert mark
    rights = rights_of(place, SYSTEM)
    assert granted(manifests(required)) == wanted(tuple(right for right in rights if not right.optional))
    assert granted(manifests(f"#{optional}")) == wanted(tuple(right for right in rights if right.optional))


@pytest.mark.parametrize("place", Place)
def test_every_role_is_bound_to_the_account_that_is_created(place: Place) -> None:
    own = ServiceAccount("consoles", "prod")
    found = manifests(as_yaml(place, SYSTEM, word, own))
    keys = [(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in found]
    assert len(keys) == len(set(keys))
    assert keys[:2] == [("Namespace", None, "consoles"), ("ServiceAccount", "consoles", "prod")]
    roles = {key for key in keys if key[0].endswith("Role")}
    bindings = [item for item in found if item["kind"].endswith("Binding")]
    bound = {(item["roleRef"]["kind"], item["metadata"].get("namespace"), item["roleRef"]["name"]) for item in bindings}
    assert bound == roles
    for item in bindings:
        assert item["subjects"] == [{"kind": "ServiceAccount", "name": "prod", "namespace": "consoles"}]


def test_two_meshes_in_one_cluster_keep_their_own_roles() -> None:
    first, second = (manifests(as_yaml(Place.MEMBER, system, word)) for system in ("one", "two"))
    rules = {(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]): item for item in first}
    for item in second:
        key = (item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"])
        assert rules.get(key, item) == item


@pytest.mark.parametrize("role", ClusterRole)
def test_no_role_reads_secrets_or_reaches_beyond_itself(role: ClusterRole) -> None:
    for right in needed(role, SYSTEM, ACCOUNT):
        assert "*" not in right
        assert right.resource != "secrets"
        assert right.verb not in ("escalate", "bind", "impersonate", "deletecollection")
        if right.subresource == "token":
            assert (right.namespace, right.name) == ACCOUNT and right.optional


def test_without_an_account_nothing_is_asked_of_one() -> None:
    for role in ClusterRole:
        left = set(needed(role, SYSTEM, ACCOUNT)) - set(needed(role, SYSTEM))
        assert {str(right) for right in left} == {"create serviceaccounts/token meshconsole in meshconsole"}


@pytest.mark.parametrize("name", ["", "a b", "$(id)", "a\nb", "UPPER", "x" * 64, "a.b", "'", "a@yaml@"])
def test_a_name_that_is_no_label_never_gets_into_a_script(name: str) -> None:
    for render in (as_yaml, script):
        with pytest.raises(ValueError, match="DNS label"):
            render(Place.MEMBER, name, word)
        with pytest.raises(ValueError, match="DNS label"):
            render(Place.MEMBER, SYSTEM, word, ServiceAccount("meshconsole", name))


@pytest.mark.parametrize("place", Place)
def test_shipped_files_are_what_the_console_shows(place: Place) -> None:
    """To write them again: `manage.py interconnect account PLACE --yaml > deploy/rbac/PLACE.yaml`."""
    with translation.override("en"):
        assert (SHIPPED / f"{place}.yaml").read_text() == as_yaml(place, "istio-system", word)
    assert {path.stem for path in SHIPPED.iterdir()} == set(Place)
