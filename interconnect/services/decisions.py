"""Decisions: buttons that start or change a rollout, each confirmed first with its plan.

The plan of a question is an inquiry of its own (`interconnect.services.plans`, or what a restart of workloads or of a
gateway would replace), bound to the question by its key. A plan becomes one rollout, however often the answer is sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from interconnect.domain.confirming import Asking, asking
from interconnect.domain.kinds import KINDS
from interconnect.domain.refusal import Refused
from interconnect.domain.results import GatewayPods, WorkloadsResult
from interconnect.domain.rules import is_disable_phrase
from interconnect.domain.serial import changes_from_json, topology_from_json
from interconnect.domain.steps import StepKind
from interconnect.domain.verify import GuardChoice
from interconnect.models import Gateway, Inquiry, Mesh, Rollout, RolloutKind, StepStatus
from interconnect.rollouts.engine import UNDONE
from interconnect.services import plans
from interconnect.services.inquiries import Kind, inquiry_start
from interconnect.services.rollouts import (
    Start,
    drift_restore,
    rollout_retry,
    rollout_revert,
    way_back,
    why_not_retried,
)
from interconnect.services.workloads import gateway_pods, gateway_restart, workloads_counted, workloads_restart
from interconnect.state import desired, pages

if TYPE_CHECKING:
    from interconnect.domain.changes import Change
    from interconnect.domain.json_types import Json
    from interconnect.domain.topology import RestartPolicy
    from meshconsole.access.actor import Actor

WORKLOADS, GATEWAY = Kind("workloads"), Kind("gateway-pods")


class Decision(StrEnum):
    REVERT = "revert"
    RESTORE = "restore"
    WORKLOADS = "workloads"
    GATEWAY = "gateway"
    RETRY = "retry"
    SKIP = "skip"
    FORCE = "force"
    ADOPT = "adopt"
    TAKE_OVER = "take_over"
    OVERRIDE = "accept"


RETRIES = (Decision.RETRY, Decision.SKIP, Decision.FORCE, Decision.ADOPT, Decision.TAKE_OVER, Decision.OVERRIDE)
# Of a retry, those that consent to something: to what the failed steps name, and nothing else.
CONSENTING = (Decision.ADOPT, Decision.TAKE_OVER, Decision.OVERRIDE)
# Of a retry, what it does about a restart that is held back.
GUARDS = {Decision.SKIP: GuardChoice.SKIP, Decision.FORCE: GuardChoice.FORCE}


@dataclass(frozen=True, slots=True)
class Question:
    """A question before a decision. `rollout` is the one whose page asks, `tokens` what the button itself consents to,
    `group` or `cluster` whose workloads to restart, `gateway` the one to restart, with its cluster.
    """

    mesh: Mesh
    decision: Decision
    rollout: Rollout | None = None
    tokens: tuple[str, ...] = ()
    group: str = ""
    cluster: str = ""
    gateway: Gateway | None = None

    @property
    def key(self) -> str:
        """The name of the question. A plan made for another question doesn't answer this one."""
        row = self.rollout or self.gateway
        about = str(row.id) if row else f"{self.group}/{self.cluster}"
        return " ".join((self.decision, about, *sorted(self.tokens)))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person answers to a question, besides yes."""

    phrase: str = ""
    restart: RestartPolicy | None = None


def question_ask(*, question: Question, user_id: int) -> Inquiry:
    """Have the plan of the question made now. Raises Refused when there is nothing left to decide."""
    mesh = question.mesh
    shown = {"revision": mesh.revision, "decision": question.key}
    if question.decision is Decision.WORKLOADS:
        params = {"group": question.group, "cluster": question.cluster, **shown}
        return inquiry_start(user_id=user_id, kind=WORKLOADS, mesh=mesh, params=params)
    if question.gateway is not None:
        params = {"gateway": str(question.gateway.id), "name": question.gateway.name, **shown}
        return inquiry_start(user_id=user_id, kind=GATEWAY, mesh=mesh, params=params)
    retried = _rollout(question) if question.decision in RETRIES else None
    accepted = offered(retried) & set(question.tokens) if retried else ()
    return plans.plan_afresh(
        mesh=mesh,
        user_id=user_id,
        changes=changes_of(question=question),
        decision=question.key,
        retried=retried,
        accepted=sorted(accepted),
    )


def offered(rollout: Rollout) -> set[str]:
    """Return the consents that the rollout's page offers: the tokens of its failed steps. A link could name any
    token.
    """
    params = rollout.steps.filter(status=StepStatus.FAILED).values_list("error_params", flat=True)
    return {str(token) for each in params for token in each.get("tokens", ())}


def count(inquiry: Inquiry) -> Json:
    """Return the workloads that can be restarted."""
    if inquiry.mesh is None:
        raise Refused.because("workloads.none")
    params = inquiry.params
    return workloads_counted(mesh=inquiry.mesh, group=params["group"], cluster=params["cluster"]).to_json()


def gateway(inquiry: Inquiry) -> Json:
    """Return the Pods that a restart of a gateway would replace."""
    return gateway_pods(gateway=_gateway(inquiry)).to_json()


def _gateway(inquiry: Inquiry) -> Gateway:
    found = pages.gateway_of(inquiry.mesh, UUID(inquiry.params["gateway"])) if inquiry.mesh else None
    if found is None:
        raise Refused.because("gateway.unknown", gateway=inquiry.params["name"])
    return found


def question_asks(*, question: Question) -> Asking:
    """Return how the question is asked, which follows from the change it amounts to. Raises Refused when there is
    nothing left to decide.
    """
    undone = changes_of(question=question)
    if question.decision not in RETRIES:
        return asking(desired.load(question.mesh), undone)
    rollout = _rollout(question)
    if not undone:
        return asking(desired.load(question.mesh), ())
    asks = asking(topology_from_json(rollout.before), changes_from_json(rollout.changes), about=undone)
    return replace(asks, restart=False) if question.decision in GUARDS else asks


def question_answer(*, question: Question, plan: Inquiry, answer: Answer, actor: Actor) -> Rollout:
    """Start the rollout that was decided on, exactly as shown and only once; return it."""

    def start(row: Inquiry) -> Rollout:
        require_answer(question=question, plan=row, answer=answer)
        return _started(question, row, answer, actor)

    return plans.carried_out(mesh=question.mesh, inquiry=plan, start=start)


def require_answer(*, question: Question, plan: Inquiry, answer: Answer) -> None:
    """Raise Refused unless the answer is complete.

    A retry tries what it can, so its findings are shown but don't block it.
    """
    if question_asks(question=question).phrase and not is_disable_phrase(answer.phrase):
        raise Refused.because("interconnect.phrase")
    plans.require_ready(plan, question.mesh)
    if question.decision is Decision.REVERT:
        plans.require_answered(plan)
    if question.decision is Decision.RESTORE and not plans.result_of(plan).steps:
        raise Refused.because("drift.none")


def _started(question: Question, row: Inquiry, answer: Answer, actor: Actor) -> Rollout:
    accept = set(row.params.get("accepted", ()))
    match question.decision:
        case Decision.REVERT:
            start = Start(
                question.mesh,
                revision=row.params["revision"],
                accept=accept,
                restart=answer.restart,
                live=plans.result_of(row).live,
            )
            return rollout_revert(actor=actor, start=start, rollout=question.rollout)
        case Decision.RESTORE:
            # To restore is to take back what others have changed: the button consents to what is shown above it.
            tokens = accept | set(plans.result_of(row).tokens)
            return drift_restore(actor=actor, mesh=question.mesh, live=plans.result_of(row).live, accept=tokens)
        case Decision.WORKLOADS:
            counted = WorkloadsResult.from_json(row.result).counted
            return workloads_restart(
                actor=actor, mesh=question.mesh, group=question.group, cluster=question.cluster, counted=counted
            )
        case Decision.GATEWAY:
            return gateway_restart(actor=actor, gateway=_gateway(row), pods=GatewayPods.from_json(row.result))
        case _:
            guard = GUARDS.get(question.decision, GuardChoice.FAIL)
            return rollout_retry(
                actor=actor, rollout=_rollout(question), accept=accept, guard=guard, restart=answer.restart
            )


def _rollout(question: Question) -> Rollout:
    """The one that is retried; Refused when it is not to be retried any more."""
    if question.rollout is None:
        raise Refused.because("rollout.superseded", rollout="")
    refusal = next(why_not_retried(question.rollout), None)
    if refusal:
        raise Refused([refusal])
    return question.rollout


def changes_of(*, question: Question) -> tuple[Change, ...]:
    """Return the changes that the question amounts to. Raises Refused when there is nothing left to decide."""
    if question.decision is Decision.REVERT:
        return way_back(question.mesh, rollout=question.rollout)
    return tuple(_undone(_rollout(question))) if question.decision in RETRIES else ()


def _undone(rollout: Rollout) -> Iterator[Change]:
    """Of its changes those that have not taken effect, and that are asked about in a way of their own."""
    if rollout.kind != RolloutKind.TOPOLOGY:
        return
    kinds = set(rollout.steps.filter(status__in=UNDONE).values_list("kind", flat=True))
    incomplete = {change for kind in kinds for change in KINDS[StepKind(kind)].completes}
    yield from (change for change in changes_from_json(rollout.changes) if type(change) in incomplete)
