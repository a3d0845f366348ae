"""Mutating policies: they change what is written, and whoever wrote it owns what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.policies import Policy
from tests.simulator.client import MERGE

if TYPE_CHECKING:
    from simulator import Fleet
    from tests.simulator.client import Client

SPACE = "/api/v1/namespaces/shop/configmaps"
LIMIT = {"resource": "configmaps", "prefix": "made", "sets": {"/data/a": "small"}, "removes": ["/metadata/labels/app"]}


def made(name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"app": "x", "team": "y"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def test_a_policy_changes_what_is_created_and_updated(client: Client, fleet: Fleet) -> None:
    fleet.cluster("member-a").cluster.policies = (Policy(**LIMIT),)
    created = client.apply(f"{SPACE}/made", made("made", a="big")).body
    assert (created["data"], created["metadata"]["labels"]) == ({"a": "small"}, {"team": "y"})
    [entry] = created["metadata"]["managedFields"]
    assert entry["fieldsV1"]["f:metadata"]["f:labels"].keys() >= {"f:app", "f:team"}
    assert entry["fieldsV1"]["f:data"].keys() >= {"f:a"}
    assert client.apply(f"{SPACE}/made", made("made", a="big")).body == created
    patched = client.send("PATCH", f"{SPACE}/made", {"data": {"a": "huge", "b": "1"}}, content_type=MERGE).body
    assert patched["data"] == {"a": "small", "b": "1"}


def test_a_dry_run_shows_what_a_policy_makes_of_it(client: Client, fleet: Fleet) -> None:
    fleet.cluster("member-a").cluster.policies = (Policy(**LIMIT),)
    assert client.apply(f"{SPACE}/made", made("made", a="big"), dryRun="All").body["data"] == {"a": "small"}
    assert fleet.cluster("member-a").get("ConfigMap", "made", "shop") is None


def test_other_names_and_places_that_are_not_there_stay(client: Client, fleet: Fleet) -> None:
    fleet.cluster("member-a").cluster.policies = (
        Policy("configmaps", "made", {"/spec/x/0": "1"}, ("/spec", "/data/none", "/data/a/b")),
        Policy("services", "", {"/data/a": "1"}),
    )
    assert client.apply(f"{SPACE}/other", made("other", a="big")).body["data"] == {"a": "big"}
    assert client.apply(f"{SPACE}/made", made("made", a="big")).body["data"] == {"a": "big"}


def test_another_process_may_set_policies(client: Client) -> None:
    assert client.send("PUT", "/_control/clusters/member-a/policies", [LIMIT]).status == 200
    assert client.apply(f"{SPACE}/made", made("made", a="big")).body["data"] == {"a": "small"}
    assert client.send("PUT", "/_control/clusters/member-a/policies", []).status == 200
    assert client.apply(f"{SPACE}/made", made("made", a="big")).body["data"] == {"a": "big"}
    assert client.send("PUT", "/_control/clusters/nowhere/policies", []).status == 404
