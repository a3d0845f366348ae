"""Who may start, retry, cancel and revert what, and what each request leaves behind."""

from __future__ import annotations

import threading

import pytest
from django.db import connections

from interconnect.domain.changes import (
    Change,
    CreateGroup,
    DeleteGateway,
    DeleteGroup,
    Enable,
    Join,
    MoveCluster,
    Remove,
    UpdateAddresses,
)
from interconnect.domain.refusal import Refused
from interconnect.domain.topology import Address
from interconnect.models import AppliedEntry, Cluster, Rollout, RolloutStatus
from interconnect.services import rollouts, workloads
from interconnect.services.clusters import cluster_forget, cluster_pod_cidrs, cluster_unregister
from meshconsole.access.actor import Actor
from meshconsole.access.roles import Role
from meshconsole.audit.models import Entry
from tests.support.world import ROOT, SYSTEM, A, B, World, refused, step

VIEWER, OPERATOR, ADMIN = (Actor(role.slug, role) for role in (Role.VIEWER, Role.OPERATOR, Role.MESH_ADMIN))


def entries(rollout: Rollout) -> list[tuple[str, str]]:
    return [(entry.action, entry.outcome) for entry in Entry.objects.filter(rollout_id=str(rollout.id)).order_by("id")]


def token(refusal: Refused) -> str:
    return refusal.violations[0].token


def test_a_rollout_leaves_one_entry_for_the_request_and_one_for_its_end(world: World) -> None:
    rollout = world.do(Enable(), actor=ADMIN)
    assert entries(rollout) == [("rollout.start", "accepted"), ("rollout.succeeded", "ended")]
    assert Entry.objects.filter(action="rollout.start").get().params["changes"] == [{"change": "Enable"}]


def test_a_refused_request_leaves_one_entry_with_every_reason_and_changes_nothing(world: World) -> None:
    before = world.mesh.revision
    with refused("interconnect.disabled"):
        world.start(CreateGroup("blue", frozenset({"member-a"})))
    entry = Entry.objects.latest("id")
    assert (entry.action, entry.outcome) == ("rollout.start", "refused")
    assert [reason["code"] for reason in entry.params["reasons"]] == ["interconnect.disabled"]
    assert world.topology.enabled is False
    assert world.mesh.revision == before
    assert not Rollout.objects.exists()


def test_an_operator_groups_and_makes_gateways_and_joins_nothing(prepared: World) -> None:
    changes: list[Change] = [Enable(), Join("green", (Address("203.0.113.1"),)), DeleteGroup("blue")]
    for change in changes:
        with refused("role.missing"):
            prepared.start(change, actor=OPERATOR)
    with refused("role.missing"):
        prepared.start(DeleteGateway(A), actor=VIEWER)
    prepared.do(DeleteGateway(A), actor=OPERATOR)


def test_addresses_may_be_updated_by_an_operator(joined: World) -> None:
    joined.do(UpdateAddresses("green", (Address("203.0.113.77"),)), actor=OPERATOR)
    assert joined.networks == [{("green", "203.0.113.77")}] * 2


def test_force_and_overrides_are_a_mesh_admins(prepared: World) -> None:
    with refused("role.missing"):
        prepared.start(DeleteGateway(A), actor=OPERATOR, guard="force")
    with refused("role.missing"):
        prepared.start(DeleteGateway(A), actor=OPERATOR, accept=["group.overlap:123456789012"])


def test_clusters_whose_pod_cidrs_surely_overlap_are_grouped_only_knowingly(world: World) -> None:
    for name in ("member-a", "member-b"):
        cluster_pod_cidrs(actor=ADMIN, cluster=world.row(name), pod_cidrs=("10.50.0.0/16",))
    changes = [Enable(), *world.group(blue=("member-a", "member-b"))]
    with pytest.raises(Refused) as refusal:
        world.start(*changes, actor=ADMIN)
    assert refusal.value.violations[0].code == "group.overlap"
    rollout = world.do(*changes, actor=ADMIN, accept=[token(refusal.value)])
    assert rollout.overrides == [token(refusal.value)]
    assert Entry.objects.filter(action="rollout.start", outcome="accepted").get().params["accept"] == [
        token(refusal.value)
    ]


def test_a_change_that_was_planned_on_an_older_mesh_is_refused(prepared: World) -> None:
    seen = prepared.topology and prepared.mesh.revision
    prepared.do(DeleteGateway(A))
    with refused("mesh.moved-on"):
        prepared.start(DeleteGateway(B), revision=seen)


def test_a_second_rollout_is_refused_and_names_the_running_one(prepared: World) -> None:
    running = prepared.start(DeleteGateway(A), actor=OPERATOR)
    with pytest.raises(Refused) as refusal:
        prepared.start(DeleteGateway(B))
    (violation,) = refusal.value.violations
    assert (violation.code, violation.params) == ("rollout.running", {"rollout": str(running.id), "actor": "operator"})
    assert set(prepared.topology.gateways) >= {B}
    prepared.finish(running)


def test_of_two_at_once_one_starts(prepared: World) -> None:
    outcomes: list[str] = []
    gate = threading.Barrier(2)

    def attempt(change: Change) -> None:
        try:
            gate.wait()
            prepared.start(change)
            outcomes.append("started")
        except Refused as refusal:
            outcomes.append(refusal.violations[0].code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=attempt, args=(DeleteGateway(key),)) for key in (A, B)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("started") == 1, outcomes
    assert set(outcomes) <= {"started", "rollout.running", "mesh.moved-on"}
    assert len(prepared.topology.gateways) == 2


def test_a_cancelled_rollout_begins_nothing_more_and_can_be_retried(prepared: World) -> None:
    rollout = prepared.start(DeleteGateway(A))
    rollouts.rollout_cancel(actor=OPERATOR, rollout=rollout)
    prepared.finish(rollout, "cancelled")
    assert rollouts.not_applied(prepared.mesh) == (1, 1)
    assert sorted(entries(rollout)) == [
        ("rollout.cancel", "accepted"),
        ("rollout.cancelled", "ended"),
        ("rollout.start", "accepted"),
    ]
    prepared.retry(rollout, actor=OPERATOR)
    assert rollouts.not_applied(prepared.mesh) == (0, 1)
    assert prepared.fleet.cluster("member-a").get("Deployment", "eastwest-member-a-1", "istio-system") is None


def test_what_has_ended_is_neither_cancelled_nor_retried(world: World) -> None:
    rollout = world.do(Enable())
    with refused("rollout.ended"):
        rollouts.rollout_cancel(actor=ADMIN, rollout=rollout)
    with refused("rollout.not-failed"):
        rollouts.rollout_retry(actor=ADMIN, rollout=rollout)


def test_only_the_newest_change_is_retried(prepared: World) -> None:
    rollout = prepared.start(DeleteGateway(A))
    rollouts.rollout_cancel(actor=ROOT, rollout=rollout)
    prepared.do(DeleteGateway(B))
    with refused("rollout.superseded"):
        rollouts.rollout_retry(actor=ADMIN, rollout=rollout)
    assert prepared.fleet.cluster("member-a").get("Deployment", "eastwest-member-a-1", "istio-system") is None


def test_retry_and_cancel_need_the_role_of_the_change(prepared: World) -> None:
    rollout = prepared.start(prepared.join("green", B), actor=ADMIN)
    with refused("role.missing"):
        rollouts.rollout_cancel(actor=OPERATOR, rollout=rollout)
    rollouts.rollout_cancel(actor=ADMIN, rollout=rollout)
    with refused("role.missing"):
        rollouts.rollout_retry(actor=OPERATOR, rollout=rollout)


def test_a_new_change_starts_only_if_its_actor_may_also_do_the_rest(prepared: World) -> None:
    rollout = prepared.start(prepared.join("green", B), actor=ADMIN)
    rollouts.rollout_cancel(actor=ADMIN, rollout=rollout)
    with pytest.raises(Refused) as refusal:
        prepared.start(DeleteGateway(A), actor=OPERATOR)
    violation = refusal.value.violations[0]
    assert violation.code == "rollout.leftovers"
    assert violation.params == {"role": "mesh-admin", "rollout": str(rollout.id), "actor": "mesh-admin"}
    assert A in prepared.topology.gateways
    prepared.do(DeleteGateway(A), actor=ADMIN)
    assert prepared.networks == [{("green", prepared.address(B))}] * 2


def test_what_an_operator_left_undone_hinders_no_operator(prepared: World) -> None:
    rollouts.rollout_cancel(actor=ROOT, rollout=prepared.start(DeleteGateway(A), actor=OPERATOR))
    prepared.do(DeleteGateway(B), actor=OPERATOR)


def test_a_revert_leads_back_to_the_topology_before(prepared: World) -> None:
    before = prepared.topology
    prepared.do(prepared.join("green", B))
    rollout = prepared.finish(rollouts.rollout_revert(actor=ADMIN, start=rollouts.Start(prepared.mesh)))
    assert prepared.topology == before
    assert prepared.networks == [set(), set()]
    assert entries(rollout)[0] == ("rollout.revert", "accepted")


def test_a_revert_that_takes_something_away_needs_a_word(joined: World) -> None:
    with refused("cli.removal"):
        rollouts.rollout_revert(actor=ADMIN, start=rollouts.Start(joined.mesh), allow_removal=False)


def test_there_is_nothing_to_revert_before_the_first_change(world: World) -> None:
    with refused("rollout.nothing-to-revert"):
        rollouts.rollout_revert(actor=ADMIN, start=rollouts.Start(world.mesh))
    assert Entry.objects.latest("id").action == "rollout.revert"


def test_a_failed_rollout_can_be_dismissed(prepared: World) -> None:
    rollout = prepared.start(DeleteGateway(A))
    rollouts.rollout_cancel(actor=ROOT, rollout=rollout)
    Rollout.objects.filter(id=rollout.id).update(status=RolloutStatus.FAILED)
    with refused("role.missing"):
        rollouts.rollout_dismiss(actor=VIEWER, rollout=rollout)
    rollouts.rollout_dismiss(actor=OPERATOR, rollout=rollout)
    rollout.refresh_from_db()
    assert rollout.dismissed_at is not None


def test_stale_workloads_are_counted_and_restarted(prepared: World) -> None:
    rows = [prepared.row(name) for name in ("member-a", "member-c")]
    counted = workloads.stale_workloads(prepared.mesh, rows)
    assert (counted["member-a"].total, counted["member-a"].total_unlabelled) == (0, 2)
    assert (counted["member-c"].total, counted["member-c"].total_unlabelled) == (2, 0)
    rollout = prepared.finish(workloads.workloads_restart(actor=OPERATOR, mesh=prepared.mesh))
    assert {each.chain for each in rollout.steps.all()} == {row.uid for row in rows} | {prepared.row("member-b").uid}
    after = workloads.stale_workloads(prepared.mesh, rows)
    assert [(item.total, item.total_unlabelled) for item in after.values()] == [(0, 0), (0, 0)]
    with refused("workloads.none"):
        workloads.workloads_restart(actor=OPERATOR, mesh=prepared.mesh)


def test_workloads_of_a_joined_group_are_restarted_by_a_mesh_admin(joined: World) -> None:
    with refused("workloads.joined"):
        workloads.workloads_restart(actor=OPERATOR, mesh=joined.mesh, group="green")
    with refused("workloads.none"):
        workloads.workloads_restart(actor=ADMIN, mesh=joined.mesh, group="no-such-group")
    joined.finish(workloads.workloads_restart(actor=ADMIN, mesh=joined.mesh, group="green"))


def test_a_restart_of_workloads_excludes_only_changes_of_its_clusters_group(prepared: World) -> None:
    restart = workloads.workloads_restart(actor=OPERATOR, mesh=prepared.mesh, cluster="member-c")
    with pytest.raises(Refused) as refusal:
        prepared.start(MoveCluster("member-c", "blue"), DeleteGroup("red"))
    assert refusal.value.violations[0].code == "rollout.workloads-running"
    assert refusal.value.violations[0].params["clusters"] == ["member-c"]
    moving = prepared.start(DeleteGateway(A))
    prepared.finish(restart)
    prepared.finish(moving)


def test_a_dead_cluster_is_not_counted_and_does_not_hinder_the_restart_of_others(prepared: World) -> None:
    prepared.fleet.fault("member-c", "refuse")
    rollout = prepared.finish(workloads.workloads_restart(actor=OPERATOR, mesh=prepared.mesh))
    assert prepared.row("member-c").uid not in {each.chain for each in rollout.steps.all()}
    assert step(rollout, "stale", prepared.row("member-a").uid).status == "succeeded"


def test_removal_is_a_mesh_admins_also_while_the_group_is_joined(joined: World) -> None:
    with refused("cluster.group.joined"):
        joined.start(DeleteGateway(B), actor=OPERATOR)
    with refused("role.missing"):
        joined.start(Remove("green"), actor=OPERATOR)
    assert joined.start(Remove("green"), actor=ADMIN).status == "queued"


def test_what_operators_and_admins_left_undone_needs_the_higher_of_their_roles(prepared: World) -> None:
    joining = prepared.start(prepared.join("green", B), actor=ADMIN)
    rollouts.rollout_cancel(actor=ADMIN, rollout=joining)
    rollouts.rollout_cancel(actor=ADMIN, rollout=prepared.start(DeleteGateway(A), actor=ADMIN))
    with pytest.raises(Refused) as refusal:
        prepared.start(UpdateAddresses("green", (Address("203.0.113.5"),)), actor=OPERATOR)
    assert refusal.value.violations[0].params["rollout"] == str(joining.id)


def test_restoring_the_meshs_own_objects_needs_a_mesh_admin_restoring_a_gateway_an_operator(joined: World) -> None:
    joined.fleet.cluster("member-b").delete("Service", "eastwest-member-b-1", "istio-system")
    joined.finish(rollouts.drift_restore(actor=OPERATOR, mesh=joined.mesh, live=joined.preview().live))
    joined.fleet.cluster("hub").delete("Gateway", "cross-network-gateway", "istio-system")
    live = joined.preview().live
    with refused("role.missing"):
        rollouts.drift_restore(actor=OPERATOR, mesh=joined.mesh, live=live)
    rollout = rollouts.drift_restore(actor=ADMIN, mesh=joined.mesh, live=live)
    with refused("role.missing"):
        rollouts.rollout_cancel(actor=OPERATOR, rollout=rollout)
    joined.finish(rollout)
    assert joined.fleet.cluster("hub").get("Gateway", "cross-network-gateway", "istio-system") is not None


def test_a_restart_of_a_joined_groups_workloads_is_cancelled_by_a_mesh_admin(joined: World) -> None:
    rollout = workloads.workloads_restart(actor=ADMIN, mesh=joined.mesh, group="green")
    with refused("role.missing"):
        rollouts.rollout_cancel(actor=OPERATOR, rollout=rollout)
    rollouts.rollout_cancel(actor=ADMIN, rollout=rollout)


def test_a_cluster_whose_workloads_are_being_restarted_is_not_forgotten(prepared: World) -> None:
    rollout = workloads.workloads_restart(actor=ADMIN, mesh=prepared.mesh, cluster="member-c")
    with pytest.raises(Refused) as refusal:
        cluster_forget(actor=ADMIN, cluster=prepared.row("member-c"), confirmation="member-c")
    assert refusal.value.violations[0].params["rollout"] == str(rollout.id)
    cluster_forget(actor=ADMIN, cluster=prepared.row("member-a"), confirmation="member-a")


def test_a_failed_rollout_can_still_be_retried_after_something_was_restored(prepared: World) -> None:
    prepared.fleet.fault("hub", "500", resource="configmaps", methods=["PUT"])
    failed = prepared.do(prepared.join("green", B), ends="failed")
    prepared.fleet.fault("hub", None)
    prepared.fleet.cluster("member-a").patch(
        "Namespace", SYSTEM, {"metadata": {"labels": {"topology.istio.io/network": None}}}
    )
    revision = prepared.mesh.revision
    prepared.restore()
    prepared.mesh.refresh_from_db()
    assert prepared.mesh.revision == revision
    prepared.retry(failed)


def test_a_config_cluster_leaves_as_a_member_while_the_rule_stands(world: World) -> None:
    uid = world.mesh.config_uid
    world.do(Enable())
    row = world.row("member-a")
    # As if the config cluster were registered as a member too.
    Cluster.objects.filter(id=row.id).update(uid=uid)
    cluster_unregister(actor=ADMIN, cluster=world.row("member-a"))
    assert "member-a" not in world.topology.clusters
    assert AppliedEntry.objects.filter(mesh=world.mesh, cluster_uid=uid, kind="Gateway", archived=False).exists()
