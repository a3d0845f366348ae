from __future__ import annotations

import pytest

from interconnect.domain.changes import ForgetCluster, RegisterCluster, RemoveCluster, UnregisterCluster
from interconnect.domain.facts import Facts
from tests.domain.meshes import after, codes, grouped, joined, mesh


def test_a_cluster_is_registered_under_the_name_that_istio_knows_it_by() -> None:
    facts = Facts(remote_clusters=frozenset({"member-a", "Kubernetes"}))
    assert codes(mesh(), RegisterCluster("Kubernetes", "uid-1"), facts) == []
    assert codes(mesh(), RegisterCluster("member-x", "uid-1"), facts) == ["cluster.name.unknown-to-istiod"]
    assert codes(mesh(), RegisterCluster("member-x", "uid-1")) == []


@pytest.mark.parametrize(("name", "code"), [("", "empty"), ("a.b", "alphabet"), ("a" * 64, "long")])
def test_a_cluster_name_that_istio_would_refuse_is_not_registered(name: str, code: str) -> None:
    assert codes(mesh(), RegisterCluster(name, "uid-1")) == [f"cluster.name.{code}"]


def test_a_name_and_a_uid_are_in_a_mesh_once() -> None:
    assert codes(mesh("member-a"), RegisterCluster("member-a", "uid-1")) == ["cluster.name.taken"]
    assert codes(mesh("member-a"), RegisterCluster("member-b", "uid-member-a")) == ["cluster.uid.taken"]


@pytest.mark.parametrize("uid", ["", "a b", "ü", "a" * 65, "-"])
def test_a_uid_that_is_none_is_refused(uid: str) -> None:
    assert codes(mesh(), RegisterCluster("member-a", uid)) == ["cluster.uid.invalid"]


def test_a_cluster_leaves_the_mesh_only_when_nothing_of_ours_can_be_on_it() -> None:
    assert codes(grouped(), UnregisterCluster("member-c")) == []
    assert codes(grouped(), UnregisterCluster("member-a")) == ["cluster.grouped"]
    assert codes(joined(), UnregisterCluster("member-b")) == ["cluster.group.joined"]
    assert codes(grouped(), UnregisterCluster("member-c"), occupied=frozenset({"member-c"})) == ["cluster.occupied"]
    assert codes(grouped(), UnregisterCluster("ghost")) == ["cluster.unknown"]
    assert "member-c" not in after(grouped(), UnregisterCluster("member-c")).clusters


def test_a_cluster_can_be_forgotten_whatever_is_on_it_but_not_while_its_group_is_joined() -> None:
    assert codes(grouped(), ForgetCluster("member-a"), occupied=frozenset({"member-a"})) == []
    assert codes(joined(), ForgetCluster("member-b")) == ["cluster.group.joined"]
    assert codes(grouped(), ForgetCluster("ghost")) == ["cluster.unknown"]


def test_a_forgotten_cluster_takes_its_gateways_and_a_group_of_it_alone_with_it() -> None:
    topology = after(grouped(), ForgetCluster("member-a"), ForgetCluster("member-b"))
    assert topology.groups.keys() == {"blue"}
    assert not topology.gateways
    assert topology.clusters.keys() == {"member-c", "member-d"}


def test_a_cluster_that_left_its_group_can_leave_the_mesh() -> None:
    assert codes(after(grouped(), RemoveCluster("member-d")), UnregisterCluster("member-d")) == []
