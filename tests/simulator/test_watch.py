"""Watches: from a version on, with selectors, until their time-out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from simulator import Fleet
from simulator import store as stores

if TYPE_CHECKING:
    from tests.simulator.client import Client

SPACE = "/api/v1/namespaces/shop/configmaps"


def put(fleet: Fleet, name: str, **labels: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": "shop", "labels": labels}
    return fleet.cluster("member-a").put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})


def read(response: Any, count: int) -> list[tuple[str, str]]:
    events = [json.loads(response.readline()) for _ in range(count)]
    return [(event["type"], event["object"]["metadata"]["name"]) for event in events]


def test_a_watch_without_a_version_begins_with_everything_there_is(client: Client, fleet: Fleet) -> None:
    put(fleet, "a")
    response = client.watch(SPACE)
    assert read(response, 1) == [("ADDED", "a")]
    put(fleet, "b")
    assert read(response, 1) == [("ADDED", "b")]


def test_a_watch_from_a_version_replays_what_came_after_it(client: Client, fleet: Fleet) -> None:
    version = put(fleet, "a")["metadata"]["resourceVersion"]
    put(fleet, "a", x="1")
    fleet.cluster("member-a").delete("ConfigMap", "a", "shop")
    assert read(client.watch(SPACE, resourceVersion=version), 2) == [("MODIFIED", "a"), ("DELETED", "a")]


def test_an_object_that_leaves_the_selector_is_deleted_for_the_watch(client: Client, fleet: Fleet) -> None:
    version = put(fleet, "a", x="1")["metadata"]["resourceVersion"]
    put(fleet, "a", x="2")
    put(fleet, "a", x="1")
    response = client.watch(SPACE, resourceVersion=version, labelSelector="x=1")
    assert read(response, 2) == [("DELETED", "a"), ("ADDED", "a")]


def test_a_watch_ends_when_its_time_is_over(client: Client) -> None:
    assert client.watch(SPACE, timeoutSeconds="0").read() == b""


def test_a_version_that_is_forgotten_is_410(client: Client, fleet: Fleet) -> None:
    for number in range(stores.HISTORY + 5):
        put(fleet, "a", x=str(number))
    response = client.watch(SPACE, resourceVersion="1001")
    assert (response.status, json.loads(response.read())["reason"]) == (410, "Expired")


def test_what_was_before_a_saved_state_is_forgotten_and_not_left_out(fleet: Fleet) -> None:
    store, again = fleet.cluster("member-a").cluster.store, stores.Store()
    again.load(store.dump())
    assert again.since(store.version) == []
    assert again.since(store.version - 1) is None
