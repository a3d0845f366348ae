"""What looks saw, stored for many clusters at once: each whole, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.utils import timezone

from interconnect.domain.seen import ControlPlane, ControlPlaneSeen, GatewaySeen, MemberDetails, MemberSeen, RuleSeen
from interconnect.domain.violations import Violation
from interconnect.models import Cluster, ClusterObservation, Gateway, GatewayObservation, Mesh, MeshObservation
from interconnect.state import observed
from interconnect.state.observed import DetailsLook, MemberLook
from tests.models.conftest import new_cluster, new_mesh
from tests.support.statements import counted

if TYPE_CHECKING:
    from uuid import UUID

NOON = datetime(2020, 5, 4, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
SILENT = Violation("kube.timeout", {"phase": "answer"})


@pytest.fixture
def clusters(transactional_db: None) -> list[Cluster]:
    """A dozen clusters of one mesh, with a gateway each."""
    mesh = new_mesh()
    rows = [new_cluster(mesh, f"member-{number}") for number in range(12)]
    for row in rows:
        Gateway.objects.create(cluster=row, number=1, name=f"eastwest-{row.name}-1")
    return rows


def gateway_of(cluster: Cluster) -> Gateway:
    return Gateway.objects.get(cluster=cluster)


def looks(clusters: list[Cluster], at: datetime, *, available: int = 1, network: str = "blue") -> list[MemberLook]:
    """One look at each cluster, a second apart."""
    return [
        MemberLook(
            row.id,
            MemberSeen(
                namespace=True,
                network=network,
                gateways={str(gateway_of(row).id): GatewaySeen(present=True, replicas=1, available=available)},
            ),
            at + timedelta(seconds=number),
        )
        for number, row in enumerate(clusters)
    ]


def told() -> dict[UUID, tuple[str, datetime | None]]:
    """The network that each cluster was last seen with, and when."""
    rows = ClusterObservation.objects.values_list("cluster_id", "facts", "at")
    return {cluster: (facts.get("network"), at) for cluster, facts, at in rows}


def test_looks_at_many_clusters_are_stored_in_one_transaction_of_few_statements(clusters: list[Cluster]) -> None:
    found = looks(clusters, NOON)
    with counted() as statements:
        assert observed.note_members(found) == frozenset()
    assert (len(statements.told), statements.commits) == (4, 1), statements.told
    assert told() == {each.cluster: ("blue", each.at) for each in found}
    assert GatewayObservation.objects.filter(facts__available=1).count() == 12


def test_where_only_the_time_is_new_only_the_time_is_written(clusters: list[Cluster]) -> None:
    observed.note_members(looks(clusters, NOON))
    again = looks(clusters, LATER)
    with counted() as statements:
        observed.note_members(again)
    written = [text.split("DO UPDATE SET")[1] for text in statements.told if "DO UPDATE SET" in text]
    assert len(written) == 2
    assert not [text for text in written if '"facts"' in text or '"standing"' in text]
    assert told() == {each.cluster: ("blue", each.at) for each in again}
    assert set(GatewayObservation.objects.values_list("at", flat=True)) == {each.at for each in again}


def test_what_has_changed_is_written_beside_what_has_not(clusters: list[Cluster]) -> None:
    observed.note_members(looks(clusters, NOON))
    found = looks(clusters, LATER)[:9] + looks(clusters, LATER, network="green", available=0)[9:]
    with counted() as statements:
        doubtful = observed.note_members(found)
    assert len(statements.told) == 6, statements.told
    assert doubtful == {row.id for row in clusters[9:]}
    networks = told()
    assert [networks[row.id][0] for row in clusters] == ["blue"] * 9 + ["green"] * 3
    observed.note_members(found)
    readiness = dict(GatewayObservation.objects.values_list("gateway__cluster", "facts__available"))
    assert [readiness[row.id] for row in clusters] == [1] * 9 + [0] * 3


def test_silence_among_answers_keeps_what_was_said_before(clusters: list[Cluster]) -> None:
    observed.note_members(looks(clusters, NOON))
    silent = MemberLook(clusters[0].id, MemberSeen(failure=SILENT), LATER)
    assert observed.note_members([silent, *looks(clusters, LATER)[1:]]) == {clusters[0].id}
    row = ClusterObservation.objects.get(cluster=clusters[0])
    assert (row.at, row.answered_at, row.facts["network"], row.error_code) == (LATER, NOON, "blue", "timeout")


def failure_of(cluster: Cluster) -> str:
    """The code of the failure that counts; empty where the cluster answers."""
    failure = observed.member_of(ClusterObservation.objects.get(cluster=cluster)).failure
    return failure.code if failure else ""


def test_a_refusal_outlasts_one_lost_answer_and_ends_with_the_first_good_one(clusters: list[Cluster]) -> None:
    (cluster, *_others), at = clusters, NOON

    def then(failure: Violation | None) -> tuple[str, bool]:
        nonlocal at
        at += timedelta(minutes=1)
        doubtful = observed.note_members([MemberLook(cluster.id, MemberSeen(failure=failure), at)])
        return failure_of(cluster), bool(doubtful)

    refused = Violation("kube.unauthorized")
    assert then(None) == ("", False)
    assert then(refused) == ("kube.unauthorized", False)
    assert then(SILENT) == ("kube.unauthorized", True)
    assert then(refused) == ("kube.unauthorized", False)
    assert then(SILENT) == ("kube.unauthorized", True)
    assert then(SILENT) == ("kube.timeout", False)
    assert then(refused) == ("kube.unauthorized", False)
    assert then(SILENT) == ("kube.unauthorized", True)
    assert then(None) == ("", False)


def test_a_cluster_that_another_look_has_taken_over_is_left_out_alone(clusters: list[Cluster]) -> None:
    observed.note_members(looks(clusters, NOON))
    ClusterObservation.objects.update(lease_owner="mine", lease_until=LATER)
    ClusterObservation.objects.filter(cluster=clusters[0]).update(lease_owner="theirs")
    observed.note_members(looks(clusters, LATER, network="green"), owner="mine")
    networks = told()
    assert [networks[row.id][0] for row in clusters] == ["blue"] + ["green"] * 11
    assert list(ClusterObservation.objects.exclude(lease_owner="").values_list("cluster")) == [(clusters[0].id,)]


def test_a_look_that_began_before_the_latest_one_is_left_out_alone(clusters: list[Cluster]) -> None:
    observed.note_members(looks(clusters, LATER)[:1])
    late = looks(clusters, NOON, network="green", available=0)
    assert observed.note_members(late) == {clusters[0].id}
    networks = told()
    assert [networks[row.id][0] for row in clusters] == ["blue"] + ["green"] * 11
    available = dict(GatewayObservation.objects.values_list("gateway__cluster", "facts__available"))
    assert [available[row.id] for row in clusters] == [1] + [0] * 11


def test_a_look_that_began_before_a_step_noted_something_is_left_out_and_gives_its_lease_back(
    clusters: list[Cluster],
) -> None:
    observed.note_members(looks(clusters, NOON))
    ClusterObservation.objects.update(lease_owner="mine", lease_until=LATER)
    found = looks(clusters, timezone.now(), network="green")
    (noted, ended, *others) = clusters
    observed.note_webhooks(noted, [])
    with transaction.atomic():
        observed.note_work(ended.mesh_id, [ended.uid])
    before = [each._replace(at=each.at - timedelta(minutes=1)) for each in found]
    assert observed.note_members(before, owner="mine") == {noted.id, ended.id}
    networks = told()
    assert [networks[row.id][0] for row in clusters] == ["blue"] * 2 + ["green"] * len(others)
    assert not ClusterObservation.objects.exclude(lease_owner="").exists()


def test_a_step_says_nothing_about_what_it_has_not_read(clusters: list[Cluster]) -> None:
    refused = MemberLook(clusters[0].id, MemberSeen(failure=Violation("kube.unauthorized")), LATER)
    observed.note_members(looks(clusters, NOON))
    observed.note_members([refused])
    observed.note_webhooks(clusters[0], [])
    member = observed.member_of(ClusterObservation.objects.get(cluster=clusters[0]))
    assert (member.seen_at, member.looked_at, member.failure) == (NOON, LATER, None)
    assert member.awaits_look
    observed.note_webhooks(clusters[1], [])
    observed.note_members(looks(clusters, timezone.now()))
    member = observed.member_of(ClusterObservation.objects.get(cluster=clusters[1]))
    assert not member.awaits_look


def plane(mesh: Mesh) -> ControlPlane:
    return observed.control_plane_of(MeshObservation.objects.get(mesh=mesh), (), {})


def test_a_look_at_the_control_plane_that_began_before_what_is_known_is_left_out(clusters: list[Cluster]) -> None:
    mesh, now = clusters[0].mesh, timezone.now()
    changed = ControlPlaneSeen(rule=RuleSeen(present=False))
    assert not observed.note_control_plane(mesh, changed, at=LATER)
    assert observed.note_control_plane(mesh, ControlPlaneSeen(failure=SILENT), at=NOON)
    assert (plane(mesh).looked_at, plane(mesh).seen.rule) == (LATER, RuleSeen(present=False))
    observed.note_rule(mesh)
    seen = plane(mesh)
    assert (seen.looked_at, seen.seen_at, seen.seen.rule) == (LATER, LATER, RuleSeen(present=True))
    assert seen.rule_at is not None
    assert seen.rule_at >= now
    assert observed.note_control_plane(mesh, changed, at=now)
    assert plane(mesh).seen.rule == RuleSeen(present=True)
    assert not observed.note_control_plane(mesh, changed, at=timezone.now())
    assert plane(mesh).seen.rule == RuleSeen(present=False)


def test_what_went_while_it_was_looked_at_is_left_out_alone(clusters: list[Cluster]) -> None:
    observed.note_members(looks(clusters, NOON))
    ClusterObservation.objects.update(lease_owner="mine", lease_until=LATER)
    found = looks(clusters, LATER, network="green")
    Gateway.objects.filter(cluster__in=clusters[:2]).delete()
    clusters[0].delete()
    observed.note_members(found, owner="mine")
    assert {network for network, _at in told().values()} == {"green"}
    assert ClusterObservation.objects.count() == 11
    assert GatewayObservation.objects.count() == 10


def test_slow_looks_at_many_clusters_are_stored_in_one_statement(clusters: list[Cluster]) -> None:
    observed.note_members(looks(clusters, NOON))
    with counted() as statements:
        observed.note_details([DetailsLook(row.id, MemberDetails(version=row.name), LATER) for row in clusters])
    assert len(statements.told) == 1, statements.told
    rows = ClusterObservation.objects.values_list("details__version", "details_at", "facts__network")
    assert set(rows) == {(row.name, LATER, "blue") for row in clusters}
