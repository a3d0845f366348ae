"""The observers see what is there: joined, asked and undone by hand, without the product."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.live.support.ads import Endpoint
from tests.live.support.installation import NETWORK_LABEL, eventually
from tests.live.support.snapshot import Snapshot, differences, snapshot

if TYPE_CHECKING:
    from interconnect.domain.json_types import Json
    from tests.live.support.installation import Live, Undo

# They look at what the other files look with, which changes seldom.
pytestmark = pytest.mark.ship

NAME = "observer-gateway"
LABELS = {"istio": "eastwestgateway", "observer": NAME}


def deployment(namespace: str) -> Json:
    template = {
        "metadata": {
            "labels": {**LABELS, NETWORK_LABEL: "green", "sidecar.istio.io/inject": "true"},
            "annotations": {"inject.istio.io/templates": "gateway"},
        },
        "spec": {
            "containers": [
                {
                    "name": "istio-proxy",
                    "image": "auto",
                    "env": [{"name": "ISTIO_META_REQUESTED_NETWORK_VIEW", "value": "green"}],
                },
            ]
        },
    }
    selector = {"matchLabels": {"observer": NAME}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": namespace},
        "spec": {"replicas": 1, "selector": selector, "template": template},
    }


def service(namespace: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": namespace},
        "spec": {"type": "LoadBalancer", "selector": {"observer": NAME}, "ports": [{"name": "tls", "port": 15443}]},
    }


def rule(namespace: str) -> Json:
    port = {"number": 15443, "name": "tls", "protocol": "TLS"}
    servers = [{"port": port, "tls": {"mode": "AUTO_PASSTHROUGH"}, "hosts": ["*.local"]}]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": NAME, "namespace": namespace},
        "spec": {"selector": {"istio": "eastwestgateway"}, "servers": servers},
    }


def networks(address: str) -> str:
    network = {"endpoints": [{"fromRegistry": "member-b"}], "gateways": [{"address": address, "port": 15443}]}
    return yaml.safe_dump({"networks": {"green": network}})


def expect_same(before: Snapshot, live: Live) -> None:
    assert eventually(lambda: not differences(before, snapshot(live)), 20), differences(before, snapshot(live))


@pytest.fixture
def gateway(live: Live, undo: Undo) -> str:
    """A gateway of network green in member-b, made by hand; its load balancer's address."""
    system, member, config = f"/namespaces/{live.system}", live.api("member-b"), live.config.api
    before = snapshot(live)
    undo(lambda: expect_same(before, live))
    member.merge(f"/api/v1{system}", {"metadata": {"labels": {NETWORK_LABEL: "green"}}})
    undo(lambda: member.merge(f"/api/v1{system}", {"metadata": {"labels": {NETWORK_LABEL: None}}}))
    for api, path, item in (
        (config, f"/apis/networking.istio.io/v1{system}/gateways", rule(live.system)),
        (member, f"/api/v1{system}/services", service(live.system)),
        (member, f"/apis/apps/v1{system}/deployments", deployment(live.system)),
    ):
        api.create(path, item)
        undo(lambda api=api, path=path: api.delete(f"{path}/{NAME}"))  # type: ignore[misc]
    addresses = eventually(lambda: live.load_balancer("member-b", NAME))
    assert addresses, "the load balancer has no address"
    return str(min(addresses))


def test_every_replica_of_istiod_answers_for_itself(live: Live) -> None:
    assert len(live.istiods()) == 2
    for pod in live.istiods():
        assert live.networkz(pod) == {}
        assert {name for name, state in live.clusterz(pod).items() if state == "synced"} == set(live.clusters) - (
            {"hub"} if live.split else set()
        )


def test_eds_gives_raw_pod_addresses_while_nothing_is_joined(live: Live) -> None:
    raw = set().union(*(live.pod_addresses(member.name) for member in live.members))
    assert raw
    for pod in live.istiods():
        assert live.endpoints(pod, "member-a", "blue") == raw


@pytest.mark.data_path
def test_a_raw_address_answers_at_home_and_nowhere_else(live: Live) -> None:
    home, away = min(live.pod_addresses("member-a")), min(live.pod_addresses("member-b"))
    assert live.request("member-a", home).cluster == "member-a"
    assert live.request("member-a", away).error


@pytest.mark.data_path
def test_a_join_by_hand_is_seen_in_networkz_and_eds_and_carries_a_request(live: Live, gateway: str, undo: Undo) -> None:
    before = live.networks()
    live.write_networks(networks(gateway))
    undo(lambda: live.write_networks(before or ""))
    front = Endpoint(gateway, 15443)
    for pod in live.istiods():
        assert eventually(lambda pod=pod: live.networkz(pod) == {"green": {front}}), live.networkz(pod)  # type: ignore[misc]
        assert eventually(lambda pod=pod: front in live.endpoints(pod, "member-a", "blue")), live.endpoints(
            pod, "member-a", "blue"
        )  # type: ignore[misc]
    served = eventually(lambda: (found := live.request("member-a", front)).cluster and found)
    assert served, live.request("member-a", front)
    assert (served.cluster, served.client) == ("member-b", ("spiffe://cluster.local/ns/shop/sa/observer",))
    live.write_networks(before or "")
    for pod in live.istiods():
        assert eventually(lambda pod=pod: live.networkz(pod) == {}), live.networkz(pod)  # type: ignore[misc]
        assert eventually(lambda pod=pod: front not in live.endpoints(pod, "member-a", "blue"))  # type: ignore[misc]


def test_a_snapshot_sees_a_label_and_its_removal(live: Live) -> None:
    before = snapshot(live)
    member, path = live.api("member-c"), f"/api/v1/namespaces/{live.system}"
    member.merge(path, {"metadata": {"labels": {"observer": "was-here"}}})
    assert "was-here" in differences(before, snapshot(live))
    member.merge(path, {"metadata": {"labels": {"observer": None}}})
    assert differences(before, snapshot(live)) == ""


@pytest.mark.parametrize("hang", [False, True])
def test_a_stopped_cluster_does_not_answer_until_it_is_started(live: Live, hang: bool) -> None:
    live.stop_cluster("member-c", hang=hang)
    try:
        with pytest.raises(OSError):
            live.uid("member-c")
    finally:
        live.start_cluster("member-c")
    assert live.uid("member-c")
