"""Answers that an API server doesn't give: each is named as what it is, and none is believed."""

from __future__ import annotations

from typing import Any

import pytest

from interconnect.domain.entries import Target
from interconnect.kube import kinds
from interconnect.kube.errors import Permanent
from tests.kube.servers import HttpsServer

MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "thing", "namespace": "n", "uid": "one"}}
THING = Target("", "v1", "ConfigMap", "n", "thing")


def answering(answer: Any) -> HttpsServer:
    return HttpsServer(lambda connection: connection.answer(answer(connection.number)))


@pytest.mark.parametrize(
    "page",
    [
        lambda n: {"items": [], "metadata": {"continue": "the same"}},
        lambda n: {"items": [], "metadata": {"continue": f"another {n}"}},
        lambda n: {"items": [{"metadata": {"name": "a", "namespace": "n"}}], "metadata": {"continue": f"another {n}"}},
        lambda n: {"items": [{"metadata": {"name": f"a{n}"}}], "metadata": {"continue": f"another {n}"}},
    ],
)
def test_a_list_that_never_ends_is_named_as_such(page: Any) -> None:
    with answering(page) as server:
        with pytest.raises(Permanent) as caught:
            server.api().list(kinds.POD, "n")
        assert (caught.value.code, caught.value.params["resource"]) == ("endless-list", "pods")
        assert len(server.requests) < 200


def test_an_empty_page_before_the_last_is_no_end() -> None:
    def page(n: int) -> Any:
        return (
            {"items": [], "metadata": {"continue": "more"}}
            if n == 0
            else {"items": [{"metadata": {"name": "a"}}], "metadata": {}}
        )

    with answering(page) as server:
        assert [item["metadata"]["name"] for item in server.api().list(kinds.POD)] == ["a"]


@pytest.mark.parametrize(
    ("status", "granted"),
    [
        ({"allowed": True}, True),
        ({"allowed": True, "denied": False}, True),
        ({"allowed": True, "denied": True}, False),
        ({}, False),
    ],
)
def test_a_review_that_denies_has_the_last_word(status: Any, granted: bool) -> None:
    with answering(lambda n: {"status": status}) as server:
        assert server.api().review("get", "pods") is granted


@pytest.mark.parametrize("other", [{"name": "another"}, {"namespace": "elsewhere"}, {"uid": "two"}])
@pytest.mark.parametrize(
    "write",
    [
        lambda api: api.apply({**MAP, "metadata": {"name": "thing", "namespace": "n"}}, uid="one"),
        lambda api: api.replace(MAP),
        lambda api: api.merge_patch(THING, {}, uid="one"),
        lambda api: api.delete(THING, uid="one"),
    ],
)
def test_an_answer_about_another_object_is_not_believed(write: Any, other: dict[str, str]) -> None:
    with answering(lambda n: {**MAP, "metadata": {**MAP["metadata"], **other}}) as server:
        with pytest.raises(Permanent) as caught:
            write(server.api())
        assert (caught.value.code, caught.value.params["name"]) == ("other-object", "thing")


def test_a_status_about_another_object_is_not_believed() -> None:
    said = {"kind": "Status", "status": "Success", "metadata": {}, "details": {"name": "thing", "uid": "two"}}
    with answering(lambda n: said) as server, pytest.raises(Permanent) as caught:
        server.api().delete(THING, uid="one")
    assert caught.value.code == "other-object"
