from __future__ import annotations

from dataclasses import replace

import pytest

from interconnect.domain.changes import (
    AddCluster,
    Change,
    CreateGateway,
    CreateGroup,
    DeleteGateway,
    DeleteGroup,
    ForgetCluster,
    Join,
    MoveCluster,
    RemoveCluster,
)
from interconnect.domain.diff import changes_between
from interconnect.domain.facts import Facts
from interconnect.domain.topology import Address, GatewayKey, GatewaySpec, Group, Topology
from interconnect.domain.warnings import warnings, warnings_of_all
from tests.domain.meshes import after, grouped, nodes, pool, uuid

KNOWN = {
    name: pool(f"10.{number}.0.0/16") for number, name in enumerate(["member-a", "member-b", "member-c", "member-d"])
}


def codes(topology: Topology, change: Change, facts: Facts | None = None) -> list[str]:
    return [warning.code for warning in warnings(topology, change, facts)]


def test_a_change_that_does_only_what_it_says_warns_of_nothing() -> None:
    assert codes(grouped(KNOWN), AddCluster("blue", "member-c")) == []
    assert codes(grouped(KNOWN), Join("blue", (Address("203.0.113.1"),))) == []
    assert codes(grouped(KNOWN), RemoveCluster("member-d")) == []


def test_moving_warns_when_the_source_keeps_no_gateway() -> None:
    assert codes(grouped(KNOWN), MoveCluster("member-a", "green")) == ["warning.source-without-gateway"]
    assert codes(grouped(KNOWN), MoveCluster("member-d", "green")) == []


def test_deleting_the_last_gateway_of_a_group_is_said_before() -> None:
    topology = after(grouped(KNOWN), CreateGateway(GatewayKey("member-d", 1), uuid(9), GatewaySpec()))
    assert codes(grouped(KNOWN), DeleteGateway(GatewayKey("member-a", 1))) == ["warning.last-gateway"]
    assert codes(topology, DeleteGateway(GatewayKey("member-a", 1))) == []


def test_gateways_that_go_with_a_cluster_or_a_group_are_listed_before() -> None:
    for change in (RemoveCluster("member-a"), DeleteGroup("blue"), ForgetCluster("member-a")):
        assert [warning.params for warning in warnings(grouped(KNOWN), change)] == [
            {"gateways": ["eastwest-member-a-1"]}
        ]


def test_forgetting_says_when_a_group_goes_too() -> None:
    assert codes(grouped(KNOWN), ForgetCluster("member-b")) == ["warning.gateways-deleted", "warning.group-deleted"]


def test_cidrs_that_only_nodes_report_or_nobody_knows_are_warned_of() -> None:
    cidrs = {**KNOWN, "member-c": nodes("10.0.0.0/16"), "member-d": ()}
    assert codes(grouped(cidrs), AddCluster("blue", "member-c")) == ["group.overlap.nodes", "group.cidr.unknown"]
    assert codes(grouped(KNOWN | {"member-c": ()}), CreateGroup("red", frozenset({"member-c"}))) == []


def test_clusters_that_are_added_together_are_warned_of_together_and_once() -> None:
    added = [AddCluster("blue", "member-c"), AddCluster("blue", "member-d")]
    overlapping = {**KNOWN, "member-c": nodes("172.16.0.0/16"), "member-d": nodes("172.16.128.0/17")}
    unknown = {**KNOWN, "member-c": ()}
    assert [warning.code for warning in warnings_of_all(grouped(overlapping), added)] == ["group.overlap.nodes"]
    assert [warning.code for warning in warnings_of_all(grouped(unknown), added)] == ["group.cidr.unknown"]


def regrouped(topology: Topology, **groups: set[str]) -> Topology:
    """As `topology`, with its gateways where they are, and exactly these groups of these clusters."""
    return replace(topology, groups={name: Group(name, frozenset(clusters)) for name, clusters in groups.items()})


@pytest.mark.parametrize(
    "groups",
    [
        {"red": {"member-a", "member-d"}, "green": {"member-b"}},
        {"all": {"member-a", "member-b", "member-d"}},
        {"blue": {"member-b"}, "green": {"member-a", "member-d"}},
    ],
    ids=["renamed", "merged", "swapped"],
)
def test_gateways_that_only_change_groups_are_not_warned_of(groups: dict[str, set[str]]) -> None:
    before = grouped(KNOWN)
    after_it = regrouped(before, **groups)
    assert warnings_of_all(before, changes_between(before, after_it)) == ()
    assert warnings_of_all(after_it, changes_between(after_it, before)) == ()


def test_of_a_regrouping_only_gateways_that_go_are_warned_of() -> None:
    before = grouped(KNOWN)
    changes = [CreateGroup("red", frozenset()), MoveCluster("member-d", "red"), DeleteGroup("blue")]
    assert [warning.params for warning in warnings_of_all(before, changes)] == [{"gateways": ["eastwest-member-a-1"]}]


def test_a_source_that_stays_without_a_gateway_is_warned_of() -> None:
    changes = [MoveCluster("member-a", "green"), AddCluster("blue", "member-c")]
    assert [warning.code for warning in warnings_of_all(grouped(KNOWN), changes)] == ["warning.source-without-gateway"]


def test_a_last_gateway_that_is_replaced_is_not_warned_of() -> None:
    changes = [
        DeleteGateway(GatewayKey("member-a", 1)),
        CreateGateway(GatewayKey("member-d", 1), uuid(9), GatewaySpec()),
    ]
    assert warnings_of_all(grouped(KNOWN), changes) == ()


def test_clusters_that_swap_groups_are_not_warned_of_each_other() -> None:
    before = grouped(
        {"member-a": nodes("10.0.0.0/16"), "member-b": nodes("10.0.0.0/16"), "member-d": pool("10.3.0.0/16")}
    )
    changes = changes_between(before, regrouped(before, blue={"member-b", "member-d"}, green={"member-a"}))
    assert warnings_of_all(before, changes) == ()


def test_a_move_that_may_be_overridden_counts_for_what_follows() -> None:
    same = pool("10.0.0.0/16")
    before = grouped({"member-a": same, "member-b": same, "member-d": ()})
    changes = [MoveCluster("member-b", "blue"), DeleteGroup("green")]
    assert "warning.gateways-deleted" not in [warning.code for warning in warnings_of_all(before, changes)]


def test_a_cluster_that_istiod_does_not_know_is_warned_of_when_it_is_grouped() -> None:
    facts = Facts(remote_clusters=frozenset({"member-a"}))
    assert codes(grouped(KNOWN), CreateGroup("red", frozenset({"member-c"})), facts) == [
        "warning.cluster-unknown-to-istiod"
    ]


def test_warnings_of_impossible_changes_are_no_errors() -> None:
    assert codes(grouped(), DeleteGroup("ghost")) == codes(grouped(), MoveCluster("ghost", "ghost")) == []
