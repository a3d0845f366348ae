"""What *Run checks* says of each pair of groups is what an observer sees of it, and what a request experiences.

The tests are steps: each begins where the one before has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.live.support.ads import Endpoint
from tests.live.support.installation import NETWORK_LABEL, eventually
from tests.live.support.meshfile import CLUSTER, MESH, SERVICE, by_platform
from tests.live.support.surroundings import sidecars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.live.support.installation import Live
    from tests.live.support.meshfile import Mesh

pytestmark = pytest.mark.steps

Pairs = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def checked(mesh: Mesh) -> Iterator[Mesh]:
    """Green and red are joined, Pods of red are stale, and a sidecar of each group is connected, not
    all to one istiod.
    """
    wear("default", mesh.live, "member-c")
    with sidecars(mesh.live):
        yield mesh


def wear(network: str, live: Live, cluster: str) -> None:
    """Pods of the sample that carry this network, as if they had been injected when their cluster was in it."""
    for pod in live.pods(cluster):
        path = f"/api/v1/namespaces/shop/pods/{pod['metadata']['name']}"
        live.api(cluster).merge(path, {"metadata": {"labels": {NETWORK_LABEL: network}}})


def pairs(mesh: Mesh) -> Pairs:
    document = mesh.console("check", MESH, "--json").json()
    assert document["failure"] is None
    return {(pair["source"], pair["target"]): pair for pair in document["pairs"]}


def seen(mesh: Mesh, source: str, target: str) -> str:
    """The word for what every istiod tells a sidecar of the source, as the observer sees it.

    Two clusters use one Pod CIDR: an address that Pods of both have says of neither that it is told, unless the target
    has no other.
    """
    words, own = set(), mesh.raw(target)
    certain = own - mesh.raw(*(group for group in CLUSTER if group != target))
    for pod in mesh.live.istiods():
        told = mesh.live.endpoints(pod, CLUSTER[source], source)
        front = bool(told & gateways(mesh, target))
        raw = bool(told & certain) if certain else bool(told & own) and not front
        words.add({(True, False): "gateway", (False, True): "raw", (True, True): "mixed"}.get((front, raw), "absent"))
    (word,) = words
    return word


def gateways(mesh: Mesh, group: str) -> set[Endpoint]:
    return {mesh.gateway(group)} if group in SERVICE else set()


def problems(found: Pairs) -> set[tuple[str, str]]:
    return {pair for pair, row in found.items() if row["problem"]}


def test_the_matrix_says_of_every_pair_what_istiod_tells_the_proxy(checked: Mesh) -> None:
    found = pairs(checked)
    assert {pair: row["told"] for pair, row in found.items()} == {pair: seen(checked, *pair) for pair in found}
    assert {pair for pair, row in found.items() if row["joined"]} == {
        (source, to) for to in SERVICE for source in CLUSTER if source != to
    }
    assert found["blue", "green"]["told"] == "gateway"
    assert found["green", "blue"]["told"] == "raw"


def test_stale_pods_of_a_joined_group_are_a_problem_of_every_pair_to_it_and_named(checked: Mesh) -> None:
    found = pairs(checked)
    spoilt = {("blue", "red"), ("green", "red")}
    assert {pair for pair, row in found.items() if row["joined"] and row["told"] != "gateway"} == spoilt
    assert spoilt <= problems(found)
    row = found["blue", "red"]
    assert (row["told"], row["reach"], row["disagree"]) == ("raw", "untested", False)
    assert {f"{host}:{port}" for host, port in checked.raw("red")} <= set(row["evidence"])


@pytest.mark.data_path
def test_a_data_path_that_answers_is_one_that_carries_a_request(checked: Mesh) -> None:
    served = eventually(lambda: (found := checked.live.request("member-a", checked.gateway("green"))).cluster and found)
    assert served.cluster == "member-b"
    found = pairs(checked)
    assert problems(found) == {("blue", "red"), ("green", "red")}
    row = found["blue", "green"]
    assert (row["reach"], row["problem"]) == ("served", False)
    assert any("spiffe://cluster.local/ns/shop/sa/default" in line for line in row["evidence"]), row["evidence"]


def test_a_restart_of_the_stale_workloads_is_seen(checked: Mesh) -> None:
    checked.console("restart-workloads", MESH, "--group", "red").ended(0)
    checked.expect_endpoints(checked.raw("blue") | {checked.gateway("green"), checked.gateway("red")})
    found = pairs(checked)
    assert found["blue", "red"]["told"] == seen(checked, "blue", "red") == "gateway"


@pytest.mark.data_path
def test_once_restarted_nothing_is_wrong_and_requests_arrive(checked: Mesh) -> None:
    for group in SERVICE:
        served = eventually(
            lambda group=group: (found := checked.live.request("member-a", checked.gateway(group))).cluster and found
        )  # type: ignore[misc]
        assert served.cluster == CLUSTER[group]
    found = pairs(checked)
    assert problems(found) == set()
    assert {found["blue", group]["reach"] for group in SERVICE} == {"served"}


@pytest.mark.data_path
def test_a_wrong_address_by_hand_is_named_and_the_two_sides_disagree(checked: Mesh) -> None:
    wrong = Endpoint(checked.gateway("green").host, 15444)
    joined = by_platform("green", "red")
    joined["green"].append({"address": wrong.host, "port": wrong.port})
    checked.apply(joined)
    checked.expect_networks(green={checked.gateway("green"), wrong}, red={checked.gateway("red")})
    assert checked.live.request("member-a", wrong).error
    found = pairs(checked)
    assert (
        {pair for pair, row in found.items() if row["disagree"]}
        == problems(found)
        == {("blue", "green"), ("red", "green")}
    )
    row = found["blue", "green"]
    assert (row["told"], row["reach"]) == ("gateway", "failed")
    assert [line.split()[1] for line in row["evidence"] if line.startswith(f"{wrong.host}:{wrong.port} ")] == [
        "unreachable"
    ]
    assert [line.split()[1] for line in row["evidence"] if line.startswith(f"{wrong.host}:15443 ")] == ["served"]
    said = checked.console("check", MESH).said
    assert "blue → green" in said
    assert "disagree" in said


@pytest.mark.data_path
def test_without_the_wrong_address_the_pair_agrees_again(checked: Mesh) -> None:
    checked.apply(by_platform("green", "red"))
    assert problems(pairs(checked)) == set()


@pytest.mark.data_path
def test_a_gateway_that_is_gone_is_named_though_istiod_still_tells_it(checked: Mesh) -> None:
    front = checked.gateway("red")
    scale(checked, 0)
    assert eventually(lambda: checked.live.request("member-a", front).error)
    found = pairs(checked)
    assert problems(found) == {("blue", "red"), ("green", "red")}
    row = found["blue", "red"]
    assert (row["told"], row["reach"], row["disagree"]) == ("gateway", "failed", True)
    assert seen(checked, "blue", "red") == "gateway"
    scale(checked, 1)
    assert eventually(lambda: checked.live.request("member-a", front).cluster, 60) == "member-c"
    assert problems(pairs(checked)) == set()


def scale(mesh: Mesh, replicas: int) -> None:
    """As `kubectl scale` does it."""
    path = f"/apis/apps/v1/namespaces/{mesh.live.system}/deployments/{SERVICE['red']}/scale"
    mesh.live.api("member-c").merge(path, {"spec": {"replicas": replicas}})
