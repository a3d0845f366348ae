"""Every state, from what was seen and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from interconnect.domain.findings import SubjectKind
from interconnect.domain.names import natural
from interconnect.domain.seen import (
    PODS,
    ControlPlaneDetails,
    ControlPlaneSeen,
    MemberDetails,
    MemberSeen,
    Readiness,
    RuleSeen,
    Unread,
    stale_after,
)
from interconnect.domain.stale import StaleCount, Workload
from interconnect.domain.status import CODES, Level, Statuses, worst_first
from interconnect.domain.topology import Address
from interconnect.domain.violations import Violation
from tests.domain import seen
from tests.domain.meshes import grouped, mesh
from tests.domain.seen import HOSTS, NOW, A, B, ago, gateway, member, replica, spoiled, unread, well

DRIFT = Violation("drift.overwritten", {"kind": "ConfigMap", "name": "istio", "owners": ["helm"]})
SERVICE_B = {"kind": "Service", "name": "eastwest-member-b-1", "owners": ["kubectl-edit"]}
DIVERTED, EDITED = (Violation("drift.overwritten", {**SERVICE_B, "needed": needed}) for needed in (True, False))
UNAPPLIED = replace(DIVERTED, code="drift.not-applied")
STRANGER = ("198.51.100.9", 15443)


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


SILENT = tuple(replace(replica(seen.joined(), name), silent_since=NOW) for name in ("one", "two"))
STARTING = replace(replica(seen.joined(), "new"), seen_at=None)
RIGHT = ("create pods/portforward",)
LONG_AGO = tuple(
    replace(replica(seen.joined(), name), seen_at=ago(hours=1), looked_at=ago(hours=1)) for name in ("one", "two")
)
CLUSTERS = [
    (failing("kube.wrong-cluster"), "cluster.wrong-cluster", Level.BAD),
    (failing("kube.unauthorized"), "cluster.refuses-us", Level.BAD),
    (failing("kube.credential-unreadable"), "cluster.refuses-us", Level.BAD),
    (failing("kube.timeout"), "cluster.no-answer", Level.BAD),
    (member(seen=MemberSeen(lacking=("list pods",))), "cluster.rights-missing", Level.WARN),
    (member(seen=MemberSeen(unread=(unread("Service"),))), "cluster.unread", Level.WARN),
    (member(seen=MemberSeen(unread=(unread("Service", since=NOW),))), "cluster.reachable", Level.GOOD),
    (member(details=MemberDetails(unread=(unread("version"),))), "cluster.unread", Level.WARN),
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
    (gateway(B, addresses=()), "gateway.address-changed", Level.WARN),
    (gateway(B), "gateway.ready", Level.GOOD),
    (gateway(B, at=ago(seconds=151)), "unknown", Level.UNKNOWN),
]


@pytest.mark.parametrize(("known", "code", "level"), GATEWAYS)
def test_the_state_of_a_gateway(known: Any, code: str, level: Level) -> None:
    state = spoiled(gateways={B: known}).gateways[B]
    assert (state.code, state.level) == (code, level)


def test_a_gateway_that_nobody_uses_waits_for_its_address() -> None:
    state = spoiled(gateways={A: gateway(A, addresses=())}).gateways[A]
    assert (state.code, state.level) == ("gateway.address-pending", Level.WARN)


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
    (both(networks={"green": ((HOSTS[B], 15443), STRANGER)}), "joined.other-addresses", Level.WARN),
    (both(networks={"green": (STRANGER,)}), "joined.not-in-effect", Level.BAD),
    (spoiled(gateways={B: gateway(B, addresses=())}), "joined.no-way-in", Level.BAD),
    (of_cluster(seen=MemberSeen(namespace=True, drift=(DIVERTED,))), "joined.no-way-in", Level.BAD),
    (of_cluster(seen=MemberSeen(namespace=True, drift=(EDITED,))), "joined.in-effect", Level.GOOD),
    (of_cluster(seen=MemberSeen(namespace=True, drift=(UNAPPLIED,))), "joined.in-effect", Level.GOOD),
    (spoiled(gateways={B: gateway(B, at=ago(seconds=151))}), "unknown", Level.UNKNOWN),
    (spoiled(gateways={B: gateway(B, Readiness.NONE, at=ago(seconds=151))}), "unknown", Level.UNKNOWN),
    (spoiled(), "joined.in-effect", Level.GOOD),
]


@pytest.mark.parametrize(("statuses", "code", "level"), JOINED)
def test_the_state_of_a_joined_group(statuses: Statuses, code: str, level: Level) -> None:
    state = statuses.joined["green"]
    assert (state.code, state.level) == (code, level)


@pytest.mark.parametrize(
    ("readiness", "last"), [(Readiness.ALL, "joined.in-effect"), (Readiness.NONE, "joined.no-way-in")]
)
def test_a_group_whose_gateway_was_seen_long_ago_keeps_what_was_last_known(readiness: Readiness, last: str) -> None:
    state = spoiled(gateways={B: gateway(B, readiness, at=ago(minutes=60))}).joined["green"]
    assert (state.level, state.known.code, state.at) == (Level.UNKNOWN, last, ago(minutes=60))


def test_a_silent_replica_neither_lists_a_group_nor_does_not() -> None:
    one = spoiled(plane={"replicas": (SILENT[0], replica(seen.joined(), "two"))}).joined["green"]
    assert (one.code, one.level, one.params["lacking"], one.params["silent"]) == (
        "joined.in-effect",
        Level.GOOD,
        [],
        ["one"],
    )
    none = spoiled(plane={"replicas": SILENT}).joined["green"]
    assert (none.level, none.known.code) == (Level.UNKNOWN, "joined.in-effect")


def test_a_group_of_which_one_address_is_listed_everywhere_is_partly_in_effect() -> None:
    topology = seen.joined()
    green = replace(topology.groups["green"], addresses=(Address(HOSTS[B], gateway=B), Address("192.0.2.1")))
    topology = topology.with_group(green)
    lists_one = tuple(replica(seen.joined(), name) for name in ("one", "two"))
    mesh_seen = well(topology)
    known = replace(mesh_seen.control_plane, replicas=lists_one)
    state = Statuses(replace(mesh_seen, control_plane=known)).joined["green"]
    assert (state.code, state.params["lacking"]) == ("joined.in-effect-partly", ["one", "two"])


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
    work = {"publishing": True, "groups": frozenset({"green"})}
    statuses = spoiled(work=work, plane={"replicas": (replica(grouped(), "one"),)})
    assert statuses.joined["green"].code == "joined.changing"


def test_a_group_that_a_running_rollout_leaves_alone_is_as_bad_as_ever() -> None:
    work = {"publishing": True, "groups": frozenset({"blue"})}
    statuses = spoiled(work=work, plane={"replicas": (replica(grouped(), "one"),)})
    assert statuses.joined["green"].code == "joined.not-in-effect"


def plane(**changes: Any) -> Statuses:
    return spoiled(plane=changes)


def seen_there(**changes: Any) -> Statuses:
    return plane(seen=replace(well().control_plane.seen, **changes))


def restarting(lacking: tuple[str, ...] = (), **changes: Any) -> Statuses:
    own = replace(well().control_plane.seen, restarting=True, lacking=lacking)
    return plane(**({"seen": own, "restarting_since": NOW} | changes))


def lacking(missed: tuple[Unread, ...] = (), **changes: Any) -> Statuses:
    return plane(seen=replace(well().control_plane.seen, lacking=RIGHT, unread=missed), **changes)


def directly(**changes: Any) -> Statuses:
    return plane(seen=replace(well().control_plane.seen, direct=True), **changes)


UPDATES = ControlPlaneDetails(missing=("update configmaps istio in istio-system",))
PLANES = [
    (plane(failure=Violation("kube.wrong-cluster", {})), "control-plane.wrong-cluster", Level.BAD),
    (plane(failure=Violation("kube.unauthorized", {})), "control-plane.refuses-us", Level.BAD),
    (plane(failure=Violation("kube.timeout", {})), "control-plane.no-answer", Level.BAD),
    (plane(seen=ControlPlaneSeen()), "control-plane.no-istiod", Level.BAD),
    (plane(replicas=SILENT), "control-plane.no-answer", Level.BAD),
    (plane(replicas=(SILENT[0], replica(seen.joined(), "two"))), "control-plane.replicas-silent", Level.WARN),
    (plane(replicas=(replica(seen.joined(), "two"),)), "control-plane.replicas-silent", Level.WARN),
    (seen_there(lacking=("create pods/portforward",)), "control-plane.rights-missing", Level.WARN),
    (plane(details=UPDATES, details_at=NOW), "control-plane.rights-missing", Level.WARN),
    (plane(details=UPDATES, details_at=ago(days=1)), "control-plane.answers", Level.GOOD),
    (plane(details=ControlPlaneDetails(missing=()), details_at=NOW), "control-plane.answers", Level.GOOD),
    (restarting(), "control-plane.restarting", Level.BUSY),
    (restarting(replicas=(SILENT[0], replica(seen.joined(), "two"))), "control-plane.restarting", Level.BUSY),
    (restarting(restarting_since=ago(seconds=601)), "control-plane.answers", Level.GOOD),
    (
        restarting(replicas=(SILENT[0], replica(seen.joined(), "two")), restarting_since=ago(seconds=601)),
        "control-plane.replicas-silent",
        Level.WARN,
    ),
    (restarting(replicas=SILENT), "control-plane.no-answer", Level.BAD),
    (plane(replicas=(STARTING, replica(seen.joined(), "two"))), "control-plane.restarting", Level.BUSY),
    (restarting(lacking=RIGHT), "control-plane.rights-missing", Level.WARN),
    (lacking(replicas=SILENT), "control-plane.no-answer", Level.BAD),
    (lacking((unread(PODS, "kube.forbidden"),), replicas=()), "control-plane.rights-missing", Level.WARN),
    (seen_there(unread=(unread("Gateway"),)), "control-plane.unread", Level.WARN),
    (seen_there(unread=(unread("Gateway", since=NOW),)), "control-plane.answers", Level.GOOD),
    (lacking(replicas=(SILENT[0], replica(seen.joined(), "two"))), "control-plane.replicas-silent", Level.WARN),
    (lacking(replicas=LONG_AGO), "control-plane.rights-missing", Level.WARN),
    (directly(replicas=(replica(seen.joined(), "https://istiod"),)), "control-plane.answers", Level.GOOD),
    (spoiled(), "control-plane.answers", Level.GOOD),
    (plane(seen_at=None), "control-plane.never-seen", Level.CALM),
    (plane(seen_at=ago(seconds=151)), "unknown", Level.UNKNOWN),
]


@pytest.mark.parametrize(("statuses", "code", "level"), PLANES)
def test_the_state_of_the_control_plane(statuses: Statuses, code: str, level: Level) -> None:
    assert (statuses.control_plane.code, statuses.control_plane.level) == (code, level)


def test_a_control_plane_that_is_scaled_to_zero_is_told_so() -> None:
    none = replace(well().control_plane.seen.istiods[0], replicas=0)
    scaled = plane(replicas=(), seen=replace(well().control_plane.seen, istiods=(none,)))
    causes = [statuses.control_plane.cause for statuses in (scaled, plane(replicas=SILENT))]
    assert [cause and cause.code for cause in causes] == ["istiod.scaled-to-zero", "istiod.none-answers"]


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
    found = spoiled(plane=plane, members=members)
    assert (len(found.drift), found.drift_level) == (3, Level.BAD)
    busy = {"publishing": True, "busy": frozenset({"member-a"})}
    found = spoiled(plane=plane, members=members, work=busy)
    assert ([each.subject.name for each in found.drift], found.drift_level) == (["member-d"], Level.WARN)


def test_what_was_seen_too_long_ago_is_not_told_as_drift() -> None:
    seen_long_ago = {"seen": replace(well().control_plane.seen, drift=(DRIFT,)), "seen_at": ago(hours=1)}
    members = {"member-d": member(seen=MemberSeen(drift=(DRIFT,)), seen_at=ago(hours=1))}
    assert spoiled(plane=seen_long_ago, members=members).drift == ()


def test_the_rights_and_workloads_of_a_look_long_ago_are_not_told() -> None:
    count = StaleCount({Workload("shop", "Deployment", "echo"): 2}, {})
    details = replace(member().details, missing=("list pods",), unlabelled=count)
    fresh = of_cluster(details=details, seen=MemberSeen(namespace=True, stale=count))
    assert fresh.clusters["member-b"].code == "cluster.rights-missing"
    assert fresh.workloads("member-b") == (count, count)
    old = of_cluster(details=details, details_at=ago(days=1))
    assert old.clusters["member-b"].code == "cluster.reachable"
    assert old.workloads("member-b") == (None, None)
    silent = of_cluster(seen=MemberSeen(namespace=True, stale=count), seen_at=ago(hours=1))
    assert silent.workloads("member-b") == (None, None)


def test_a_right_that_both_looks_find_missing_is_told_once() -> None:
    found = spoiled(
        plane={
            "seen": replace(well().control_plane.seen, lacking=("list pods in istio-system",)),
            "details": ControlPlaneDetails(missing=("list pods in istio-system", *(UPDATES.missing or ()))),
            "details_at": NOW,
        }
    )
    assert found.control_plane.params["rights"] == [
        "list pods in istio-system",
        "update configmaps istio in istio-system",
    ]


def test_only_a_load_balancer_seen_lately_has_moved_its_address() -> None:
    address = Address(HOSTS[B], gateway=B)
    elsewhere = {"addresses": ("203.0.113.99",)}
    assert spoiled(gateways={B: gateway(B, **elsewhere)}).has_moved(address)
    assert not spoiled(gateways={B: gateway(B, at=ago(hours=1), **elsewhere)}).has_moved(address)
    assert not spoiled().has_moved(address)


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
