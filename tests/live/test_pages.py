"""The whole procedure in the browser, on real clusters: each step by the pages, and then looked at where it has
happened.

The tests are steps: each begins where the one before has ended.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.browser.chromium import chromium, contexts_of
from tests.browser.hands import Mouse
from tests.browser.installation import ADMIN, PASSWORD, Installation
from tests.browser.pages import MeshPages, Pair
from tests.live.support.ads import Endpoint
from tests.live.support.console import NOTHING, Console
from tests.live.support.installation import NETWORK_LABEL, eventually, settled
from tests.live.support.meshfile import ALL, CLUSTER, MESH, SERVICE
from tests.live.support.snapshot import differences, snapshot
from tests.live.support.surroundings import (
    FOREIGN_TEXT,
    Walk,
    foreign_things,
    injected,
    network_of_proxy,
    rule,
    sidecars,
    wear_the_default_network,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.live.support.installation import Live

__all__ = ["chromium"]

pytestmark = pytest.mark.steps


class PageWalk(Walk):
    """A walk by the pages; the command line beside them takes everything away if a step has failed."""

    def __init__(self, live: Live, installation: Installation, pages: MeshPages, folder: Path) -> None:
        super().__init__(live, Console(installation.data), folder)
        self.pages, self.observers = pages, ExitStack()

    def watch(self) -> None:
        """From now on a proxy of each group is connected; until istiod is restarted."""
        self.observers.enter_context(sidecars(self.live))

    def matrix(self) -> dict[tuple[str, str], Pair]:
        return {(pair.source, pair.target): pair for pair in self.pages.run_checks()}


@pytest.fixture(scope="module")
def walk(live: Live, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageWalk]:
    """A console that knows of nothing, and foreign things on the clusters."""
    wear_the_default_network(live)
    with (
        foreign_things(live),
        Installation(tmp_path_factory.mktemp("installation") / "data") as installation,
        contexts_of(chromium) as contexts,
    ):
        page = contexts(installation.url).new_page()
        walk = PageWalk(live, installation, MeshPages(page, Mouse(page), MESH), tmp_path_factory.mktemp("pages"))
        walk.pages.sign_in(ADMIN, PASSWORD)
        yield walk
        walk.observers.close()
        if differences(walk.before, snapshot(live)):
            walk.close().ended(NOTHING)
        walk.expect_no_trace()


def address(walk: PageWalk, group: str) -> str:
    host, port = walk.gateway(group)
    return f"{host}:{port}"


def test_a_mesh_and_its_clusters_are_registered_and_nothing_is_written(walk: PageWalk) -> None:
    kubeconfigs = {name: cluster.kubeconfig for name, cluster in walk.live.clusters.items()}
    walk.pages.register_mesh(kubeconfigs[walk.live.hub.name].read_text())
    walk.pages.register_cluster("member-a", kubeconfigs["member-a"])
    walk.pages.register_cluster("member-b", kubeconfigs["member-b"].read_text())
    walk.pages.register_cluster("member-c", kubeconfigs["member-c"])
    assert differences(walk.before, snapshot(walk.live)) == ""


def test_enabling_writes_the_gateway_rule_and_nothing_else(walk: PageWalk) -> None:
    walk.pages.enable()
    found = rule(walk.live)
    assert found
    assert yaml.safe_load(walk.pages.view_rule())["spec"] == found["spec"]
    assert (
        len([line for line in differences(walk.before, snapshot(walk.live)).splitlines() if line.startswith("+++ ")])
        == 1
    )


@pytest.mark.parametrize("group", ALL)
def test_a_group_labels_its_cluster_and_directs_injection(walk: PageWalk, group: str) -> None:
    cluster = CLUSTER[group]
    walk.pages.create_group(group, [cluster])
    assert walk.live.network_of(cluster) == group
    assert all(url.endswith(f"/inject/cluster/{cluster}/net/{group}") for url in walk.live.injection_urls(cluster))
    pod = injected(walk.live, cluster)
    assert pod["metadata"]["labels"][NETWORK_LABEL] == network_of_proxy(pod) == group


def test_gateways_run_and_have_addresses_before_anything_is_joined(walk: PageWalk) -> None:
    walk.pages.create_gateway(cluster="member-b", replicas=2)
    walk.pages.create_gateway(cluster="member-c", group="red")
    for group, replicas in {"green": 2, "red": 1}.items():
        assert walk.deployment(group)["status"]["availableReplicas"] == replicas
        assert walk.pages.addresses_of(SERVICE[group]) == [address(walk, group)]
    walk.expect_networks()
    walk.expect_endpoints(walk.raw(*ALL))


def test_joining_restarts_every_istiod_and_both_tell_the_chosen_gateways(walk: PageWalk) -> None:
    before = walk.live.istiods()
    walk.pages.join({group: [address(walk, group)] for group in SERVICE}, restart="Always")
    after = walk.live.istiods()
    assert len(after) == len(before)
    assert not set(before) & set(after)
    walk.expect_networks(green={walk.gateway("green")}, red={walk.gateway("red")})
    # Pods of red still carry the network that they were injected with, so they are handed out raw.
    walk.expect_endpoints(walk.raw("blue", "red") | {walk.gateway("green")})


@pytest.mark.data_path
def test_a_request_from_blue_arrives_in_green(walk: PageWalk) -> None:
    served = eventually(lambda: (found := walk.live.request("member-a", walk.gateway("green"))).cluster and found)
    assert served, walk.live.request("member-a", walk.gateway("green"))
    assert served.cluster == "member-b"


def test_foreign_networks_and_labels_stay(walk: PageWalk) -> None:
    assert (
        yaml.safe_load(walk.live.networks() or "")["networks"]["elsewhere"]
        == yaml.safe_load(FOREIGN_TEXT)["networks"]["elsewhere"]
    )
    for member in walk.live.members:
        assert walk.live.system_namespace(member.name)["metadata"]["labels"]["example.org/team"] == "networks"


@pytest.mark.data_path
def test_the_checks_show_the_pairs_that_stale_pods_spoil(walk: PageWalk) -> None:
    walk.watch()
    found = walk.matrix()
    assert {pair: row.together for pair, row in found.items()} == dict.fromkeys(found, "") | {
        ("blue", "red"): "Problem",
        ("green", "red"): "Problem",
    }
    assert found["blue", "red"].control_plane.startswith("By Pod IPs")
    assert all(f"{host}:{port}" in found["blue", "red"].control_plane for host, port in walk.raw("red"))
    assert found["blue", "green"].control_plane.startswith("Through gateways")
    assert found["green", "blue"].control_plane.startswith("Directly: not joined")


def test_a_restart_of_the_workloads_mends_the_stale_pods(walk: PageWalk) -> None:
    walk.pages.restart_workloads("member-c")
    assert settled(lambda: walk.live.pod_networks("member-c"), {"red"}) == {"red"}
    walk.expect_endpoints(walk.raw("blue") | {walk.gateway("green"), walk.gateway("red")})


@pytest.mark.data_path
def test_requests_arrive_in_both_groups_and_the_checks_say_so(walk: PageWalk) -> None:
    for group in SERVICE:
        assert (
            eventually(lambda group=group: walk.live.request("member-a", walk.gateway(group)).cluster) == CLUSTER[group]
        )  # type: ignore[misc]
    found = walk.matrix()
    assert {row.together for row in found.values()} == {""}
    for group in SERVICE:
        assert found["blue", group].control_plane.startswith("Through gateways")
        assert found["blue", group].data_path.startswith("Answered")
        assert f"{address(walk, group)} answered (spiffe://" in found["blue", group].data_path


def test_an_address_update_follows_without_a_restart(walk: PageWalk) -> None:
    before, green, red = walk.live.istiods(), walk.gateway("green"), walk.gateway("red")
    wrong = Endpoint(green.host, 15444)
    walk.pages.update_addresses("green", add=[wrong])
    walk.expect_networks(green={green, wrong}, red={red})
    walk.expect_endpoints(walk.raw("blue") | {green, wrong, red})
    assert walk.live.istiods() == before


@pytest.mark.data_path
def test_an_address_where_nobody_answers_is_a_pair_that_disagrees(walk: PageWalk) -> None:
    wrong = Endpoint(walk.gateway("green").host, 15444)
    assert walk.live.request("member-a", wrong).error
    found = walk.matrix()
    assert {pair for pair, row in found.items() if row.together == "disagree"} == {("blue", "green"), ("red", "green")}
    row = found["blue", "green"]
    assert row.control_plane.startswith("Through gateways")
    assert row.data_path.startswith("1 of 2 addresses answered")
    assert f"{wrong.host}:{wrong.port} unreachable" in row.data_path


def test_an_address_is_taken_away_without_a_restart(walk: PageWalk) -> None:
    before, green, red = walk.live.istiods(), walk.gateway("green"), walk.gateway("red")
    walk.pages.update_addresses("green", remove=[f"{green.host}:15444"])
    walk.expect_networks(green={green}, red={red})
    assert walk.live.istiods() == before


def test_automatic_removes_without_a_restart(walk: PageWalk) -> None:
    before = walk.live.istiods()
    walk.pages.remove("red", restart="Automatic")
    assert walk.live.istiods() == before
    walk.expect_networks(green={walk.gateway("green")})


def test_always_removes_with_a_restart_and_the_network_is_gone_from_both(walk: PageWalk) -> None:
    walk.observers.close()
    before = walk.live.istiods()
    walk.pages.remove("green", restart="Always")
    assert not set(before) & set(walk.live.istiods())
    walk.expect_networks()
    walk.expect_endpoints(walk.raw(*ALL))
    assert walk.live.networks() == FOREIGN_TEXT


def test_a_gateway_and_the_groups_are_deleted_with_all_that_is_theirs(walk: PageWalk) -> None:
    walk.pages.delete_gateway(SERVICE["green"])
    for group, cluster in CLUSTER.items():
        walk.pages.delete_group(group)
        assert walk.live.network_of(cluster) is None
    for group, service in SERVICE.items():
        path = f"/apis/apps/v1/namespaces/{walk.live.system}/deployments/{service}"
        assert walk.live.api(CLUSTER[group]).find(path) is None


def test_disabling_leaves_no_trace(walk: PageWalk) -> None:
    walk.pages.disable()
    walk.expect_no_trace()
    for cluster in CLUSTER.values():
        walk.pages.remove_from_mesh(cluster)
