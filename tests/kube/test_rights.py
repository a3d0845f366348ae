from __future__ import annotations

import yaml

from interconnect.domain.rights import ClusterRole, needed
from interconnect.kube import kinds
from interconnect.kube.rights import missing
from tests.kube.servers import Connection, HttpsServer
from tests.support.tokens import jwt

NAMESPACE = "istio-system"


def test_every_resource_is_a_kind_that_the_console_handles() -> None:
    asked = {(right.resource, right.group) for role in ClusterRole for right in needed(role, NAMESPACE)}
    assert asked <= {(kind.plural, kind.group) for kind in kinds.ALL}


def reviewer(refused: set[str]) -> HttpsServer:
    def handler(connection: Connection) -> None:
        asked = yaml.safe_load(connection.body)["spec"]["resourceAttributes"]
        resource = asked["resource"] + (f"/{asked['subresource']}" if "subresource" in asked else "")
        connection.answer({"status": {"allowed": f"{asked['verb']} {resource}" not in refused}})

    return HttpsServer(handler)


def test_what_is_missing_is_named() -> None:
    with reviewer({"patch deployments", "create pods/portforward"}) as server:
        found = missing(server.api(), ClusterRole.CONTROL_PLANE, "mesh-system")
    assert [str(right) for right in found] == [
        "patch deployments.apps istiod in mesh-system",
        "create pods/portforward in mesh-system",
    ]


def test_names_of_a_revision_are_asked_for_in_place_of_the_usual_ones() -> None:
    with reviewer(set()) as server:
        renamed = [("configmaps", "istio", "istio-canary")]
        assert missing(server.api(), ClusterRole.CONFIG, NAMESPACE, renamed=renamed) == ()
        asked = [yaml.safe_load(request.body)["spec"]["resourceAttributes"] for request in server.requests]
    names = {attributes.get("name") for attributes in asked if attributes["resource"] == "configmaps"}
    assert names == {"istio-canary", "istio-ca-root-cert"}


def test_a_service_account_is_asked_about_its_own_token_only() -> None:
    token = jwt(sub="system:serviceaccount:consoles:prod")
    with reviewer({"create serviceaccounts/token"}) as server:
        found = missing(server.api(token=token), ClusterRole.MEMBER, NAMESPACE)
    assert [str(right) for right in found] == ["create serviceaccounts/token prod in consoles"]
