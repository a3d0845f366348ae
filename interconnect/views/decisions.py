"""Buttons that start or change a rollout.

Each opens a dialog that shows what will happen, and asks for confirmation the way that such a change does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from interconnect.domain.changes import CreateGateway, DeleteGateway, DeleteGroup, Disable, Remove, RemoveCluster
from interconnect.domain.injection import prevents_restart
from interconnect.domain.refusal import Refused
from interconnect.domain.results import GatewayPods, WorkloadsResult
from interconnect.domain.stale import StaleCount, Workload
from interconnect.domain.steps import StepKind
from interconnect.domain.violations import Violation
from interconnect.domain.warnings import warnings_of_all
from interconnect.forms.decisions import ASK, CONFIRM, DecisionForm
from interconnect.forms.groups import ConfirmForm
from interconnect.models import InquiryStatus, Rollout, StepStatus
from interconnect.models.rollout import OPEN_STEPS
from interconnect.permissions import role_for
from interconnect.services import decisions, inquiries, plans
from interconnect.services.decisions import Answer, Decision, Question
from interconnect.services.rollouts import rollout_cancel
from interconnect.state import desired, observed, pages
from interconnect.views.parts import dialogs, plan_rows, rows
from interconnect.views.parts.access import Visit, mesh_for
from interconnect.views.parts.changing import deleted_rule, deleted_with
from interconnect.views.parts.dialogs import Dialog
from interconnect.views.parts.frame import frame
from interconnect.wording import phrases, word
from interconnect.wording.changes import sentences
from meshconsole.htmx import is_htmx, page
from meshconsole.text import in_a_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from interconnect.domain.confirming import Asking
    from interconnect.models import Gateway, Inquiry

MOST_LINES = 20
MOST_TYPED = 100
PATIENCE = timedelta(seconds=20)
PARTS = ("dialogs", "dialog-form", "decision-plan")
# Changes that show up in the list of what the topology loses.
TAKING = (Remove, DeleteGroup, RemoveCluster, DeleteGateway, Disable)
# Refusals that leave nothing to decide: the dialog closes and says so.
OVER = {"rollout.not-failed", "rollout.superseded", "rollout.not-newest", "rollout.nothing-to-revert", "rollout.ended"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, how it is asked, and its plan. `back` is the page on which it is asked."""

    question: Question
    asking: Asking
    plan: Inquiry
    back: str


@require_http_methods(["GET", "POST"])
def revert(request: HttpRequest, name: str, rollout_id: UUID) -> HttpResponse:
    visit = mesh_for(request, name)
    rollout = rollout_for(visit, rollout_id)
    return _decide(request, visit, Question(visit.mesh, Decision.REVERT, rollout))


@require_http_methods(["GET", "POST"])
def retry(request: HttpRequest, name: str, rollout_id: UUID) -> HttpResponse:
    """Retry what failed, with the decision that the button stands for (`decision`, `accept`)."""
    visit = mesh_for(request, name)
    rollout = rollout_for(visit, rollout_id)
    wanted = request.GET.get("decision", "")
    decision = Decision(wanted) if wanted in decisions.RETRIES else Decision.RETRY
    tokens = tuple(dialogs.consents(request.GET)) if decision in decisions.CONSENTING else ()
    return _decide(request, visit, Question(visit.mesh, decision, rollout, tokens))


@require_http_methods(["GET", "POST"])
def restore(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name)
    return _decide(request, visit, Question(visit.mesh, Decision.RESTORE))


@require_http_methods(["GET", "POST"])
def restart_workloads(request: HttpRequest, name: str) -> HttpResponse:
    """Restart the workloads of the `group` or `cluster` that the query names."""
    visit = mesh_for(request, name)
    cluster = request.GET.get("cluster", "")
    group = "" if cluster else request.GET.get("group", "")
    known = pages.cluster_names(visit.mesh).values() if cluster else pages.group_names(visit.mesh)
    if (cluster or group) not in known:
        raise Http404
    return _decide(request, visit, Question(visit.mesh, Decision.WORKLOADS, group=group, cluster=cluster))


@require_http_methods(["GET", "POST"])
def restart_gateway(request: HttpRequest, name: str, gateway: UUID) -> HttpResponse:
    visit = mesh_for(request, name)
    found = pages.gateway_of(visit.mesh, gateway)
    if found is None:
        raise Http404
    return _decide(request, visit, Question(visit.mesh, Decision.GATEWAY, gateway=found))


@require_http_methods(["GET", "POST"])
def cancel(request: HttpRequest, name: str, rollout_id: UUID) -> HttpResponse:
    """Cancel a rollout. No cluster has to be asked: steps that have started finish, and the rest never start."""
    visit = mesh_for(request, name)
    rollout = rollout_for(visit, rollout_id)
    back = _page_of(rollout)
    form = ConfirmForm(dialogs.posted(request))
    dialog = Dialog(_("Cancel rollout"), _("Cancel rollout"), form, intro=_what_cancelling_does(rollout), danger=True)
    dialog.leave, dialog.back = _("Keep running"), back
    if request.method != "POST" or not form.is_valid():
        return dialogs.show(request, visit, dialog)
    try:
        return dialogs.to_rollout(request, rollout_cancel(actor=visit.actor, rollout=rollout))
    except Refused as refused:
        return _refused(request, visit, dialog, refused)


def rollout_for(visit: Visit, rollout_id: UUID) -> Rollout:
    rollout = pages.rollout_of(visit.mesh, rollout_id)
    if rollout is None:
        raise Http404
    rollout.mesh = visit.mesh
    return rollout


def _what_cancelling_does(rollout: Rollout) -> tuple[str, ...]:
    statuses = list(rollout.steps.values_list("status", flat=True))
    begun = rollout.steps.filter(status__in=(StepStatus.ACTIVE, StepStatus.WAITING)).values_list("kind", flat=True)
    names = phrases.listed(list(dict.fromkeys(phrases.step_name(kind) for kind in begun)))
    left = sum(1 for status in statuses if status in OPEN_STEPS) - len(begun)
    done = len(statuses) - left - len(begun)
    lines = [
        _("%(title)s: %(done)s of %(total)s steps are done and won't be undone.")
        % {"title": phrases.rollout_title(rollout), "done": done, "total": len(statuses)}
    ]
    if begun:
        lines.append(_("Running now (they finish first unless they're waiting): %(steps)s.") % {"steps": names})
    lines.append(_("Steps that haven't started and won't run: %(count)s.") % {"count": left})
    lines.append(_("The change stays requested. Retry the rollout to finish it, or revert it."))
    return tuple(lines)


def _page_of(rollout: Rollout) -> str:
    return reverse("rollout", kwargs={"name": rollout.mesh.name, "rollout_id": rollout.id})


def _refused(request: HttpRequest, visit: Visit, dialog: Dialog, refused: Refused) -> HttpResponse:
    if OVER & {violation.code for violation in refused.violations}:
        return dialogs.over(request, dialog.back, " ".join(phrases.reasons(refused.violations)))
    dialogs.refuse(dialog, refused)
    return dialogs.show(request, visit, dialog)


def _decide(request: HttpRequest, visit: Visit, question: Question) -> HttpResponse:
    """Show a question and its plan, or act on what was sent.

    The browser sends the verb, a consent (`consent`, `withdraw`) or a request for a new plan (`again`); without
    scripts also a request for the plan's progress (`look`).
    """
    back = _page_of(question.rollout) if question.rollout else reverse("interconnect", kwargs={"name": visit.mesh.name})
    plan = _sent(request, visit, question)
    if plan is not None and request.method == "POST" and plans.rollout_of(plan):
        return dialogs.to_rollout(request, Rollout.objects.select_related("mesh").get(id=plans.rollout_of(plan)))
    try:
        asked = Asked(question, decisions.question_asks(question=question), plan or _plan(visit, question), back)
        if request.method == "POST":
            return _posted(request, visit, asked)
    except Refused as refused:
        return dialogs.over(request, back, " ".join(phrases.reasons(refused.violations)))
    if plan is None and not is_htmx(request):
        return _to_its_page(request, asked.plan)
    # The second question has a URL only together with the plan that the first one showed.
    return _show(
        request, visit, asked, _answers_so_far(asked, visit, request.GET) if plan else _form(asked, visit, ASK)
    )


def _plan(visit: Visit, question: Question) -> Inquiry:
    return decisions.question_ask(question=question, user_id=visit.actor.user_id or 0)


def _sent(request: HttpRequest, visit: Visit, question: Question) -> Inquiry | None:
    """Return the plan that the page shows; None if it is for another question, somebody else's, or no longer kept."""
    try:
        sent = UUID((request.POST if request.method == "POST" else request.GET).get("plan", ""))
    except ValueError:
        return None
    inquiry = inquiries.inquiry_of(inquiry_id=sent, user_id=visit.actor.user_id or 0)
    return (
        inquiry
        if inquiry and inquiry.mesh_id == visit.mesh.id and inquiry.params.get("decision") == question.key
        else None
    )


def _to_its_page(request: HttpRequest, plan: Inquiry, form: DecisionForm | None = None) -> HttpResponse:
    """Redirect to the plan's own page, for browsers without scripts; its URL holds the answers in `form`."""
    said = [(name, str(form[name].value() or "")) for name in form.fields] if form else []
    return HttpResponseRedirect(f"{request.path}?{urlencode([*_query(request), ('plan', str(plan.id)), *said])}")


def _query(request: HttpRequest) -> list[tuple[str, str]]:
    return [(key, value) for key in ("decision", "accept", "group", "cluster") for value in request.GET.getlist(key)]


def _form(asked: Asked, visit: Visit, step: str, data: Any = None) -> DecisionForm:
    retried = asked.question.rollout if asked.question.decision in decisions.RETRIES else None
    policy = retried.restart if retried else visit.mesh.restart
    return DecisionForm(data, asking=asked.asking, step=step, policy=policy)


def _step_in(asked: Asked, said: QueryDict) -> str:
    return CONFIRM if asked.asking.twice and said.get("step") == CONFIRM else ASK


def _answers_so_far(asked: Asked, visit: Visit, said: QueryDict) -> DecisionForm:
    """Return the form at the step in `said`, filled in with the answers there; none of them counts as given yet."""
    form = _form(asked, visit, _step_in(asked, said))
    form.initial.update({name: said[name][:MOST_TYPED] for name in ("phrase", "restart") if name in said})
    return form


def _posted(request: HttpRequest, visit: Visit, asked: Asked) -> HttpResponse:
    step = _step_in(asked, request.POST)
    token = request.POST.get("consent", "") or request.POST.get("withdraw", "")
    if "again" in request.POST:
        asked = replace(asked, plan=_plan(visit, asked.question))
    elif token:
        plans.plan_consent(inquiry=asked.plan, token=token, given="consent" in request.POST)
        asked.plan.refresh_from_db()
    if token or not {"again", "look"}.isdisjoint(request.POST):
        return _asked_at(request, visit, asked, _answers_so_far(asked, visit, request.POST))
    form = _form(asked, visit, step, request.POST)
    if not form.is_valid():
        return _show(request, visit, asked, form, status=422)
    answer = Answer(form.cleaned_data.get("phrase", ""), form.restart_policy())
    try:
        if asked.asking.twice and step == ASK:
            decisions.require_answer(question=asked.question, plan=asked.plan, answer=answer)
            return _second_question(request, visit, asked, answer)
        rollout = decisions.question_answer(question=asked.question, plan=asked.plan, answer=answer, actor=visit.actor)
    except Refused as refused:
        return _told(request, visit, asked, form, refused)
    return dialogs.to_rollout(request, rollout)


def _asked_at(request: HttpRequest, visit: Visit, asked: Asked, form: DecisionForm) -> HttpResponse:
    """Show the question again, or the second one: in the dialog, or on the page at its own URL."""
    return _show(request, visit, asked, form) if is_htmx(request) else _to_its_page(request, asked.plan, form)


def _second_question(request: HttpRequest, visit: Visit, asked: Asked, answer: Answer) -> HttpResponse:
    form = _form(asked, visit, CONFIRM)
    form.initial["phrase"] = answer.phrase
    return _asked_at(request, visit, asked, form)


def _told(request: HttpRequest, visit: Visit, asked: Asked, form: DecisionForm, refused: Refused) -> HttpResponse:
    """Show why it was refused, beside the phrase or above the form; make a new plan if this one is outdated."""
    codes = {violation.code for violation in refused.violations}
    text = " ".join(phrases.reasons(refused.violations))
    if codes & OVER:
        return dialogs.over(request, asked.back, text)
    if "plan.outdated" in codes:
        visit.mesh.refresh_from_db(fields=["revision"])
        asked = replace(asked, plan=_plan(visit, asked.question))
    form.add_error("phrase" if codes == {"interconnect.phrase"} and "phrase" in form.fields else None, text)
    status = 403 if codes == {"role.missing"} else 422 if codes == {"interconnect.phrase"} else 409
    return _show(request, visit, asked, form, status=status)


def _show(request: HttpRequest, visit: Visit, asked: Asked, form: DecisionForm, *, status: int = 200) -> HttpResponse:
    question, second = asked.question, _step_of(form) == CONFIRM
    verb = _verbs()[question.decision]
    query = urlencode(_query(request))
    action = f"{request.path}?{query}" if query else request.path
    context: dict[str, Any] = {
        "mesh": visit.mesh,
        "title": _title(question, verb),
        "verb": _("Confirm") if second else verb,
        "second": second,
        "form": form,
        "plan": asked.plan,
        "action": action,
        "poll_url": f"{request.path}?{urlencode([*_query(request), ('plan', str(asked.plan.id))])}",
        "back": asked.back,
        "danger": asked.asking.danger or question.decision is Decision.FORCE,
        "intro": _second_words(visit, asked) if second else _words(question),
        **({} if second else _what_changes(visit, asked)),
        "restarts": _restarts(asked),
        "decided": question.decision in decisions.GUARDS,
        **_shown(visit, asked),
    }
    if not is_htmx(request):
        context = frame(visit, "rollouts" if question.rollout else "interconnect") | context
    return page(request, "interconnect/decision.html", context, parts=PARTS, status=status)


def _what_changes(visit: Visit, asked: Asked) -> dict[str, Any]:
    """Return what changes: what the topology loses, and every object that is deleted, by kind and name.

    For a revert, also return what it brings back, in words.
    """
    found: dict[str, Any] = {
        "goes": [(_kinds()[kind], name) for kind, name in asked.asking.goes],
        "deletes": (*deleted_with(visit, asked.asking.gateways), *(deleted_rule(visit) if asked.asking.phrase else ())),
    }
    if asked.question.decision is not Decision.REVERT:
        return found
    # What the topology loses has its own list.
    changes = sentences(
        [change for change in decisions.changes_of(question=asked.question) if not isinstance(change, TAKING)]
    )
    return found | {
        "changes": changes[:MOST_LINES],
        "more_changes": len(changes[MOST_LINES:]),
        "warnings": _warnings(asked.question),
    }


def _restarts(asked: Asked) -> bool:
    """Return whether to show what holds a restart back: for a plan without a restart it would only cause alarm."""
    if asked.question.decision is Decision.SKIP:
        return False
    return plans.result_of(asked.plan).restarts or asked.asking.restart or asked.question.decision is Decision.FORCE


def _step_of(form: DecisionForm) -> str:
    return str(form["step"].value())


def _title(question: Question, verb: str) -> str:
    if question.decision is Decision.RESTORE:
        return _("Restore what others have changed")
    about = phrases.rollout_title(question.rollout) if question.rollout else question.gateway
    return _("%(verb)s: %(title)s") % {"verb": verb, "title": about} if about else verb


def _verbs() -> Mapping[Decision, str]:
    return {
        Decision.REVERT: _("Revert"),
        Decision.RESTORE: _("Restore"),
        Decision.WORKLOADS: _("Restart workloads"),
        Decision.GATEWAY: _("Restart gateway"),
        Decision.RETRY: _("Retry"),
        Decision.SKIP: _("Skip the restart"),
        Decision.FORCE: _("Restart anyway"),
        Decision.ADOPT: _("Adopt"),
        Decision.TAKE_OVER: _("Take over and retry"),
        Decision.OVERRIDE: _("Override"),
    }


def _kinds() -> Mapping[str, str]:
    return {
        "member": _("Entry in the interconnect list"),
        "group": _("Network group"),
        "cluster": _("Cluster in its group"),
        "gateway": _("East-west gateway"),
        "rule": _("Gateway rule"),
    }


def _words(question: Question) -> tuple[str, ...]:
    """Return what the button does in general, before any cluster has answered with details."""
    match question.decision:
        case Decision.REVERT:
            return (_("Returns the mesh to its state before this rollout."),)
        case Decision.RESTORE:
            return (_("This is written again. Lines marked “−” are removed; lines marked “+” are added."),)
        case Decision.WORKLOADS:
            whose = question.cluster or question.group
            return (
                _(
                    "Restarts the workloads of %(whose)s whose Pods carry another network, or none, in "
                    "waves. Stops at the first workload that doesn't become ready."
                )
                % {"whose": whose},
            )
        case Decision.GATEWAY if question.gateway is not None:
            names = {"gateway": question.gateway.name, "cluster": question.gateway.cluster.name}
            return (
                _(
                    "Replaces the Pods of %(gateway)s in %(cluster)s with a rolling update. Connections through a Pod "
                    "end when it's replaced. Nothing else changes."
                )
                % names,
            )
        case _:
            return (*_of_a_retry(question), _("Completed steps aren't repeated. The others are tried again."))


def _warnings(question: Question) -> tuple[str, ...]:
    """Return a revert's warnings: what else it affects, and what doesn't come back as it was."""
    changes = decisions.changes_of(question=question)
    new = any(isinstance(change, CreateGateway) for change in changes)
    lost = (_("A gateway that is created again may get a different address from its load balancer."),) if new else ()
    facts = observed.facts(question.mesh)
    return (*lost, *phrases.reasons(warnings_of_all(desired.load(question.mesh), changes, facts)))


def _of_a_retry(question: Question) -> tuple[str, ...]:
    told = tuple(dict.fromkeys(_failures(question))) if question.tokens else ()
    said = {
        Decision.SKIP: _(
            "istiod isn't restarted. A replica that doesn't pick up the change by itself gets it at its next start."
        ),
        Decision.FORCE: _(
            "istiod is restarted even though some clusters may not answer. It drops the endpoints of "
            "those clusters everywhere until they answer again. This is recorded."
        ),
        Decision.ADOPT: _(
            "The console takes ownership of the existing object and changes it as needed. This is recorded."
        ),
        Decision.TAKE_OVER: _("The console takes over these fields from their owner. This is recorded."),
        Decision.OVERRIDE: _("This finding is overridden, and the override is recorded."),
    }.get(question.decision)
    return (*told, said) if said else told


def _failures(question: Question) -> Sequence[str]:
    """Return what the button consents to, in the words of the failed steps."""
    steps = question.rollout.steps.filter(status=StepStatus.FAILED) if question.rollout else ()
    return [
        word(step.error_code, step.error_params)
        for step in steps
        if set(step.error_params.get("tokens", ())) & set(question.tokens)
    ]


def _second_words(visit: Visit, asked: Asked) -> tuple[str, ...]:
    removed = [change.group for change in decisions.changes_of(question=asked.question) if isinstance(change, Remove)]
    return dialogs.what_removing_means(removed)


def _shown(visit: Visit, asked: Asked) -> dict[str, Any]:
    """Return the plan as far as it has been made; `stands` is why the button is still disabled."""
    plan, decision = asked.plan, asked.question.decision
    planning = plan.status in (InquiryStatus.WAITING, InquiryStatus.RUNNING)
    found: dict[str, Any] = {
        "slow": planning and timezone.now() - plan.asked_at > PATIENCE,
        "errors": phrases.refusal(plan.errors),
        "may_override": visit.actor.may(role_for("finding.override")),
    }
    if decision is Decision.WORKLOADS:
        found |= {"planning": planning, "planned": plan.status == InquiryStatus.DONE, **_counted(plan)}
        nothing = found["planned"] and not found["restartable"]
    elif asked.question.gateway is not None:
        found |= {"planning": planning, "planned": plan.status == InquiryStatus.DONE}
        found |= _replaced(plan, asked.question.gateway)
        nothing = False
    else:
        found |= plan_rows.context_of(plan, visit.mesh, desired.load(visit.mesh))
        nothing = decision is Decision.RESTORE and found["planned"] and not (found["steps"] or found["left_steps"])
        if decision is Decision.SKIP:
            found["steps"] = [line for line in found["steps"] if line.kind != StepKind.RESTART]
    found["nothing"] = nothing
    found["tokens"] = plans.result_of(plan).tokens if decision is Decision.RESTORE else ()
    found["implied"] = (*found["tokens"], *asked.question.tokens)
    found["stands"] = _why_not_yet(decision, found)
    return found


def _why_not_yet(decision: Decision, found: Mapping[str, Any]) -> str:
    if found["planning"]:
        return _("The plan isn't ready yet.")
    if not found["planned"]:
        return _("The plan couldn't be made. Close this dialog, then try again.")
    if found["nothing"]:
        return _("There is nothing to do.")
    if found["tokens"] and not found["may_override"]:
        return _("This needs the mesh admin role.")
    if found.get("prevented"):
        return _("Resolve the problems above first.")
    return _("Resolve the problems above first.") if decision is Decision.REVERT and found["blocked"] else ""


def _replaced(plan: Inquiry, gateway: Gateway) -> dict[str, Any]:
    """Return which Pods a restart of a gateway replaces, in sentences, and what prevents it; empty if nothing does."""
    pods = GatewayPods.from_json(plan.result)
    total = ngettext("%(count)s Pod will be replaced.", "%(count)s Pods will be replaced.", pods.total)
    unfit = ngettext(
        "%(count)s Pod runs without the Istio proxy of its network.",
        "%(count)s Pods run without the Istio proxy of their network.",
        pods.unfit,
    )
    said = ((unfit, pods.unfit), (total, 0 if pods.hindrance else pods.total))
    return {
        "replaced": tuple(text % {"count": count} for text, count in said if count),
        "prevented": phrases.reason(prevents_restart(gateway.name, pods.hindrance)) if pods.hindrance else "",
    }


def _counted(plan: Inquiry) -> dict[str, Any]:
    """Return (cluster, (how many, which) of each kind, why not counted) rows, and whether a restart would help any."""
    counted = WorkloadsResult.from_json(plan.result).counted
    return {
        "counted": [(name, *_counted_line(said)) for name, said in sorted(counted.items())],
        "restartable": any(isinstance(said, StaleCount) and said.restartable for said in counted.values()),
    }


def _counted_line(said: StaleCount | Violation) -> tuple[list[tuple[str, list[str]]], str]:
    if isinstance(said, Violation):
        return [], phrases.reason(said)
    kinds = (
        (rows.workload_texts(len(said.stale), 0), said.stale),
        (rows.workload_texts(0, len(said.unlabelled)), said.unlabelled),
    )
    return [(" ".join(text), _workloads(found)) for text, found in kinds if found], ""


def _workloads(found: Mapping[Workload, int]) -> list[str]:
    """Return workloads with the number of their Pods, where that is known."""
    return [_workload(item, count) for item, count in sorted(found.items())]


def _workload(item: Workload, count: int) -> str:
    name = in_a_line(f"{item.kind} {item.namespace}/{item.name}")
    number = ngettext("%(count)s Pod", "%(count)s Pods", count) % {"count": count}
    return f"{name} ({number})" if count else name
