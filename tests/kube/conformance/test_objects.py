"""Objects one by one and in lists: created, found, replaced, deleted, and what is refused."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from interconnect.kube import kinds
from interconnect.kube.errors import Conflict, NotFound, Permanent
from tests.kube.conformance.places import ask, config_map, eventually, refused, target, thing

if TYPE_CHECKING:
    from interconnect.kube.api import Api
    from interconnect.kube.kinds import Kind

NOBODYS_UID = "00000000-0000-0000-0000-000000000000"
MAPS = kinds.CONFIG_MAP


def test_a_created_object_is_read_back_with_an_identity(api: Api, space: str) -> None:
    made = api.create(config_map(space, "created"))
    assert made["data"] == {"a": "1"}
    assert made["metadata"]["uid"]
    assert made["metadata"]["resourceVersion"]
    assert made["metadata"]["creationTimestamp"]
    assert (made["apiVersion"], made["kind"]) == ("v1", "ConfigMap")
    assert api.get(MAPS, "created", space) == made


@pytest.mark.parametrize("namespace", ["", "not-there"])
def test_what_is_not_there_is_none(api: Api, space: str, namespace: str) -> None:
    assert api.get(MAPS, "absent", namespace or space) is None


def test_a_name_that_is_taken_cannot_be_created(api: Api, space: str) -> None:
    api.create(config_map(space, "taken"))
    error = refused(lambda: api.create(config_map(space, "taken")))
    assert (type(error), error.code) == (Conflict, "already-exists")
    assert error.evidence == 'configmaps "taken" already exists'


def test_a_namespace_that_is_not_there_is_named(api: Api) -> None:
    error = refused(lambda: api.create(config_map("not-there", "x")))
    assert isinstance(error, NotFound)
    assert error.params["missing"] == "not-there"
    assert error.evidence == 'namespaces "not-there" not found'


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (MAPS, "Not_Valid"),
        (MAPS, "-begins"),
        (MAPS, "n" * 254),
        (kinds.SERVICE, "Under_score"),
        (kinds.NAMESPACE, "with.dot"),
    ],
)
def test_an_invalid_name_is_refused_with_its_field(api: Api, space: str, kind: Kind, name: str) -> None:
    spec: dict[str, Any] = {"spec": {"ports": [{"port": 1}]}} if kind is kinds.SERVICE else {}
    error = refused(lambda: api.create(thing(kind, space, name, **spec)))
    assert (type(error), error.code) == (Permanent, "invalid")
    assert set(error.params["fields"]) == {"metadata.name"}


@pytest.mark.parametrize(
    "labels", [{"bad key!": "v"}, {"k": "bad value!"}, {"k": "v" * 64}, {"k" * 64: "v"}, {"Up.Per/x": "v"}]
)
def test_an_invalid_label_is_refused_with_its_field(api: Api, space: str, labels: dict[str, str]) -> None:
    error = refused(lambda: api.create(config_map(space, "labelled", labels=labels)))
    assert error.code == "invalid"
    assert set(error.params["fields"]) == {"metadata.labels"}


def test_annotations_that_are_too_long_together_are_refused(api: Api, space: str) -> None:
    error = refused(lambda: api.create(config_map(space, "annotated", annotations={"a": "x" * (1 << 18)})))
    assert (error.code, error.params["fields"]) == ("invalid", ["metadata.annotations"])


def test_a_dry_run_creates_nothing_and_answers_as_if(api: Api, space: str) -> None:
    shown = api.create(config_map(space, "dry"), dry_run=True)
    assert (shown["metadata"]["name"], shown["data"]) == ("dry", {"a": "1"})
    assert api.get(MAPS, "dry", space) is None
    assert refused(lambda: api.create(config_map(space, "Not_Valid"), dry_run=True)).code == "invalid"


def test_a_replacement_of_the_version_that_was_read_is_taken_and_of_an_older_one_refused(api: Api, space: str) -> None:
    made = api.create(config_map(space, "replaced"))
    changed = api.replace(made | {"data": {"b": "2"}})
    assert changed["data"] == {"b": "2"}
    assert changed["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]
    error = refused(lambda: api.replace(made | {"data": {"c": "3"}}))
    assert (type(error), error.code) == (Conflict, "conflict")
    assert not getattr(error, "causes", ())


def test_a_replacement_that_changes_nothing_keeps_the_version(api: Api, space: str) -> None:
    made = api.create(config_map(space, "same"))
    assert api.replace(made)["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_a_replacement_without_a_version_is_taken(api: Api, space: str) -> None:
    api.create(config_map(space, "unversioned"))
    assert api.replace(config_map(space, "unversioned", {"z": "1"}))["data"] == {"z": "1"}


def test_a_replacement_of_nothing_is_not_found(api: Api, space: str) -> None:
    error = refused(lambda: api.replace(config_map(space, "never-made")))
    assert isinstance(error, NotFound)
    assert error.params["missing"] == "never-made"


def test_a_dry_replacement_shows_the_conflict_and_writes_nothing(api: Api, space: str) -> None:
    made = api.create(config_map(space, "dry-replaced"))
    assert api.replace(made | {"data": {"b": "2"}}, dry_run=True)["data"] == {"b": "2"}
    assert api.get(MAPS, "dry-replaced", space) == made
    stale = {**made, "metadata": {**made["metadata"], "resourceVersion": "1"}}
    assert refused(lambda: api.replace(stale, dry_run=True)).code == "conflict"


@pytest.mark.parametrize("part", [{"metadata": {"name": "another"}}, {"kind": "Secret"}, {"apiVersion": "v2"}])
def test_a_body_that_contradicts_its_url_is_a_bad_request(api: Api, space: str, part: dict[str, Any]) -> None:
    api.create(config_map(space, f"url-{uuid.uuid4().hex[:6]}"))
    body = config_map(space, "contradicted") | part
    status, answer = ask(api, "PUT", MAPS.path(space, "contradicted"), body)
    assert (status, answer["reason"]) in ((400, "BadRequest"), (404, "NotFound"))


@pytest.mark.parametrize("body", ["{", "[]", '"text"', ""])
def test_a_body_that_is_no_object_is_a_bad_request(api: Api, space: str, body: str) -> None:
    from interconnect.kube.guard import Deadline

    with Deadline(10) as until, api.transport.open_tls(until) as tls:
        head = [
            f"POST {api.transport.prefix}{MAPS.path(space)} HTTP/1.1",
            f"Host: {api.transport.host}",
            "Connection: close",
        ]
        head += [f"{key}: {value}" for key, value in api.transport.authorization().items()]
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", body]
        tls.sendall("\r\n".join(head).encode())
        assert tls.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_a_delete_says_whether_there_was_something(api: Api, space: str) -> None:
    api.create(config_map(space, "deleted"))
    assert api.delete(target(MAPS, space, "deleted"))
    assert api.get(MAPS, "deleted", space) is None
    assert not api.delete(target(MAPS, space, "deleted"))


def test_a_delete_with_another_objects_identity_is_refused(api: Api, space: str) -> None:
    uid = api.create(config_map(space, "guarded"))["metadata"]["uid"]
    error = refused(lambda: api.delete(target(MAPS, space, "guarded"), uid=NOBODYS_UID))
    assert (type(error), error.code) == (Conflict, "precondition")
    assert api.delete(target(MAPS, space, "guarded"), uid=uid)


def test_a_dry_delete_leaves_the_object_and_shows_the_refusal(api: Api, space: str) -> None:
    uid = api.create(config_map(space, "dry-deleted"))["metadata"]["uid"]
    assert api.delete(target(MAPS, space, "dry-deleted"), uid=uid, dry_run=True)
    assert (
        refused(lambda: api.delete(target(MAPS, space, "dry-deleted"), uid=NOBODYS_UID, dry_run=True)).code
        == "precondition"
    )
    assert api.get(MAPS, "dry-deleted", space)


def test_an_object_with_a_finalizer_stays_until_it_is_taken_off(api: Api, space: str) -> None:
    api.create(config_map(space, "finalized", finalizers=["example.org/wait"]))
    assert api.delete(target(MAPS, space, "finalized"))
    leaving = api.get(MAPS, "finalized", space)
    assert leaving
    assert leaving["metadata"]["deletionTimestamp"]
    assert api.delete(target(MAPS, space, "finalized"))
    api.merge_patch(target(MAPS, space, "finalized"), {"metadata": {"finalizers": None}})
    assert api.get(MAPS, "finalized", space) is None


def test_what_an_object_owns_goes_with_it(api: Api, space: str) -> None:
    owner = api.create(config_map(space, "parent"))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "parent", "uid": owner["metadata"]["uid"]}
    api.create(config_map(space, "child", ownerReferences=[reference]))
    api.delete(target(MAPS, space, "parent"))
    assert eventually(lambda: api.get(MAPS, "child", space) is None)


def test_a_key_of_a_config_map_that_cannot_be_is_refused(api: Api, space: str) -> None:
    assert refused(lambda: api.create(config_map(space, "keyed", {"a/b": "1"}))).params["fields"] == ["data[a/b]"]


def test_a_collection_is_deleted_by_its_labels(api: Api, space: str) -> None:
    for name, colour in (("many-a", "red"), ("many-b", "red"), ("many-c", "blue")):
        api.create(config_map(space, name, labels={"many": colour}))
    status, answer = ask(api, "DELETE", MAPS.path(space), query={"labelSelector": "many=red"})
    assert (status, answer["kind"]) == (200, "ConfigMapList")
    assert [item["metadata"]["name"] for item in api.list(MAPS, space, labels="many")] == ["many-c"]


def test_metadata_alone_can_be_asked_for(api: Api, space: str) -> None:
    api.create(config_map(space, "bare", labels={"bare": "yes"}))
    found = api.get(MAPS, "bare", space, metadata_only=True)
    assert found
    assert (found["kind"], found["metadata"]["labels"], "data" in found) == (
        "PartialObjectMetadata",
        {"bare": "yes"},
        False,
    )
    (listed,) = api.list(MAPS, space, labels="bare=yes", metadata_only=True)
    assert (listed["metadata"]["name"], "data" in listed) == ("bare", False)


SELECTED = {
    "tier=web": "ab",
    "tier==web,zone=1": "a",
    "tier!=web": "cd",
    "tier in (web,db)": "abc",
    "tier notin (web, db)": "d",
    "zone": "ac",
    "!zone": "bd",
    "zone,tier in (web)": "a",
    "zone=1,zone=2": "",
    "tier=": "",
}


@pytest.fixture(scope="module")
def labelled(api: Api, namespace_of: Any) -> str:
    space: str = namespace_of(api)
    for name, labels in {
        "a": {"tier": "web", "zone": "1"},
        "b": {"tier": "web"},
        "c": {"tier": "db", "zone": "2"},
        "d": {},
    }.items():
        api.apply(config_map(space, f"sel-{name}", labels={"sel": "yes", **labels}))
    return space


@pytest.mark.parametrize("selector", list(SELECTED))
def test_a_label_selector_selects_in_the_order_of_names(api: Api, labelled: str, selector: str) -> None:
    found = [item["metadata"]["name"] for item in api.list(MAPS, labelled, labels=f"sel=yes,{selector}")]
    assert found == [f"sel-{letter}" for letter in SELECTED[selector]]


@pytest.mark.parametrize("selector", ["a in b", "a=b=c", "!", "a in (b", "=x", "-a=b"])
def test_a_label_selector_that_is_none_is_refused(api: Api, space: str, selector: str) -> None:
    assert refused(lambda: api.list(MAPS, space, labels=selector)).params["status"] == 400


def test_field_selectors_choose_by_name_and_namespace(api: Api, labelled: str) -> None:
    assert [item["metadata"]["name"] for item in api.list(MAPS, labelled, fields="metadata.name=sel-b")] == ["sel-b"]
    found = api.list(MAPS, fields=f"metadata.namespace={labelled},metadata.name!=sel-b", labels="sel=yes")
    assert [item["metadata"]["name"] for item in found] == ["sel-a", "sel-c", "sel-d"]


@pytest.mark.parametrize("selector", ["data.a=1", "metadata.labels=x", "nonsense"])
def test_a_field_that_cannot_be_selected_by_is_refused(api: Api, space: str, selector: str) -> None:
    assert refused(lambda: api.list(MAPS, space, fields=selector)).params["status"] == 400


def test_a_list_of_all_namespaces_has_each_objects_namespace(api: Api, labelled: str) -> None:
    assert {item["metadata"]["namespace"] for item in api.list(MAPS, labels="sel=yes")} >= {labelled}


@pytest.mark.parametrize("namespace", ["not-there", ""])
def test_a_list_of_nothing_is_empty(api: Api, namespace: str) -> None:
    assert api.list(MAPS, namespace, labels="nobody=has-this") == []


def test_a_list_is_of_its_kind_and_has_a_version(api: Api, labelled: str) -> None:
    status, found = ask(api, "GET", MAPS.path(labelled), query={"labelSelector": "sel"})
    assert (status, found["kind"], found["apiVersion"]) == (200, "ConfigMapList", "v1")
    assert found["metadata"]["resourceVersion"]
    assert not any("kind" in item or "apiVersion" in item for item in found["items"])


def pages(api: Api, space: str, **query: str) -> tuple[int, Any]:
    return ask(api, "GET", MAPS.path(space), query={"labelSelector": "sel", **query})


def names(body: Any) -> list[str]:
    return [item["metadata"]["name"] for item in body["items"]]


def test_a_list_comes_in_pages(api: Api, labelled: str) -> None:
    first = pages(api, labelled, limit="3")[1]
    assert names(first) == ["sel-a", "sel-b", "sel-c"]
    last = pages(api, labelled, limit="3", **{"continue": first["metadata"]["continue"]})[1]
    assert (names(last), last["metadata"].get("continue", "")) == (["sel-d"], "")
    assert last["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_a_list_that_goes_on_shows_what_was_there_when_it_began(api: Api, labelled: str) -> None:
    first = pages(api, labelled, limit="2")[1]
    api.create(config_map(labelled, "sel-cc", labels={"sel": "yes"}))
    api.delete(target(MAPS, labelled, "sel-d"))
    rest = pages(api, labelled, **{"continue": first["metadata"]["continue"]})[1]
    api.delete(target(MAPS, labelled, "sel-cc"))
    api.create(config_map(labelled, "sel-d", labels={"sel": "yes"}))
    assert names(rest) == ["sel-c", "sel-d"]


def test_a_continuation_that_is_none_is_refused(api: Api, labelled: str) -> None:
    assert pages(api, labelled, limit="1", **{"continue": "nonsense"})[0] == 400
