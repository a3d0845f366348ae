"""The API's functions against simulated clusters, and against servers that lie."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from interconnect.domain.entries import Target
from interconnect.kube import kinds
from interconnect.kube.api import PAGE, Api
from interconnect.kube.errors import Conflict, FieldConflict, KubeError, NotFound, Permanent, Temporary
from interconnect.kube.identity import cluster_uid
from interconnect.observing.newcomer import api_for, credential_of
from simulator import Fleet, usual_mesh
from tests.kube.servers import Connection, HttpsServer, listing, objects

MAP = Target("", "v1", "ConfigMap", "istio-system", "thing")
NAMESPACE = "istio-system"


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet([usual_mesh(members=("member-a",))]) as running:
        yield running


def connect(fleet: Fleet, name: str = "member-a", user: str = "admin") -> Api:
    return api_for(credential_of(fleet.kubeconfig(name, user)))


@pytest.fixture
def api(fleet: Fleet) -> Iterator[Api]:
    found = connect(fleet)
    yield found
    found.delete(MAP)
    found.transport.close()


def manifest(data: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": MAP.name, "namespace": MAP.namespace, **metadata},
        "data": {"a": "1"} if data is None else data,
    }


def test_an_applied_object_is_read_back(api: Api) -> None:
    applied = api.apply(manifest())
    assert applied["data"] == {"a": "1"}
    assert api.read(MAP) == applied
    assert api.get(kinds.CONFIG_MAP, "thing", NAMESPACE) == applied


def test_what_is_not_there_is_none(api: Api) -> None:
    assert api.read(MAP) is None


def test_a_dry_run_writes_nothing(api: Api) -> None:
    assert api.apply(manifest(), dry_run=True)["data"] == {"a": "1"}
    assert api.read(MAP) is None


def test_a_field_of_another_manager_is_a_conflict_with_field_and_owner(api: Api) -> None:
    api.apply(manifest(), manager="helm")
    with pytest.raises(Conflict) as caught:
        api.apply(manifest({"a": "2"}))
    assert (caught.value.code, caught.value.causes) == ("conflict", (FieldConflict(".data.a", "helm"),))
    assert api.apply(manifest({"a": "2"}), force=True)["data"] == {"a": "2"}


def test_a_name_that_is_taken_cannot_be_created(api: Api) -> None:
    api.create(manifest())
    with pytest.raises(Conflict) as caught:
        api.create(manifest())
    assert caught.value.code == "already-exists"


def test_a_change_in_between_is_a_conflict_for_put(api: Api) -> None:
    first = api.apply(manifest())
    api.merge_patch(MAP, {"data": {"b": "2"}})
    with pytest.raises(Conflict) as caught:
        api.replace({**first, "data": {}})
    assert caught.value.code == "conflict"
    current = api.read(MAP)
    assert current is not None
    assert api.replace({**current, "data": {"c": "3"}})["data"] == {"c": "3"}


def test_a_json_patch_whose_test_fails_is_a_precondition(api: Api) -> None:
    api.apply(manifest())
    operations = [{"op": "test", "path": "/data/a", "value": "9"}, {"op": "replace", "path": "/data/a", "value": "2"}]
    with pytest.raises(Conflict) as caught:
        api.json_patch(MAP, operations)
    assert caught.value.code == "precondition"
    operations[0]["value"] = "1"
    assert api.json_patch(MAP, operations)["data"] == {"a": "2"}


def test_patches_merge(api: Api) -> None:
    api.apply(manifest())
    assert api.merge_patch(MAP, {"data": {"a": None, "b": "2"}})["data"] == {"b": "2"}
    assert api.strategic_patch(MAP, {"metadata": {"annotations": {"x": "y"}}})["metadata"]["annotations"] == {"x": "y"}


def test_a_delete_says_whether_there_was_something(api: Api) -> None:
    api.apply(manifest())
    assert api.delete(MAP)
    assert not api.delete(MAP)


def test_a_delete_with_another_uid_leaves_the_object(api: Api) -> None:
    uid = api.apply(manifest())["metadata"]["uid"]
    with pytest.raises(Conflict) as caught:
        api.delete(MAP, uid="another")
    assert caught.value.code == "precondition"
    assert api.read(MAP) is not None
    assert api.delete(MAP, uid=uid)


def test_lists_select_by_label(api: Api) -> None:
    api.apply(manifest(labels={"color": "blue"}))
    found = api.list(kinds.CONFIG_MAP, NAMESPACE, labels="color=blue")
    assert [entry["metadata"]["name"] for entry in found] == ["thing"]
    assert api.list(kinds.CONFIG_MAP, NAMESPACE, labels="color=red") == []


def test_lists_go_page_by_page(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [entry["metadata"]["name"] for entry in api.list(kinds.SERVICE_ACCOUNT)]
    monkeypatch.setattr("interconnect.kube.api.PAGE", 1)
    assert [entry["metadata"]["name"] for entry in api.list(kinds.SERVICE_ACCOUNT)] == whole


def test_a_page_is_asked_for_when_the_one_before_has_been_used() -> None:
    def page(connection: Connection) -> None:
        number = connection.number
        things = [{"metadata": {"name": f"thing-{number}-{each}"}} for each in range(PAGE)]
        connection.answer({"items": things, "metadata": {"continue": "" if number else "more"}})

    with HttpsServer(page) as server:
        found = server.api().each(kinds.CONFIG_MAP, "b", metadata_only=True)
        asked = [len(server.requests) for _each in found]
    assert asked == [1] * PAGE + [2] * PAGE


def test_metadata_alone_has_no_content(api: Api) -> None:
    api.apply(manifest(labels={"color": "green"}))
    found = api.list(kinds.CONFIG_MAP, NAMESPACE, labels="color=green", metadata_only=True)
    assert [("data" in entry, entry["metadata"]["name"]) for entry in found] == [(False, "thing")]


def test_a_watch_shows_changes_and_ends(api: Api) -> None:
    version = api.apply(manifest())["metadata"]["resourceVersion"]
    api.merge_patch(MAP, {"data": {"a": "2"}})
    api.delete(MAP)
    events = list(api.watch(kinds.CONFIG_MAP, NAMESPACE, version=version, fields="metadata.name=thing", deadline=1))
    assert [event.type for event in events if event.type != "BOOKMARK"] == ["MODIFIED", "DELETED"]


def test_a_review_tells_what_one_may(fleet: Fleet, api: Api) -> None:
    assert api.review("get", "pods", namespace=NAMESPACE)
    assert not connect(fleet, user="nobody").review("get", "pods", namespace=NAMESPACE)


def test_without_rights_the_verb_and_the_resource_are_named(fleet: Fleet) -> None:
    with pytest.raises(Permanent) as caught:
        connect(fleet, user="nobody").apply(manifest())
    expected = {"verb": "patch", "resource": "configmaps", "namespace": NAMESPACE, "name": "thing"}
    assert caught.value.code == "forbidden"
    assert expected.items() <= caught.value.params.items()


def test_the_version_and_the_identity_of_a_cluster_are_read(fleet: Fleet, api: Api) -> None:
    assert api.version().startswith("v1.")
    assert cluster_uid(api) == fleet.cluster("member-a").uid
    assert cluster_uid(connect(fleet, "hub")) != cluster_uid(api)


def test_a_kind_that_the_console_does_not_handle_is_no_call(api: Api) -> None:
    with pytest.raises(LookupError):
        api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "namespace": "y"}})


def test_names_cannot_leave_their_collection() -> None:
    assert kinds.POD.path("a/b", "../../secrets/x") == "/api/v1/namespaces/a%2Fb/pods/..%2F..%2Fsecrets%2Fx"
    assert kinds.POD.path("a", "..") == "/api/v1/namespaces/a/pods/%2E%2E"
    assert kinds.DEPLOYMENT.path("a", "b", "status") == "/apis/apps/v1/namespaces/a/deployments/b/status"
    assert kinds.NODE.path("ignored", "n") == "/api/v1/nodes/n"


THING = {"metadata": {"name": "thing"}}
LIES: dict[str, Any] = {
    "no metadata": {"kind": "ConfigMap"},
    "metadata that is a list": {"metadata": []},
    "a name that is a number": {"metadata": {"name": 5}},
    "labels that are a list": {"metadata": {"name": "a", "labels": ["x"]}},
    "a label that is a number": {"metadata": {"name": "a", "labels": {"x": 1}}},
    "annotations that are text": {"metadata": {"name": "a", "annotations": "x"}},
    "a namespace that is an object": {"metadata": {"name": "a", "namespace": {}}},
    "managers that are text": {"metadata": {"name": "a", "managedFields": "x"}},
    "a manager that is text": {"metadata": {"name": "a", "managedFields": ["x"]}},
    "a manager's fields that are a list": {"metadata": {"name": "a", "managedFields": [{"fieldsV1": []}]}},
    "a list": [],
    "null": None,
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_an_object_that_is_none_is_a_bad_body(lie: Any) -> None:
    with HttpsServer(lambda connection: connection.answer(lie)) as server, pytest.raises(Permanent, match="bad-body"):
        server.api().get(kinds.CONFIG_MAP, "a", "b")


@pytest.mark.parametrize(
    "lie",
    [
        {},
        {"items": 5, "metadata": {}},
        {"items": [5], "metadata": {}},
        {"items": [], "metadata": {"continue": 5}},
        {"items": [{}], "metadata": {}},
    ],
)
def test_a_list_that_is_none_is_a_bad_body(lie: Any) -> None:
    with HttpsServer(lambda connection: connection.answer(lie)) as server, pytest.raises(Permanent, match="bad-body"):
        server.api().list(kinds.CONFIG_MAP, "b")


def test_items_that_are_null_are_an_empty_list() -> None:
    with objects({"/api/v1/namespaces/b/configmaps": {"items": None, "metadata": {}}}) as server:
        assert server.api().list(kinds.CONFIG_MAP, "b") == []


def test_a_list_without_end_is_given_up() -> None:
    def more(connection: Connection) -> None:
        things = [{"metadata": {"name": f"thing-{connection.number}-{number}"}} for number in range(PAGE)]
        connection.answer({"items": things, "metadata": {"continue": f"more {connection.number}"}})

    with HttpsServer(more) as server:
        with pytest.raises(Permanent, match="too-large"):
            server.api(limit=50_000).list(kinds.CONFIG_MAP, "b")
        with pytest.raises(Temporary, match="timeout") as caught:
            server.api(limit=10**9).list(kinds.CONFIG_MAP, "b", deadline=0.3)
        assert caught.value.params["phase"] == "list"


def test_a_404_of_a_proxy_is_not_absence() -> None:
    with HttpsServer(lambda connection: connection.answer(b"404 page not found", 404)) as server:
        with pytest.raises(Permanent) as caught:
            server.api().get(kinds.CONFIG_MAP, "a", "b")
        assert caught.value.code == "not-served"
        with pytest.raises(Permanent, match="not-served"):
            server.api().delete(MAP)


def test_an_apply_into_a_missing_namespace_is_not_found() -> None:
    answer = lambda connection: connection.status(404, "NotFound", "gone", name="shop", kind="namespaces")  # noqa: E731
    with HttpsServer(answer) as server, pytest.raises(NotFound) as caught:
        server.api().apply(manifest())
    assert caught.value.params["missing"] == "shop"


def test_a_call_that_fails_before_an_answer_still_says_what_it_was() -> None:
    with (
        HttpsServer(lambda connection: connection.send(b"nonsense\r\n\r\n")) as server,
        pytest.raises(KubeError) as caught,
    ):
        server.api(deadline=0.5).get(kinds.POD, "p", "n")
    assert {"verb": "get", "resource": "pods", "namespace": "n", "name": "p"}.items() <= caught.value.params.items()


def watching(*lines: Any) -> HttpsServer:
    body = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    return HttpsServer(lambda connection: connection.answer(body))


def test_a_watch_that_is_too_old_says_so() -> None:
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
    with watching({"type": "ERROR", "object": status}) as server, pytest.raises(Temporary, match="expired"):
        list(server.api().watch(kinds.POD, deadline=1))


@pytest.mark.parametrize(
    "line",
    [b"{\n", b"[]\n", {"type": 5, "object": {}}, {"type": "ADDED"}, {"type": "ADDED", "object": {"metadata": 1}}],
)
def test_a_watch_that_lies_is_a_bad_body(line: Any) -> None:
    with watching(line) as server, pytest.raises(Permanent, match="bad-body"):
        list(server.api().watch(kinds.POD, deadline=1))


def test_a_watch_line_without_end_is_given_up() -> None:
    def speak(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.send(b"x" * 65536)

    with HttpsServer(speak) as server, pytest.raises(Permanent, match="too-large"):
        list(server.api().watch(kinds.POD, deadline=2))


def test_a_review_that_is_no_clear_yes_is_a_no() -> None:
    for status in ({"allowed": "true"}, {"allowed": 1}, [], None, {}):
        with HttpsServer(lambda connection, status=status: connection.answer({"status": status})) as server:  # type: ignore[misc]
            assert not server.api().review("get", "pods")


@pytest.mark.parametrize("metadata", [{}, {"uid": 5}, {"uid": "x"}, {"uid": "a" * 100}, {"uid": "../../../etc"}])
def test_an_identity_that_is_none_is_a_bad_body(metadata: dict[str, Any]) -> None:
    found = {"/api/v1/namespaces/kube-system": {"metadata": {"name": "kube-system", **metadata}}}
    with objects(found) as server, pytest.raises(Permanent, match="bad-body"):
        cluster_uid(server.api())


def test_a_cluster_without_kube_system_has_no_identity() -> None:
    with objects({}) as server, pytest.raises(Permanent, match="not-found"):
        cluster_uid(server.api())


def test_listing_is_the_shape_that_servers_give() -> None:
    with objects({"/api/v1/nodes": listing(THING)}) as server:
        assert server.api().list(kinds.NODE) == [THING]
