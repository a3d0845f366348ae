"""From a file to a topology and back."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import yaml
from hypothesis import given
from jsonschema import Draft202012Validator

from interconnect.domain.topology import (
    Address,
    Autoscaling,
    CidrSource,
    Cluster,
    Gateway,
    GatewayKey,
    GatewaySpec,
    Group,
    MeshKind,
    PodCidr,
    RestartPolicy,
    Topology,
)
from interconnect.files.document import Document, parse
from interconnect.files.export import export
from interconnect.files.schema import schema
from interconnect.files.targets import desired, revision_error
from tests.files.topologies import topologies

A1, B1 = GatewayKey("member-a", 1), GatewayKey("member-b", 1)
MESH = Topology(
    "mesh-id",
    MeshKind.HOSTED,
    "hub-uid",
    "hub-uid",
    enabled=True,
    clusters={"member-a": Cluster("member-a", "uid-a"), "member-b": Cluster("member-b", "uid-b")},
)
JOINED = replace(
    MESH,
    groups={"green": Group("green", frozenset({"member-b"}), (Address("192.0.2.1", gateway=B1),))},
    gateways={B1: Gateway(B1, "id-b1", "eastwest-member-b-1")},
)
GREEN = "groups: {green: {clusters: [member-b], gateways: {member-b/1: {}}, joined: [{gateway: member-b/1}]}}\n"


def document(text: str) -> Document:
    read = parse(text)
    assert isinstance(read, Document), read
    return read


def target(text: str, topology: Topology = MESH, **known: object) -> Topology:
    numbers = count(1)
    wanted = desired(
        document(f"mesh: prod\nenabled: true\n{text}"), topology, new_id=lambda: f"new-{next(numbers)}", **known
    )
    assert isinstance(wanted, Topology), wanted
    return wanted


def refused(text: str, topology: Topology = MESH) -> list[str]:
    wanted = desired(document(f"mesh: prod\nenabled: true\n{text}"), topology, new_id=str)
    assert isinstance(wanted, list)
    return [f"{error.code} {error.line}:{error.column}" for error in wanted]


@given(topologies())
def test_an_exported_topology_is_read_back_as_itself(topology: Topology) -> None:
    text = export(topology, revision=7, mesh_name="no", restart=RestartPolicy.NEVER)
    read = document(text)
    assert (read.mesh, read.revision, read.restart) == ("no", 7, RestartPolicy.NEVER)
    assert desired(read, topology, new_id=str) == topology
    assert Draft202012Validator(schema()).is_valid(yaml.safe_load(text))


def test_an_export_is_sorted_and_says_no_more_than_needed() -> None:
    assert export(JOINED, revision=3, mesh_name="prod", restart=RestartPolicy.ALWAYS) == (
        "version: 1\nmesh: prod\nrevision: 3\ncontrol_plane:\n  kind: hosted\n  system_namespace: "
        "istio-system\nrestart: always\n"
        "enabled: true\nclusters:\n  member-a:\n    uid: uid-a\n  member-b:\n    uid: uid-b\ngroups:\n  "
        "green:\n    clusters:\n"
        "    - member-b\n    gateways:\n      member-b/1:\n        replicas: 1\n    joined:\n    - gateway: "
        "member-b/1\n"
    )


def test_a_new_gateway_gets_an_id_and_the_name_of_its_key() -> None:
    wanted = target("groups: {blue: {clusters: [member-a], gateways: {member-a/1: {replicas: 2}}}}\n")
    assert wanted.gateways == {A1: Gateway(A1, "new-1", "eastwest-member-a-1", GatewaySpec(replicas=2))}


def test_a_gateway_keeps_id_and_name_when_its_cluster_moves() -> None:
    wanted = target("groups: {red: {clusters: [member-b], gateways: {member-b/1: {}}}}\n", JOINED)
    assert wanted.gateways == JOINED.gateways
    assert set(wanted.groups) == {"red"}


def test_what_the_file_does_not_name_goes() -> None:
    wanted = target("groups: {}\n", JOINED)
    assert (dict(wanted.groups), dict(wanted.gateways)) == ({}, {})
    assert wanted.clusters == JOINED.clusters


def test_a_gateway_of_a_new_join_is_awaited_until_its_address_is_known() -> None:
    assert target(GREEN).groups["green"].addresses == (Address("", gateway=B1),)
    known = target(GREEN, known_addresses={B1: ("192.0.2.7", "192.0.2.6")})
    assert known.groups["green"].addresses == (Address("192.0.2.6", gateway=B1), Address("192.0.2.7", gateway=B1))


def test_a_load_balancer_that_says_something_else_changes_the_address() -> None:
    wanted = target(GREEN, JOINED, known_addresses={B1: ("192.0.2.9",)})
    assert wanted.groups["green"].addresses == (Address("192.0.2.9", gateway=B1),)


def test_an_address_stays_while_nothing_is_known_of_its_load_balancer() -> None:
    assert target(GREEN, JOINED) == JOINED


def test_the_chosen_one_of_several_addresses_stays() -> None:
    assert target(GREEN, JOINED, known_addresses={B1: ("192.0.2.1", "192.0.2.2")}) == JOINED


def test_the_replicas_beside_an_autoscaler_are_no_change() -> None:
    scaled = replace(JOINED, gateways={B1: replace(JOINED.gateways[B1], spec=GatewaySpec(4, Autoscaling(2, 5)))})
    text = GREEN.replace("member-b/1: {}", "member-b/1: {autoscaling: {min: 2, max: 5}}")
    assert target(text, scaled) == scaled


def test_typed_cidrs_are_the_files_and_observed_ones_stay() -> None:
    pools, typed = (PodCidr("10.0.0.0/16", CidrSource.POOL),), (PodCidr("10.9.0.0/16", CidrSource.TYPED),)
    both = replace(
        MESH,
        clusters={"member-a": Cluster("member-a", "uid-a", pools), "member-b": Cluster("member-b", "uid-b", typed)},
    )
    wanted = target("groups: {}\nclusters: {member-a: {}, member-b: {}}\n", both)
    assert (wanted.clusters["member-a"].pod_cidrs, wanted.clusters["member-b"].pod_cidrs) == (pools, ())
    assert (
        target("groups: {}\nclusters: {member-a: {pod_cidrs: [10.9.0.0/16]}}\n", both).clusters["member-a"].pod_cidrs
        == typed
    )
    assert target("groups: {}\n", both).clusters == both.clusters


def test_a_cluster_that_nobody_registered_is_refused_once() -> None:
    assert refused("groups: {blue: {clusters: [member-a, member-x]}}\n") == ["file.cluster-unknown 3:38"]
    assert refused("groups: {blue: {clusters: [member-x]}}\nclusters: {member-x: {}}\n") == [
        "file.cluster-unknown 4:12"
    ]


def test_another_cluster_under_a_known_name_is_refused() -> None:
    assert refused("groups: {}\nclusters: {member-a: {uid: uid-z}}\n") == ["file.cluster-identity 4:23"]


def test_a_known_cluster_under_a_new_name_is_refused() -> None:
    assert refused("groups: {}\nclusters: {member-z: {uid: uid-a}}\n") == ["file.cluster-renamed 4:12"]


def test_a_control_plane_must_agree_with_the_mesh() -> None:
    assert target("groups: {}\ncontrol_plane: {kind: hosted, system_namespace: istio-system}\n").groups == {}
    text = "groups: {}\ncontrol_plane: {kind: external, system_namespace: istio}\n"
    assert refused(text) == ["file.control-plane 4:17", "file.control-plane 4:33"]


def test_a_file_of_another_revision_is_refused() -> None:
    read = document("mesh: prod\nrevision: 4\nenabled: true\ngroups: {}\n")
    assert revision_error(read, 4) is None
    error = revision_error(read, 5)
    assert error is not None
    assert (error.code, error.line, error.params) == ("file.revision", 2, {"file": 4, "mesh": 5})


def test_a_file_without_revision_fits_every_one() -> None:
    assert revision_error(document("mesh: prod\nenabled: true\ngroups: {}\n"), 5) is None
