"""Every state, from what was seen and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from interconnect.domain.findings import SubjectKind
from interconnect.domain.names import natural
from interconnect.domain.seen import ControlPlaneSeen, MemberSeen, Readiness, RuleSeen, stale_after
from interconnect.domain.status import CODES, Level, Statuses, worst_first
from interconnect.domain.topology import Address
from interconnect.domain.violations import Violation
from tests.domain import seen
from tests.domain.meshes import grouped, mesh
from tests.domain.seen import HOSTS, NOW, A, B, ago, gateway, member, replica, spoiled, well

DRIFT = Violation("drift.overwritten", {"kind": "ConfigMap", "name": "istio", "owners": ["helm"]})


def failing(code: str, **more: Any) -> Any:
    return member(failure=Violation(code, {}), since=ago(minutes=3), **more)


def of_cluster(**changes: Any) -> Statuses:
    return spoiled(members={"member-b": member(**changes)})


def rule(**changes: Any) -> Statuses:
    return spoiled(plane={"seen": replace(well().control_plane.seen, rule=RuleSeen(**changes))})


def replicas(**second: Any) -> Statuses:
    topology = seen.joined()
    return spoiled(plane={"replicas": (replica(topology, "istiod-1"), replica(topology, "istiod-2", **second))})


def both(**changes: Any) -> Statuses:
    topology = seen.joined()
    return spoiled(plane={"replicas": tuple(replica(topology, name, **changes) for name in ("one", "two"))})


CLUSTERS = [
    (failing("kube.wrong-cluster"), "cluster.wrong-cluster", Level.BAD),
    (failing("kube.unauthorized"), "cluster.refuses-us", Level.BAD),
    (failing("kube.credential-unreadable"), "cluster.refuses-us", Level.BAD),
    (failing("kube.timeout"), "cluster.no-answer", Level.BAD),
    (member(seen=MemberSeen(lacking=("list pods",))), "cluster.rights-missing", Level.WARN),
    (member(), "cluster.reachable", Level.GOOD),
    (member(seen_at=None, looked_at=None), "cluster.never-seen", Level.CALM),
    (member(seen_at=ago(seconds=151)), "unknown", Level.UNKNOWN),
    (member(seen_at=ago(seconds=149)), "cluster.reachable", Level.GOOD),
    (failing("kube.timeout", looked_at=ago(seconds=151)), "unknown", Level.UNKNOWN),
]


@pytest.mark.parametrize(("known", "code", "level"), CLUSTERS)
def test_the_state_of_a_cluster(known: Any, code: str, level: Level) -> None:
    state = spoiled(members={"member-b": known}).clusters["member-b"]
    assert (state.code, state.level) == (code, level)


def test_a_right_that_serves_one_feature_alone_leaves_a_cluster_reachable() -> None:
    details = replace(member().details, optional=("list pods",))
    state = of_cluster(details=details).clusters["member-b"]
    assert (state.code, state.level, state.params["rights"]) == ("cluster.rights-missing", Level.GOOD, ["list pods"])


GATEWAYS = [
    (gateway(B, present=False), "gateway.missing", Level.BAD),
    (gateway(B, injected=False), "gateway.not-injected", Level.BAD),
    (gateway(B, injected=None), "gateway.ready", Level.GOOD),
    (gateway(B, Readiness.NONE), "gateway.not-ready", Level.BAD),
    (gateway(B, Readiness.SOME, available=1), "gateway.degraded", Level.WARN),
    (gateway(B, addresses=("203.0.113.99",)), "gateway.address-changed", Level.WARN),
    (gateway(B, addresses=()), "gateway.address-pending", Level.WARN),
    (gateway(B), "gateway.ready", Level.GOOD),
    (gateway(B, at=ago(seconds=151)), "unknown", Level.UNKNOWN),
]


@pytest.mark.parametrize(("known", "code", "level"), GATEWAYS)
def test_the_state_of_a_gateway(known: Any, code: str, level: Level) -> None:
    state = spoiled(gateways={B: known}).gateways[B]
    assert (state.code, state.level) == (code, level)


def test_a_gateway_that_no_rollout_has_created_is_not_missing() -> None:
    statuses = spoiled(gateways={B: gateway(B, present=False)}, work={"created": frozenset()})
    assert statuses.gateways[B].code == "gateway.not-created"


def test_a_gateway_that_a_rollout_touches_is_busy_not_bad() -> None:
    statuses = spoiled(gateways={B: gateway(B, Readiness.NONE)}, work={"busy": frozenset({"member-b"})})
    assert (statuses.gateways[B].code, statuses.gateways[B].level) == ("gateway.not-ready", Level.BUSY)


RULES = [
    (rule(present=False), "rule.missing", Level.BAD),
    (rule(present=True, changed=DRIFT), "rule.changed", Level.BAD),
    (rule(present=True, others=("shop/mine",)), "rule.other-rule", Level.WARN),
    (rule(present=True), "rule.in-place", Level.GOOD),
    (spoiled(work={"rule_written": False}), "rule.not-written", Level.WARN),
    (spoiled(topology=replace(mesh("member-a"), enabled=False)), "rule.leaving", Level.CALM),
    (
        spoiled(topology=replace(mesh("member-a"), enabled=False), work={"rule_written": False}),
        "rule.not-created",
        Level.CALM,
    ),
    (spoiled(plane={"seen_at": ago(seconds=151)}), "unknown", Level.UNKNOWN),
]


@pytest.mark.parametrize(("statuses", "code", "level"), RULES)
def test_the_state_of_the_rule(statuses: Statuses, code: str, level: Level) -> None:
    assert (statuses.rule.code, statuses.rule.level) == (code, level)


JOINED = [
    (both(networks={}), "joined.not-in-effect", Level.BAD),
    (spoiled(gateways={B: gateway(B, Readiness.NONE)}), "joined.no-way-in", Level.BAD),
    (spoiled(gateways={B: gateway(B, addresses=("203.0.113.99",))}), "joined.no-way-in", Level.BAD),
    (both(labelled={"green": {"member-b": (("10.0.0.9", 15443),)}}), "joined.others-decide", Level.BAD),
    (both(labelled={"green": {"member-b": ((HOSTS[B], 15443),)}}), "joined.others-decide", Level.WARN),
    (replicas(networks={}), "joined.in-effect-partly", Level.WARN),
    (replicas(answers=False, networks={}), "joined.in-effect-partly", Level.WARN),
    (spoiled(), "joined.in-effect", Level.GOOD),
]


@pytest.mark.parametrize(("statuses", "code", "level"), JOINED)
def test_the_state_of_a_joined_group(statuses: Statuses, code: str, level: Level) -> None:
    state = statuses.joined["green"]
    assert (state.code, state.level) == (code, level)


def test_a_group_with_another_way_in_is_degraded() -> None:
    topology = seen.joined()
    green = replace(topology.groups["green"], addresses=(Address(HOSTS[B], gateway=B), Address("192.0.2.1")))
    statuses = Statuses(replace(well(topology.with_group(green)), gateways={B: gateway(B, Readiness.NONE)}))
    assert (statuses.joined["green"].code, statuses.joined["green"].params["addresses"]) == (
        "joined.degraded",
        [HOSTS[B]],
    )


def test_a_group_whose_only_address_is_awaited_is_pending() -> None:
    topology = seen.joined()
    green = replace(topology.groups["green"], addresses=(Address("", gateway=B),))
    assert Statuses(well(topology.with_group(green))).joined["green"].code == "joined.address-pending"


def test_a_list_that_is_being_published_is_taking_effect() -> None:
    statuses = spoiled(work={"publishing": True}, plane={"replicas": (replica(grouped(), "one"),)})
    assert statuses.joined["green"].code == "joined.changing"


def plane(**changes: Any) -> Statuses:
    return spoiled(plane=changes)


def seen_there(**changes: Any) -> Statuses:
    return plane(seen=replace(well().control_plane.seen, **changes))


SILENT = tuple(replace(replica(seen.joined(), name), silent_since=NOW) for name in ("one", "two"))
PLANES = [
    (plane(failure=Violation("kube.wrong-cluster", {})), "control-plane.wrong-cluster", Level.BAD),
    (plane(failure=Violation("kube.unauthorized", {})), "control-plane.refuses-us", Level.BAD),
    (plane(failure=Violation("kube.timeout", {})), "control-plane.no-answer", Level.BAD),
    (plane(seen=ControlPlaneSeen()), "control-plane.no-istiod", Level.BAD),
    (plane(replicas=SILENT), "control-plane.no-answer", Level.BAD),
    (plane(replicas=(SILENT[0], replica(seen.joined(), "two"))), "control-plane.replicas-silent", Level.WARN),
    (plane(replicas=(replica(seen.joined(), "two"),)), "control-plane.replicas-silent", Level.WARN),
    (seen_there(lacking=("create pods/portforward",)), "control-plane.rights-missing", Level.WARN),
    (seen_there(restarting=True), "control-plane.restarting", Level.BUSY),
    (spoiled(), "control-plane.answers", Level.GOOD),
    (plane(seen_at=None), "control-plane.never-seen", Level.CALM),
    (plane(seen_at=ago(seconds=151)), "unknown", Level.UNKNOWN),
]


@pytest.mark.parametrize(("statuses", "code", "level"), PLANES)
def test_the_state_of_the_control_plane(statuses: Statuses, code: str, level: Level) -> None:
    assert (statuses.control_plane.code, statuses.control_plane.level) == (code, level)


def test_a_group_and_the_mesh_are_as_bad_as_their_worst_part() -> None:
    statuses = spoiled(members={"member-d": failing("kube.unauthorized")})
    part = statuses.groups["blue"]
    assert (part.subject.kind, part.subject.name, part.state.code) == (
        SubjectKind.CLUSTER,
        "member-d",
        "cluster.refuses-us",
    )
    assert statuses.whole == part


def test_a_mesh_in_which_all_is_well_says_so() -> None:
    assert spoiled().whole.state.code == "mesh.healthy"
    assert spoiled().groups["blue"].state.code == "group.healthy"
    assert Statuses(well(grouped())).whole.state.code == "mesh.nothing-joined"
    assert Statuses(well(mesh("member-a"))).whole.state.code == "mesh.not-enabled"


def test_a_group_without_a_gateway_is_unfinished_not_wrong() -> None:
    statuses = spoiled(topology=seen.joined().without_gateways(A))
    assert statuses.groups["blue"].state.code == "group.no-gateway"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"members": {"member-c": member(seen=MemberSeen(namespace=True, drift=(DRIFT,)), ends_at=None)}}, None),
        ({"members": {"member-d": member(seen=MemberSeen(namespace=True, drift=(DRIFT,)))}}, "mesh.drift"),
        ({"work": {"failed": "214", "left": 3}}, "mesh.rollout-failed"),
        ({"members": {"member-c": member(ends_at=NOW + timedelta(days=3))}}, "mesh.credential-ends"),
    ],
)
def test_what_else_needs_attention_in_a_mesh(changes: Any, code: str | None) -> None:
    assert spoiled(**changes).whole.state.code == (code or "mesh.healthy")


def test_what_a_running_rollout_is_about_to_write_is_not_told_as_drift() -> None:
    plane = {"seen": replace(well().control_plane.seen, drift=(DRIFT,))}
    members = {name: member(seen=MemberSeen(drift=(DRIFT,))) for name in ("member-a", "member-d")}
    assert len(spoiled(plane=plane, members=members).drift) == 3
    busy = {"publishing": True, "busy": frozenset({"member-a"})}
    assert [each.subject.name for each in spoiled(plane=plane, members=members, work=busy).drift] == ["member-d"]


def test_what_is_unknown_keeps_what_was_last_known() -> None:
    state = spoiled(gateways={B: gateway(B, Readiness.NONE, at=ago(minutes=4))}).gateways[B]
    assert (state.code, state.known.code, state.at) == ("unknown", "gateway.not-ready", ago(minutes=4))


def test_a_mesh_that_nobody_has_looked_at_for_long_is_unknown_in_every_part() -> None:
    later = replace(well(), now=NOW + timedelta(minutes=5))
    statuses = Statuses(later)
    states = [statuses.rule, statuses.control_plane, *statuses.clusters.values(), *statuses.gateways.values()]
    assert {state.code for state in (*states, *statuses.joined.values())} == {"unknown"}
    assert statuses.whole.state.level is Level.UNKNOWN


@pytest.mark.parametrize(("seconds", "oldest"), [(60, 150), (2, 30), (12, 30), (20, 50)])
def test_what_was_seen_is_known_for_two_and_a_half_periods_and_never_less_than_half_a_minute(
    seconds: int, oldest: int
) -> None:
    assert stale_after(timedelta(seconds=seconds)) == timedelta(seconds=oldest)


def test_the_worst_come_first_and_equal_ones_in_natural_order() -> None:
    assert sorted(["member-10", "member-2", "Member-1"], key=natural) == ["Member-1", "member-2", "member-10"]
    statuses = spoiled(members={"member-d": failing("kube.timeout")})
    assert worst_first(statuses.clusters, statuses.clusters)[:2] == ["member-d", "member-a"]


def test_every_state_is_met_in_a_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert {code for code in CODES if f'"{code}"' not in text} == set()
