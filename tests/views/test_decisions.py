"""The dialogs of decisions: what they show before anything happens, what they ask, and what they answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse

from interconnect.domain.changes import CreateGroup, DeleteGateway, DeleteGroup, Enable, MoveCluster, Remove
from interconnect.models import Inquiry, InquiryStatus, Mesh, Rollout, RolloutKind, RolloutStatus, StepStatus
from interconnect.scope import scope_of
from interconnect.services import answering
from meshconsole.access.roles import Role
from meshconsole.audit.models import Entry
from tests.conftest import person
from tests.support import shop
from tests.support.markup import flat
from tests.support.world import GATEWAY_IDS, SYSTEM, A, B
from tests.support.worlds import fleets, hasty, joined, prepared, world

if TYPE_CHECKING:
    from tests.support.world import World

__all__ = ["fleets", "hasty", "joined", "prepared", "world"]
DIALOG = {"HX-Request": "true", "HX-Target": "dialogs"}
FORM = {"HX-Request": "true", "HX-Target": "dialog-form"}


def address(rollout: Rollout, button: str) -> str:
    return reverse(f"rollout-{button}", kwargs={"name": rollout.mesh.name, "rollout_id": rollout.id})


def newest() -> Rollout:
    return Rollout.objects.select_related("mesh").latest("created_at")


def browser(mesh: Mesh, name: str = "ada", role: Role = Role.MESH_ADMIN) -> Client:
    client = Client()
    client.force_login(person(name, role, scope_of(mesh.id)))
    return client


def opened(client: Any, url: str) -> Inquiry:
    """Opens the dialog, whose button waits until a worker has made its plan; that plan."""
    dialog = client.get(url, headers=DIALOG).content.decode()
    (verb,) = re.findall(r'<button[^>]*id="decision-verb"[^>]*>', dialog)
    assert "Asking the clusters" in dialog and 'aria-disabled="true"' in verb
    plan = Inquiry.objects.latest("asked_at")
    answering.answer(plan.id)
    return plan


def shown(client: Any, url: str, plan: Inquiry) -> str:
    """What its poll brings."""
    here = url + ("&" if "?" in url else "?") + f"plan={plan.id}"
    return str(client.get(here, headers={"HX-Request": "true", "HX-Target": "decision-plan"}).content.decode())


def sent(client: Any, url: str, plan: Inquiry, **values: Any) -> Any:
    return client.post(url, {"plan": str(plan.id), "step": "ask", **values}, headers=FORM)


def test_a_revert_changes_nothing_before_its_second_question(joined: World) -> None:
    ada, rollout = browser(joined.mesh), newest()
    url = address(rollout, "revert")
    plan = opened(ada, url)
    assert "data-ready" in shown(ada, url, plan) and "fromRegistry: member-b" in shown(ada, url, plan)
    second = sent(ada, url, plan)
    assert second.status_code == 200 and joined.topology.groups["green"].joined
    page = second.content.decode()
    assert "Confirm" in page and "Control plane restart" in page and "calls to services there time out" in page
    done = sent(ada, url, plan, step="confirm", restart="never")
    assert done.headers["HX-Redirect"] == f"/meshes/prod/rollouts/{newest().id}/" and newest().restart == "never"
    assert not joined.topology.groups["green"].joined
    assert sent(ada, url, plan, step="confirm", restart="never").headers["HX-Redirect"] == done.headers["HX-Redirect"]


def test_a_revert_of_enabling_keeps_the_phrase_beside_its_field(world: World) -> None:
    ada, url = browser(world.mesh), address(world.do(Enable()), "revert")
    plan = opened(ada, url)
    wrong = sent(ada, url, plan, phrase="close it")
    assert (
        wrong.status_code == 422
        and wrong.context["form"].errors["phrase"]
        and 'value="close it"' in wrong.content.decode()
    )
    assert "HX-Redirect" in sent(ada, url, plan, phrase="Close Basic Settings").headers


def test_a_revert_that_deletes_lists_what_goes(as_ada: Any, mesh: Mesh) -> None:
    rollout = shop.settled(mesh, CreateGroup("late", frozenset({"free"})), shop.gateway_in("free"))
    page = as_ada.get(address(rollout, "revert"), headers=DIALOG).content.decode()
    assert (
        "Network group <strong>late</strong>" in page and "East-west gateway <strong>eastwest-free-1</strong>" in page
    )
    for kind in ("Deployment", "Service", "ServiceAccount"):
        assert f"<li>{kind} eastwest-free-1 on free</li>" in page
    assert "eastwest-taiwan-1" not in page


def test_a_revert_tells_what_goes_once_and_what_it_brings_back_beside_it(as_ada: Any, mesh: Mesh) -> None:
    rollout = shop.settled(
        mesh, CreateGroup("merged", frozenset()), MoveCluster("taiwan", "merged"), DeleteGroup("asia")
    )
    page = as_ada.get(address(rollout, "revert"), headers=DIALOG).content.decode()
    brought, goes = page.partition('<ul class="plan-changes">')[2].split("Will be removed")
    assert "asia" in brought and "Delete" not in brought and "Network group <strong>merged</strong>" in goes


def test_a_revert_of_enabling_lists_the_rule_as_an_object(client: Any, pia: Any) -> None:
    client.force_login(pia)
    page = client.get(
        address(shop.settled(shop.new_mesh("fresh"), Enable()), "revert"), headers=DIALOG
    ).content.decode()
    assert "<li>Gateway cross-network-gateway</li>" in page


def test_a_revert_that_moves_gateways_back_lists_none_of_them(as_ada: Any, mesh: Mesh) -> None:
    merged = (CreateGroup("merged", frozenset()), MoveCluster("taiwan", "merged"), DeleteGroup("asia"))
    rollout = shop.settled(mesh, *merged)
    page = as_ada.get(address(rollout, "revert"), headers=DIALOG).content.decode()
    assert "Network group <strong>merged</strong>" in page and "<strong>eastwest-taiwan-1</strong>" not in page
    assert "eastwest-taiwan-1 on taiwan" not in page


def test_a_retry_of_a_deletion_lists_what_is_still_to_go(as_ada: Any, mesh: Mesh) -> None:
    rollout = shop.started(mesh, DeleteGroup("asia"))
    shop.end(rollout, RolloutStatus.FAILED, StepStatus.FAILED)
    page = as_ada.get(address(rollout, "retry"), headers=DIALOG).content.decode()
    assert "<li>Deployment eastwest-taiwan-1 on taiwan</li>" in page


def planned(client: Any, url: str, **result: Any) -> str:
    """What the dialog shows of a plan with this result."""
    client.get(url, headers=DIALOG)
    plan = Inquiry.objects.latest("asked_at")
    Inquiry.objects.filter(id=plan.id).update(status=InquiryStatus.DONE, result=result)
    return shown(client, url, plan)


GUARD = [{"code": "guard.not-answering", "params": {"cluster": "taiwan"}}]
RESTARTING = {"kind": "restart", "subject": "", "group": "", "chain": "istiod", "phase": 3, "left": False}


def test_a_plan_without_a_restart_says_nothing_of_what_holds_one_back(as_ada: Any, mesh: Mesh) -> None:
    rollout = shop.started(mesh, DeleteGroup("asia"))
    shop.end(rollout, RolloutStatus.FAILED, StepStatus.FAILED)
    url = address(rollout, "retry")
    assert "held back now" not in planned(as_ada, url, guard=GUARD, steps=[])
    assert "held back now" in planned(as_ada, url, guard=GUARD, steps=[RESTARTING])


def test_skipping_a_restart_lists_none(as_ada: Any, mesh: Mesh) -> None:
    rollout = shop.started(mesh, DeleteGroup("asia"))
    shop.end(rollout, RolloutStatus.FAILED, StepStatus.FAILED)
    url = address(rollout, "retry")
    skipped = planned(as_ada, f"{url}?decision=skip", guard=GUARD, steps=[RESTARTING])
    assert "Control plane restart" not in skipped and "held back now" not in skipped
    assert "Control plane restart" in planned(as_ada, url, steps=[RESTARTING])


def test_restoring_does_not_ask_for_what_its_button_does(as_ada: Any, mesh: Mesh) -> None:
    problem = {"code": "writes.conflict", "params": {"owner": "kubectl-edit"}, "token": "writes.conflict:0123456789ab"}
    write = {
        "cluster": "",
        "kind": "Gateway",
        "namespace": "",
        "name": "rule",
        "field": "",
        "verb": "apply",
        "note": "",
        "before": "",
    }
    writes = [write | {"after": "", "problems": [problem], "owners": ["kubectl-edit"]}]
    page = planned(as_ada, reverse("restore", kwargs={"name": mesh.name}), steps=[RESTARTING], writes=writes)
    assert "Restoring takes it over" in page and "Also written by: kubectl-edit" in page
    assert "Take it over, or have its owner" not in page


def test_the_name_of_a_dialog_begins_with_its_buttons(as_ada: Any, mesh: Mesh) -> None:
    rollout = shop.started(mesh, Remove("aws"))
    shop.end(rollout, RolloutStatus.FAILED, StepStatus.FAILED)
    names = {
        "": "Retry",
        "skip": "Skip the restart",
        "force": "Restart anyway",
        "take_over": "Take over and retry",
        "adopt": "Adopt",
    }
    for decision, name in names.items():
        page = as_ada.get(address(rollout, "retry"), {"decision": decision}, headers=DIALOG).content.decode()
        assert f'<h2 id="dialog-title">{name}: Remove aws' in page
    assert rollout.status == RolloutStatus.FAILED


def test_without_scripts_a_decision_is_a_page_with_an_address(as_ada: Any, mesh: Mesh) -> None:
    rollout = shop.settled(mesh, CreateGroup("late", frozenset({"free"})))
    there = as_ada.get(address(rollout, "revert"))
    assert there.status_code == 302 and "plan=" in there.headers["Location"]
    for _reload in range(2):
        page = as_ada.get(there.headers["Location"]).content.decode()
        assert "Revert: Create network group late" in page and "<noscript>" in page
    assert Inquiry.objects.count() == 1
    here = as_ada.get(reverse("rollout", kwargs={"name": mesh.name, "rollout_id": rollout.id})).content.decode()
    assert f'<form method="get" action="{address(rollout, "revert")}"' in flat(here)


def test_without_scripts_a_consent_keeps_the_question_and_its_answers(as_ada: Any, mesh: Mesh) -> None:
    url = address(mesh.rollouts.latest("created_at"), "revert")
    page = as_ada.get(url, follow=True)
    plan = Inquiry.objects.latest("asked_at")
    problem = {"code": "writes.conflict", "params": {"owner": "kubectl"}, "token": "writes.conflict:0123456789ab"}
    write = {
        "cluster": "",
        "kind": "Gateway",
        "namespace": "",
        "name": "rule",
        "field": "",
        "verb": "apply",
        "note": "",
        "before": "",
    }
    made = {"steps": [], "writes": [write | {"after": "", "problems": [problem], "owners": []}]}
    for button, step in (
        ("consent", "ask"),
        ("consent", "confirm"),
        ("withdraw", "confirm"),
        ("again", "confirm"),
        ("look", "confirm"),
    ):
        Inquiry.objects.filter(id=plan.id).update(status="done", result=made)
        said = {"plan": str(plan.id), "step": step, "restart": "never", "phrase": "Close", button: problem["token"]}
        page = as_ada.post(url, said, follow=True)
        assert page.redirect_chain and page.context["form"]["step"].value() == step, (button, step)
        assert page.context["second"] is (step == "confirm")
        if step == "confirm":
            assert page.context["form"]["restart"].value() == "never", button
        plan = page.context["plan"]
    assert problem["token"] not in plan.params["accepted"]


def test_without_scripts_the_second_question_has_an_address(joined: World) -> None:
    ada, url = browser(joined.mesh), address(newest(), "revert")
    ada.get(url)
    plan = Inquiry.objects.latest("asked_at")
    answering.answer(plan.id)
    second = ada.post(url, {"plan": str(plan.id), "step": "ask"}, follow=True)
    assert second.redirect_chain and second.context["second"] and second.context["form"]["restart"].value() == "always"
    assert ada.get(f"{url}?step=confirm", follow=True).context["second"] is False
    done = ada.post(url, {"plan": str(plan.id), "step": "confirm", "restart": "never"})
    assert done.headers["Location"] == f"/meshes/prod/rollouts/{newest().id}/" and newest().restart == "never"


def test_cancelling_says_what_is_finished_and_what_is_not_begun(as_ada: Any, mesh: Mesh) -> None:
    rollout = shop.started(mesh, Remove("aws"))
    url = address(rollout, "cancel")
    page = as_ada.get(url, headers=DIALOG).content.decode()
    assert '<h2 id="dialog-title">Cancel rollout</h2>' in page and "Keep running" in page
    left = rollout.steps.count()
    assert f"Steps that haven&#x27;t started and won&#x27;t run: {left}." in page
    rollout.refresh_from_db()
    assert rollout.cancel_requested_at is None
    assert "HX-Redirect" in as_ada.post(url, headers=FORM).headers
    rollout.refresh_from_db()
    assert rollout.status == RolloutStatus.CANCELLED


@pytest.mark.parametrize("button", ["retry", "revert", "cancel"])
def test_a_decision_that_is_over_closes_its_dialog_with_the_reason(as_ada: Any, mesh: Mesh, button: str) -> None:
    rollout = mesh.rollouts.earliest("created_at")
    answer = as_ada.post(address(rollout, button), headers=FORM)
    assert (
        answer.status_code == 204
        and "close-dialog" in answer.headers["HX-Trigger"]
        and '"bad"' in answer.headers["HX-Trigger"]
    )
    page = as_ada.post(address(rollout, button))
    assert page.status_code == 302 and str(rollout.id) in page.headers["Location"]


def test_what_a_person_decides_about_a_held_back_restart_names_who_loses(prepared: World) -> None:
    prepared.fleet.fault("member-c", "refuse")
    rollout = prepared.do(prepared.join("green", B), ends="failed")
    ada, url = browser(prepared.mesh), f"{address(rollout, 'retry')}?decision=force"
    plan = opened(ada, url)
    assert "held back now" in shown(ada, url, plan) and "member-c" in shown(ada, url, plan)
    assert "HX-Redirect" in sent(ada, url, plan).headers
    prepared.finish(rollout)
    assert rollout.guard == "force"


def test_a_plan_without_a_restart_says_nothing_of_one_held_back(prepared: World) -> None:
    rollout = prepared.do(DeleteGateway(A))
    prepared.fleet.fault("member-c", "refuse")
    ada, url = browser(prepared.mesh), address(rollout, "revert")
    plan = opened(ada, url)
    plan.refresh_from_db()
    assert {step["kind"] for step in plan.result["steps"]} == {"gateway", "address"}
    assert plan.result["guard"] == [] and "held back now" not in shown(ada, url, plan)


def test_a_revert_of_a_join_that_was_never_sent_speaks_of_no_restart(prepared: World) -> None:
    prepared.fleet.fault("hub", "403")
    rollout = prepared.do(prepared.join("green", B), ends="failed")
    prepared.fleet.fault("hub", None)
    shop.silence(prepared.row("member-c"))
    ada, url = browser(prepared.mesh), address(rollout, "revert")
    page = shown(ada, url, opened(ada, url))
    assert "doesn't restart the control plane" in page
    assert "member-c" not in page and "restarted one at a time" not in page


def test_a_restart_of_workloads_shows_which_before_it_starts(prepared: World) -> None:
    workload = {"namespace": "shop", "kind": "Deployment", "name": "cart"}
    ada, url = browser(prepared.mesh), "/meshes/prod/restart-workloads/?cluster=member-a"
    plan = opened(ada, url)
    Inquiry.objects.filter(id=plan.id).update(result={"counted": {"member-a": {"workloads": []}}})
    assert "There is nothing to do." in shown(ada, url, plan)
    Inquiry.objects.filter(id=plan.id).update(result={"counted": {"member-a": {"workloads": [workload]}}})
    assert "Deployment shop/cart" in shown(ada, url, plan) and "data-ready" in shown(ada, url, plan)
    assert "HX-Redirect" in sent(ada, url, plan).headers
    steps = Rollout.objects.get(kind=RolloutKind.WORKLOADS).steps.filter(kind="workloads")
    assert [step.params["workloads"] for step in steps] == [[workload]]


def test_a_restart_of_a_gateway_waits_for_its_cause_to_go(prepared: World) -> None:
    def switch(value: str | None) -> None:
        labels = {"metadata": {"labels": {"istio-injection": value}}}
        prepared.fleet.cluster("member-b").patch("Namespace", SYSTEM, labels)

    url = f"/meshes/prod/gateways/{GATEWAY_IDS[B]}/restart/"
    omar = browser(prepared.mesh, "omar", Role.OPERATOR)
    switch("disabled")
    plan = opened(omar, url)
    text = shown(omar, url, plan)
    assert "istio-injection=disabled" in text and "data-ready" not in text
    assert "New Pods of eastwest-member-b-1 would be created without the Istio proxy." in text
    assert sent(omar, url, plan).status_code == 409
    switch(None)
    again = opened_again(omar, url, plan)
    assert "1 Pod will be replaced." in shown(omar, url, again) and "data-ready" in shown(omar, url, again)
    done = sent(omar, url, again)
    assert done.headers["HX-Redirect"] == f"/meshes/prod/rollouts/{newest().id}/"
    prepared.finish(newest())
    page = flat(omar.get(done.headers["HX-Redirect"]).content.decode())
    assert "Restart gateway eastwest-member-b-1" in page and "1 of 1 replica" in page and GATEWAY_IDS[B] not in page


def opened_again(client: Any, url: str, plan: Inquiry) -> Inquiry:
    """The plan that *Plan again* has made."""
    sent(client, url, plan, again="1")
    new = Inquiry.objects.latest("asked_at")
    answering.answer(new.id)
    return new


def test_another_persons_plan_decides_nothing(joined: World) -> None:
    plan = opened(browser(joined.mesh), address(newest(), "revert"))
    url = address(newest(), "revert")
    answer = sent(browser(joined.mesh, "anna"), url, plan, step="confirm", restart="never")
    assert answer.status_code == 409 and joined.topology.groups["green"].joined


def test_opening_a_dialog_is_no_request_to_be_recorded(as_ada: Any, mesh: Mesh) -> None:
    before = Entry.objects.count()
    as_ada.get(address(newest(), "revert"), headers=DIALOG)
    assert Entry.objects.count() == before


def test_a_plan_that_failed_is_said_to_have_failed(joined: World) -> None:
    ada, url = browser(joined.mesh), address(newest(), "revert")
    plan = opened(ada, url)
    Inquiry.objects.filter(id=plan.id).update(
        status=InquiryStatus.FAILED, errors=[{"code": "inquiry.failed", "params": {}}]
    )
    answer = shown(ada, url, plan)
    assert "couldn&#x27;t be made" in answer and "isn&#x27;t ready yet" not in answer
