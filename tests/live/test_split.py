"""A mesh whose configuration is in another cluster than its istiod: what istiod reads is written where it reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.live.support.meshfile import by_platform

if TYPE_CHECKING:
    from tests.live.support.meshfile import Mesh

pytestmark = pytest.mark.split


def test_the_config_map_of_the_config_cluster_is_the_one_written(mesh: Mesh) -> None:
    live = mesh.live
    path = f"/api/v1/namespaces/{live.system}/configmaps/istio"
    assert set(yaml.safe_load(live.networks() or "")["networks"]) == {"green", "red"}
    beside = live.hub.api.get(path)["data"].get("meshNetworks")
    assert not (yaml.safe_load(beside or "") or {}).get("networks")
    mesh.expect_networks(green={mesh.gateway("green")}, red={mesh.gateway("red")})


def test_the_rule_is_in_the_config_cluster_alone(mesh: Mesh) -> None:
    path = f"/apis/networking.istio.io/v1/namespaces/{mesh.live.system}/gateways/cross-network-gateway"
    assert mesh.live.config.api.find(path)
    assert mesh.live.hub.api.find(path) is None


def test_istiod_is_restarted_where_it_runs(mesh: Mesh) -> None:
    before = mesh.live.istiods()
    mesh.apply(by_platform("green"))
    assert not set(before) & set(mesh.live.istiods())
    mesh.expect_networks(green={mesh.gateway("green")})
