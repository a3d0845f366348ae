"""From kubeconfig files to a request that crosses networks, and back without a trace.

The tests are steps: each begins where the one before has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.live.support import status as read
from tests.live.support.ads import Endpoint
from tests.live.support.console import CHANGES, NOTHING, REFUSED
from tests.live.support.installation import NETWORK_LABEL, eventually
from tests.live.support.meshfile import ALL, CLUSTER, GATEWAY, MESH, SERVICE, by_platform
from tests.live.support.snapshot import differences, snapshot
from tests.live.support.surroundings import (
    FOREIGN_TEXT,
    Walk,
    foreign_things,
    injected,
    network_of_proxy,
    rule,
    wear_the_default_network,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.live.support.console import Console
    from tests.live.support.installation import Live

pytestmark = pytest.mark.steps
BY_HAND = Endpoint("198.51.100.99", 15444)
OURS = "meshconsole"


@pytest.fixture(scope="module")
def walk(live: Live, console: Console, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Foreign things are there from the beginning: whatever the console does, they stay."""
    wear_the_default_network(live)
    with foreign_things(live):
        walk = Walk(live, console, tmp_path_factory.mktemp("walk"))
        yield walk
        walk.close()


def test_a_plan_says_that_there_are_changes_and_stores_nothing(walk: Walk) -> None:
    walk.console.plan(walk.file.write(), ends=CHANGES)
    walk.console("status", MESH).ended(REFUSED)
    assert differences(walk.before, snapshot(walk.live)) == ""


def test_enabling_writes_the_gateway_rule_and_nothing_else(walk: Walk) -> None:
    walk.console.apply(walk.file.write())
    found = rule(walk.live)
    assert found
    assert found["metadata"]["labels"]["app.kubernetes.io/managed-by"] == OURS
    assert (
        len([line for line in differences(walk.before, snapshot(walk.live)).splitlines() if line.startswith("+++ ")])
        == 1
    )


def test_what_is_done_is_not_planned_again(walk: Walk) -> None:
    walk.console.plan(walk.file.write(), ends=NOTHING)


def test_groups_label_their_clusters_and_direct_injection(walk: Walk) -> None:
    walk.console.apply(walk.file.write(*ALL))
    for group, cluster in CLUSTER.items():
        assert walk.live.network_of(cluster) == group
        assert all(url.endswith(f"/inject/cluster/{cluster}/net/{group}") for url in walk.live.injection_urls(cluster))


@pytest.mark.parametrize("group", ALL)
def test_pods_injected_after_grouping_carry_the_groups_network(walk: Walk, group: str) -> None:
    pod = injected(walk.live, CLUSTER[group])
    assert pod["metadata"]["labels"][NETWORK_LABEL] == group
    assert network_of_proxy(pod) == group


def test_gateways_run_and_have_addresses_before_anything_is_joined(walk: Walk) -> None:
    walk.console.apply(walk.file.write(*ALL, gateways=("green", "red")))
    for group, key in GATEWAY.items():
        assert walk.deployment(group)["status"]["availableReplicas"] == 1
        found = read.gateway(walk.status(), key)
        assert (found["name"], found["ready"], found["replicas"]) == (SERVICE[group], True, 1)
        assert set(found["addresses"]) == {walk.gateway(group).host}


def test_before_the_join_istiod_knows_no_gateway_and_gives_raw_addresses(walk: Walk) -> None:
    walk.expect_networks()
    walk.expect_endpoints(walk.raw(*ALL))


def test_joining_restarts_every_istiod_and_both_tell_the_chosen_gateways(walk: Walk) -> None:
    before = walk.live.istiods()
    walk.console.apply(walk.file.write(*ALL, gateways=("green", "red"), joined=by_platform("green", "red")))
    after = walk.live.istiods()
    assert len(after) == len(before)
    assert not set(before) & set(after)
    green, red = walk.gateway("green"), walk.gateway("red")
    walk.expect_networks(green={green}, red={red})
    # Pods of red still carry the network that they were injected with, so they are handed out raw.
    walk.expect_endpoints(walk.raw("blue", "red") | {green})
    assert read.addresses(walk.status(), "green") == {tuple(green)}


@pytest.mark.data_path
def test_a_request_from_blue_arrives_in_green(walk: Walk) -> None:
    served = eventually(lambda: (found := walk.live.request("member-a", walk.gateway("green"))).cluster and found)
    assert served, walk.live.request("member-a", walk.gateway("green"))
    assert served.cluster == "member-b"


def test_foreign_networks_and_labels_stay(walk: Walk) -> None:
    assert (
        yaml.safe_load(walk.live.networks() or "")["networks"]["elsewhere"]
        == yaml.safe_load(FOREIGN_TEXT)["networks"]["elsewhere"]
    )
    for member in walk.live.members:
        assert walk.live.system_namespace(member.name)["metadata"]["labels"]["example.org/team"] == "networks"


def test_an_export_is_what_is_there(walk: Walk) -> None:
    exported = walk.console("export", MESH).ended(NOTHING).out
    assert "kubeconfig" not in exported
    walk.console("plan", "-", stdin=exported).ended(NOTHING)


def test_stale_pods_are_counted_and_a_restart_of_workloads_mends_them(walk: Walk) -> None:
    walk.console("check", MESH)
    assert walk.live.pod_networks("member-c") == {"default"}
    assert read.stale(walk.status(), "member-c") == 2
    walk.console("restart-workloads", MESH, "--group", "red").ended(NOTHING)
    assert eventually(lambda: walk.live.pod_networks("member-c") == {"red"}), walk.live.pod_networks("member-c")
    walk.expect_endpoints(walk.raw("blue") | {walk.gateway("green"), walk.gateway("red")})
    walk.console("check", MESH)
    assert read.stale(walk.status(), "member-c") == 0


@pytest.mark.data_path
def test_a_request_from_blue_arrives_in_red_once_its_pods_are_mended(walk: Walk) -> None:
    served = eventually(lambda: (found := walk.live.request("member-a", walk.gateway("red"))).cluster and found)
    assert served, walk.live.request("member-a", walk.gateway("red"))
    assert served.cluster == "member-c"


def test_an_address_update_follows_without_a_restart(walk: Walk) -> None:
    before, green, red = walk.live.istiods(), walk.gateway("green"), walk.gateway("red")
    joined = by_platform("green", "red")
    joined["green"].append({"address": BY_HAND.host, "port": BY_HAND.port})
    walk.console.apply(walk.file.write(*ALL, gateways=("green", "red"), joined=joined))
    walk.expect_networks(green={green, BY_HAND}, red={red})
    walk.expect_endpoints(walk.raw("blue") | {green, BY_HAND, red})
    assert walk.live.istiods() == before


def test_an_address_is_taken_away_without_a_restart(walk: Walk) -> None:
    before, green, red = walk.live.istiods(), walk.gateway("green"), walk.gateway("red")
    walk.console.apply(
        walk.file.write(*ALL, gateways=("green", "red"), joined=by_platform("green", "red")), "--allow-removal"
    )
    walk.expect_networks(green={green}, red={red})
    assert walk.live.istiods() == before


def test_what_removes_is_refused_without_the_flag(walk: Walk) -> None:
    file = walk.file.write(*ALL, gateways=("green", "red"), joined=by_platform("green"))
    assert "--allow-removal" in walk.console.apply(file, ends=REFUSED).said
    walk.expect_networks(green={walk.gateway("green")}, red={walk.gateway("red")})


def test_automatic_removes_without_a_restart(walk: Walk) -> None:
    before = walk.live.istiods()
    file = walk.file.write(*ALL, gateways=("green", "red"), joined=by_platform("green"))
    walk.console.apply(file, "--allow-removal", "--restart", "automatic")
    assert walk.live.istiods() == before
    walk.expect_networks(green={walk.gateway("green")})


def test_always_removes_with_a_restart_and_the_network_is_gone_from_both(walk: Walk) -> None:
    before = walk.live.istiods()
    walk.console.apply(walk.file.write(*ALL, gateways=("green", "red")), "--allow-removal")
    assert not set(before) & set(walk.live.istiods())
    walk.expect_networks()
    walk.expect_endpoints(walk.raw(*ALL))
    assert walk.live.networks() == FOREIGN_TEXT


def test_a_gateway_and_a_group_are_deleted_with_all_that_is_theirs(walk: Walk) -> None:
    walk.console.apply(walk.file.write("blue", "green", gateways=("green",)), "--allow-removal")
    assert walk.live.network_of("member-c") is None
    assert all(url.endswith("/inject/cluster/member-c/net/default") for url in walk.live.injection_urls("member-c"))
    assert (
        walk.live.api("member-c").find(f"/apis/apps/v1/namespaces/{walk.live.system}/deployments/{SERVICE['red']}")
        is None
    )


def test_disabling_leaves_no_trace(walk: Walk) -> None:
    walk.console.apply(walk.file.closed(), "--allow-removal")
    walk.expect_no_trace()
    walk.console.plan(walk.file.closed(), ends=NOTHING)
