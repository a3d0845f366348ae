"""What istiod's replicas say against what they shall say, and when they may be restarted."""

from __future__ import annotations

from interconnect.domain.verify import compare, expected_of, guard
from tests.domain.samples import mesh

EXPECTED = {"green": (("203.0.113.2", 15443),)}


def shown(address: str, network: str = "green", port: int = 15443, cluster: str = "") -> dict:
    return {"Network": network, "Cluster": cluster, "Addr": address, "Port": port, "HBONEPort": 0}


def codes(*arguments: object, **options: object) -> list[str]:
    return [violation.code for violation in compare(*arguments, **options).violations]


def test_a_replica_that_shows_exactly_the_chosen_addresses_agrees() -> None:
    verdict = compare({"istiod-1": [shown("203.0.113.2")], "istiod-2": [shown("203.0.113.2")]}, EXPECTED)
    assert verdict.agrees
    assert verdict.violations == ()


def test_null_is_no_network() -> None:
    assert compare({"istiod-1": None}, {}).agrees
    assert codes({"istiod-1": None}, EXPECTED) == ["verify.missing"]


def test_every_replica_counts_and_one_that_is_silent_is_no_agreement() -> None:
    assert codes({"one": [shown("203.0.113.2")], "two": None}, EXPECTED) == ["verify.missing"]
    verdict = compare({"one": None}, {}, silent=["two"])
    assert [violation.code for violation in verdict.violations] == ["verify.no-answer"]
    assert not verdict.agrees
    assert not compare({}, {}).agrees


def test_an_address_too_many_and_a_network_that_should_be_gone_are_mismatches() -> None:
    verdict = compare({"one": [shown("203.0.113.2"), shown("203.0.113.3"), shown("203.0.113.4", "red")]}, EXPECTED)
    assert [(violation.code, violation.params["network"]) for violation in verdict.violations] == [
        ("verify.unexpected", "green"),
        ("verify.unexpected", "red"),
    ]


def test_a_network_is_gone_when_every_replica_has_answered_and_none_shows_it() -> None:
    assert compare({"one": None, "two": [shown("203.0.113.2")]}, {}).gone("red")
    assert not compare({"one": None, "two": [shown("203.0.113.2", "red")]}, {}).gone("red")
    assert not compare({"one": None}, {}, silent=["two"]).gone("red")
    assert not compare({}, {}).gone("red")


def test_foreign_networks_are_not_looked_at() -> None:
    assert compare({"one": [shown("198.51.100.1", "foreign")]}, {}, foreign=["foreign"]).agrees


def test_the_same_ipv6_address_may_be_written_differently() -> None:
    assert compare({"one": [shown("2001:db8::2")]}, {"green": (("2001:DB8:0::2", 15443),)}).agrees


def test_a_host_name_counts_as_loaded_when_an_address_beyond_the_fixed_ones_is_shown() -> None:
    expected = {"green": (("203.0.113.2", 15443), ("gw.example.org", 15443))}
    assert compare({"one": [shown("203.0.113.2"), shown("198.51.100.1"), shown("198.51.100.2")]}, expected).agrees
    assert codes({"one": [shown("203.0.113.2")]}, expected) == ["verify.missing"]
    assert codes({"one": [shown("203.0.113.2"), shown("198.51.100.1", port=443)]}, expected) == [
        "verify.missing",
        "verify.unexpected",
    ]


def test_a_host_name_that_istiod_cannot_resolve_is_a_finding_about_dns_and_no_mismatch() -> None:
    verdict = compare({"one": None}, {"green": (("gw.example.org", 15443),)}, unresolved={"one": ["gw.example.org."]})
    assert verdict.agrees
    assert [violation.code for violation in verdict.violations] == ["verify.unresolved"]


def test_a_gateway_that_registered_itself_is_a_finding_and_no_mismatch() -> None:
    verdict = compare({"one": [shown("203.0.113.2"), shown("10.0.0.1", cluster="member-b")]}, EXPECTED)
    assert verdict.agrees
    assert [violation.code for violation in verdict.violations] == ["verify.registered-by-label"]


def test_ambient_gateways_without_a_port_are_not_compared() -> None:
    assert compare({"one": [shown("203.0.113.2"), shown("203.0.113.7", port=0)]}, EXPECTED).agrees


def test_expected_are_the_rendered_addresses() -> None:
    assert expected_of({"green": {"gateways": [{"address": "203.0.113.2", "port": 15443}]}}) == EXPECTED
    assert expected_of({}) == {}
    assert mesh().joined == ()


def entries(**states: str) -> list[dict]:
    named = [
        {"id": name.replace("_", "-"), "secretName": f"s-{name}", "syncStatus": state} for name, state in states.items()
    ]
    return [{"id": "config", "syncStatus": "synced"}, *named]


def held(clusterz: dict, answering: dict[str, bool], forgotten: tuple[str, ...] = ()) -> list[str]:
    return [violation.code for violation in guard(clusterz, answering, {"member-a", "member-b"}, "config", forgotten)]


ALL = {"config": True, "member-a": True, "member-b": True}


def test_a_restart_is_free_when_all_are_synced_everywhere_and_answer() -> None:
    both = entries(member_a="synced", member_b="synced")
    assert held({"one": both, "two": both}, ALL) == []


def test_synced_is_not_enough_the_cluster_must_answer_too() -> None:
    assert held({"one": entries(member_a="synced")}, {**ALL, "member-a": False}) == ["guard.not-answering"]
    assert held({"one": entries(member_a="synced")}, {"config": True}) == ["guard.not-answering"]


def test_every_replica_must_have_synced() -> None:
    both = entries(member_a="synced", member_b="synced")
    assert held({"one": both, "two": entries(member_a="synced", member_b="timeout")}, ALL) == ["guard.not-synced"]
    assert held({"one": both, "two": entries(member_a="synced")}, ALL) == ["guard.not-synced"]
    assert held({"one": both, "two": None}, ALL) == ["guard.no-answer"]


def test_the_config_cluster_is_checked_with_the_meshs_own_credential() -> None:
    assert held({"one": entries()}, {"config": False}) == ["guard.not-answering"]


def test_a_cluster_that_is_not_registered_cannot_be_verified_and_a_forgotten_one_is_ignored() -> None:
    assert held({"one": entries(stranger="synced")}, ALL) == ["guard.unverifiable"]
    assert held({"one": entries(stranger="timeout")}, ALL, ("stranger",)) == []
