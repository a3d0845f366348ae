"""Every command and flag, with the exit code that a pipeline acts on."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from django.apps import apps
from django.contrib.auth import get_user_model
from django.utils import timezone

from interconnect.cli import following
from interconnect.domain.accounts import Place, script
from interconnect.domain.changes import EditGateway
from interconnect.domain.topology import GatewaySpec
from interconnect.models import ClusterObservation, Mesh, MeshObservation, Rollout
from interconnect.scope import scope_of
from interconnect.services.clusters import cluster_forget
from interconnect.wording import word
from meshconsole.access.models import Binding
from meshconsole.access.roles import Role
from meshconsole.audit.models import Entry
from simulator import world as simulated
from simulator.policies import Policy
from tests.support.world import ROOT, SYSTEM, B, C

if TYPE_CHECKING:
    from tests.cli.support import Shell

OK, REFUSED, CHANGES, FAILED, PENDING, CRITICAL = 0, 1, 2, 3, 4, 5
JOINED = [{"gateway": "member-b/1"}]


def rows() -> dict[str, int]:
    models = [model for app in ("interconnect", "audit") for model in apps.get_app_config(app).get_models()]
    return {model.__name__: model._default_manager.count() for model in models}


def groups(shell: Shell, **changes: Any) -> dict[str, Any]:
    """The groups of the file, with whole groups or (as a mapping) single keys of one changed."""
    content = copy.deepcopy(shell.content["groups"])
    for name, change in changes.items():
        if change is None:
            del content[name]
        else:
            content[name] = {**content.get(name, {}), **change}
    return {name: {key: value for key, value in group.items() if value is not None} for name, group in content.items()}


def user(name: str, role: Role | None) -> None:
    account = get_user_model().objects.create_user(username=name)
    if role:
        scope = "" if role is Role.PLATFORM_ADMIN else scope_of(Mesh.objects.get().id)
        Binding.objects.create(user=account, role=role, scope=scope)


def test_a_file_becomes_a_mesh_and_the_file_again(shell: Shell) -> None:
    file = shell.file(groups=groups(shell, green={"joined": JOINED}))
    before = rows()
    plan = shell("plan", file, ends=CHANGES)
    assert "Register mesh prod" in plan.out
    assert rows() == before
    shell("apply", file, ends=OK)
    address = shell.world.fleet.cluster("member-b").get("Service", "eastwest-member-b-1", SYSTEM)
    assert address is not None
    assert [dict(known) for known in shell.world.networks] == [
        {"green": address["status"]["loadBalancer"]["ingress"][0]["ip"]}
    ] * 2
    assert shell("plan", file, ends=OK).out == "Nothing to do.\n"
    assert "Nothing to do." in shell("apply", file, ends=OK).out
    exported = shell("export", "prod", ends=OK).out
    assert "kubeconfig" not in exported
    assert shell("plan", "-", stdin=exported, ends=OK).out == "Nothing to do.\n"
    assert str(shell.folder) not in exported
    assert Rollout.objects.get().actor.startswith("cli:")


def test_a_plan_after_apply_is_empty_under_a_policy_that_lowers_limits(shell: Shell) -> None:
    pointer = "/spec/template/spec/containers/0/resources/limits/cpu"
    shell.world.fleet.cluster("member-b").cluster.policies = (Policy("deployments", "eastwest-", {pointer: "250m"}),)
    file = shell.file()
    made = shell("apply", file, ends=OK)
    field = ".spec.template.spec.containers[name=istio-proxy].resources.limits.cpu"
    assert f"the cluster changes {field} to 250m" in made.out
    assert shell("plan", file, ends=OK).out == "Nothing to do.\n"
    assert "Nothing to do." in shell("apply", file, ends=OK).out
    assert Rollout.objects.count() == 1


def test_a_plan_shows_steps_writes_and_what_differs_and_stores_nothing(at_work: Shell) -> None:
    before = rows()
    file = at_work.file(groups=groups(at_work, blue={"gateways": {"member-a/1": {"replicas": 3}}}))
    plan = at_work("plan", file, ends=CHANGES)
    assert "Edit east-west gateway member-a/1" in plan.out
    assert ".spec.replicas: 1 -> 3" in plan.out
    document = at_work("plan", file, "--json", ends=CHANGES).document
    assert document["changes"][0]["change"] == "EditGateway"
    assert {write["target"]["kind"] for write in document["writes"]} == {"Deployment", "PodDisruptionBudget"}
    assert rows() == before
    assert at_work.world.deployment(B)["spec"]["replicas"] == 1


def test_events_are_one_json_document_a_line(at_work: Shell) -> None:
    file = at_work.file(groups=groups(at_work, blue={"gateways": {"member-a/1": {"replicas": 2}}}))
    events = at_work("apply", file, "--json", ends=OK).events
    assert events[0]["event"] == "rollout"
    assert events[-1] == {"event": "ended", "rollout": events[0]["rollout"], "status": "succeeded"}
    assert {"gateway", "address"} <= {event["kind"] for event in events if event["event"] == "step"}


def test_what_takes_something_away_needs_a_flag(at_work: Shell) -> None:
    file = at_work.file(groups=groups(at_work, green={"joined": None}, red=None))
    said = at_work("apply", file, ends=REFUSED).err
    assert "Remove green from the interconnect" in said
    assert "Delete network group red" in said
    assert "--allow-removal" in said
    at_work("apply", file, "--allow-removal", ends=OK)
    assert at_work.world.networks == [set(), set()]
    at_work("apply", at_work.file(enabled=False, groups={}), "--allow-removal", ends=OK)
    assert at_work.world.topology.enabled is False


def test_a_file_that_was_written_for_an_older_mesh_is_refused(at_work: Shell) -> None:
    revision = at_work.world.topology and at_work.world.mesh.revision
    said = at_work("plan", at_work.file(revision=revision - 1), ends=REFUSED)
    assert "mesh.yaml:" in said.err
    at_work("plan", at_work.file(revision=revision), ends=OK)


def test_an_overlap_is_accepted_by_its_token(shell: Shell) -> None:
    clusters = {
        name: {"kubeconfig": f"{name}.kubeconfig", "pod_cidrs": ["10.9.0.0/16"]} for name in ("member-a", "member-b")
    }
    file = shell.file(clusters=clusters, groups={"blue": {"clusters": ["member-a", "member-b"]}})
    plan = shell("plan", file, "--json", ends=REFUSED).document
    (refusal,) = plan["refusals"]
    assert refusal["code"] == "group.overlap"
    assert f"--accept {refusal['token']}" in shell("apply", file, ends=REFUSED).err
    assert not Mesh.objects.exists()
    shell("plan", file, "--accept", refusal["token"], ends=CHANGES)
    shell("apply", file, "--accept", refusal["token"], ends=OK)
    assert shell("plan", file, ends=OK).out == "Nothing to do.\n"


def test_pod_cidrs_of_the_file_count_for_the_groups_of_the_same_file(at_work: Shell) -> None:
    clusters = {name: {"pod_cidrs": ["10.9.0.0/16"]} for name in ("member-a", "member-c")}
    file = at_work.file(
        clusters=clusters, groups=groups(at_work, blue={"clusters": ["member-a", "member-c"]}, red=None)
    )
    assert "group.overlap" in {
        refusal["code"] for refusal in at_work("plan", file, "--json", ends=REFUSED).document["refusals"]
    }


def test_a_user_acts_with_the_users_own_rights(at_work: Shell) -> None:
    for name, role in (("vera", Role.VIEWER), ("omar", Role.OPERATOR), ("ada", Role.MESH_ADMIN)):
        user(name, role)
    gateways = at_work.file(groups=groups(at_work, blue={"gateways": {"member-a/1": {"replicas": 2}}}))
    assert "operator" in at_work("apply", gateways, "--user", "vera", ends=REFUSED).err
    at_work("apply", gateways, "--user", "omar", ends=OK)
    at_work.content["groups"] = groups(at_work, blue={"gateways": {"member-a/1": {"replicas": 2}}})
    joining = at_work.file(groups=groups(at_work, red={"joined": [{"gateway": "member-c/1"}]}))
    assert "mesh admin" in at_work("apply", joining, "--user", "omar", ends=REFUSED).err
    at_work("apply", joining, "--user", "ada", ends=OK)
    assert "nobody" in at_work("apply", joining, "--user", "nobody", ends=REFUSED).err
    actors = Entry.objects.filter(action="rollout.start").order_by("id").values_list("actor", "outcome")
    assert list(actors)[-4:] == [("vera", "refused"), ("omar", "accepted"), ("omar", "refused"), ("ada", "accepted")]


def test_a_changed_credential_is_replaced_in_place(at_work: Shell) -> None:
    for name in ("hub", "member-a"):
        path = at_work.folder / f"{name}.kubeconfig"
        path.write_text(path.read_text().replace("127.0.0.1", "localhost"))
    plan = at_work("plan", at_work.file(), ends=CHANGES)
    assert "Replace the credential of the control plane" in plan.out
    assert "Replace the credential of cluster member-a" in plan.out
    at_work("apply", at_work.file(), ends=OK)
    at_work("plan", at_work.file(), ends=OK)
    assert Mesh.objects.get().control_plane.server.startswith("https://localhost")


def test_an_identity_is_not_exchanged_through_a_file(at_work: Shell) -> None:
    (at_work.folder / "member-a.kubeconfig").write_text(at_work.world.fleet.kubeconfig("member-b"))
    assert "mesh.yaml:" in at_work("plan", at_work.file(), ends=REFUSED).err
    (at_work.folder / "member-a.kubeconfig").write_text(at_work.world.fleet.kubeconfig("member-a"))
    (at_work.folder / "hub.kubeconfig").write_text(at_work.world.fleet.kubeconfig("member-c"))
    assert "another cluster" in at_work("plan", at_work.file(), ends=REFUSED).err


def test_a_cluster_that_istiod_learned_of_later_is_registered(at_work: Shell) -> None:
    cluster_forget(actor=ROOT, cluster=at_work.world.row("member-c"), confirmation="member-c")
    seen = at_work.world.mesh.observation
    seen.facts["remote_clusters"] = ["hub", "member-a", "member-b"]
    seen.save()
    at_work.content["groups"] = groups(at_work, red=None)
    at_work("apply", at_work.file(), ends=OK)
    assert "member-c" in at_work.world.topology.clusters


def test_busy_clusters_are_registered_and_checked_with_patience(shell: Shell) -> None:
    for name in ("member-a", "hub"):
        shell.world.fleet.fault(name, "429", every=12, retry_after=0.01)
    shell("apply", shell.file(), ends=OK)
    shell("check", "prod", ends=OK)


def test_a_restart_that_the_guard_holds_is_decided_with_a_flag(at_work: Shell) -> None:
    at_work.world.fleet.fault("member-a", "refuse")
    file = at_work.file(clusters={}, control_plane=None, groups=groups(at_work, green={"joined": None}))
    held = at_work("apply", file, "--allow-removal", ends=FAILED)
    assert "member-a" in held.out
    at_work("retry", "prod", "--guard", "fail", ends=FAILED)
    at_work("retry", "prod", "--guard", "skip", ends=OK)
    status = at_work("status", "prod", "--json", ends=OK).document
    assert status["rollout"]["status"] == "succeeded"


def test_status_and_check_tell_what_is_known_and_what_is_wrong(at_work: Shell) -> None:
    assert "green: member-b · joined at" in at_work("status", "prod", ends=OK).out
    at_work("check", "prod", ends=OK)
    at_work.world.fleet.cluster("hub").apply(simulated.mesh_config(), manager="helm")
    wrong = at_work("check", "prod", ends=REFUSED)
    assert "helm" in wrong.out
    findings = at_work("check", "prod", "--json", ends=REFUSED).document["findings"]
    assert "networks.changed" in {finding["code"] for finding in findings if finding["severity"] == "critical"}
    assert at_work("status", "prod", "--json", ends=CRITICAL).document["findings"] == findings


def test_status_names_a_whole_object_that_is_not_as_asked_for(at_work: Shell) -> None:
    at_work.world.fleet.fault("member-c", "403", methods=("PATCH",))
    at_work.world.do(EditGateway(C, GatewaySpec(2)), ends="failed")
    at_work.world.fleet.fault("member-c", None)
    at_work("check", "prod")
    assert "Deployment eastwest-member-c-1 doesn't match the desired state." in at_work("status", "prod", ends=OK).out


def test_check_compares_what_istiod_tells_the_groups_with_what_was_asked_for(at_work: Shell) -> None:
    document = at_work("check", "prod", "--json", ends=OK).document
    pairs = {(pair["source"], pair["target"]): pair for pair in document["pairs"]}
    assert (pairs["red", "green"]["told"], pairs["red", "green"]["joined"]) == ("gateway", True)
    assert not any(pair["problem"] for pair in document["pairs"])
    assert {finding["severity"] for finding in document["findings"]} <= {"warning", "info"}
    assert document["failure"] is None


def test_check_names_the_pairs_that_are_told_something_else(at_work: Shell) -> None:
    joined = {**at_work.content["groups"]["blue"], "joined": [{"gateway": "member-a/1"}]}
    at_work(
        "apply",
        at_work.file(control_plane=None, clusters={}, groups={**at_work.content["groups"], "blue": joined}),
        ends=OK,
    )
    member = at_work.world.fleet.cluster("member-a")
    for pod in member.list("Pod", "shop"):
        member.patch(
            "Pod", pod["metadata"]["name"], {"metadata": {"labels": {"topology.istio.io/network": "elsewhere"}}}, "shop"
        )
    said = at_work("check", "prod", ends=REFUSED).out
    assert "red → blue: control plane: By Pod IPs; data path: Not tested [echo.shop.svc.cluster.local; 10." in said
    assert "red → green" not in said


def test_a_takeover_is_accepted_by_the_token_that_the_plan_prints(at_work: Shell) -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "eastwest-member-b-1", "namespace": SYSTEM},
    }
    at_work.world.fleet.cluster("member-b").apply({**deployment, "spec": {"replicas": 3}}, manager="ops")
    plan = at_work("plan", at_work.file(), "--json", ends=CHANGES).document
    (problem,) = [problem for write in plan["writes"] for problem in write["problems"]]
    assert (problem["code"], problem["params"]["owner"]) == ("writes.conflict", "ops")
    assert plan["tokens"] == [problem["token"]]
    refused = at_work("apply", at_work.file(), ends=FAILED)
    assert f"--accept {problem['token']}" in refused.out
    at_work("retry", "prod", "--accept", problem["token"], ends=OK)
    assert at_work.world.deployment(B)["spec"]["replicas"] == 1
    at_work("plan", at_work.file(), ends=OK)


def test_a_plan_asks_for_every_consent_at_once(shell: Shell) -> None:
    """A rule of somebody else's with other fields needs two: to be adopted, and to have its fields taken over."""
    rule = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "cross-network-gateway", "namespace": SYSTEM},
    }
    server = {
        "port": {"number": 15443, "name": "tls", "protocol": "TLS"},
        "tls": {"mode": "AUTO_PASSTHROUGH"},
        "hosts": ["*.example"],
    }
    shell.world.fleet.cluster("hub").apply(
        {**rule, "spec": {"selector": {"istio": "eastwestgateway"}, "servers": [server]}}, manager="ops"
    )
    plan = shell("plan", shell.file(), "--json", ends=CHANGES).document
    codes = [problem["code"] for write in plan["writes"] for problem in write["problems"]]
    assert codes == ["writes.not-ours", "writes.conflict"]
    accepting = [word for token in plan["tokens"] for word in ("--accept", token)]
    shell("apply", shell.file(), *accepting, ends=OK)


def test_cancel_retry_and_revert(at_work: Shell) -> None:
    rollout = at_work.world.start(at_work.world.join("red", C))
    at_work("cancel", str(rollout.id), ends=OK)
    assert "1" in at_work("status", "prod", ends=OK).out
    at_work("follow", str(rollout.id), ends=FAILED)
    at_work("retry", str(rollout.id), ends=OK)
    at_work("retry", str(rollout.id), ends=REFUSED)
    at_work("cancel", "prod", ends=REFUSED)
    at_work("revert", "prod", ends=REFUSED)
    at_work("revert", "prod", "--allow-removal", ends=OK)
    assert len(at_work.world.topology.joined) == 1


def test_what_a_rollout_touched_is_looked_at_though_no_worker_is_there(at_work: Shell) -> None:
    rollout = at_work.world.start(EditGateway(C, GatewaySpec(replicas=2)))
    before = timezone.now()
    at_work("follow", str(rollout.id), ends=OK)
    assert list(ClusterObservation.objects.filter(at__gt=before).values_list("cluster__name", flat=True)) == [
        "member-c"
    ]
    assert MeshObservation.objects.filter(at__gt=before).exists()


def test_workloads_are_restarted_by_group_and_by_cluster(at_work: Shell) -> None:
    at_work("restart-workloads", "prod", "--group", "red", ends=OK)
    assert "No workload" in at_work("restart-workloads", "prod", "--cluster", "member-c", ends=REFUSED).err
    at_work("restart-workloads", "prod", ends=OK)


def test_a_gateway_is_restarted_by_its_key_or_name(at_work: Shell) -> None:
    assert "Restart gateway" in at_work("restart-gateway", "prod", "member-b/1", ends=OK).out
    at_work("restart-gateway", "prod", "eastwest-member-c-1", ends=OK)
    unknown = at_work("restart-gateway", "prod", "member-b/2", ends=REFUSED)
    assert "“member-b/2”. Known: member-a/1, member-b/1, member-c/1." in unknown.err
    user("omar", Role.OPERATOR)
    assert "mesh admin" in at_work("restart-gateway", "prod", "member-b/1", "--user", "omar", ends=REFUSED).err


def test_clusters_are_unregistered_and_forgotten(at_work: Shell) -> None:
    at_work("unregister", "prod", "member-c", ends=REFUSED)
    at_work("forget", "prod", "member-c", ends=REFUSED)
    forgotten = at_work("forget", "prod", "member-c", "--confirm", "member-c", ends=OK)
    assert "Deployment istio-system/eastwest-member-c-1" in forgotten.out
    at_work("forget", "prod", "member-c", "--confirm", "member-c", ends=REFUSED)


@pytest.mark.usefixtures("no_address")
def test_an_address_that_stays_pending_has_an_exit_code_of_its_own(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PENDING_SECONDS", 0.1)
    pending = {"gateways": {"member-b/1": {"annotations": {"simulator/pending": "true"}}}}
    shell("apply", shell.file(groups=groups(shell, green=pending)), "--wait", "0", ends=PENDING)
    awaited = groups(shell, green={**pending, "joined": JOINED})
    events = shell("apply", shell.file(groups=awaited), "--wait", "0", "--json", ends=PENDING).events
    assert events[-1]["awaited"] == 1
    service = {"metadata": {"annotations": {"simulator/pending": "false"}}}
    shell.world.fleet.cluster("member-b").patch("Service", "eastwest-member-b-1", service, SYSTEM)
    shell("retry", "prod", ends=OK)
    assert [len(known) for known in shell.world.networks] == [1, 1]


@pytest.mark.usefixtures("no_address")
def test_a_join_is_completed_when_its_address_comes_while_the_command_waits(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PENDING_SECONDS", 0.1)
    late = {"gateways": {"member-b/1": {"annotations": {"simulator/delay": "3"}}}, "joined": JOINED}
    events = shell("apply", shell.file(groups=groups(shell, green=late)), "--json", ends=OK).events
    assert "address-pending" in {event["event"] for event in events}
    assert [len(known) for known in shell.world.networks] == [1, 1]


def test_for_a_user_without_a_role_the_mesh_does_not_exist(at_work: Shell) -> None:
    user("mallory", None)
    user("vera", Role.VIEWER)
    rollout = str(Rollout.objects.latest("created_at").id)
    for arguments in (
        ["status", "prod"],
        ["export", "prod"],
        ["check", "prod"],
        ["plan", at_work.file()],
        ["follow", "prod"],
        ["follow", rollout],
    ):
        said = at_work(*arguments, "--user", "mallory", ends=REFUSED)
        assert said.out == ""
        assert "Known: -." in said.err or rollout in said.err
    assert at_work("status", "prod", "--user", "vera", ends=OK).out
    assert at_work("follow", rollout, "--user", "vera", ends=OK).out


def test_account_prints_the_script_and_the_yaml_of_a_place(shell: Shell) -> None:
    printed = shell("account", "config", "--system-namespace", "mesh-system", ends=0)
    texts = shell("account", "config", "--system-namespace", "mesh-system", "--json", ends=0).document
    assert printed.out == texts["script"] == script(Place.CONFIG, "mesh-system", word)
    assert shell("account", "config", "--system-namespace", "mesh-system", "--yaml").out == texts["yaml"]
    assert "isn't a valid namespace name" in shell("account", "member", "--system-namespace", "a b", ends=1).err


def test_a_kubeconfig_that_runs_a_command_is_told_of_account(shell: Shell) -> None:
    path = shell.folder / "member-a.kubeconfig"
    document = yaml.safe_load(path.read_text())
    document["users"][0]["user"] = {"exec": {"command": "gke-gcloud-auth-plugin"}}
    path.write_text(yaml.safe_dump(document))
    refused = shell("plan", shell.file(groups={}, enabled=False), ends=1).err
    assert "gke-gcloud-auth-plugin (Google GKE)" in refused
    assert "manage.py interconnect account" in refused
