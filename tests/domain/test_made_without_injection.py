"""Why Pods would be made without the Istio proxy: from the namespace's labels, the webhooks and the Pods' labels."""

from __future__ import annotations

from typing import Any

import pytest

from interconnect.domain.injection import (
    count_unfit,
    earlier,
    newest_not_injected,
    not_injected,
    obstacle,
    overruled,
    prevents_restart,
    relabelled,
)
from interconnect.domain.violations import Violation

GATEWAY = {"istio": "eastwestgateway", "sidecar.istio.io/inject": "true", "meshconsole.io/gateway": "g"}


def has(key: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": "In" if values else "Exists", "values": list(values)}


def lacks(key: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": "NotIn" if values else "DoesNotExist", "values": list(values)}


def webhook(name: str, namespace: list[Any], pod: list[Any], path: str = "/inject/cluster/c") -> dict[str, Any]:
    return {
        "name": name,
        "clientConfig": {"url": f"https://istiod:15017{path}"},
        "namespaceSelector": {"matchExpressions": namespace},
        "objectSelector": {"matchExpressions": pod},
    }


def injector(revision: str = "default") -> dict[str, Any]:
    """The webhooks as Istio's charts install them for one revision."""
    rev, on, off = "istio.io/rev", "istio-injection", lacks("sidecar.istio.io/inject", "false")
    usual = [
        webhook("namespace", [has(on, "enabled")], [off]),
        webhook("object", [lacks(on), lacks(rev)], [has("sidecar.istio.io/inject", "true"), lacks(rev)]),
    ]
    of_revision = [
        webhook("rev.namespace", [has(rev, revision), lacks(on)], [off]),
        webhook("rev.object", [lacks(rev), lacks(on)], [off, has(rev, revision)]),
    ]
    return {"metadata": {"name": "i"}, "webhooks": of_revision + (usual if revision == "default" else [])}


OTHER = {"metadata": {"name": "o"}, "webhooks": [{"name": "x", "clientConfig": {"service": {"path": "/mutate"}}}]}


def namespace(**labels: str) -> dict[str, Any]:
    named = {key.replace("__", "/").replace("_", "-"): value for key, value in labels.items()}
    return {"metadata": {"name": "istio-system", "labels": {"kubernetes.io/metadata.name": "istio-system", **named}}}


REVISION = {"istio.io/rev": "canary"}
CANARY = {"metadata": {"name": "istio-system", "labels": REVISION}}


@pytest.mark.parametrize(
    ("where", "labels", "webhooks"),
    [
        (namespace(), GATEWAY, [OTHER, injector()]),
        (namespace(istio_injection="enabled"), GATEWAY, [injector()]),
        (namespace(), GATEWAY | REVISION, [injector(), injector("canary")]),
        (CANARY, GATEWAY, [injector("canary")]),
        (namespace(), GATEWAY, [{"webhooks": [{"name": "all", "clientConfig": {"service": {"path": "/inject"}}}]}]),
        (namespace(team="a"), GATEWAY, [{"webhooks": [webhook("x", [has("team"), lacks("gone", "1")], [])]}]),
    ],
)
def test_pods_that_a_webhook_selects_meet_no_obstacle(where: Any, labels: Any, webhooks: Any) -> None:
    assert obstacle(where, labels, webhooks) is None


@pytest.mark.parametrize(
    ("where", "labels", "webhooks", "code", "said"),
    [
        (
            namespace(istio_injection="disabled"),
            GATEWAY,
            [injector()],
            "injection.namespace-label",
            {"label": "istio-injection=disabled"},
        ),
        (namespace(), GATEWAY, [OTHER], "injection.no-webhook", {}),
        (namespace(), GATEWAY, [], "injection.no-webhook", {}),
        (CANARY, GATEWAY, [injector()], "injection.revision", {"revision": "canary", "revisions": ["default"]}),
        (
            namespace(),
            GATEWAY | REVISION,
            [injector("stable"), injector()],
            "injection.revision",
            {"revision": "canary", "revisions": ["default", "stable"]},
        ),
        (
            namespace(),
            GATEWAY,
            [{"webhooks": [webhook("mine", [has("team", "a")], [])]}],
            "injection.selector",
            {"webhooks": ["mine"]},
        ),
        (
            namespace(),
            GATEWAY,
            [
                {
                    "webhooks": [
                        webhook("m", [], []) | {"namespaceSelector": {"matchLabels": {"istio.io/rev": "default"}}}
                    ]
                }
            ],
            "injection.selector",
            {},
        ),
    ],
)
def test_the_obstacle_is_named(where: Any, labels: Any, webhooks: Any, code: str, said: dict[str, Any]) -> None:
    found = obstacle(where, labels, webhooks)
    assert found is not None
    assert found.code == code
    assert said.items() <= found.params.items()


def test_what_no_selector_explains_is_a_policy() -> None:
    assert overruled().code == "injection.policy"
    assert earlier().code == "injection.earlier"


def test_a_restart_is_prevented_by_its_cause_and_says_of_which_gateway() -> None:
    found = prevents_restart("eastwest-a-1", Violation("injection.revision", {"revision": "canary"}))
    assert found.code == "injection.prevents-restart"
    assert found.params == {"gateway": "eastwest-a-1", "violation": "injection.revision", "revision": "canary"}


def pod(image: str = "proxyv2:1.31", network: str = "blue", **metadata: Any) -> dict[str, Any]:
    proxy = {"name": "istio-proxy", "image": image, "env": [{"name": "ISTIO_META_NETWORK", "value": network}]}
    return {"metadata": {"name": "p", **metadata}, "spec": {"containers": [proxy]}}


GOING = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize("image", ["auto", "mirror.example.org/auto", "mirror.example.org:5000/x/auto:latest"])
def test_an_image_that_was_not_replaced_is_told_behind_a_registry_too(image: str) -> None:
    assert not_injected([pod(image)], "blue") == "image"


def test_images_of_proxies_are_not_taken_for_the_placeholder() -> None:
    assert not_injected([pod("auto.example.org/proxyv2"), pod("example.org/auto/proxyv2:auto")], "blue") == ""


def test_pods_without_the_proxy_of_their_network_are_counted() -> None:
    assert count_unfit([pod(), pod("auto"), pod(network="green"), pod("auto", **GOING)], "blue") == 2
    assert count_unfit([pod()], "blue") == 0


def of(template: str, second: int, image: str = "proxyv2:1.31", **metadata: Any) -> dict[str, Any]:
    made = {"creationTimestamp": f"2026-01-01T00:00:0{second}Z", "labels": {"pod-template-hash": template}}
    return pod(image, **made, **metadata)


def test_while_pods_are_replaced_those_made_last_count() -> None:
    assert newest_not_injected([of("old", 1, "auto"), of("new", 2)], "blue") == ""
    assert newest_not_injected([of("old", 1), of("new", 2, "auto")], "blue") == "image"
    assert newest_not_injected([of("old", 1), of("new", 2, "auto", deletionTimestamp="x")], "blue") == ""
    assert newest_not_injected([], "blue") == ""


def test_of_one_template_every_pod_counts() -> None:
    assert newest_not_injected([of("same", 1), of("same", 2, "auto")], "blue") == "image"
    assert newest_not_injected([of("same", 1, "auto"), of("same", 2)], "blue") == "image"


def test_templates_of_the_same_second_prove_something_only_together() -> None:
    assert newest_not_injected([of("one", 1, "auto"), of("two", 1)], "blue") == ""
    assert newest_not_injected([of("one", 1, "auto"), of("two", 1, "auto")], "blue") == "image"


def test_a_label_that_a_pod_lacks_is_found() -> None:
    labels = {"istio": "eastwestgateway", "istio.io/rev": "tag"}
    good, bad = pod(labels={"istio": "eastwestgateway", "more": "1"}), pod(labels={"istio": "other"})
    assert relabelled([good], labels) is None
    assert relabelled([good, bad], labels) == (bad, "istio")
    assert relabelled([pod(**GOING)], labels) is None
