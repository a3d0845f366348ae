from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from interconnect.domain.facts import ConfigMapRef, Istiod, WebhookEntry
from interconnect.kube import debug, istiod
from interconnect.kube.errors import Permanent
from interconnect.kube.identity import cluster_uid
from interconnect.observing.newcomer import api_for, credential_of
from simulator import Fleet, usual_mesh
from tests.kube.servers import HttpsServer, listing, objects

if TYPE_CHECKING:
    from interconnect.kube.api import Api

CONTROL, CONFIG, NAMESPACE = "uid-control-plane", "uid-config", "istio-system"


def deployment(
    env: dict[str, Any] | None = None,
    args: list[str] | None = None,
    mount: dict[str, Any] | None = None,
    volume: dict[str, Any] | None = None,
    **labels: str,
) -> dict[str, Any]:
    variables = [
        {"name": name, **(value if isinstance(value, dict) else {"value": value})}
        for name, value in (env or {}).items()
    ]
    container = {
        "name": "discovery",
        "image": "registry.example/pilot:1.31.0@sha256:abc",
        "env": variables,
        "args": args or ["discovery"],
    }
    pod: dict[str, Any] = {"containers": [container]}
    if mount:
        container["volumeMounts"] = [{"name": "v", **mount}]
        pod["volumes"] = [{"name": "v", **(volume or {})}]
    return {
        "metadata": {"name": "istiod", "labels": {"app": "istiod", **labels}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"istio": "pilot"}}, "template": {"spec": pod}},
    }


def maps(**data: dict[str, str]) -> dict[str, Any]:
    """ConfigMaps of the system namespace by name, with their content."""
    root = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
    return {
        f"{root}/{name.replace('_', '-')}": {"metadata": {"name": name}, "data": content}
        for name, content in data.items()
    }


def read(
    found: dict[str, Any],
    hosting: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    *,
    split: bool = True,
) -> Istiod | None:
    """The istiod that this Deployment is; with `split` the configuration is in another cluster."""
    deployments = {f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments": listing(found)}
    with objects(deployments | (hosting or {})) as control_plane, objects(config or {}) as other:
        read_from = istiod.istiods(
            control_plane.api(),
            config_uid=CONFIG if split else CONTROL,
            control_plane_uid=CONTROL,
            system_namespace=NAMESPACE,
            config_api=other.api() if split and config is not None else None,
        )
    return read_from[0] if read_from else None


def networks(*args: Any, **options: Any) -> tuple[ConfigMapRef | None, bool]:
    found = read(*args, **options)
    assert found is not None
    return found.networks, found.mounted


def ref(cluster: str, name: str) -> ConfigMapRef:
    return ConfigMapRef(cluster, NAMESPACE, name)


REMOTE = {"KUBECONFIG": "/var/run/secrets/remote/config"}
MOUNT = {"mountPath": "/etc/istio/config"}
THERE, NOT_THERE = {"meshNetworks": "networks: {}"}, {"mesh": ""}


def test_a_deployment_tells_revision_replicas_cluster_version_and_strategy() -> None:
    found = read(deployment(REMOTE | {"REVISION": "canary", "CLUSTER_ID": "hub"}))
    assert found == Istiod("istiod", "canary", 2, "hub", "1.31.0", ref(CONFIG, "istio-canary"))


AMBIENT, NETWORKS = "PILOT_ENABLE_AMBIENT", "AMBIENT_ENABLE_MULTI_NETWORK"


@pytest.mark.parametrize(
    ("env", "on"),
    [
        ({AMBIENT: "true", NETWORKS: "true"}, True),
        ({AMBIENT: "1", NETWORKS: "T"}, True),
        ({AMBIENT: {"valueFrom": {}}, NETWORKS: "true"}, True),
        ({AMBIENT: "true", NETWORKS: "false"}, False),
        ({AMBIENT: "true", NETWORKS: {"valueFrom": {}}}, False),
        ({AMBIENT: "true"}, False),
        ({NETWORKS: "true"}, False),
        ({AMBIENT: "false", NETWORKS: "true"}, False),
    ],
)
def test_an_istiod_tells_whether_it_does_ambient_networks(env: dict[str, Any], on: bool) -> None:
    found = read(deployment(REMOTE | env))
    assert found is not None and found.ambient is on


def test_one_cluster_keeps_it_in_its_own_config_map() -> None:
    assert networks(deployment(), split=False) == (ref(CONTROL, "istio"), False)


def test_a_hosted_istiod_reads_the_config_cluster() -> None:
    assert networks(deployment(REMOTE)) == (ref(CONFIG, "istio"), False)
    assert networks(deployment(args=["discovery", "--kubeconfig", "/k"])) == (ref(CONFIG, "istio"), False)
    assert networks(deployment(args=["discovery", "--kubeconfig=/k"])) == (ref(CONFIG, "istio"), False)


def test_an_istiod_without_a_kubeconfig_belongs_to_another_mesh_than_a_remote_one() -> None:
    assert read(deployment()) is None


def test_a_revision_has_its_own_config_map_and_default_has_none() -> None:
    assert networks(deployment(REMOTE, **{"istio.io/rev": "blue"})) == (ref(CONFIG, "istio-blue"), False)
    assert networks(deployment(REMOTE, **{"istio.io/rev": "default"})) == (ref(CONFIG, "istio"), False)


def test_a_shared_config_map_that_has_networks_wins() -> None:
    shared = deployment(REMOTE | {"SHARED_MESH_CONFIG": "shared"})
    assert networks(shared, config=maps(shared=THERE, istio=THERE)) == (ref(CONFIG, "shared"), False)


def test_a_shared_config_map_without_networks_leaves_it_to_the_one_that_has_them() -> None:
    shared = deployment(REMOTE | {"SHARED_MESH_CONFIG": "shared"})
    assert networks(shared, config=maps(shared=NOT_THERE, istio=THERE)) == (ref(CONFIG, "istio"), False)


def test_a_shared_config_map_is_taken_when_none_has_networks_yet_or_it_cannot_be_asked() -> None:
    shared = deployment(REMOTE | {"SHARED_MESH_CONFIG": "shared"})
    assert networks(shared, config=maps(shared=NOT_THERE, istio=NOT_THERE)) == (ref(CONFIG, "shared"), False)
    assert networks(shared) == (ref(CONFIG, "shared"), False)


def test_a_mounted_file_with_networks_is_followed_to_its_config_map_where_istiod_runs() -> None:
    found = deployment(REMOTE, mount=MOUNT, volume={"configMap": {"name": "mounted"}})
    assert networks(found, maps(mounted=THERE), maps(istio=THERE)) == (ref(CONTROL, "mounted"), True)


def test_a_mounted_config_map_without_networks_is_no_file() -> None:
    found = deployment(REMOTE, mount=MOUNT, volume={"configMap": {"name": "mounted"}})
    assert networks(found, maps(mounted=NOT_THERE), maps(istio=THERE)) == (ref(CONFIG, "istio"), False)


def test_a_shared_config_map_wins_over_a_mounted_file() -> None:
    found = deployment(REMOTE | {"SHARED_MESH_CONFIG": "istio"}, mount=MOUNT, volume={"configMap": {"name": "mounted"}})
    assert networks(found, maps(mounted=THERE), maps(istio=THERE)) == (ref(CONFIG, "istio"), False)
    assert networks(found, maps(mounted=THERE), maps(istio=NOT_THERE)) == (ref(CONTROL, "mounted"), True)


def test_an_argument_can_name_another_file() -> None:
    args = ["discovery", "--networksConfig=/somewhere/meshNetworks"]
    found = deployment(REMOTE, args, {"mountPath": "/somewhere/"}, {"configMap": {"name": "mounted"}})
    assert networks(found, maps(mounted=THERE)) == (ref(CONTROL, "mounted"), True)
    elsewhere = deployment(REMOTE, args, MOUNT, {"configMap": {"name": "mounted"}})
    assert networks(elsewhere, maps(mounted=THERE)) == (ref(CONFIG, "istio"), False)


@pytest.mark.parametrize(
    "volume", [{"hostPath": {"path": "/x"}}, {"projected": {}}, {"secret": {"secretName": "s"}}, {}]
)
def test_a_file_from_no_config_map_cannot_be_told(volume: dict[str, Any]) -> None:
    assert networks(deployment(REMOTE, mount=MOUNT, volume=volume))[0] is None or volume == {}


def test_variables_from_elsewhere_cannot_be_told() -> None:
    hidden = {"valueFrom": {"configMapKeyRef": {"name": "x", "key": "y"}}}
    assert networks(deployment(REMOTE | {"SHARED_MESH_CONFIG": hidden})) == (None, False)
    found = deployment(REMOTE)
    found["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "x"}}]
    assert networks(found) == (None, False)


def test_a_mounted_config_map_that_one_may_not_read_cannot_be_told() -> None:
    deployments = listing(deployment(mount=MOUNT, volume={"configMap": {"name": "mounted"}}))

    def handler(connection: Any) -> None:
        if "deployments" in connection.path:
            connection.answer(deployments)
        else:
            connection.status(403, "Forbidden", "no")

    with HttpsServer(handler) as server:
        found = istiod.istiods(server.api(), config_uid=CONTROL, control_plane_uid=CONTROL, system_namespace=NAMESPACE)
    assert found[0].networks is None


NONSENSE: list[Any] = [None, 5, "x", [], [5], {"a": 5}]


@pytest.mark.parametrize("value", NONSENSE)
@pytest.mark.parametrize("place", ["spec", "template", "pod", "containers", "container", "env", "args", "volumeMounts"])
def test_a_deployment_of_any_shape_is_read_without_a_crash(place: str, value: Any) -> None:
    found = deployment(REMOTE, mount=MOUNT, volume={"configMap": {"name": "m"}})
    spec = found["spec"]
    template = spec["template"]
    pod = template["spec"]
    container = pod["containers"][0]
    owners: dict[str, tuple[Any, Any]] = {
        "spec": (found, "spec"),
        "template": (spec, "template"),
        "pod": (template, "spec"),
        "containers": (pod, "containers"),
        "container": (pod["containers"], 0),
        "env": (container, "env"),
        "args": (container, "args"),
        "volumeMounts": (container, "volumeMounts"),
    }
    owner, key = owners[place]
    owner[key] = value
    read(found, maps(m=THERE))


def webhook(name: str, client: dict[str, Any], **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": "c", "labels": labels}, "webhooks": [{"name": name, "clientConfig": client}]}


def entries(*found: Any) -> tuple[WebhookEntry, ...]:
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    with objects({path: listing(*found)}) as server:
        return istiod.injection_webhooks(server.api())


def test_injection_webhooks_are_found_by_url_and_by_path() -> None:
    url, path = "https://istiod:15017/inject/cluster/a/net/b", "/inject"
    assert entries(webhook("rev.namespace.sidecar-injector.istio.io", {"url": url, "caBundle": "Q0E="})) == (
        WebhookEntry("c", "rev.namespace.sidecar-injector.istio.io", "url", url),
    )
    assert entries(webhook("x.istio.io", {"service": {"path": path}}))[0].attribute == "path"
    assert len(entries(webhook("own-name", {"url": url}, **{"istio.io/tag": "prod"}))) == 1


@pytest.mark.parametrize(
    "found",
    [
        webhook("namespace-kuma-injector.kuma.io", {"service": {"path": "/inject-sidecar"}}),
        webhook("linkerd-proxy-injector.linkerd.io", {"service": {"path": "/inject"}}),
        webhook("validation.istio.io", {"service": {"path": "/validate"}}),
        webhook("x.istio.io", {"url": 5}),
        webhook("x.istio.io", {"service": "y"}),
        {"metadata": {"name": "c"}, "webhooks": "x"},
        {"metadata": {"name": "c"}, "webhooks": [None]},
    ],
)
def test_what_is_no_injection_webhook_of_istio_is_left_out(found: Any) -> None:
    assert entries(found) == ()


class Canned(dict[str, Any]):
    """A source of the debug interface that answers from memory."""

    def get(self, path: str, default: Any = None) -> bytes:
        body = self[path.partition("?")[0]]
        return body if isinstance(body, bytes) else json.dumps(body).encode()


def test_no_gateway_is_null() -> None:
    assert debug.networkz_of(Canned({"/debug/networkz": None})) == ()


def test_gateways_are_read() -> None:
    said = [{"Network": "green", "Cluster": "", "Addr": "203.0.113.7", "Port": 15443, "HBONEPort": 0}]
    assert debug.networkz_of(Canned({"/debug/networkz": said})) == (
        debug.NetworkGateway("green", "", "203.0.113.7", 15443),
    )


def test_unresolved_gateways_are_read() -> None:
    said = {"UnresolvedGateways": [{"Network": "green", "Addr": "gw.example.org", "Port": 15443}]}
    assert debug.unresolved_of(Canned({"/debug/pushcontext": said})) == {("green", "gw.example.org", 15443)}
    assert debug.unresolved_of(Canned({"/debug/pushcontext": {"UnresolvedGateways": None}})) == frozenset()


def test_what_a_proxy_is_told_is_read_with_the_cluster_of_each_pod() -> None:
    told = [lb_endpoint("203.0.113.7", 15443, ";;;;"), lb_endpoint("10.20.0.1", 8080, "echo;shop;echo;;member-b")]
    old = {"clusterName": "outbound|80||old.shop", "endpoints": [{"lbEndpoints": [lb_endpoint("10.20.0.2", 80)]}]}
    none = {"clusterName": "outbound|80||none.shop"}
    said = {"configs": [{"clusterName": "outbound|8080||echo.shop", "endpoints": [{"lbEndpoints": told}]}, old, none]}
    assert debug.edsz_of(Canned({"/debug/edsz": said}), "p.n") == {
        "outbound|8080||echo.shop": frozenset(
            {debug.Told("203.0.113.7", 15443), debug.Told("10.20.0.1", 8080, "member-b")}
        ),
        "outbound|80||old.shop": frozenset({debug.Told("10.20.0.2", 80)}),
        "outbound|80||none.shop": frozenset(),
    }


def lb_endpoint(address: str, port: int, workload: str = "") -> dict[str, Any]:
    metadata = {"metadata": {"filterMetadata": {"istio": {"workload": workload}}}} if workload else {}
    return {"endpoint": {"address": {"socketAddress": {"address": address, "portValue": port}}}, **metadata}


def test_the_proxies_of_a_replica_are_read_with_what_they_are() -> None:
    times = {"endpoint_sent": "2026-11-25T01:45:06Z/1060d81e4c", "resources": {"type.googleapis.com/x": {"sent": "x"}}}
    said = [
        {
            "cluster_id": "member-a",
            "proxy": "observer.shop",
            "proxy_type": "sidecar",
            "istio_version": "1.31.0",
            **times,
        }
    ]
    assert debug.proxies_of(Canned({"/debug/syncz": said})) == (debug.Proxy("observer.shop", "member-a", "sidecar"),)
    assert debug.proxies_of(Canned({"/debug/syncz": []})) == ()


UNSTORABLE = [rb'[{"Network": "\ud800evil"}]', rb'[{"Network": "\u0000"}]']


@pytest.mark.parametrize("body", [b"", b"<html>", b"5", b'"x"', b"[5]", b"{}", b"[" * 100_000, *UNSTORABLE])
def test_gateways_that_are_none_are_a_bad_body(body: bytes) -> None:
    with pytest.raises(Permanent, match="bad-body"):
        debug.networkz_of(Canned({"/debug/networkz": body}))


@pytest.mark.parametrize(
    "value", [*NONSENSE[1:3], [], {"a": []}, {"a": {"b": 5}}, {"a": {"b": {"Shards": {"c": [5, {"Addresses": "x"}]}}}}]
)
@pytest.mark.parametrize(
    "ask", [debug.endpoint_shards_of, debug.unresolved_of, lambda source: debug.edsz_of(source, "p.n")]
)
def test_answers_of_any_shape_are_read_without_a_crash(ask: Callable[[Any], Any], value: Any) -> None:
    source = Canned(dict.fromkeys(("/debug/endpointShardz", "/debug/pushcontext", "/debug/edsz"), value))
    try:
        ask(source)
    except Permanent as error:
        assert error.code == "bad-body"


@pytest.fixture(scope="module", params=[False, True], ids=["one cluster", "split"])
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    with Fleet([usual_mesh(members=("member-a",), split_config=request.param)]) as running:
        yield running


def connect(fleet: Fleet, name: str) -> Api:
    return api_for(credential_of(fleet.kubeconfig(name)))


def test_the_istiods_of_a_fleet_are_read_and_every_replica_answers(fleet: Fleet) -> None:
    hub, config = connect(fleet, fleet.hub), connect(fleet, fleet.config)
    found = istiod.istiods(
        hub,
        config_uid=cluster_uid(config),
        control_plane_uid=cluster_uid(hub),
        system_namespace=NAMESPACE,
        config_api=config,
    )
    assert [(entry.deployment, entry.networks) for entry in found] == [("istiod", ref(cluster_uid(config), "istio"))]
    until = time.monotonic() + 10
    while len(pods := istiod.replicas(hub, found[0], NAMESPACE)) < 2 and time.monotonic() < until:
        time.sleep(0.02)
    assert len(pods) == 2
    for pod in pods:
        assert istiod.networkz(hub, NAMESPACE, pod) == ()
        assert "member-a" in {cluster.id for cluster in istiod.clusterz(hub, NAMESPACE, pod)}
        assert istiod.version(hub, NAMESPACE, pod).startswith("1.")
        assert istiod.pushcontext(hub, NAMESPACE, pod) == frozenset()
        assert istiod.edsz(hub, NAMESPACE, pod, "nobody.nowhere") is None
        assert isinstance(istiod.endpoint_shards(hub, NAMESPACE, pod), tuple)


def test_one_replica_tells_a_connected_proxy_where_a_service_is(fleet: Fleet) -> None:
    hub = connect(fleet, "hub")
    proxy = f"{fleet.cluster('member-a').list('Pod', 'shop')[0]['metadata']['name']}.shop"
    told = [found for pod in fleet.mesh.replicas() if (found := istiod.edsz(hub, NAMESPACE, pod, proxy)) is not None]
    addresses = {(pod["status"]["podIP"], 8080, "member-a") for pod in fleet.cluster("member-a").list("Pod", "shop")}
    assert [found["outbound|8080||echo.shop.svc.cluster.local"] for found in told] == [addresses]


def test_the_injection_webhooks_of_a_member_are_read(fleet: Fleet) -> None:
    found = istiod.injection_webhooks(connect(fleet, "member-a"))
    assert found
    assert all("/inject/cluster/member-a" in entry.value for entry in found)
