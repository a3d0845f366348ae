"""What others own is shown as theirs and is never overwritten silently."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.live.support.client import JSON_PATCH
from tests.live.support.console import FAILED, NOTHING
from tests.live.support.meshfile import ALL, CLUSTER, MESH, SERVICE, Mesh, by_platform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interconnect.domain.json_types import Json
    from tests.live.support.console import Console
    from tests.live.support.installation import Live, Undo

# Two meshes cannot be on the same clusters: the tests of the empty one come first.
pytestmark = pytest.mark.random_order(disabled=True)

SOMEBODY = "helm-of-others"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"


@pytest.fixture
def empty(live: Live, console: Console, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A mesh that has nothing yet."""
    mesh = Mesh(live, console, tmp_path_factory.mktemp("empty"))
    yield mesh
    mesh.close().ended(NOTHING)


def foreign_rule(live: Live) -> Json:
    port = {"number": 15443, "name": "tls", "protocol": "TLS"}
    servers = [{"port": port, "tls": {"mode": "AUTO_PASSTHROUGH"}, "hosts": ["*.example.local"]}]
    meta = {"name": "cross-network-gateway", "namespace": live.system, "labels": {"example.org/owner": SOMEBODY}}
    spec = {"selector": {"istio": "eastwestgateway"}, "servers": servers}
    return {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": meta, "spec": spec}


def test_a_rule_of_our_name_is_adopted_only_with_consent_and_put_back(empty: Mesh, undo: Undo) -> None:
    api, path = empty.live.config.api, f"/apis/networking.istio.io/v1/namespaces/{empty.live.system}/gateways"
    made = api.create(path, foreign_rule(empty.live))
    undo(lambda: api.delete(f"{path}/cross-network-gateway"))
    plan = empty.console("plan", str(empty.file.write()))
    assert "cross-network-gateway" in plan.said
    assert plan.accepting(), plan.said
    refused = empty.console("apply", str(empty.file.write()))
    assert refused.code not in (NOTHING, None), refused.said
    assert api.get(f"{path}/cross-network-gateway")["spec"] == made["spec"]
    applied = empty.console("apply", str(empty.file.write()), *plan.accepting())
    if applied.code == FAILED:  # adopted, and then somebody owns a field of it: a decision of its own
        empty.console("retry", MESH, *applied.accepting()).ended(NOTHING)
    adopted = api.get(f"{path}/cross-network-gateway")
    assert adopted["spec"]["servers"][0]["hosts"] == ["*.local"]
    assert adopted["metadata"]["labels"]["example.org/owner"] == SOMEBODY
    empty.console.apply(empty.file.closed(), "--allow-removal")
    back = api.get(f"{path}/cross-network-gateway")
    assert (back["spec"], back["metadata"]["labels"], back["metadata"]["uid"]) == (
        made["spec"],
        made["metadata"]["labels"],
        made["metadata"]["uid"],
    )


def test_an_object_of_a_gateways_name_is_left_alone_and_the_gateway_takes_another(empty: Mesh, undo: Undo) -> None:
    api, path = empty.live.api("member-b"), f"/api/v1/namespaces/{empty.live.system}/services"
    ports = [{"name": "http", "port": 80}]
    made = api.create(
        path, {"apiVersion": "v1", "kind": "Service", "metadata": {"name": SERVICE["green"]}, "spec": {"ports": ports}}
    )
    undo(lambda: api.delete(f"{path}/{SERVICE['green']}"))
    file = empty.file.write(*ALL, gateways=("green",))
    empty.console.apply(file)
    (ours,) = (found["name"] for found in empty.status()["groups"]["green"]["gateways"].values())
    assert ours != SERVICE["green"]
    assert api.get(f"{path}/{ours}")["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "meshconsole"
    empty.console.plan(file, ends=NOTHING)
    assert api.get(f"{path}/{SERVICE['green']}")["metadata"]["uid"] == made["metadata"]["uid"]
    assert api.get(f"{path}/{SERVICE['green']}")["spec"] == made["spec"]


def test_a_field_that_somebody_owns_is_named_and_taken_over_only_with_consent(mesh: Mesh) -> None:
    path = f"/apis/apps/v1/namespaces/{mesh.live.system}/deployments/{SERVICE['green']}"
    mesh.live.api("member-b").apply(
        path,
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": SERVICE["green"]},
            "spec": {"replicas": 3},
        },
        SOMEBODY,
    )
    file = mesh.file.write(
        *ALL, gateways=("green", "red"), joined=by_platform("green", "red"), settings={"replicas": 2}
    )
    plan = mesh.console("plan", str(file))
    assert SOMEBODY in plan.said
    assert "replicas" in plan.said
    refused = mesh.console("apply", str(file))
    assert refused.code not in (NOTHING, None), refused.said
    assert mesh.deployment("green")["spec"]["replicas"] == 3
    mesh.console.apply(file, *plan.accepting())
    assert mesh.deployment("green")["spec"]["replicas"] == 2


def test_a_rewritten_network_is_told_and_restored_only_with_consent(mesh: Mesh) -> None:
    mine, file = mesh.live.networks() or "", settled_file(mesh)
    content = yaml.safe_load(mine)
    content["networks"]["green"]["gateways"] = [{"address": "198.51.100.1", "port": 15443}]
    mesh.live.write_networks(theirs := yaml.safe_dump(content), manager=SOMEBODY)
    check = mesh.console("check", MESH)
    assert SOMEBODY in check.said
    assert "green" in check.said
    assert mesh.live.networks() == theirs
    plan = mesh.console("plan", str(file))
    assert SOMEBODY in plan.said
    mesh.console.apply(file, *plan.accepting())
    assert yaml.safe_load(mesh.live.networks() or "") == yaml.safe_load(mine)
    mesh.expect_networks(green={mesh.gateway("green")}, red={mesh.gateway("red")})


def test_a_rewritten_injection_path_is_told_and_restored_only_with_consent(mesh: Mesh) -> None:
    api, cluster, file = mesh.live.api("member-b"), CLUSTER["green"], settled_file(mesh)
    before = mesh.live.injection_urls(cluster)
    rewrite(mesh.live, cluster, "/net/green", "/net/other")
    theirs = mesh.live.injection_urls(cluster)
    assert theirs != before
    check = mesh.console("check", MESH)
    assert "/net/other" in check.said or "other" in check.said
    assert cluster in check.said
    assert mesh.live.injection_urls(cluster) == theirs
    plan = mesh.console("plan", str(file))
    assert cluster in plan.said
    mesh.console.apply(file, *plan.accepting())
    assert mesh.live.injection_urls(cluster) == before
    assert api.items(WEBHOOKS)


def settled_file(mesh: Mesh) -> object:
    return mesh.file.write(
        *ALL, gateways=("green", "red"), joined=by_platform("green", "red"), settings={"replicas": 2}
    )


def rewrite(live: Live, cluster: str, old: str, new: str) -> None:
    """As an installer would: every webhook that injects gets another path."""
    for configuration in live.api(cluster).items(WEBHOOKS):
        operations = []
        for index, webhook in enumerate(configuration["webhooks"]):
            url = webhook["clientConfig"].get("url", "")
            if old in url:
                where = f"/webhooks/{index}/clientConfig/url"
                operations.append({"op": "replace", "path": where, "value": url.replace(old, new)})
        if operations:
            name = configuration["metadata"]["name"]
            live.api(cluster).call("PATCH", f"{WEBHOOKS}/{name}", operations, JSON_PATCH, fieldManager=SOMEBODY)
