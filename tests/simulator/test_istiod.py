"""The simulated istiods act on their configuration as a real one was seen to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from simulator import Fleet, usual_mesh
from simulator.world import istiod as istiod_manifests
from simulator.world import mesh_config
from tests.simulator.client import Client
from tests.simulator.conftest import eventually

GREEN = {"endpoints": [{"fromRegistry": "member-b"}], "gateways": [{"address": "198.51.100.2", "port": 15443}]}


@pytest.fixture
def hub(fleet: Fleet) -> Client:
    return Client(fleet, "hub")


def publish(fleet: Fleet, networks: Any, name: str = "istio") -> None:
    text = networks if isinstance(networks, str) else json.dumps({"networks": networks})
    fleet.cluster(fleet.config).patch("ConfigMap", name, {"data": {"meshNetworks": text}}, "istio-system")


def pages(fleet: Fleet, hub: Client, page: str, port: int = 15014) -> list[Any]:
    """The page of every replica that is ready."""
    return [json.loads(hub.forward(pod, port, f"/debug/{page}")[1]) for pod in fleet.mesh.replicas()]


def networks_of(fleet: Fleet, hub: Client) -> list[list[str]]:
    return [
        sorted(f"{item['Network']} {item['Addr']}" for item in page or []) for page in pages(fleet, hub, "networkz")
    ]


def restart(fleet: Fleet) -> None:
    before = set(fleet.mesh.replicas())
    annotation = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
    fleet.cluster("hub").patch(
        "Deployment", "istiod", {"spec": {"template": {"metadata": {"annotations": annotation}}}}, "istio-system"
    )
    eventually(lambda: len(fleet.mesh.replicas()) == 2 and before.isdisjoint(fleet.mesh.replicas()))
    fleet.settle()


def test_networkz_is_null_before_there_is_a_gateway_and_empty_after(fleet: Fleet, hub: Client) -> None:
    assert pages(fleet, hub, "networkz") == [None, None]
    publish(fleet, {"green": GREEN})
    eventually(lambda: networks_of(fleet, hub) == [["green 198.51.100.2"]] * 2)
    publish(fleet, {})
    eventually(lambda: pages(fleet, hub, "networkz") == [[], []])


def test_an_entry_of_networkz_has_the_real_form(fleet: Fleet, hub: Client) -> None:
    publish(fleet, {"green": GREEN})
    eventually(lambda: pages(fleet, hub, "networkz")[0])
    account = {"Namespace": "", "Name": ""}
    entry = {
        "Network": "green",
        "Cluster": "",
        "Addr": "198.51.100.2",
        "Port": 15443,
        "HBONEPort": 0,
        "ServiceAccount": account,
    }
    assert pages(fleet, hub, "networkz", 8080)[0] == [entry]


@pytest.mark.parametrize(
    "bad",
    [
        {"green": {"endpoints": [{"fromRegistry": "bad_id"}]}},
        {"green": {"gateways": [{"address": "192.0.2.1", "port": 0}]}},
        {"green": {"gateways": [{"address": "not an address", "port": 15443}]}},
        "networks: [",
    ],
)
def test_an_invalid_value_is_ignored_until_a_restart_and_empties_the_mesh_then(
    fleet: Fleet, hub: Client, bad: Any
) -> None:
    publish(fleet, {"green": GREEN})
    eventually(lambda: networks_of(fleet, hub) == [["green 198.51.100.2"]] * 2)
    publish(fleet, bad)
    publish(fleet, bad if isinstance(bad, str) else {**bad, "extra": GREEN})
    assert networks_of(fleet, hub) == [["green 198.51.100.2"]] * 2
    restart(fleet)
    assert pages(fleet, hub, "networkz") == [None, None]


def test_host_names_count_when_they_resolve_and_pushcontext_names_them_all(fleet: Fleet, hub: Client) -> None:
    fleet.mesh.configure(hosts={"gw.example.org": ["192.0.2.1", "192.0.2.2"]})
    gateways = [{"address": name, "port": 15443} for name in ("gw.example.org", "nowhere.example.org")]
    publish(fleet, {"green": {**GREEN, "gateways": gateways}})
    eventually(lambda: networks_of(fleet, hub) == [["green 192.0.2.1", "green 192.0.2.2"]] * 2)
    unresolved = pages(fleet, hub, "pushcontext")[0]["UnresolvedGateways"]
    assert [item["Addr"] for item in unresolved] == ["gw.example.org", "nowhere.example.org"]


def test_a_labelled_service_is_used_without_being_listed(fleet: Fleet, hub: Client) -> None:
    spec = {
        "type": "LoadBalancer",
        "ports": [{"port": 15443, "protocol": "TCP"}],
        "loadBalancerIP": "203.0.113.9",
        "selector": {"x": "y"},
    }
    meta = {"name": "ew", "namespace": "istio-system", "labels": {"topology.istio.io/network": "blue"}}
    fleet.cluster("member-a").put({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    eventually(lambda: networks_of(fleet, hub) == [["blue 203.0.113.9"]] * 2)
    assert pages(fleet, hub, "networkz")[0][0]["Cluster"] == "member-a"


def test_without_hot_reload_only_a_restart_brings_a_change(fleet: Fleet, hub: Client) -> None:
    fleet.mesh.configure(hot_reload=False)
    publish(fleet, {"green": GREEN})
    assert pages(fleet, hub, "networkz") == [None, None]
    restart(fleet)
    assert networks_of(fleet, hub) == [["green 198.51.100.2"]] * 2


def test_a_member_that_hangs_stays_synced_until_a_restart_and_comes_back_when_it_answers(
    fleet: Fleet, hub: Client
) -> None:
    def states() -> list[dict[str, str]]:
        return [{item["id"]: item["syncStatus"] for item in page} for page in pages(fleet, hub, "clusterz")]

    synced = {"hub": "synced", "member-a": "synced", "member-b": "synced", "member-c": "synced"}
    fleet.fault("member-c", "hang")
    assert states() == [synced, synced]
    restart(fleet)
    assert states() == [{**synced, "member-c": "timeout"}] * 2
    shards = pages(fleet, hub, "endpointShardz")[0]["echo.shop.svc.cluster.local"]["shop"]["Shards"]
    assert set(shards) == {"Kubernetes/member-a", "Kubernetes/member-b"}
    fleet.fault("member-c", None)
    eventually(lambda: states() == [synced, synced])


def told(fleet: Fleet, hub: Client, cluster: str) -> list[str]:
    """The addresses of `echo` that a proxy of a cluster is given, by the replica it is connected to."""
    pod = fleet.cluster(cluster).list("Pod", "shop")[0]["metadata"]["name"]
    answers = [hub.forward(name, 15014, f"/debug/edsz?proxyID={pod}.shop") for name in fleet.mesh.replicas()]
    assert sorted(status for status, _ in answers) == [200, 404]
    assignment = next(
        item
        for status, text in answers
        if status == 200
        for item in json.loads(text)["configs"]
        if "echo" in item["clusterName"]
    )
    return [
        item["endpoint"]["address"]["socketAddress"]["address"]
        for part in assignment["endpoints"]
        for item in part["lbEndpoints"]
    ]


def test_a_proxy_is_told_raw_addresses_before_a_join_and_the_gateway_after(fleet: Fleet, hub: Client) -> None:
    for cluster, network in {"member-a": "blue", "member-b": "green"}.items():
        fleet.cluster(cluster).patch(
            "Namespace", "istio-system", {"metadata": {"labels": {"topology.istio.io/network": network}}}
        )
    assert any(address.startswith("10.20.") for address in told(fleet, hub, "member-a"))
    publish(fleet, {"green": GREEN})
    eventually(lambda: "198.51.100.2" in told(fleet, hub, "member-a"))
    stale = {pod["status"]["podIP"] for pod in fleet.cluster("member-c").list("Pod", "shop")}
    assert stale <= set(told(fleet, hub, "member-a"))


def test_version_and_readiness_are_told_on_their_ports(fleet: Fleet, hub: Client) -> None:
    pod = fleet.mesh.replicas()[0]
    assert hub.forward(pod, 15014, "/version")[1].startswith("1.31")
    assert hub.forward(pod, 8080, "/ready") == (200, "")
    assert hub.forward(pod, 8080, "/version")[0] == 404
    assert hub.forward(pod, 15014, "/debug/edsz")[0] == 400


def test_a_port_that_nobody_listens_on_is_refused_on_the_error_channel(fleet: Fleet, hub: Client) -> None:
    status, text = hub.forward(fleet.mesh.replicas()[0], 9999, "/")
    assert status == 0
    assert "connection refused" in text


def test_a_second_revision_reads_its_own_config_map(fleet: Fleet, hub: Client) -> None:
    fleet.cluster("hub").apply(mesh_config("canary"))
    for manifest in istiod_manifests(1, "hub", "canary"):
        fleet.cluster("hub").apply(manifest)
    fleet.settle()
    publish(fleet, {"green": GREEN})
    canary = next(pod for pod in fleet.mesh.replicas() if "canary" in pod)
    eventually(lambda: sum(bool(page) for page in pages(fleet, hub, "networkz")) == 2)
    assert json.loads(hub.forward(canary, 15014, "/debug/networkz")[1]) is None
    publish(fleet, {"green": GREEN}, "istio-canary")
    eventually(lambda: json.loads(hub.forward(canary, 15014, "/debug/networkz")[1]))


@pytest.fixture
def split() -> Iterator[Fleet]:
    with Fleet([usual_mesh(members=("member-a",), istiods=1, split_config=True)]) as running:
        yield running


def test_with_a_config_cluster_of_its_own_istiod_reads_there(split: Fleet) -> None:
    hub = Client(split, "hub")
    split.cluster("hub").patch(
        "ConfigMap", "istio", {"data": {"meshNetworks": json.dumps({"networks": {"wrong": GREEN}})}}, "istio-system"
    )
    publish(split, {"green": GREEN})
    eventually(lambda: networks_of(split, hub) == [["green 198.51.100.2"]])
