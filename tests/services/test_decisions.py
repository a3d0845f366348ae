"""Revert, retry and the other decisions on a rollout: planned first, asked as the change that they amount to, and made
once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from interconnect.domain.changes import CreateGroup, Enable, Remove
from interconnect.domain.refusal import Refused
from interconnect.domain.results import PlanResult
from interconnect.domain.topology import RestartPolicy
from interconnect.domain.violations import Violation
from interconnect.models import Consent, Inquiry, Rollout
from interconnect.services import answering, decisions, rollouts
from interconnect.services.decisions import Answer, Decision, Question
from meshconsole.access.roles import Role
from tests.conftest import person
from tests.services.test_rollouts import ADMIN, OPERATOR
from tests.support.world import B, C, World, refused, step

if TYPE_CHECKING:
    from meshconsole.access.actor import Actor


@pytest.fixture
def user_id(transactional_db: None) -> int:
    return int(person("asker", Role.PLATFORM_ADMIN, "").id)


def asked(question: Question, user_id: int) -> Inquiry:
    """The question's plan, once a worker has made it."""
    plan = decisions.question_ask(question=question, user_id=user_id)
    answering.answer(plan.id)
    plan.refresh_from_db()
    return plan


def answered(question: Question, plan: Inquiry, actor: Actor = ADMIN, **said: object) -> Rollout:
    return decisions.question_answer(question=question, plan=plan, answer=Answer(**said), actor=actor)  # type: ignore[arg-type]


def of(rollout: Rollout, decision: Decision = Decision.REVERT, **about: object) -> Question:
    return Question(rollout.mesh, decision, rollout, **about)  # type: ignore[arg-type]


def test_a_revert_is_planned_and_becomes_one_rollout(joined: World, user_id: int) -> None:
    question = of(Rollout.objects.latest("created_at"))
    plan = asked(question, user_id)
    assert {line["kind"] for line in plan.result["steps"]} >= {"networks", "restart", "verify"}
    first = answered(question, plan, restart=RestartPolicy.NEVER)
    assert answered(question, plan).id == first.id and first.restart == "never"
    joined.finish(first)
    assert joined.networks == [set(), set()]


def test_a_revert_of_a_join_asks_twice(joined: World) -> None:
    asks = decisions.question_asks(question=of(Rollout.objects.latest("created_at")))
    assert asks.twice and asks.restart


def test_a_revert_of_enabling_wants_the_phrase(world: World, user_id: int) -> None:
    question = of(world.do(Enable()))
    plan = asked(question, user_id)
    with refused("interconnect.phrase"):
        answered(question, plan, phrase="close it")
    assert world.topology.enabled
    answered(question, plan, phrase="Close Basic Settings")
    assert not world.topology.enabled


def test_a_plan_that_is_not_made_yet_starts_nothing(joined: World, user_id: int) -> None:
    question = of(Rollout.objects.latest("created_at"))
    plan = decisions.question_ask(question=question, user_id=user_id)
    with refused("plan.not-ready"):
        answered(question, plan)


def test_a_plan_that_failed_is_refused_with_what_failed(joined: World, user_id: int) -> None:
    question = of(Rollout.objects.latest("created_at"))
    plan = decisions.question_ask(question=question, user_id=user_id)
    why = Violation("kube.unreachable", {"server": "https://hub.example.com"})
    Inquiry.objects.filter(id=plan.id).update(status="failed", errors=[why.to_json()])
    with pytest.raises(Refused) as caught:
        answered(question, plan)
    assert caught.value.violations == (why,)


def test_a_plan_older_than_the_mesh_reverts_nothing(prepared: World, user_id: int) -> None:
    question = of(Rollout.objects.latest("created_at"))
    plan = asked(question, user_id)
    prepared.do(prepared.join("green", B))
    with refused("plan.outdated"):
        answered(question, plan)
    assert "blue" in prepared.topology.groups


def test_only_the_newest_change_is_reverted(prepared: World) -> None:
    older = Rollout.objects.latest("created_at")
    prepared.do(prepared.join("green", B))
    with refused("rollout.not-newest"):
        rollouts.rollout_revert(actor=ADMIN, start=rollouts.Start(prepared.mesh), rollout=older)


def test_what_has_not_failed_is_not_dismissed(prepared: World) -> None:
    with refused("rollout.not-dismissed"):
        rollouts.rollout_dismiss(actor=OPERATOR, rollout=Rollout.objects.latest("created_at"))


@pytest.mark.parametrize("guard", ["", "maybe", "FORCE"])
def test_an_unknown_guard_choice_is_refused(prepared: World, guard: str) -> None:
    before = prepared.mesh.revision
    with refused("restart.guard-choice"):
        prepared.start(CreateGroup("late", frozenset()), guard=guard)
    assert prepared.mesh.revision == before


def silent(world: World) -> tuple[Rollout, str]:
    """A join of red that has failed because its cluster does not answer, and the token that passes over it."""
    join = world.join("red", C)
    world.fleet.fault("member-c", "refuse")
    rollout = world.do(join, ends="failed")
    (token,) = [
        token for token in step(rollout, "preflight").error_params["tokens"] if token.startswith("preflight.no-answer")
    ]
    return rollout, token


def test_a_consent_of_a_moment_is_asked_anew_by_a_retry(prepared: World) -> None:
    rollout, token = silent(prepared)
    prepared.retry(rollout, "failed", accept=[token])
    assert token in rollout.overrides and not Consent.objects.filter(token=token).exists()
    assert "preflight.no-answer" not in step(rollout, "preflight").error_params.get("codes", ())
    prepared.retry(rollout, "failed")
    assert token not in rollout.overrides


def test_an_old_stored_consent_of_a_moment_counts_for_nothing(prepared: World) -> None:
    rollout, token = silent(prepared)
    Consent.objects.create(mesh=prepared.mesh, token=token, actor="somebody")
    prepared.retry(rollout, "failed")
    assert "preflight.no-answer" in step(rollout, "preflight").error_params["codes"]


def test_a_retry_decides_about_the_restart_anew(prepared: World) -> None:
    prepared.fleet.fault("member-c", "refuse")
    rollout = prepared.do(prepared.join("green", B), ends="failed")
    assert step(rollout, "restart").error_code == "restart.guard"
    Rollout.objects.filter(id=rollout.id).update(guard="force")
    prepared.retry(rollout, "failed", actor=ADMIN)
    assert rollout.guard == "fail"


def test_a_retrys_plan_holds_what_is_carried_out_again(prepared: World, user_id: int) -> None:
    prepared.fleet.fault("member-c", "refuse")
    rollout = prepared.do(prepared.join("green", B), ends="failed")
    question = of(rollout, Decision.SKIP)
    plan = asked(question, user_id)
    assert [line["kind"] for line in plan.result["steps"]] == ["networks", "restart", "verify"]
    assert any(item["params"].get("cluster") == "member-c" for item in plan.result["guard"])
    assert not decisions.question_asks(question=question).twice
    prepared.finish(answered(question, plan))


def test_a_retry_of_a_removal_not_yet_made_asks_twice(joined: World) -> None:
    joined.fleet.fault(joined.fleet.hub, "403")
    rollout = joined.do(Remove("green"), ends="failed")
    assert decisions.question_asks(question=of(rollout, Decision.RETRY)).twice


def test_a_plan_of_one_question_is_no_answer_to_another(joined: World, user_id: int) -> None:
    rollout = Rollout.objects.latest("created_at")
    plan = asked(Question(joined.mesh, Decision.RESTORE), user_id)
    assert plan.params["decision"] != of(rollout).key
    with refused("drift.none"):
        answered(Question(joined.mesh, Decision.RESTORE), plan)


def test_an_operator_reverts_no_join(joined: World, user_id: int) -> None:
    question = of(Rollout.objects.latest("created_at"))
    plan = asked(question, user_id)
    with refused("role.missing"):
        answered(question, plan, actor=OPERATOR)
    assert joined.topology.groups["green"].joined


def test_an_unanswered_conflict_blocks_a_plan() -> None:
    problem = {"code": "writes.conflict", "params": {}, "token": "writes.conflict:0123456789ab"}
    result = PlanResult.from_json({"writes": [{"problems": [problem]}]})
    assert [item.code for item in result.blocking(())] == ["writes.conflict"]
    assert result.blocking([problem["token"]]) == ()
