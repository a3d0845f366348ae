"""Joining is checked, published, followed by a guarded restart as the policy says, and proven on every replica."""

from __future__ import annotations

import pytest

from interconnect.domain.changes import CreateGateway, DeleteGroup, Remove
from interconnect.domain.topology import GatewayKey, GatewaySpec, RestartPolicy
from interconnect.rollouts.steps import control_plane
from interconnect.services import rollouts
from meshconsole.access.actor import Actor
from meshconsole.access.roles import Role
from meshconsole.audit.models import Entry
from tests.support.world import SYSTEM, B, C, World, refused, step

ADMIN, OPERATOR = Actor("ada", Role.MESH_ADMIN), Actor("omar", Role.OPERATOR)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_plane, "AUTOMATIC_SECONDS", 0.4)


def test_always_restarts_every_istiod(prepared: World) -> None:
    pods = set(prepared.fleet.mesh.istiods)
    prepared.do(prepared.join("green", B), restart=RestartPolicy.ALWAYS)
    assert pods.isdisjoint(prepared.fleet.mesh.istiods)


def test_automatic_restarts_nothing_that_picks_the_change_up(prepared: World) -> None:
    pods = set(prepared.fleet.mesh.istiods)
    rollout = prepared.do(prepared.join("green", B), restart=RestartPolicy.AUTOMATIC)
    assert step(rollout, "restart").status == "skipped"
    assert set(prepared.fleet.mesh.istiods) == pods
    assert prepared.networks == [{("green", prepared.address(B))}] * 2


def test_automatic_restarts_an_istiod_that_does_not_follow(prepared: World) -> None:
    prepared.fleet.mesh.configure(hot_reload=False)
    pods = set(prepared.fleet.mesh.istiods)
    rollout = prepared.do(prepared.join("green", B), restart=RestartPolicy.AUTOMATIC)
    assert step(rollout, "restart").status == "succeeded"
    assert pods.isdisjoint(prepared.fleet.mesh.istiods)
    assert prepared.networks == [{("green", prepared.address(B))}] * 2


def test_never_restarts_nothing_and_says_so_when_istiod_does_not_follow(prepared: World) -> None:
    prepared.fleet.mesh.configure(hot_reload=False)
    pods = set(prepared.fleet.mesh.istiods)
    rollout = prepared.do(prepared.join("green", B), restart=RestartPolicy.NEVER, ends="failed")
    failed = step(rollout, "verify")
    assert failed.error_code == "verify.mismatch"
    assert {finding["code"] for finding in failed.evidence["findings"]} == {"verify.missing"}
    assert set(prepared.fleet.mesh.istiods) == pods
    prepared.fleet.mesh.configure(hot_reload=True)
    for istiod in prepared.fleet.mesh.istiods.values():
        istiod.reload()
    prepared.retry(rollout)
    assert set(prepared.fleet.mesh.istiods) == pods


def test_what_was_skipped_once_is_not_owed_again(prepared: World) -> None:
    prepared.do(prepared.join("green", B), restart=RestartPolicy.NEVER)
    assert prepared.preview().empty


def test_a_dead_cluster_holds_the_restart_and_skipping_it_ends_the_removal(joined: World) -> None:
    joined.fleet.fault("member-a", "refuse")
    pods = set(joined.fleet.mesh.istiods)
    rollout = joined.do(Remove("green"), ends="failed")
    failed = step(rollout, "restart")
    assert (failed.error_code, failed.error_params["clusters"]) == ("restart.guard", ["member-a"])
    assert joined.networks == [set(), set()]
    joined.retry(rollout, guard="skip", actor=ADMIN)
    assert set(joined.fleet.mesh.istiods) == pods
    joined.fleet.fault("member-a", None)
    assert joined.preview().empty


def test_restarting_anyway_is_a_mesh_admins_and_audited(joined: World) -> None:
    joined.fleet.fault("member-a", "refuse")
    rollout = joined.do(Remove("green"), ends="failed")
    with refused("role.missing"):
        rollouts.rollout_retry(actor=OPERATOR, rollout=rollout, guard="force")
    pods = set(joined.fleet.mesh.istiods)
    joined.retry(rollout, guard="force", actor=ADMIN)
    assert pods.isdisjoint(joined.fleet.mesh.istiods)
    entry = Entry.objects.get(action="rollout.retry", outcome="accepted")
    assert (entry.actor, entry.params["guard"], entry.rollout_id) == ("ada", "force", str(rollout.id))


def test_a_retry_after_the_cluster_has_come_back_restarts(joined: World) -> None:
    joined.fleet.fault("member-a", "refuse")
    rollout = joined.do(Remove("green"), ends="failed")
    joined.fleet.fault("member-a", None)
    pods = set(joined.fleet.mesh.istiods)
    joined.retry(rollout)
    assert pods.isdisjoint(joined.fleet.mesh.istiods)


def test_a_group_whose_cluster_is_dead_is_left_out_and_the_others_join(prepared: World) -> None:
    address = prepared.join("red", C)
    prepared.fleet.fault("member-c", "refuse")
    rollout = prepared.do(prepared.join("green", B), address, ends="failed", guard="skip")
    assert step(rollout, "preflight", "group:green").status == "succeeded"
    failed = step(rollout, "preflight", "group:red")
    assert failed.error_code == "preflight.blocked"
    assert "preflight.no-answer" in failed.error_params["codes"]
    assert prepared.networks == [{("green", prepared.address(B))}] * 2
    prepared.fleet.fault("member-c", None)
    prepared.retry(rollout)
    assert prepared.networks == [{("green", prepared.address(B)), ("red", prepared.address(C))}] * 2


def test_a_finding_that_may_be_overridden_blocks_until_it_is(prepared: World) -> None:
    prepared.fleet.cluster("member-b").patch(
        "ConfigMap", "istio-ca-root-cert", {"data": {"root-cert.pem": "another"}}, SYSTEM
    )
    rollout = prepared.do(prepared.join("green", B), ends="failed")
    failed = step(rollout, "preflight")
    assert failed.error_params["codes"] == ["preflight.root-ca"]
    assert failed.error_params["final"] is False
    assert "networks" not in {each.kind for each in rollout.steps.filter(status="succeeded")}
    prepared.retry(rollout, accept=failed.error_params["tokens"], actor=ADMIN)
    assert prepared.networks == [{("green", prepared.address(B))}] * 2


def test_networks_that_istiod_would_refuse_block_for_good(prepared: World) -> None:
    broken = "networks:\n  theirs:\n    gateways:\n    - address: 192.0.2.9\n      port: 0\n"
    prepared.fleet.cluster("hub").patch(
        "ConfigMap", "istio", {"data": {"meshNetworks": broken}}, SYSTEM, manager="helm"
    )
    rollout = prepared.do(prepared.join("green", B), ends="failed")
    failed = step(rollout, "preflight")
    assert failed.error_params["codes"] == ["preflight.networks.there"]
    assert failed.error_params["final"] is True
    assert prepared.config_map["data"]["meshNetworks"] == broken


def test_warnings_are_kept_and_block_nothing(prepared: World) -> None:
    rollout = prepared.do(prepared.join("red", C))
    codes = {finding["code"] for finding in step(rollout, "preflight").evidence["findings"]}
    assert {"preflight.stale-pods", "preflight.services-unlisted"} <= codes
    assert {finding["severity"] for finding in step(rollout, "preflight").evidence["findings"]} == {"warning"}


def test_a_dead_member_fails_its_own_chain_by_name_and_the_others_finish(prepared: World) -> None:
    prepared.fleet.fault("member-c", "refuse")
    keys = {letter: GatewayKey(f"member-{letter}", 2) for letter in "ac"}
    second = [
        CreateGateway(key, f"00000000-0000-4000-8000-0000000000{letter}2", GatewaySpec())
        for letter, key in keys.items()
    ]
    rollout = prepared.do(*second, ends="failed")
    assert step(rollout, "gateway", prepared.row("member-a").uid).status == "succeeded"
    failed = step(rollout, "gateway", prepared.row("member-c").uid)
    assert (failed.status, failed.error_code) == ("failed", "kube.unreachable")
    prepared.fleet.fault("member-c", None)
    prepared.retry(rollout)


def test_a_group_is_withdrawn_only_after_no_replica_knows_it(joined: World) -> None:
    joined.fleet.mesh.configure(hot_reload=False)
    rollout = joined.do(Remove("green"), DeleteGroup("green"), restart=RestartPolicy.NEVER, ends="failed")
    assert step(rollout, "verify").error_code == "verify.mismatch"
    assert step(rollout, "gateway-delete").error_code == "step.not-verified"
    assert joined.fleet.cluster("member-b").get("Deployment", "eastwest-member-b-1", SYSTEM) is not None
    joined.fleet.mesh.configure(hot_reload=True)
    for istiod in joined.fleet.mesh.istiods.values():
        istiod.reload()
    joined.retry(rollout)
    assert joined.fleet.cluster("member-b").get("Deployment", "eastwest-member-b-1", SYSTEM) is None
