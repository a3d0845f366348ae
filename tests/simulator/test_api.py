"""Reading, writing and refusing over HTTPS, as clients of a real API server expect it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from simulator.api import Grant
from tests.simulator.client import JSON_PATCH, MERGE, Answer, Client

if TYPE_CHECKING:
    from simulator import Fleet

SPACE = "/api/v1/namespaces/shop/configmaps"
PARTIAL = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


def config_map(name: str, **labels: str) -> dict[str, object]:
    return {"metadata": {"name": name, "labels": labels}, "data": {"k": "v"}}


def names(items: list[dict[str, dict[str, str]]]) -> list[str]:
    return [item["metadata"]["name"] for item in items]


def test_a_label_selector_finds_what_it_names(client: Client) -> None:
    for name, labels in {"a": {"x": "1"}, "b": {"x": "2"}, "c": {"y": "1"}}.items():
        assert client.send("POST", SPACE, config_map(name, **labels)).status == 201
    found = {
        text: names(client.get(SPACE, labelSelector=text).body["items"])
        for text in ("x", "x=1", "x!=1", "x in (1, 2)", "x notin (1),x", "!x,y", "x==2,!y")
    }
    both = {"x": ["a", "b"], "x in (1, 2)": ["a", "b"]}
    assert found == {**both, "x=1": ["a"], "x!=1": ["b", "c"], "x notin (1),x": ["b"], "!x,y": ["c"], "x==2,!y": ["b"]}
    assert client.get(SPACE, labelSelector="x =( 1").status == 400


def test_a_field_selector_finds_one_name(client: Client) -> None:
    client.send("POST", SPACE, config_map("a"))
    client.send("POST", SPACE, config_map("b"))
    assert names(client.get(SPACE, fieldSelector="metadata.name=b").body["items"]) == ["b"]


def test_pages_follow_one_another_without_gap_or_repetition(client: Client) -> None:
    for number in range(7):
        client.send("POST", SPACE, config_map(f"c{number}"))
    seen: list[str] = []
    page = client.get(SPACE, limit="3").body
    assert page["metadata"]["remainingItemCount"] == 4
    while True:
        seen += names(page["items"])
        token = page["metadata"].get("continue")
        if not token:
            break
        page = client.get(SPACE, limit="3", **{"continue": token}).body
    assert seen == [f"c{number}" for number in range(7)]
    assert client.get(SPACE, **{"continue": "nonsense!"}).status == 400


def test_a_list_of_metadata_holds_no_content(client: Client) -> None:
    client.send("POST", SPACE, config_map("a"))
    answer = client.send("GET", SPACE, accept=PARTIAL)
    assert answer.body["kind"] == "PartialObjectMetadataList"
    assert all(item.keys() == {"kind", "apiVersion", "metadata"} for item in answer.body["items"])


def test_items_of_a_list_of_a_built_in_kind_do_not_name_their_kind(client: Client, fleet: Fleet) -> None:
    assert all("kind" not in item for item in client.get("/api/v1/pods").body["items"])
    rule = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "g", "namespace": "shop"},
        "spec": {},
    }
    fleet.cluster("member-a").put(rule)
    assert client.get("/apis/networking.istio.io/v1/gateways").body["items"][0]["kind"] == "Gateway"


@pytest.mark.parametrize(
    "path",
    ["/api/v1/nothing", "/apis/apps/v1/namespaces/shop/pods", "/api/v1/pods/echo", f"{SPACE}/x/scale", "/elsewhere"],
)
def test_a_path_that_does_not_exist_is_404(client: Client, path: str) -> None:
    assert client.get(path).status == 404


def test_an_unknown_cluster_is_404(client: Client, fleet: Fleet) -> None:
    client.url = client.url._replace(path="/clusters/nowhere")
    assert client.get("/version").status == 404


def test_without_a_valid_token_the_answer_is_401(client: Client) -> None:
    client.token = "made-up"
    assert client.get("/version").status == 401


def test_a_user_without_rights_is_told_which_one_is_missing(fleet: Fleet) -> None:
    nobody = Client(fleet, user="nobody")
    answer = nobody.get("/apis/apps/v1/namespaces/shop/deployments/echo")
    assert answer.status == 403
    assert answer.body["message"] == (
        'deployments.apps "echo" is forbidden: User "nobody" cannot get resource "deployments" in API group '
        '"apps" in the namespace "shop"'
    )


@pytest.mark.parametrize(("user", "allowed"), [("admin", True), ("nobody", False)])
def test_an_access_review_says_what_the_user_may_do(fleet: Fleet, user: str, allowed: bool) -> None:
    spec = {"resourceAttributes": {"verb": "patch", "group": "apps", "resource": "deployments", "namespace": "shop"}}
    answer = Client(fleet, user=user).send(
        "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"spec": spec}
    )
    assert (answer.status, answer.body["status"]["allowed"]) == (201, allowed)


def rules(fleet: Fleet, user: str, namespace: str) -> Answer:
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    return Client(fleet, user=user).send("POST", path, {"spec": {"namespace": namespace}})


def test_a_review_of_rules_merges_what_a_user_was_granted_in_the_cluster_and_the_namespace(fleet: Fleet) -> None:
    everywhere = Grant(("list",), ("",), ("nodes",))
    there = Grant(("get", "patch"), ("apps",), ("deployments",), ("shop",), ("echo",))
    fleet.cluster("member-a").api.access.grants["auditor"] = (everywhere, there)
    of_cluster = {"verbs": ["list"], "apiGroups": [""], "resources": ["nodes"]}
    of_shop = {
        "verbs": ["get", "patch"],
        "apiGroups": ["apps"],
        "resources": ["deployments"],
        "resourceNames": ["echo"],
    }
    own = rules(fleet, "nobody", "shop").body["status"]["resourceRules"]
    answer = rules(fleet, "auditor", "shop")
    assert (answer.status, answer.body["status"]["incomplete"]) == (201, False)
    assert answer.body["status"]["resourceRules"] == [of_cluster, of_shop, *own]
    assert rules(fleet, "auditor", "-").body["status"]["resourceRules"] == [of_cluster, *own]
    assert {resource for each in own for resource in each["resources"]} >= {"selfsubjectrulesreviews"}


def test_a_review_of_rules_is_of_one_namespace(fleet: Fleet) -> None:
    answer = rules(fleet, "admin", "")
    assert (answer.status, answer.body["message"]) == (400, "no namespace on request")


def test_discovery_names_the_kinds_of_a_version(client: Client) -> None:
    listed = client.get("/apis/apps/v1").body["resources"]
    assert {"deployments", "deployments/scale", "deployments/status", "replicasets"} <= {
        item["name"] for item in listed
    }
    assert "networking.istio.io" in {group["name"] for group in client.get("/apis").body["groups"]}


def test_a_dry_run_returns_the_result_and_stores_nothing(client: Client, fleet: Fleet) -> None:
    before = fleet.snapshot()
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "1"}}
    answer = client.apply(f"{SPACE}/x", body, dryRun="All")
    assert (answer.status, answer.body["data"]) == (201, {"a": "1"})
    assert fleet.snapshot() == before
    assert fleet.writes() == []


def test_the_same_apply_again_changes_nothing(client: Client) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "1"}}
    first, second = client.apply(f"{SPACE}/x", body), client.apply(f"{SPACE}/x", body)
    assert (first.status, second.status) == (201, 200)
    assert first.body["metadata"]["resourceVersion"] == second.body["metadata"]["resourceVersion"]


def test_yaml_is_taken_where_a_real_server_takes_it(client: Client) -> None:
    client.connection.request(
        "PATCH",
        f"{client.url.path}{SPACE}/y?fieldManager=m",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y}\ndata: {a: '1'}\n",
        {"Authorization": f"Bearer {client.token}", "Content-Type": "application/apply-patch+yaml"},
    )
    response = client.connection.getresponse()
    assert (response.status, json.loads(response.read())["data"]) == (201, {"a": "1"})


def test_a_finalizer_keeps_an_object_until_it_is_taken_away(client: Client) -> None:
    client.send("POST", SPACE, {"metadata": {"name": "x", "finalizers": ["a.b/c"]}})
    leaving = client.send("DELETE", f"{SPACE}/x").body
    assert leaving["metadata"]["deletionTimestamp"]
    assert client.get(f"{SPACE}/x").status == 200
    client.send("PATCH", f"{SPACE}/x", {"metadata": {"finalizers": None}}, MERGE)
    assert client.get(f"{SPACE}/x").status == 404


def test_a_json_patch_may_move_copy_add_and_remove(client: Client) -> None:
    client.send("POST", SPACE, config_map("x"))
    operations = [
        {"op": "add", "path": "/data/a.b", "value": "1"},
        {"op": "copy", "from": "/data/k", "path": "/data/copy"},
        {"op": "move", "from": "/data/k", "path": "/data/moved"},
        {"op": "remove", "path": "/data/copy"},
        {"op": "test", "path": "/data/moved", "value": "v"},
    ]
    assert client.send("PATCH", f"{SPACE}/x", operations, JSON_PATCH).body["data"] == {"a.b": "1", "moved": "v"}


@pytest.mark.parametrize("body", [[], "text", 7, {"metadata": []}])
def test_a_body_that_is_no_object_is_refused(client: Client, body: object) -> None:
    assert client.send("POST", SPACE, body).status == 400


@pytest.mark.parametrize(
    "spec", [[], {"template": 7}, {"template": {"spec": {"containers": "none"}}}, {"selector": [], "replicas": "many"}]
)
def test_a_field_of_the_wrong_type_is_refused_and_the_connection_lives_on(client: Client, spec: object) -> None:
    body = {"metadata": {"name": "x"}, "spec": spec}
    assert client.send("POST", "/apis/apps/v1/namespaces/shop/deployments", body).status == 400
    assert client.get(SPACE, limit="many").status == 400
    assert client.get("/version").status == 200


def test_annotations_have_a_limit(client: Client) -> None:
    answer = client.send("POST", SPACE, {"metadata": {"name": "x", "annotations": {"a": "x" * 262145}}})
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")


def test_the_status_is_written_by_its_own_path_alone(client: Client) -> None:
    path = "/api/v1/namespaces/shop/services/echo"
    status = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}}}
    assert client.send("PATCH", path, status, MERGE).body["status"] == {"loadBalancer": {}}
    changed = client.send("PATCH", f"{path}/status", status, MERGE).body
    assert changed["status"]["loadBalancer"]["ingress"] == [{"ip": "192.0.2.9"}]
    assert {"subresource": "status"}.items() <= changed["metadata"]["managedFields"][-1].items()


def test_every_write_is_logged_with_its_manager_and_user(client: Client, fleet: Fleet) -> None:
    client.apply(f"{SPACE}/x", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})
    client.send("DELETE", f"{SPACE}/x")
    assert [(item.cluster, item.method, item.path, item.manager, item.user) for item in fleet.writes()] == [
        ("member-a", "PATCH", f"{SPACE}/x", "meshconsole", "admin"),
        ("member-a", "DELETE", f"{SPACE}/x", "tests", "admin"),
    ]
