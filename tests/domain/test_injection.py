"""The network's segment in the path of injection webhooks."""

from __future__ import annotations

import pytest

from interconnect.domain.facts import WebhookEntry
from interconnect.domain.injection import clusters_of, entries_of, patch_ops, read_network, with_network
from tests.domain.cluster_model import json_patch

VALUES = [
    ("https://hub:15017/inject", None, "https://hub:15017/inject/net/blue"),
    ("/inject", None, "/inject/net/blue"),
    ("/inject/", None, "/inject/net/blue/"),
    ("/inject/cluster/c", None, "/inject/cluster/c/net/blue"),
    ("/inject/cluster/c/net/n", "n", "/inject/cluster/c/net/blue"),
    ("/inject/net/n/cluster/c", "n", "/inject/net/blue/cluster/c"),
    (
        "https://hub/inject/cluster/c/net/n/extra?query=/net/x#f",
        "n",
        "https://hub/inject/cluster/c/net/blue/extra?query=/net/x#f",
    ),
    ("https://hub/inject?timeout=10s", None, "https://hub/inject/net/blue?timeout=10s"),
    ("https://hub/proxy/inject/cluster/c/", None, "https://hub/proxy/inject/cluster/c/net/blue/"),
    ("/inject/cluster/a--slash--b/net/x--slash--y", "x/y", "/inject/cluster/a--slash--b/net/blue"),
    ("/inject/cluster/net", None, "/inject/cluster/net/net/blue"),
    ("/inject/cluster/inject/net/n", "n", "/inject/cluster/inject/net/blue"),
    ("/inject/cluster/c/odd", None, "/inject/cluster/c/net/blue/odd"),
    ("/inject/net/one/net/two", "two", "/inject/net/one/net/blue"),
    ("https://inject/inject/cluster/c", None, "https://inject/inject/cluster/c/net/blue"),
]


@pytest.mark.parametrize(("value", "network", "changed"), VALUES)
def test_the_segment_is_read_set_and_put_back_and_nothing_around_it(
    value: str, network: str | None, changed: str
) -> None:
    assert read_network(value) == network
    assert with_network(value, "blue") == changed
    assert read_network(changed) == "blue"
    assert with_network(changed, network) == value


@pytest.mark.parametrize(
    "value", ["", "/mutate", "/injector/cluster/c", "https://inject/mutate", "https://inject", "?x=/inject"]
)
def test_a_path_that_does_not_inject_is_left_alone(value: str) -> None:
    assert read_network(value) is None
    assert with_network(value, "blue") is None


def test_the_old_notation_is_not_touched() -> None:
    assert with_network("/inject/:ENV:cluster=c:ENV:net=n:", "blue") is None


def configuration(*webhooks: dict) -> dict:
    return {"metadata": {"name": "injector"}, "webhooks": [*webhooks]}


URL = {"name": "url.example", "clientConfig": {"url": "https://hub/inject/cluster/c"}}
PATH = {
    "name": "path.example",
    "clientConfig": {"service": {"name": "istiod", "namespace": "x", "path": "/inject/net/old"}},
}
OTHER = {"name": "other.example", "clientConfig": {"service": {"name": "other", "namespace": "x"}}}


def test_both_forms_of_an_entry_are_found_and_others_are_not() -> None:
    found = entries_of(configuration(OTHER, URL, PATH))
    assert [(entry.webhook, entry.attribute, entry.value) for entry in found] == [
        ("url.example", "url", "https://hub/inject/cluster/c"),
        ("path.example", "path", "/inject/net/old"),
    ]


NEVER = {"matchLabels": {"istio.io/deactivated": "never-match"}}


@pytest.mark.parametrize(
    ("changes", "lacking"),
    [
        ({}, True),
        ({"clientConfig": URL["clientConfig"] | {"caBundle": ""}}, True),
        ({"clientConfig": URL["clientConfig"] | {"caBundle": "Q0E="}}, False),
        ({"namespaceSelector": NEVER, "objectSelector": NEVER}, False),
        ({"namespaceSelector": {"matchLabels": {"istio-injection": "enabled"}}, "objectSelector": {}}, True),
        ({"namespaceSelector": None, "objectSelector": "all"}, True),
    ],
)
def test_an_entry_says_whether_a_webhook_in_use_lacks_a_ca(changes: dict, lacking: bool) -> None:
    (entry,) = entries_of(configuration(URL | changes))
    assert entry.without_ca is lacking


@pytest.mark.parametrize(
    "broken",
    [{}, {"webhooks": None}, {"webhooks": ["x"]}, configuration({"name": "n"}), configuration({"clientConfig": None})],
)
def test_a_configuration_without_entries_has_none(broken: dict) -> None:
    assert entries_of(broken) == ()
    assert patch_ops(broken, "n", "blue") is None


def test_the_patch_tests_the_entrys_name_and_its_old_value() -> None:
    live = configuration(OTHER, PATH)
    operations = patch_ops(live, "path.example", "blue")
    assert operations == [
        {"op": "test", "path": "/webhooks/1/name", "value": "path.example"},
        {"op": "test", "path": "/webhooks/1/clientConfig/service/path", "value": "/inject/net/old"},
        {"op": "replace", "path": "/webhooks/1/clientConfig/service/path", "value": "/inject/net/blue"},
    ]
    with pytest.raises(AssertionError):
        json_patch(configuration(PATH, OTHER), operations)


def test_injection_paths_name_the_cluster_that_istiod_takes_pods_for() -> None:
    paths = (
        "/inject/cluster/one/net/blue",
        "/inject/net/blue/cluster/two",
        "/inject/cluster/a/cluster/three",
        "/inject",
        "/inject/:ENV:cluster=x",
    )
    entries = [WebhookEntry("c", "w", "path", path) for path in paths]
    assert clusters_of(entries) == {"one", "two", "three"}
