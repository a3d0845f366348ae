from __future__ import annotations

from itertools import combinations

import pytest

from interconnect.domain.cidrs import believed, certain, overlap, overlaps, parse_cidr, suggested_groups
from interconnect.domain.topology import CidrSource, Cluster, PodCidr
from interconnect.domain.violations import Violation
from tests.domain.meshes import nodes, pool


def code(text: str) -> str:
    found = parse_cidr(text)
    return found.code if isinstance(found, Violation) else found


def test_a_typed_cidr_has_one_normal_form() -> None:
    assert parse_cidr(" 10.10.0.0/16 ") == "10.10.0.0/16"
    assert parse_cidr("FD00:0::/48") == "fd00::/48"


@pytest.mark.parametrize("text", ["", "10.10.0.0", "10.10.0.0/33", "pods", "10.10.0.0/16,10.11.0.0/16"])
def test_what_is_no_cidr_is_refused(text: str) -> None:
    assert code(text) == "cidr.invalid"


def test_a_cidr_with_host_bits_names_the_network_that_was_meant() -> None:
    found = parse_cidr("10.10.1.0/16")
    assert isinstance(found, Violation)
    assert (found.code, found.params["network"]) == ("cidr.host-bits", "10.10.0.0/16")


def test_a_typed_cidr_is_believed_over_pools_and_pools_over_nodes() -> None:
    typed = PodCidr("10.1.0.0/16", CidrSource.TYPED)
    assert believed(Cluster("a", "a", (*nodes("10.2.0.0/16"), *pool("10.3.0.0/16"), typed))) == (typed,)
    assert believed(Cluster("a", "a", (*nodes("10.2.0.0/16"), *pool("10.3.0.0/16")))) == pool("10.3.0.0/16")
    assert believed(Cluster("a", "a")) == ()


def test_networks_overlap_when_one_holds_the_other_and_never_across_ip_versions() -> None:
    a, b, c = (
        Cluster(name, name, pool(cidr)) for name, cidr in [("a", "10.0.0.0/8"), ("b", "10.1.0.0/16"), ("c", "fd00::/8")]
    )
    assert overlap(a, b) == (*a.pod_cidrs, *b.pod_cidrs)
    assert overlap(a, c) is None
    assert overlap(a, Cluster("d", "d", pool("what some node said"))) is None


def test_an_overlap_is_certain_only_when_neither_side_comes_from_nodes() -> None:
    a, b = Cluster("a", "a", pool("10.0.0.0/8")), Cluster("b", "b", nodes("10.1.0.0/16"))
    found = overlap(a, b)
    assert found
    assert not certain(found)
    assert set(overlaps([b, a])) == {("a", "b")}


def test_groups_are_suggested_of_clusters_that_do_not_overlap() -> None:
    cidrs = {"a": "10.1.0.0/16", "b": "10.1.0.0/16", "c": "10.2.0.0/16"}
    clusters = [Cluster(name, name, pool(cidr)) for name, cidr in cidrs.items()]
    assert suggested_groups([*clusters, Cluster("unknown", "unknown")]) == (("a", "c"), ("b",))


def test_all_overlaps_are_found_and_only_those_whatever_the_order_and_the_family() -> None:
    text = "10.0.0.0/8 10.1.0.0/16 10.1.2.0/24 10.200.0.0/16 11.0.0.0/8 fd00::/16 fd00:1::/48 0.0.0.0/1 10.1.0.0/16"
    clusters = [
        Cluster(f"c{number}", str(number), (PodCidr(cidr, CidrSource.TYPED),))
        for number, cidr in enumerate(text.split())
    ]
    expected = {(one.name, other.name) for one, other in combinations(clusters, 2) if overlap(one, other)}
    assert set(overlaps(reversed(clusters))) == expected and ("c5", "c6") in expected and ("c0", "c4") not in expected
