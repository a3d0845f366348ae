"""Changes as they are told, from a version on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interconnect.kube import kinds
from tests.kube.conformance.places import ask, config_map, target

if TYPE_CHECKING:
    from interconnect.kube.api import Api

MAPS = kinds.CONFIG_MAP


def now(api: Api, space: str) -> str:
    return str(ask(api, "GET", MAPS.path(space), query={"limit": "1"})[1]["metadata"]["resourceVersion"])


def told(
    api: Api, space: str, version: str, *, wanted: int, labels: str = "", fields: str = ""
) -> list[tuple[str, str]]:
    """The first `wanted` events: type and name."""
    found = []
    for event in api.watch(MAPS, space, version=version, labels=labels, fields=fields, deadline=10):
        if event.type != "BOOKMARK":
            found.append((event.type, event.object["metadata"]["name"]))
        if len(found) == wanted:
            break
    return found


def test_changes_are_told_in_their_order(api: Api, space: str) -> None:
    since = now(api, space)
    api.create(config_map(space, "watched"))
    api.merge_patch(target(MAPS, space, "watched"), {"data": {"a": "2"}})
    api.delete(target(MAPS, space, "watched"))
    wanted = [("ADDED", "watched"), ("MODIFIED", "watched"), ("DELETED", "watched")]
    assert told(api, space, since, wanted=3, fields="metadata.name=watched") == wanted


def test_without_a_version_what_is_there_comes_first(api: Api, space: str) -> None:
    api.create(config_map(space, "there", labels={"there": "yes"}))
    assert told(api, space, "", wanted=1, labels="there=yes") == [("ADDED", "there")]


def test_an_object_that_enters_or_leaves_a_selection_is_added_or_deleted(api: Api, space: str) -> None:
    since, where = now(api, space), target(MAPS, space, "moving")
    api.create(config_map(space, "moving"))
    api.merge_patch(where, {"metadata": {"labels": {"in": "yes"}}})
    api.merge_patch(where, {"data": {"a": "2"}})
    api.merge_patch(where, {"metadata": {"labels": {"in": None}}})
    wanted = [("ADDED", "moving"), ("MODIFIED", "moving"), ("DELETED", "moving")]
    assert told(api, space, since, wanted=3, labels="in=yes") == wanted


def test_a_watch_ends_by_itself(api: Api, space: str) -> None:
    assert [
        event for event in api.watch(MAPS, space, version=now(api, space), deadline=1) if event.type != "BOOKMARK"
    ] == []
