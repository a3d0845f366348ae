"""What the list of meshes shows of each, and for how long it is true."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from interconnect.domain.facts import Facts
from interconnect.domain.findings import Subject, SubjectKind
from interconnect.domain.render import networks_target
from interconnect.domain.seen import (
    ControlPlane,
    ControlPlaneSeen,
    GatewayKnown,
    GatewaySeen,
    Member,
    MemberDetails,
    MemberSeen,
    MeshSeen,
    Readiness,
    ReplicaKnown,
    ReplicaSeen,
    RuleSeen,
    Work,
)
from interconnect.domain.status import Level, Statuses
from interconnect.domain.summary import Order, Summary, current, ordered, summary_of
from interconnect.domain.violations import Violation
from tests.domain.samples import GREEN, ISTIOD, KEY_A, KEY_B, mesh

PUBLISHED = frozenset({networks_target(ISTIOD.networks)} if ISTIOD.networks else ())
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PERIOD = timedelta(seconds=60)
READY = GatewaySeen(present=True, replicas=1, available=1, injected=True, addresses=("203.0.113.2",))
LISTING = {"green": (("203.0.113.2", 15443),)}


def healthy() -> MeshSeen:
    """Green is joined, and all is as it should be."""
    member = Member(MemberSeen(namespace=True), NOW, NOW, details=MemberDetails(version="v1.34.1"), details_at=NOW)
    replicas = tuple(
        ReplicaKnown(ReplicaSeen(name, "istiod", networks=LISTING), NOW) for name in ("istiod-a", "istiod-b")
    )
    plane = ControlPlane(ControlPlaneSeen(istiods=(ISTIOD,), rule=RuleSeen(present=True)), NOW, NOW, replicas=replicas)
    known = GatewayKnown(READY, NOW, Readiness.ALL, NOW)
    return MeshSeen(
        topology=mesh(joined=GREEN),
        now=NOW,
        facts=Facts(istiods=(ISTIOD,)),
        members=dict.fromkeys(("member-a", "member-b", "member-c"), member),
        gateways={KEY_A: known, KEY_B: known},
        control_plane=plane,
        work=Work(created=frozenset({"gw-a", "gw-b"}), rule_written=True, networks=PUBLISHED),
        period=PERIOD,
    )


def summary(seen: MeshSeen) -> Summary:
    return summary_of(Statuses(seen))


def test_a_healthy_mesh_counts_all_as_good() -> None:
    found = summary(healthy())
    assert (found.level, found.code, found.worst) == (Level.GOOD, "mesh.healthy", ())
    counted = [(tally.good, tally.total, tally.level) for tally in (found.clusters, found.gateways, found.groups)]
    assert counted == [(3, 3, Level.GOOD), (2, 2, Level.GOOD), (1, 1, Level.GOOD)]
    assert (found.istiods.good, found.istiods.total, found.drifted) == (2, 2, 0)
    assert (found.istio, found.kubernetes) == (("1.31.0",), ("1.34",))


def test_a_summary_is_read_as_it_was_stored() -> None:
    broken = healthy()
    silent = Member(looked_at=NOW, failure=Violation("kube.unauthorized"), since=NOW)
    found = summary(replace(broken, members={**broken.members, "member-b": silent}))
    stored = json.loads(json.dumps(found.to_json()))
    read = Summary.from_json(stored)
    assert [part.state.code for part in read.worst] == ["cluster.refuses-us"]
    assert json.loads(json.dumps(read.to_json())) == stored
    assert replace(read, worst=()) == replace(found, worst=())


def test_the_worst_parts_are_named_and_the_rest_counted() -> None:
    seen = healthy()
    silent = Member(looked_at=NOW, failure=Violation("kube.unauthorized"), since=NOW)
    down = GatewayKnown(replace(READY, available=0), NOW, Readiness.NONE, NOW)
    found = summary(
        replace(seen, members=dict.fromkeys(seen.members, silent), gateways={KEY_A: seen.gateways[KEY_A], KEY_B: down})
    )
    assert [(part.subject, part.state.code) for part in found.worst] == [
        (Subject(SubjectKind.GROUP, "green"), "joined.no-way-in"),
        (Subject(SubjectKind.CLUSTER, "member-a"), "cluster.refuses-us"),
        (Subject(SubjectKind.CLUSTER, "member-c"), "cluster.refuses-us"),
    ]
    assert found.level is Level.BAD and found.counts == {"bad": 1, "warn": 2}
    assert (found.clusters.good, dict(found.clusters.wrong)) == (0, {"cluster.refuses-us": 3})
    assert (found.groups.good, dict(found.groups.wrong)) == (0, {"joined.no-way-in": 1})


def test_drift_counts_objects_and_names_who_changed_them() -> None:
    seen = healthy()
    fields = [{"kind": "Service", "name": "eastwest", "field": field, "owners": ["helm"]} for field in ("a", "b")]
    drifted = MemberSeen(namespace=True, drift=tuple(Violation("drift.overwritten", params) for params in fields))
    found = summary(
        replace(seen, members={**seen.members, "member-a": replace(seen.members["member-a"], seen=drifted)})
    )
    assert (found.drifted, found.owners) == (1, ("helm",))


@pytest.mark.parametrize(("age", "known"), [(0, True), (150, True), (151, False)])
def test_a_summary_is_unknown_after_two_and_a_half_periods(age: int, known: bool) -> None:
    found = current(summary(healthy()), now=NOW + timedelta(seconds=age), period=PERIOD)
    assert (found.level, found.last) == ((Level.GOOD, None) if known else (Level.UNKNOWN, Level.GOOD))


def test_numbers_of_a_mesh_that_nobody_has_looked_at_for_long_are_only_remembered() -> None:
    later = NOW + timedelta(hours=1)
    for found in (
        current(summary(healthy()), now=later, period=PERIOD),
        summary(replace(healthy(), now=later)),
    ):
        counted = (found.clusters, found.gateways, found.groups, found.istiods)
        assert [(each.good, each.total, each.known) for each in counted] == [
            (3, 3, False),
            (2, 2, False),
            (1, 1, False),
            (2, 2, False),
        ]


def test_replicas_of_a_silent_control_plane_are_only_remembered() -> None:
    seen, since = healthy(), NOW - timedelta(hours=1)
    old = tuple(replace(each, seen_at=since, looked_at=since) for each in seen.control_plane.replicas)
    failing = replace(seen.control_plane, failure=Violation("kube.timeout"), since=since, seen_at=since, replicas=old)
    found = summary(replace(seen, control_plane=failing))
    assert (found.istiods.good, found.istiods.known, found.clusters.known) == (2, False, True)


def test_one_cluster_of_which_nothing_is_known_does_not_count_as_good() -> None:
    seen, since = healthy(), NOW - timedelta(hours=1)
    old = replace(seen.members["member-b"], seen_at=since, looked_at=since)
    found = summary(replace(seen, members={**seen.members, "member-b": old}))
    assert (found.clusters.good, found.clusters.total, found.clusters.known) == (2, 3, True)


def test_a_mesh_that_nobody_looked_at_is_unknown() -> None:
    found = current(Summary.from_json({}), now=NOW, period=PERIOD)
    assert (found.level, found.last, found.answered_at) == (Level.UNKNOWN, None, None)


def test_a_failed_rollout_counts_at_once_and_no_longer_once_dismissed() -> None:
    kept = summary(healthy())
    failed = current(kept, now=NOW, period=PERIOD, left=3)
    assert (failed.level, [part.state.code for part in failed.worst]) == (Level.WARN, ["mesh.rollout-failed"])
    assert current(kept, now=NOW, period=PERIOD).level is Level.GOOD
    busy = replace(healthy(), work=replace(healthy().work, failed="rollout", left=3))
    assert summary(busy).level is Level.GOOD


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order.ATTENTION, ["mesh-3", "mesh-10", "mesh-2", "new", "mesh-1"]),
        (Order.NAME, ["mesh-1", "mesh-2", "mesh-3", "mesh-10", "new"]),
        (Order.SILENCE, ["new", "mesh-3", "mesh-10", "mesh-1", "mesh-2"]),
    ],
)
def test_meshes_stand_by_attention_name_or_silence(order: Order, expected: list[str]) -> None:
    answered = {"mesh-1": 2, "mesh-2": 1, "mesh-3": 9, "mesh-10": 3}
    levels = {"mesh-1": Level.GOOD, "mesh-2": Level.WARN, "mesh-3": Level.BAD, "mesh-10": Level.BAD}
    meshes = {
        name: Summary(level=levels[name], answered_at=NOW - timedelta(minutes=ago)) for name, ago in answered.items()
    }
    assert ordered({**meshes, "new": Summary()}, order) == expected
