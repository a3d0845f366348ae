from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interconnect.domain.names import cluster_name_violation, gateway_name, group_name_violation, next_gateway_key
from interconnect.domain.topology import GatewayKey
from tests.domain.meshes import grouped


def code_of_group(name: str) -> str:
    violation = group_name_violation(name)
    return violation.code if violation else ""


def code_of_cluster(name: str) -> str:
    violation = cluster_name_violation(name)
    return violation.code if violation else ""


@pytest.mark.parametrize("name", ["1st-group", "7", "a", "blue", "a--b", "x" * 63])
def test_a_group_name_may_start_with_a_digit_and_is_otherwise_a_dns_label(name: str) -> None:
    assert code_of_group(name) == ""


@pytest.mark.parametrize("name", ["Blue", "-a", "a-", "a.b", "a_b", "a b", "grün", "a\n", "\u0661", " a"])
def test_a_group_name_outside_the_alphabet_is_refused(name: str) -> None:
    assert code_of_group(name) == "group.name.alphabet"


def test_an_empty_or_too_long_group_name_says_so() -> None:
    assert code_of_group("") == "group.name.empty"
    assert code_of_group("a" * 64) == "group.name.long"


@pytest.mark.parametrize("name", ["Kubernetes", "member-a", "9", "A" * 63])
def test_a_cluster_name_is_whatever_istio_takes_as_a_registry(name: str) -> None:
    assert code_of_cluster(name) == ""


@pytest.mark.parametrize("name", ["dotted.name", "under_score", "-a", "a-", "ü", "a\n"])
def test_a_cluster_name_that_istio_would_refuse_is_refused(name: str) -> None:
    assert code_of_cluster(name) == "cluster.name.alphabet"


def test_an_empty_or_too_long_cluster_name_says_so() -> None:
    assert code_of_cluster("") == "cluster.name.empty"
    assert code_of_cluster("a" * 64) == "cluster.name.long"


def test_the_objects_of_a_gateway_are_named_after_cluster_and_number() -> None:
    assert gateway_name(GatewayKey("Kubernetes", 2)) == "eastwest-kubernetes-2"
    assert gateway_name(GatewayKey("a" * 63, 1)) == f"eastwest-{'a' * 40}-1"


@given(st.from_regex(r"\A[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?\Z"), st.integers(1, 9999))
def test_the_name_of_a_gateway_is_a_dns_label_for_every_cluster_and_number(cluster: str, number: int) -> None:
    assert code_of_group(gateway_name(GatewayKey(cluster, number))) == ""


def test_the_next_gateway_of_a_cluster_takes_the_first_number_that_is_free_here_and_there() -> None:
    assert next_gateway_key(grouped(), "member-c") == ("member-c", 1)
    assert next_gateway_key(grouped(), "member-a") == ("member-a", 2)
    assert next_gateway_key(grouped(), "member-a", taken={2, 3}) == ("member-a", 4)
