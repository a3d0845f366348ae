from __future__ import annotations

from interconnect.domain.changes import (
    AddCluster,
    CreateGroup,
    DeleteGroup,
    Disable,
    Enable,
    MoveCluster,
    RemoveCluster,
    apply,
    prerequisites_of_disable,
    violations,
)
from interconnect.domain.facts import Facts
from interconnect.domain.rules import can_delete_mesh, is_disable_phrase
from interconnect.domain.topology import CidrSource, MeshKind, PodCidr, Topology
from tests.domain.meshes import after, codes, grouped, joined, mesh, nodes, pool


def test_only_a_hosted_mesh_can_enable_the_interconnect() -> None:
    assert codes(mesh(), Enable()) == []
    assert codes(mesh(kind=MeshKind.DEDICATED), Enable()) == ["interconnect.not-hosted"]
    assert codes(mesh(kind=MeshKind.EXTERNAL), Enable()) == ["interconnect.not-hosted"]


def test_enabling_twice_is_refused() -> None:
    assert codes(after(mesh(), Enable()), Enable()) == ["interconnect.already-enabled"]


def test_groups_need_the_interconnect_enabled() -> None:
    assert codes(mesh("member-a"), CreateGroup("blue", frozenset({"member-a"}))) == ["interconnect.disabled"]


def test_disabling_needs_no_joined_group_and_no_group_at_all() -> None:
    assert codes(joined(), Disable()) == ["interconnect.groups-joined", "interconnect.groups-left"]
    assert codes(grouped(), Disable()) == ["interconnect.groups-left"]
    assert codes(after(mesh(), Enable()), Disable()) == []
    assert codes(mesh(), Disable()) == ["interconnect.disabled"]


def test_the_checklist_of_disabling_shows_what_is_met_and_what_is_missing() -> None:
    assert [line.code for line in prerequisites_of_disable(mesh())] == [
        "prerequisite.nothing-joined",
        "prerequisite.no-groups",
    ]
    assert [line.met for line in prerequisites_of_disable(grouped())] == [True, False]
    assert [line.met for line in prerequisites_of_disable(joined())] == [False, False]
    missing = prerequisites_of_disable(joined())[0].missing
    assert missing
    assert missing.params == {"groups": ["green"]}


def test_what_the_checklist_misses_is_what_disabling_is_refused_for() -> None:
    missing = tuple(line.missing for line in prerequisites_of_disable(joined()))
    assert violations(joined(), Disable()) == missing


def test_the_phrase_that_disables_is_accepted_in_both_languages_and_only_exactly() -> None:
    assert is_disable_phrase("Close Basic Settings")
    assert is_disable_phrase(" 关闭基本设置\n")
    assert not is_disable_phrase("close basic settings")
    assert not is_disable_phrase("Close  Basic Settings")
    assert not is_disable_phrase("")


def test_a_mesh_cannot_be_deleted_while_its_interconnect_is_enabled() -> None:
    assert [violation.code for violation in can_delete_mesh(grouped())] == ["mesh.enabled"]
    assert can_delete_mesh(mesh()) == ()


def test_a_group_is_created_of_clusters_that_are_in_none() -> None:
    topology = after(grouped(), CreateGroup("1st", frozenset({"member-c"})))
    assert topology.groups["1st"].clusters == {"member-c"}
    assert codes(grouped(), CreateGroup("red", frozenset({"member-a"}))) == ["cluster.grouped"]
    assert codes(grouped(), CreateGroup("red", frozenset({"ghost"}))) == ["cluster.unknown"]


def test_the_name_of_a_group_is_valid_unique_and_no_network_of_others() -> None:
    facts = Facts(foreign_networks={"theirs": frozenset()})
    free = frozenset({"member-c"})
    assert codes(grouped(), CreateGroup("", free)) == ["group.name.empty"]
    assert codes(grouped(), CreateGroup("a" * 64, free)) == ["group.name.long"]
    assert codes(grouped(), CreateGroup("Red", free)) == ["group.name.alphabet"]
    assert codes(grouped(), CreateGroup("blue", free)) == ["group.name.taken"]
    assert codes(grouped(), CreateGroup("theirs", free), facts) == ["group.name.foreign"]


def test_a_group_has_at_least_one_cluster() -> None:
    assert codes(grouped(), CreateGroup("red", frozenset())) == ["group.clusters.empty"]
    assert codes(grouped(), RemoveCluster("member-b")) == ["group.last-cluster"]
    assert codes(grouped(), MoveCluster("member-b", "blue")) == ["group.last-cluster"]


def test_removing_a_cluster_from_its_group_deletes_its_gateways() -> None:
    topology = after(grouped(), RemoveCluster("member-a"))
    assert topology.groups["blue"].clusters == {"member-d"}
    assert [str(key) for key in topology.gateways] == ["member-b/1"]
    assert "member-a" in topology.clusters


def test_a_cluster_is_added_only_when_it_is_in_no_group() -> None:
    assert codes(grouped(), AddCluster("green", "member-c")) == []
    assert codes(grouped(), AddCluster("green", "member-a")) == ["cluster.grouped"]
    assert codes(grouped(), AddCluster("red", "member-c")) == ["group.unknown"]
    assert codes(grouped(), AddCluster("green", "ghost")) == ["cluster.unknown"]


def test_moving_a_cluster_moves_its_gateways() -> None:
    topology = after(grouped(), MoveCluster("member-a", "green"))
    assert topology.groups["green"].clusters == {"member-a", "member-b"}
    assert topology.gateways == grouped().gateways


def test_a_cluster_moves_only_from_a_group_to_another() -> None:
    assert codes(grouped(), MoveCluster("member-c", "green")) == ["cluster.ungrouped"]
    assert codes(grouped(), MoveCluster("member-a", "blue")) == ["cluster.same-group"]
    assert codes(grouped(), MoveCluster("member-a", "red")) == ["group.unknown"]
    assert codes(grouped(), MoveCluster("ghost", "green")) == ["cluster.unknown"]
    assert codes(grouped(), RemoveCluster("member-c")) == ["cluster.ungrouped"]
    assert codes(grouped(), RemoveCluster("ghost")) == ["cluster.unknown"]


def test_deleting_a_group_deletes_its_gateways_and_frees_its_clusters() -> None:
    topology = after(grouped(), DeleteGroup("blue"))
    assert list(topology.groups) == ["green"]
    assert [str(key) for key in topology.gateways] == ["member-b/1"]
    assert codes(grouped(), DeleteGroup("red")) == ["group.unknown"]


def test_while_a_group_is_joined_its_clusters_stay_as_they_are() -> None:
    assert codes(joined(), AddCluster("green", "member-c")) == ["group.joined"]
    assert codes(joined(), MoveCluster("member-a", "green")) == ["group.joined"]
    assert codes(joined(), MoveCluster("member-b", "blue")) == ["cluster.group.joined", "group.last-cluster"]
    assert codes(joined(), RemoveCluster("member-b")) == ["cluster.group.joined", "group.last-cluster"]
    assert codes(joined(), DeleteGroup("green")) == ["group.joined"]


def test_clusters_whose_sure_cidrs_overlap_do_not_belong_in_one_group() -> None:
    cidrs = {
        "member-a": pool("10.1.0.0/16"),
        "member-b": pool("10.9.0.0/16"),
        "member-c": (PodCidr("10.1.2.0/24", CidrSource.TYPED),),
    }
    assert codes(grouped(cidrs), AddCluster("blue", "member-c")) == ["group.overlap"]
    assert codes(grouped(cidrs), AddCluster("green", "member-c")) == []
    assert codes(after(grouped(cidrs), AddCluster("green", "member-c")), MoveCluster("member-c", "blue")) == [
        "group.overlap"
    ]


def test_a_new_group_is_checked_for_overlaps_among_its_clusters() -> None:
    topology = after(mesh("a", "b", cidrs={"a": pool("10.1.0.0/16"), "b": pool("10.1.0.0/16")}), Enable())
    assert codes(topology, CreateGroup("blue", frozenset({"a", "b"}))) == ["group.overlap"]


def test_cidrs_that_only_nodes_report_refuse_nothing() -> None:
    cidrs = {"member-a": pool("10.1.0.0/16"), "member-c": nodes("10.1.0.0/16")}
    assert codes(grouped(cidrs), AddCluster("blue", "member-c")) == []


def test_an_overlap_can_be_overridden_by_the_token_of_that_very_finding() -> None:
    topology = grouped(
        {"member-a": pool("10.1.0.0/16"), "member-c": pool("10.0.0.0/8"), "member-d": pool("10.2.0.0/16")}
    )
    found = violations(topology, AddCluster("blue", "member-c"))
    assert {violation.code for violation in found} == {"group.overlap"}
    assert len({violation.token for violation in found}) == 2
    tokens = frozenset(violation.token for violation in found)
    assert isinstance(apply(topology, AddCluster("blue", "member-c"), overrides=tokens), Topology)
    assert violations(topology, AddCluster("blue", "member-c"), overrides=tokens - {found[0].token}) == found[:1]
    assert found[0].token.startswith("group.overlap:")


def test_a_token_overrides_nothing_that_is_forbidden_for_good() -> None:
    assert codes(grouped(), AddCluster("blue", "ghost"), overrides=frozenset({"", "cluster.unknown"})) == [
        "cluster.unknown"
    ]
