"""The join wizard's last step, on simulated clusters: the plan as they answer it, what it asks for, and the one rollout
it becomes.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse

from interconnect.domain.changes import EditGateway
from interconnect.domain.topology import GatewaySpec, RestartPolicy
from interconnect.models import Inquiry, InquiryStatus, JoinDraft, Mesh, Rollout
from interconnect.scope import scope_of
from interconnect.services import answering, drafts, plans
from interconnect.state import desired
from interconnect.views import reviewing
from meshconsole.audit.models import Entry
from tests.support.markup import flat
from tests.support.world import SYSTEM, B, C, World
from tests.support.worlds import fleets, hasty, prepared

__all__ = ["fleets", "hasty", "prepared"]

LIVE = {"HX-Request": "true", "HX-Target": "live"}


@pytest.fixture
def mesh(prepared: World) -> Mesh:
    return prepared.mesh


@pytest.fixture
def scope(mesh: Mesh) -> str:
    return scope_of(mesh.id)


def url(mesh: Mesh, name: str, **parts: Any) -> str:
    return reverse(name, kwargs={"name": mesh.name, **parts})


def choose(browser: Any, mesh: Mesh, *groups: str) -> None:
    browser.post(url(mesh, "join"), {"group": groups})
    forms = browser.get(url(mesh, "join-addresses")).context["forms"]
    chosen = {f"{group}-chosen": [form.fields["chosen"].choices[0][0]] for group, form in forms.items()}
    assert browser.post(url(mesh, "join-addresses"), chosen).headers["Location"] == url(mesh, "join-review")


def answered(browser: Any, mesh: Mesh) -> Any:
    """The review once a worker has answered its plan."""
    browser.get(url(mesh, "join-review"))
    for inquiry in Inquiry.objects.filter(status=InquiryStatus.WAITING):
        answering.answer(inquiry.id)
    return browser.get(url(mesh, "join-review"))


def send(browser: Any, mesh: Mesh, review: Any, **values: str) -> Any:
    return browser.post(
        url(mesh, "join-review"), {"restart": "automatic", "plan": str(review.context["plan"].id), **values}
    )


def token_in(page: Any) -> str:
    found = re.search(r'name="consent" value="([^"]+)"', flat(page.content.decode()))
    assert found, page.content.decode()
    return found[1]


def test_a_plan_is_made_by_a_worker_and_shows_what_istiod_will_read(as_ada: Any, mesh: Mesh, prepared: World) -> None:
    choose(as_ada, mesh, "green")
    waiting = as_ada.get(url(mesh, "join-review"))
    assert waiting.context["planning"] and b"data-poll" in waiting.content and waiting.context["blocked"]
    page = flat(answered(as_ada, mesh).content.decode())
    assert "Asking the clusters" not in page and 'id="live" data-poll' not in page
    assert "fromRegistry: member-b" in page and prepared.address(B) in page and 'class="added"' in page
    assert prepared.networks == [set(), set()]


def test_the_wizard_becomes_one_rollout_however_often_it_is_sent(as_ada: Any, mesh: Mesh) -> None:
    choose(as_ada, mesh, "green", "red")
    review = answered(as_ada, mesh)
    assert not review.context["blocked"]
    first = send(as_ada, mesh, review)
    again = send(as_ada, mesh, review)
    assert "/rollouts/" in first.headers["Location"] and again.headers["Location"] == first.headers["Location"]
    rollout = Rollout.objects.get(restart="automatic")
    assert {change["group"] for change in rollout.changes} == {"green", "red"}
    assert desired.load(mesh).groups["green"].joined and not JoinDraft.objects.exists()


@pytest.mark.parametrize(
    ("place", "moment"),
    [(reviewing, "current"), (reviewing, "still_able"), (drafts, "draft_restart"), (plans, "plan_start")],
)
def test_two_that_are_sent_at_once_lead_to_the_same_rollout(
    as_ada: Any, mesh: Mesh, monkeypatch: pytest.MonkeyPatch, place: Any, moment: str
) -> None:
    choose(as_ada, mesh, "green")
    review, original = answered(as_ada, mesh), getattr(place, moment)
    quicker: list[Any] = []

    def overtaken(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(place, moment, original)
        quicker.append(send(as_ada, mesh, review))
        return original(*args, **kwargs)

    monkeypatch.setattr(place, moment, overtaken)
    slower = send(as_ada, mesh, review)
    assert (
        "/rollouts/" in quicker[0].headers["Location"]
        and slower.headers.get("Location") == quicker[0].headers["Location"]
    )


@pytest.mark.parametrize(("service", "sent"), [("plan_start", {}), ("plan_consent", {"consent": "a finding's"})])
def test_a_plan_that_another_tab_makes_anew_meanwhile_is_looked_at_again(
    as_ada: Any, mesh: Mesh, monkeypatch: pytest.MonkeyPatch, service: str, sent: dict[str, str]
) -> None:
    choose(as_ada, mesh, "green")
    review, original = answered(as_ada, mesh), getattr(plans, service)

    def overtaken(**kwargs: Any) -> Any:
        Inquiry.objects.filter(id=kwargs["inquiry"].id).delete()
        return original(**kwargs)

    monkeypatch.setattr(plans, service, overtaken)
    answer = as_ada.post(
        url(mesh, "join-review"), {"restart": "never", "plan": str(review.context["plan"].id), **sent}, headers=LIVE
    )
    assert answer.status_code == (200 if sent else 409) and b"data-poll" in answer.content
    assert not desired.load(mesh).groups["green"].joined


def test_what_the_plan_shows_is_carried_out(as_ada: Any, mesh: Mesh, prepared: World) -> None:
    choose(as_ada, mesh, "green")
    send(as_ada, mesh, answered(as_ada, mesh))
    prepared.finish(Rollout.objects.latest("created_at"))
    assert prepared.networks == [{("green", prepared.address(B))}] * 2


def test_a_plan_older_than_the_mesh_is_not_started_and_a_new_one_is_made(
    as_ada: Any, mesh: Mesh, prepared: World
) -> None:
    choose(as_ada, mesh, "green")
    review = answered(as_ada, mesh)
    prepared.do(EditGateway(C, GatewaySpec(replicas=2)))
    refused = send(as_ada, mesh, review)
    assert refused.status_code == 409 and "has changed since this plan was made" in refused.content.decode()
    assert refused.context["planning"] and refused.context["plan"].id != review.context["plan"].id
    assert not desired.load(mesh).groups["green"].joined
    assert "/rollouts/" in send(as_ada, mesh, answered(as_ada, mesh)).headers["Location"]


def test_the_policy_that_was_chosen_outlives_a_reload_and_brings_no_draft_back(as_ada: Any, mesh: Mesh) -> None:
    choose(as_ada, mesh, "green")
    review = answered(as_ada, mesh)
    assert send(as_ada, mesh, review, keep="1").status_code == 204
    assert as_ada.get(url(mesh, "join-review")).context["form"]["restart"].value() == "automatic"
    draft = JoinDraft.objects.get()
    send(as_ada, mesh, review)
    drafts.draft_restart(draft=draft, restart=RestartPolicy.NEVER)
    assert not JoinDraft.objects.exists()


def test_a_draft_whose_groups_somebody_else_has_joined_leads_back_and_no_page_lands_in_a_page(
    as_ada: Any, mesh: Mesh, prepared: World
) -> None:
    choose(as_ada, mesh, "green")
    answered(as_ada, mesh)
    prepared.do(prepared.join("green", B))
    polled = as_ada.get(url(mesh, "join-review"), HTTP_HX_REQUEST="true", HTTP_HX_TARGET="live")
    assert (polled.status_code, polled.headers["HX-Redirect"]) == (204, url(mesh, "join"))


def test_a_plan_that_is_not_ready_is_not_started(as_ada: Any, mesh: Mesh) -> None:
    choose(as_ada, mesh, "green")
    refused = send(as_ada, mesh, as_ada.get(url(mesh, "join-review")))
    assert refused.status_code == 409 and not desired.load(mesh).groups["green"].joined
    assert (
        Entry.objects.filter(action="rollout.start", outcome="accepted", params__changes__0__change="Join").count() == 0
    )


def test_a_silent_cluster_of_the_group_blocks_until_it_is_passed_over(as_ada: Any, mesh: Mesh, prepared: World) -> None:
    choose(as_ada, mesh, "green", "red")
    prepared.fleet.fault("member-c", "refuse")
    review = answered(as_ada, mesh)
    page = review.content.decode()
    assert review.context["blocked"] and "preflight.no-answer" in page and "member-c" in page
    assert send(as_ada, mesh, review).status_code == 409
    while review.context["blocked"]:
        send(as_ada, mesh, review, consent=token_in(review))
        review = as_ada.get(url(mesh, "join-review"))
    rollout_page = send(as_ada, mesh, review).headers["Location"]
    rollout = Rollout.objects.latest("created_at")
    assert str(rollout.id) in rollout_page and "preflight.no-answer" in " ".join(rollout.overrides)


def test_a_consent_can_be_taken_back_and_one_that_nobody_asked_for_is_none(
    as_ada: Any, mesh: Mesh, prepared: World
) -> None:
    choose(as_ada, mesh, "red")
    prepared.fleet.fault("member-c", "refuse")
    review = answered(as_ada, mesh)
    token = token_in(review)
    send(as_ada, mesh, review, consent=token)
    send(as_ada, mesh, review, consent="made-up")
    assert as_ada.get(url(mesh, "join-review")).context["plan"].params["accepted"] == [token]
    send(as_ada, mesh, review, withdraw=token)
    assert as_ada.get(url(mesh, "join-review")).context["plan"].params["accepted"] == []


def test_planning_again_looks_again(as_ada: Any, mesh: Mesh, prepared: World) -> None:
    choose(as_ada, mesh, "red")
    prepared.fleet.fault("member-c", "refuse")
    review = answered(as_ada, mesh)
    prepared.fleet.fault("member-c", None)
    send(as_ada, mesh, review, again="1")
    fresh = answered(as_ada, mesh)
    assert fresh.context["plan"].id != review.context["plan"].id and not fresh.context["blocked"]


def test_a_control_plane_that_does_not_answer_is_said_and_no_findings_are_made_up(
    as_ada: Any, mesh: Mesh, prepared: World
) -> None:
    choose(as_ada, mesh, "green")
    prepared.fleet.fault("hub", "refuse")
    page = answered(as_ada, mesh).content.decode()
    assert "The control plane couldn't be queried" in page and "Nothing prevents" not in page


def test_another_persons_plan_is_not_started(as_ada: Any, mesh: Mesh, pia: Any, client: Any) -> None:
    choose(as_ada, mesh, "green")
    review = answered(as_ada, mesh)
    client.force_login(pia)
    assert send(client, mesh, review).headers["Location"] == url(mesh, "join")
    assert not desired.load(mesh).groups["green"].joined


def scaled_by_ops(world: World) -> None:
    """Somebody else has come to own the replicas of member-c's gateway, and a rollout that would change them has
    failed.
    """
    scaled = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "eastwest-member-c-1", "namespace": SYSTEM},
    }
    world.fleet.cluster("member-c").apply({**scaled, "spec": {"replicas": 4}}, manager="ops")
    world.do(EditGateway(C, GatewaySpec(replicas=3)), ends="failed")


def test_what_an_earlier_rollout_has_left_is_listed_apart_with_its_role(
    as_ada: Any, mesh: Mesh, prepared: World
) -> None:
    scaled_by_ops(prepared)
    choose(as_ada, mesh, "green")
    review = answered(as_ada, mesh)
    assert {step.subject for step in review.context["left_steps"]} == {"eastwest-member-c-1"}
    assert "eastwest-member-c-1" not in {step.subject for step in review.context["steps"]}
    text = review.content.decode()
    assert "Left by an earlier rollout" in text and "need the operator role" in text


def test_a_conflict_names_its_owner_and_is_taken_over_with_the_join(as_ada: Any, mesh: Mesh, prepared: World) -> None:
    scaled_by_ops(prepared)
    choose(as_ada, mesh, "green")
    review = answered(as_ada, mesh)
    text = review.content.decode()
    assert (
        "ops owns the field .spec.replicas" in text
        and "Take over" in text
        and prepared.deployment(C)["spec"]["replicas"] == 4
    )
    send(as_ada, mesh, review, consent=token_in(review))
    send(as_ada, mesh, answered(as_ada, mesh))
    prepared.finish(Rollout.objects.latest("created_at"))
    assert prepared.deployment(C)["spec"]["replicas"] == 3


def test_what_others_have_rewritten_since_is_written_again_along_with_the_join(
    as_ada: Any, mesh: Mesh, prepared: World
) -> None:
    unlabelled = {"metadata": {"labels": {"topology.istio.io/network": "elsewhere"}}}
    prepared.fleet.cluster("member-a").patch("Namespace", SYSTEM, unlabelled, manager="kubectl")
    choose(as_ada, mesh, "green")
    review = answered(as_ada, mesh)
    assert "member-a" in {cluster.name for cluster in review.context["clusters"]}
    assert "elsewhere" in review.content.decode()


def test_a_question_of_another_mesh_starts_nothing_here(as_ada: Any, mesh: Mesh, ada: Any) -> None:
    choose(as_ada, mesh, "green")
    answered(as_ada, mesh)
    for sent in ("", "not an id", "00000000-0000-4000-8000-000000000000"):
        assert as_ada.post(url(mesh, "join-review"), {"restart": "always", "plan": sent}).status_code == 409
    assert not desired.load(mesh).groups["green"].joined


def test_a_restart_policy_that_does_not_exist_is_refused_beside_its_field(as_ada: Any, mesh: Mesh) -> None:
    choose(as_ada, mesh, "green")
    refused = send(as_ada, mesh, answered(as_ada, mesh), restart="sometimes")
    assert refused.status_code == 422 and refused.context["form"].errors["restart"]
