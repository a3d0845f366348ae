from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interconnect.domain.changes import (
    AddCluster,
    CreateGateway,
    CreateGroup,
    DeleteGateway,
    DeleteGroup,
    Disable,
    EditGateway,
    Enable,
    Join,
    MoveCluster,
    RegisterCluster,
    Remove,
    RemoveCluster,
    UnregisterCluster,
    UpdateAddresses,
    apply_all,
)
from interconnect.domain.diff import changes_between
from interconnect.domain.serial import changes_from_json, changes_to_json
from interconnect.domain.topology import Address, Cluster, GatewayKey, GatewaySpec, Group, Topology
from tests.domain.meshes import after, grouped, joined, mesh, pool, uuid

A1, B1 = GatewayKey("member-a", 1), GatewayKey("member-b", 1)
GREEN = Address("203.0.113.2")


def regrouped(topology: Topology, **groups: set[str]) -> Topology:
    return replace(topology, groups={name: Group(name, frozenset(clusters)) for name, clusters in groups.items()})


def refused(before: Topology, wanted: Topology) -> list[str]:
    outcome = apply_all(before, changes_between(before, wanted))
    assert isinstance(outcome, tuple)
    return [violation.code for violation in outcome]


def test_between_equal_topologies_there_is_no_change() -> None:
    assert changes_between(joined(), joined()) == ()


def test_a_whole_mesh_is_built_in_the_order_that_its_rules_ask_for() -> None:
    empty = mesh("member-a", "member-b", "member-c", "member-d")
    assert changes_between(empty, joined()) == (
        Enable(),
        CreateGroup("blue", frozenset({"member-a", "member-d"})),
        CreateGroup("green", frozenset({"member-b"})),
        CreateGateway(A1, uuid(1), GatewaySpec()),
        CreateGateway(B1, uuid(2), GatewaySpec()),
        Join("green", (GREEN,)),
    )
    assert apply_all(empty, changes_between(empty, joined())) == joined()


def test_a_whole_mesh_is_taken_down_in_the_order_that_its_rules_ask_for() -> None:
    empty = mesh("member-a", "member-b", "member-c", "member-d")
    assert changes_between(joined(), empty) == (Remove("green"), DeleteGroup("blue"), DeleteGroup("green"), Disable())


def test_what_leaves_goes_before_what_comes() -> None:
    before = joined()
    wanted = after(
        before,
        Remove("green"),
        MoveCluster("member-d", "green"),
        DeleteGateway(B1),
        CreateGroup("red", frozenset({"member-c"})),
        CreateGateway(GatewayKey("member-c", 1), uuid(3), GatewaySpec()),
        EditGateway(A1, GatewaySpec(replicas=2)),
        Join("red", (Address("203.0.113.3"),)),
    )
    kinds = [type(change) for change in changes_between(before, wanted)]
    assert kinds == [Remove, MoveCluster, DeleteGateway, CreateGroup, EditGateway, CreateGateway, Join]
    assert apply_all(before, changes_between(before, wanted)) == wanted


def test_a_gateway_is_taken_away_only_once_when_its_cluster_leaves_the_group() -> None:
    wanted = after(grouped(), RemoveCluster("member-a"))
    assert changes_between(grouped(), wanted) == (RemoveCluster("member-a"),)


def test_the_target_of_a_move_is_created_before_it() -> None:
    wanted = regrouped(grouped(), blue={"member-d"}, green={"member-b"}, red={"member-a", "member-c"})
    changes = changes_between(grouped(), wanted)
    assert changes == (CreateGroup("red", frozenset({"member-c"})), MoveCluster("member-a", "red"))
    assert apply_all(grouped(), changes) == wanted


def test_a_group_may_be_created_empty_for_the_clusters_that_move_into_it() -> None:
    wanted = regrouped(grouped(), blue={"member-d"}, green={"member-b"}, red={"member-a"})
    changes = changes_between(grouped(), wanted)
    assert changes == (CreateGroup("red", frozenset()), MoveCluster("member-a", "red"))
    assert apply_all(grouped(), changes) == wanted


def test_a_move_that_empties_a_group_that_is_no_longer_wanted_is_a_move_and_a_deletion() -> None:
    wanted = regrouped(grouped(), blue={"member-a", "member-b", "member-d"})
    changes = changes_between(grouped(), wanted)
    assert changes == (MoveCluster("member-b", "blue"), DeleteGroup("green"))
    assert apply_all(grouped(), changes) == wanted


def test_a_group_gets_another_name_by_moving_its_clusters_with_their_gateways() -> None:
    wanted = regrouped(grouped(), blue={"member-a", "member-d"}, lime={"member-b"})
    changes = changes_between(grouped(), wanted)
    assert changes == (CreateGroup("lime", frozenset()), MoveCluster("member-b", "lime"), DeleteGroup("green"))
    assert apply_all(grouped(), changes) == wanted


def test_moves_are_ordered_so_that_none_empties_a_group_that_stays() -> None:
    wanted = regrouped(grouped(), blue={"member-b", "member-d"}, green={"member-a"})
    changes = changes_between(grouped(), wanted)
    assert changes == (MoveCluster("member-a", "green"), MoveCluster("member-b", "blue"))
    assert apply_all(grouped(), changes) == wanted


def test_two_groups_of_one_cluster_swap_it() -> None:
    before = after(grouped(), RemoveCluster("member-d"))
    wanted = regrouped(before, blue={"member-b"}, green={"member-a"})
    assert apply_all(before, changes_between(before, wanted)) == wanted


def test_the_only_cluster_of_a_group_is_exchanged() -> None:
    leaves = regrouped(grouped(), blue={"member-a", "member-d"}, green={"member-c"}).without_gateways(B1)
    moves = regrouped(grouped(), blue={"member-a", "member-b"}, green={"member-c"})
    for wanted in (leaves, moves):
        assert apply_all(grouped(), changes_between(grouped(), wanted)) == wanted


def test_clusters_that_pass_each_other_in_a_swap_do_not_overlap() -> None:
    same = {name: pool("10.1.0.0/16") for name in ("member-a", "member-b")}
    before = grouped(same)
    wanted = regrouped(before, blue={"member-b", "member-d"}, green={"member-a"})
    assert apply_all(before, changes_between(before, wanted)) == wanted
    together = regrouped(before, blue={"member-a", "member-b"}, green={"member-d"})
    assert refused(before, together) == ["group.overlap"]


def regroupings() -> st.SearchStrategy[dict[str, set[str]]]:
    """Each cluster in one of four groups or in none."""
    names = ("member-a", "member-b", "member-c", "member-d")
    places = st.sampled_from(["blue", "green", "lime", "1st", ""])
    return st.fixed_dictionaries(dict.fromkeys(names, places)).map(_by_group)


def _by_group(places: dict[str, str]) -> dict[str, set[str]]:
    return {
        group: {name for name, place in places.items() if place == group} for group in sorted({*places.values()} - {""})
    }


@given(regroupings(), regroupings())
def test_any_regrouping_is_carried_out_and_written_down(one: dict[str, set[str]], other: dict[str, set[str]]) -> None:
    """Renaming, merging, splitting, swapping, several at once: there and back."""
    empty = after(mesh("member-a", "member-b", "member-c", "member-d"), Enable())
    before, wanted = regrouped(empty, **one), regrouped(empty, **other)
    for start, end in ((before, wanted), (wanted, before)):
        changes = changes_between(start, end)
        assert apply_all(start, changes) == end
        assert changes_from_json(json.loads(json.dumps(changes_to_json(changes)))) == changes
        assert all(type(change.clusters) is frozenset for change in changes if isinstance(change, CreateGroup))


def test_a_joined_group_is_not_changed_behind_its_back() -> None:
    topology = joined()
    blue, green = topology.groups["blue"], topology.groups["green"]
    assert refused(topology, topology.with_group(replace(green, clusters=frozenset({"member-b", "member-c"})))) == [
        "group.joined"
    ]
    assert refused(topology, topology.without_gateways(B1)) == ["cluster.group.joined"]
    another = replace(topology.gateways[B1], id=uuid(9))
    assert refused(topology, topology.with_gateway(another)) == ["cluster.group.joined"]
    assert not blue.joined


def test_a_gateway_with_another_identity_is_another_gateway() -> None:
    wanted = grouped().with_gateway(replace(grouped().gateways[A1], id=uuid(9)))
    changes = changes_between(grouped(), wanted)
    assert changes == (DeleteGateway(A1), CreateGateway(A1, uuid(9), GatewaySpec()))
    assert apply_all(grouped(), changes) == wanted


def test_the_order_of_addresses_is_no_difference() -> None:
    both = (Address("203.0.113.2"), Address("203.0.113.3"))
    topology = after(joined(), UpdateAddresses("green", both))
    assert changes_between(topology, topology.with_group(replace(topology.groups["green"], addresses=both[::-1]))) == ()


def test_a_refused_address_is_a_difference_that_is_refused() -> None:
    green = joined().groups["green"]
    assert refused(joined(), joined().with_group(replace(green, addresses=(GREEN, GREEN)))) == ["address.duplicate"]
    assert refused(joined(), joined().with_group(replace(green, addresses=()))) == ["address.none"]


def test_an_address_that_one_group_gives_up_another_may_take_in_the_same_go() -> None:
    before = after(joined(), Join("blue", (Address("203.0.113.1"),)))
    wanted = after(before, UpdateAddresses("green", (Address("203.0.113.9"),)), UpdateAddresses("blue", (GREEN,)))
    changes = changes_between(before, wanted)
    assert [change.group for change in changes if isinstance(change, UpdateAddresses)] == ["green", "blue"]
    assert apply_all(before, changes) == wanted


def test_a_cluster_with_another_uid_is_another_cluster() -> None:
    before = grouped()
    wanted = replace(before, clusters={**before.clusters, "member-d": Cluster("member-d", "uid-new")})
    changes = changes_between(before, wanted)
    assert changes == (
        RemoveCluster("member-d"),
        UnregisterCluster("member-d"),
        RegisterCluster("member-d", "uid-new"),
        AddCluster("blue", "member-d"),
    )
    assert apply_all(before, changes) == wanted
    assert apply_all(before, changes, occupied=frozenset({"member-d"})) != wanted


def test_a_new_cluster_is_registered_before_its_group_takes_it() -> None:
    wanted = after(mesh("member-a"), Enable(), CreateGroup("blue", frozenset({"member-a"})))
    changes = changes_between(mesh(), wanted)
    assert changes == (
        Enable(),
        RegisterCluster("member-a", "uid-member-a"),
        CreateGroup("blue", frozenset({"member-a"})),
    )
    assert apply_all(mesh(), changes) == wanted


def test_findings_that_may_be_overridden_are_collected_over_the_whole_sequence() -> None:
    same = {name: pool("10.1.0.0/16") for name in ("a", "b", "c", "d")}
    topology = after(mesh("a", "b", "c", "d", cidrs=same), Enable())
    changes = (CreateGroup("blue", frozenset({"a", "b"})), CreateGroup("green", frozenset({"c", "d"})))
    found = apply_all(topology, changes)
    assert isinstance(found, tuple)
    assert [violation.params["group"] for violation in found] == ["blue", "green"]
    outcome = apply_all(topology, changes, overrides=frozenset(violation.token for violation in found))
    assert isinstance(outcome, Topology)


@pytest.mark.parametrize("wanted", [CreateGroup("red", frozenset()), MoveCluster("member-b", "blue")])
def test_an_empty_group_is_legal_only_when_a_later_change_makes_it_right(wanted: CreateGroup | MoveCluster) -> None:
    assert isinstance(apply_all(grouped(), [wanted]), tuple)
