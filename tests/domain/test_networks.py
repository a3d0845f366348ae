"""meshNetworks: read, checked and changed as istiod and other writers of it expect."""

from __future__ import annotations

import pytest
import yaml

from interconnect.domain.networks import (
    digest,
    foreign,
    foreign_addresses,
    merge,
    networks_in,
    ours_in,
    rewritten,
    validate,
    with_networks,
)
from interconnect.domain.networks_text import dump, parse
from interconnect.domain.violations import Violation

GREEN = {"endpoints": [{"fromRegistry": "member-b"}], "gateways": [{"address": "203.0.113.2", "port": 15443}]}
FOREIGN = """# written by hand
networks:
  zeta:
    endpoints:
    - fromCidr: 10.20.0.0/16
    gateways: [{registryServiceName: gw.istio-system.svc.cluster.local, port: 15443}]
  alpha: {endpoints: [], gateways: []}
extra: kept
"""


def codes(network: object) -> list[str]:
    return [violation.code for violation in validate({"n": network})]


def gateway(**fields: object) -> dict:
    return {"gateways": [fields]}


@pytest.mark.parametrize("text", [None, "", "\n", "networks: {}", "networks: null", "networks:\n", "null", "other: 1"])
def test_no_networks_can_be_written_in_many_ways(text: str | None) -> None:
    assert networks_in(text) == {}


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "text",
        "networks: []",
        "networks: x",
        "a: [",
        "a: &x 1\nb: *x",
        "networks: {<<: {a: {}}}",
        "{? [a] : 1}",
        "a: !!binary x",
        "\t-",
    ],
)
def test_what_istiod_could_not_read_or_we_could_not_keep_is_said_and_never_rewritten(text: str) -> None:
    answer = merge(text, {"green": GREEN}, ())
    assert isinstance(answer, Violation)
    assert answer.code == "networks.unreadable"


def test_a_text_of_endless_depth_or_length_is_refused() -> None:
    assert isinstance(parse("[" * 5_000), Violation)
    assert isinstance(parse("a: " + "x" * (1 << 20)), Violation)


def test_what_a_hostile_text_says_does_not_come_back_in_the_reason() -> None:
    answer = parse("token: abc\nsecret: [hunter2")
    assert isinstance(answer, Violation)
    assert "hunter2" not in str(answer)


def test_foreign_networks_stay_as_they_are_and_in_their_order() -> None:
    merged = merge(FOREIGN, {"green": GREEN}, ())
    assert isinstance(merged, str)
    before, after = yaml.safe_load(FOREIGN), yaml.safe_load(merged)
    assert list(after["networks"]) == ["zeta", "alpha", "green"]
    assert after["networks"].pop("green") == GREEN
    assert after == before


def test_a_network_that_others_keep_under_our_name_is_refused() -> None:
    assert merge(FOREIGN, {"zeta": GREEN}, ()) == Violation("networks.name-taken", {"network": "zeta"})


def test_our_networks_are_replaced_and_removed_and_nothing_else() -> None:
    with_two = merge(FOREIGN, {"green": GREEN, "red": GREEN}, ())
    moved = {"green": {**GREEN, "gateways": [{"address": "203.0.113.3", "port": 443}]}}
    merged = networks_in(str(merge(str(with_two), moved, {"green", "red"})))
    assert isinstance(merged, dict)
    assert list(merged) == ["zeta", "alpha", "green"]
    assert merged["green"] == moved["green"]


def test_nothing_to_change_keeps_the_text_byte_for_byte() -> None:
    text = (
        "networks: {green: {gateways: [{port: '15443', address: 203.0.113.2}], endpoints: [{fromRegistry: "
        "member-b}]}}  # mine"
    )
    assert merge(text, {"green": GREEN}, {"green"}) == text


@pytest.mark.parametrize("text", [FOREIGN, "networks: {}", "networks: null\n", "", None, "# nothing\n"])
def test_when_the_last_of_ours_leaves_the_text_found_before_is_back_byte_for_byte(text: str | None) -> None:
    merged = merge(text, {"green": GREEN}, ())
    assert isinstance(merged, str)
    assert merge(merged, {}, {"green"}, {"text": text}) == text


def test_what_others_have_added_meanwhile_is_kept_when_ours_leaves() -> None:
    merged = str(merge("networks: {}", {"green": GREEN}, ()))
    theirs = merged + '  late:\n    gateways:\n    - address: "198.51.100.1"\n      port: 15443\n'
    left = merge(theirs, {}, {"green"}, {"text": "networks: {}"})
    assert isinstance(left, str)
    assert networks_in(left) == {"late": {"gateways": [{"address": "198.51.100.1", "port": 15443}]}}


@pytest.mark.parametrize(
    "name", ["1e3", "010", "no", "y", "on", "null", "0x1f", "1-2", "2026-01-01", "1st", "12", "true", "nan", "blue"]
)
def test_a_group_name_that_yaml_takes_for_something_else_stays_that_name(name: str) -> None:
    text = dump({"networks": {name: GREEN}})
    assert networks_in(text) == {name: GREEN}
    bare = name in ("1st", "blue", "1-2", "nan", "2026-01-01")
    assert bare or f'"{name}":' in text


@pytest.mark.parametrize(
    ("text", "name"),
    [("1e3", "1000"), ("no", "false"), ("010", "8"), ("0x10", "16"), ("1:30", "1:30"), ("2026-01-01", "2026-01-01")],
)
def test_a_plain_name_is_read_as_istiod_reads_it(text: str, name: str) -> None:
    assert networks_in(f"networks: {{{text}: {{}}}}" if ":" not in text else f"networks:\n  {text}: {{}}") == {name: {}}


def test_equal_meaning_is_an_equal_digest() -> None:
    other = {"gateways": [{"port": "15443", "address": "203.0.113.2"}], "endpoints": [{"fromRegistry": "member-b"}]}
    assert digest({"green": GREEN}) == digest({"green": other})
    assert digest({"green": GREEN}) != digest({"green": {**GREEN, "gateways": []}})
    assert digest({"a": GREEN, "b": GREEN}) == digest({"b": GREEN, "a": GREEN})


def test_foreign_are_the_networks_that_the_annotation_does_not_list() -> None:
    assert list(foreign(FOREIGN, "alpha")) == ["zeta"]
    text = dump({"networks": {"green": GREEN}})
    assert foreign_addresses(text, None) == {"green": frozenset({("203.0.113.2", 15443)})}
    assert foreign("[", None) == {}


def test_ours_are_those_in_the_annotation_or_exactly_as_sent() -> None:
    text = dump({"networks": {"green": GREEN, "red": GREEN, "blue": {}}})
    assert ours_in(text, "red", {"green": GREEN, "blue": GREEN}) == {"green": GREEN, "red": GREEN}


def test_a_network_of_ours_that_somebody_rewrote_is_found_and_one_that_is_missing_is_not() -> None:
    text = dump({"networks": {"green": {**GREEN, "gateways": []}}})
    assert rewritten(text, {"green": GREEN, "red": GREEN}) == ("green",)


def test_the_annotation_lists_our_networks_and_goes_with_the_last() -> None:
    empty = {"metadata": {"name": "istio", "resourceVersion": "4"}, "data": {"mesh": "x"}}
    written = with_networks(empty, "networks: {}", ["red", "green"])
    assert written["metadata"]["annotations"] == {"meshconsole.io/networks": "green,red"}
    assert written["metadata"]["resourceVersion"] == "4"
    assert with_networks(written, None, []) == empty


@pytest.mark.parametrize(
    "network",
    [
        {},
        {"endpoints": [], "gateways": None},
        {"unknown": 1},
        {"endpoints": [{}]},
        {"endpoints": [{"fromCidr": "10.0.0.1"}]},
    ],
)
def test_istiod_accepts(network: object) -> None:
    assert codes(network) == []


@pytest.mark.parametrize("name", ["Kubernetes", "member-a", "0", "a" * 63])
def test_a_registry_name_is_a_label_with_capitals(name: str) -> None:
    assert codes({"endpoints": [{"fromRegistry": name}]}) == []


@pytest.mark.parametrize("name", ["", "bad_id", "a.b", "-a", "a-", "a" * 64, "a\n"])
def test_a_registry_name_with_dots_or_underscores_is_invalid(name: str) -> None:
    assert codes({"endpoints": [{"fromRegistry": name}]}) == ["networks.endpoint-registry"]


@pytest.mark.parametrize("cidr", ["10.0.0.0/33", "10.0.0.0/255.0.0.0", "x", "10.0.0.0/", "fe80::1%eth0/64"])
def test_a_cidr_must_be_one(cidr: str) -> None:
    assert codes({"endpoints": [{"fromCidr": cidr}]}) == ["networks.endpoint-cidr"]


@pytest.mark.parametrize("address", ["203.0.113.1", "2001:db8::1", "gw.example.org", "gw.example.org.", "localhost"])
def test_a_gateway_address_is_an_ip_or_a_host_name(address: str) -> None:
    assert codes(gateway(address=address, port=15443)) == []


@pytest.mark.parametrize(
    "address", ["", "1.2.3.4.5", "300.1.1.1", "a b", "under_score.example", "-a.example", "a..b", "x" * 256]
)
def test_anything_else_is_no_gateway_address(address: str) -> None:
    assert codes(gateway(address=address, port=15443)) == ["networks.gateway-address"]


@pytest.mark.parametrize("port", [1, 65535, "443", 443.0])
def test_a_port_may_be_text_or_a_whole_number(port: object) -> None:
    assert codes(gateway(address="203.0.113.1", port=port)) == []


@pytest.mark.parametrize("port", [0, -1, 65536, None, True, "x", 1.5, "", []])
def test_any_other_port_is_invalid(port: object) -> None:
    assert codes(gateway(address="203.0.113.1", port=port)) == ["networks.gateway-port"]


def test_a_gateway_service_is_a_full_name() -> None:
    assert codes(gateway(registryServiceName="gw.ns.svc.cluster.local", port=1)) == []
    assert codes(gateway(registryServiceName="gw/ns", port=1)) == ["networks.gateway-service"]


@pytest.mark.parametrize(
    "network",
    [
        None,
        [],
        "x",
        {"endpoints": {}},
        {"gateways": [None]},
        {"endpoints": [{"fromRegistry": 1}]},
        {"endpoints": [{"fromRegistry": "a", "from_cidr": "10.0.0.0/8"}]},
    ],
)
def test_what_does_not_fit_the_message_is_invalid(network: object) -> None:
    assert codes(network) == ["networks.shape"]
