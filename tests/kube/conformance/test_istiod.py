"""What the control plane shows: its Deployments, its ConfigMap, its webhooks, and its debug pages through a
port-forward.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from interconnect.kube import debug, forward, istiod, kinds
from interconnect.kube.errors import KubeError, NotFound
from interconnect.kube.identity import cluster_uid
from tests.kube.conformance.places import refused

if TYPE_CHECKING:
    from interconnect.domain.facts import Istiod
    from interconnect.kube.api import Api
    from tests.kube.conformance.places import Installation


@pytest.fixture(scope="module")
def found(hub: Api, config: Api, installation: Installation) -> Istiod:
    (one,) = istiod.istiods(
        hub,
        config_uid=cluster_uid(config),
        control_plane_uid=cluster_uid(hub),
        system_namespace=installation.system,
        config_api=config,
    )
    return one


@pytest.fixture(scope="module")
def replicas(hub: Api, found: Istiod, installation: Installation) -> tuple[str, ...]:
    return istiod.replicas(hub, found, installation.system)


def test_istiod_is_found_with_its_config_map_and_its_cluster(
    found: Istiod, config: Api, installation: Installation
) -> None:
    assert (found.deployment, found.revision, found.strategy) == ("istiod", "default", "RollingUpdate")
    assert found.networks is not None
    assert (found.networks.cluster, found.networks.namespace, found.networks.name) == (
        cluster_uid(config),
        installation.system,
        "istio",
    )
    assert found.cluster_id == installation.config


def test_every_replica_answers(hub: Api, found: Istiod, replicas: tuple[str, ...], installation: Installation) -> None:
    assert len(replicas) == found.replicas
    for pod in replicas:
        assert debug.version(hub, installation.system, pod).startswith("1.")


def test_the_debug_pages_have_their_shapes(hub: Api, replicas: tuple[str, ...], installation: Installation) -> None:
    place = (hub, installation.system, replicas[0])
    assert isinstance(debug.networkz(*place), tuple)
    assert isinstance(debug.pushcontext(*place), frozenset)
    states = {item.id: item.status for item in debug.clusterz(*place)}
    assert set(states.values()) == {"synced"}
    assert installation.config in states
    assert {item.service for item in debug.endpoint_shards(*place)}


def test_a_remote_cluster_is_known_by_its_secret(
    hub: Api, replicas: tuple[str, ...], installation: Installation
) -> None:
    for item in debug.clusterz(hub, installation.system, replicas[0]):
        assert (item.secret == "") == (item.id == installation.config), item


def test_a_proxy_that_is_not_connected_is_told_nothing(
    hub: Api, replicas: tuple[str, ...], installation: Installation
) -> None:
    assert debug.edsz(hub, installation.system, replicas[0], "nobody.nowhere") is None


def test_a_connected_proxy_is_listed_and_told_whose_pods_an_address_leads_to(
    hub: Api, connected: str, installation: Installation
) -> None:
    source = debug.PodSource(hub, installation.system, connected)
    proxy = next(proxy for proxy in debug.proxies_of(source) if proxy.cluster in installation.members)
    assert proxy.kind == "sidecar"
    told = (debug.edsz_of(source, proxy.id) or {})["outbound|8080||echo.shop.svc.cluster.local"]
    shards = debug.endpoint_shards_of(source)
    pods = {
        (address, item.port, item.cluster)
        for item in shards
        if item.service.startswith("echo.shop.")
        for address in item.addresses
    }
    assert told
    assert told <= pods  # nothing is joined


def test_a_forward_to_a_pod_that_is_not_there_is_not_found(hub: Api, installation: Installation) -> None:
    error = refused(lambda: forward.get(hub, installation.system, "absent", 15014, "/version"))
    assert isinstance(error, NotFound)
    assert error.params["missing"] == "absent"


def test_a_forward_to_a_closed_port_is_an_error(
    hub: Api, replicas: tuple[str, ...], installation: Installation
) -> None:
    with pytest.raises(KubeError):
        forward.get(hub, installation.system, replicas[0], 9, "/version", deadline=5)


def test_a_page_that_is_not_there_is_not_served(
    hub: Api, replicas: tuple[str, ...], installation: Installation
) -> None:
    assert (
        refused(lambda: forward.get(hub, installation.system, replicas[0], 15014, "/debug/nonsense")).code
        == "not-served"
    )


def test_a_forward_needs_the_right(installation: Installation, replicas: tuple[str, ...]) -> None:
    nobody = installation.api(installation.control_plane, "nobody")
    assert refused(lambda: forward.get(nobody, installation.system, replicas[0], 15014, "/version")).code == "forbidden"


def test_the_injection_webhooks_of_a_member_lead_to_its_name(installation: Installation) -> None:
    for name in installation.members:
        entries = istiod.injection_webhooks(installation.api(name))
        assert entries
        assert all(f"/inject/cluster/{name}" in entry.value for entry in entries)


def test_the_mesh_root_is_in_every_member(installation: Installation) -> None:
    for name in installation.members:
        found = installation.api(name).get(kinds.CONFIG_MAP, "istio-ca-root-cert", installation.system)
        assert found
        assert found["data"]["root-cert.pem"].startswith("-----BEGIN CERTIFICATE-----")
