"""JSON, merge and strategic patches, and those that are refused."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from interconnect.kube import kinds
from interconnect.kube.errors import Conflict, Permanent
from tests.kube.conformance.places import (
    JSON_PATCH,
    MERGE,
    STRATEGIC,
    ask,
    config_map,
    deployment,
    refused,
    target,
    thing,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interconnect.domain.entries import Target
    from interconnect.domain.json_types import Json
    from interconnect.kube.api import Api

MAPS, HOOKS = kinds.CONFIG_MAP, kinds.MUTATING_WEBHOOK
URL = "https://istiod.invalid:15017/inject/cluster/x"


@pytest.fixture
def hook(api: Api) -> Iterator[Target]:
    """A webhook configuration as an installer makes it; it selects nothing that is ever created."""
    name = f"conformance-{uuid.uuid4().hex[:8]}"
    nothing = {"matchLabels": {"conformance": "never"}}
    entry = {
        "clientConfig": {"url": URL},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "failurePolicy": "Ignore",
    }
    entry |= {"namespaceSelector": nothing, "objectSelector": nothing}
    hooks = [{"name": f"{letter}.conformance.invalid", **entry} for letter in "ab"]
    api.apply(thing(HOOKS, "", name, webhooks=hooks), manager="installer")
    yield target(HOOKS, "", name)
    api.delete(target(HOOKS, "", name))


def swap(index: int, name: str, old: str, new: str) -> list[Json]:
    return [
        {"op": "test", "path": f"/webhooks/{index}/name", "value": name},
        {"op": "test", "path": f"/webhooks/{index}/clientConfig/url", "value": old},
        {"op": "replace", "path": f"/webhooks/{index}/clientConfig/url", "value": new},
    ]


def urls(obj: Json | None) -> list[str]:
    return [item["clientConfig"]["url"] for item in (obj or {})["webhooks"]]


def test_a_json_patch_swaps_what_its_tests_have_seen(api: Api, hook: Target) -> None:
    assert urls(api.json_patch(hook, swap(1, "b.conformance.invalid", URL, f"{URL}/net/blue"))) == [
        URL,
        f"{URL}/net/blue",
    ]


@pytest.mark.parametrize(
    "operations",
    [
        swap(0, "b.conformance.invalid", URL, "x"),
        swap(0, "a.conformance.invalid", "https://other.invalid", "x"),
        swap(7, "a.conformance.invalid", URL, "x"),
        [{"op": "test", "path": "/metadata/labels/none", "value": "x"}],
    ],
)
def test_a_json_patch_whose_test_fails_is_a_conflict_and_changes_nothing(
    api: Api, hook: Target, operations: list[Json]
) -> None:
    error = refused(lambda: api.json_patch(hook, operations))
    assert (type(error), error.code) == (Conflict, "precondition")
    assert urls(api.read(hook)) == [URL, URL]


def test_a_dry_json_patch_writes_nothing(api: Api, hook: Target) -> None:
    assert (
        urls(api.json_patch(hook, swap(0, "a.conformance.invalid", URL, f"{URL}/net/x"), dry_run=True))[0]
        == f"{URL}/net/x"
    )
    assert urls(api.read(hook)) == [URL, URL]


def test_the_installer_conflicts_with_who_has_patched(api: Api, hook: Target) -> None:
    api.json_patch(hook, swap(0, "a.conformance.invalid", URL, f"{URL}/net/blue"))
    entry = {
        "name": "a.conformance.invalid",
        "clientConfig": {"url": URL},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    error = refused(lambda: api.apply(thing(HOOKS, "", hook.name, webhooks=[entry]), manager="installer"))
    assert isinstance(error, Conflict)
    assert {cause.owner for cause in error.causes} == {"meshconsole"}


def test_a_json_patch_adds_replaces_and_removes(api: Api, space: str) -> None:
    where = target(MAPS, space, "operated")
    api.create(config_map(space, "operated", {"c": "2"}, annotations={"a.b/c": "1"}))
    operations = [
        {"op": "replace", "path": "/metadata/annotations/a.b~1c", "value": "3"},
        {"op": "remove", "path": "/data/c"},
        {"op": "add", "path": "/data/d", "value": "4"},
        {"op": "replace", "path": "/data/e", "value": "5"},
        {"op": "add", "path": "/metadata/labels", "value": {"x": "y"}},
    ]
    done = api.json_patch(where, operations)
    assert (done["data"], done["metadata"]["labels"]) == ({"d": "4", "e": "5"}, {"x": "y"})
    assert done["metadata"]["annotations"] == {"a.b/c": "3"}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/data/none"},
        {"op": "replace", "path": "/none/deeper", "value": "1"},
        {"op": "nonsense", "path": "/data/a"},
        {"op": "add", "path": "/none/deeper", "value": "1"},
    ],
)
def test_a_json_patch_of_what_is_not_there_is_invalid(api: Api, space: str, operation: Json) -> None:
    api.apply(config_map(space, "unpatched"))
    error = refused(lambda: api.json_patch(target(MAPS, space, "unpatched"), [operation]))
    assert (type(error), error.code) == (Permanent, "invalid")


def test_a_json_patch_may_not_make_an_invalid_object(api: Api, space: str) -> None:
    api.apply(config_map(space, "unpatched"))
    operation = {"op": "add", "path": "/metadata/labels", "value": {"bad key!": "x"}}
    error = refused(lambda: api.json_patch(target(MAPS, space, "unpatched"), [operation]))
    assert set(error.params["fields"]) == {"metadata.labels"}


def test_a_merge_patch_sets_and_a_null_takes_away(api: Api, space: str) -> None:
    where = target(MAPS, space, "merged-map")
    api.create(config_map(space, "merged-map", {"a": "1", "b": "2"}, labels={"x": "y"}))
    done = api.merge_patch(where, {"data": {"a": None, "c": "3"}, "metadata": {"labels": None}})
    assert (done["data"], "labels" in done["metadata"]) == ({"b": "2", "c": "3"}, False)


def test_a_merge_patch_of_an_older_version_is_a_conflict(api: Api, space: str) -> None:
    api.apply(config_map(space, "old-merge"))
    error = refused(
        lambda: api.merge_patch(
            target(MAPS, space, "old-merge"), {"metadata": {"resourceVersion": "1"}, "data": {"a": "2"}}
        )
    )
    assert (type(error), error.code) == (Conflict, "conflict")


def test_a_merge_patch_that_changes_nothing_keeps_the_version(api: Api, space: str) -> None:
    made = api.create(config_map(space, "idle-merge"))
    assert api.merge_patch(target(MAPS, space, "idle-merge"), {"data": {"a": "1"}}) == made


@pytest.mark.parametrize("content_type", [MERGE, STRATEGIC, JSON_PATCH])
def test_a_patch_of_nothing_is_not_found(api: Api, space: str, content_type: str) -> None:
    body: object = [] if content_type == JSON_PATCH else {"data": {"a": "1"}}
    status, answer = ask(api, "PATCH", MAPS.path(space, "never-there"), body, content_type)
    assert (status, answer["reason"], answer["details"]["name"]) == (404, "NotFound", "never-there")


def test_a_dry_merge_patch_writes_nothing(api: Api, space: str) -> None:
    made = api.create(config_map(space, "dry-merge"))
    assert api.merge_patch(target(MAPS, space, "dry-merge"), {"data": {"a": "2"}}, dry_run=True)["data"] == {"a": "2"}
    assert api.get(MAPS, "dry-merge", space) == made


def test_a_strategic_patch_merges_containers_by_name(api: Api, space: str) -> None:
    where = target(kinds.DEPLOYMENT, space, "strategic")
    api.apply(deployment(space, "strategic", replicas=0, container={"env": [{"name": "A", "value": "1"}]}))
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "app", "env": [{"name": "B", "value": "2"}]}]}}}}
    (container,) = api.strategic_patch(where, patch)["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "echo"
    assert {item["name"] for item in container["env"]} == {"A", "B"}
    gone = {
        "spec": {"template": {"spec": {"containers": [{"name": "app", "env": [{"name": "A", "$patch": "delete"}]}]}}}
    }
    (container,) = api.strategic_patch(where, gone)["spec"]["template"]["spec"]["containers"]
    assert [item["name"] for item in container["env"]] == ["B"]
    api.delete(where)


def test_a_strategic_patch_of_a_custom_object_is_not_supported(config: Api, namespace_of: object) -> None:
    path = kinds.GATEWAY.path(namespace_of(config), "none")  # type: ignore[operator]
    status, answer = ask(config, "PATCH", path, {"spec": {}}, STRATEGIC)
    assert (status, answer["reason"]) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize("content_type", ["application/json", "application/unheard+json"])
def test_a_patch_of_an_unknown_type_is_not_supported(api: Api, space: str, content_type: str) -> None:
    api.apply(config_map(space, "unpatched"))
    assert ask(api, "PATCH", MAPS.path(space, "unpatched"), {"data": {}}, content_type)[0] == 415


def test_a_generation_counts_the_changes_of_a_spec_alone(api: Api, space: str) -> None:
    where = target(kinds.DEPLOYMENT, space, "generated")
    first = api.apply(deployment(space, "generated", replicas=0))["metadata"]["generation"]
    assert api.merge_patch(where, {"metadata": {"labels": {"x": "y"}}})["metadata"]["generation"] == first
    assert api.merge_patch(where, {"spec": {"minReadySeconds": 1}})["metadata"]["generation"] == first + 1
    api.delete(where)
