"""Step 3 of the join wizard: the plan from the clusters' answers, the consents that it asks for, and OK."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from interconnect.domain.changes import Join
from interconnect.domain.refusal import Refused
from interconnect.forms.settings import SettingsForm
from interconnect.models import Rollout
from interconnect.services import drafts, inquiries, plans
from interconnect.views.joining import draft_of, go, still_able
from interconnect.views.parts import dialogs, plan_rows
from interconnect.views.parts.access import Visit, mesh_for
from interconnect.views.parts.changing import current
from interconnect.views.parts.frame import frame
from interconnect.wording import phrases
from meshconsole.htmx import is_htmx, page

if TYPE_CHECKING:
    from interconnect.domain.topology import RestartPolicy, Topology
    from interconnect.models import Inquiry, JoinDraft


@dataclass(frozen=True, slots=True)
class Review:
    """What a review consists of: the visit, the draft, and the draft's joins on the current topology."""

    visit: Visit
    topology: Topology
    draft: JoinDraft
    changes: tuple[Join, ...]

    def plan(self) -> Inquiry:
        """Return the plan of these changes, requesting it if there is none yet."""
        return plans.plan_of(mesh=self.visit.mesh, user_id=self.visit.actor.user_id or 0, changes=self.changes)

    def plan_anew(self) -> Inquiry:
        return plans.plan_anew(mesh=self.visit.mesh, user_id=self.visit.actor.user_id or 0, changes=self.changes)


@require_http_methods(["GET", "POST"])
def join_review(request: HttpRequest, name: str) -> HttpResponse:
    """Step 3: review the plan and start it.

    The browser sends *OK*, a consent (`consent`, `withdraw`), a request for a new plan (`again`), or a choice to be
    kept (`keep`).
    """
    visit = mesh_for(request, name)
    started = _started(request, visit)
    if started is not None:
        return dialogs.to_rollout(request, started)
    topology, _facts = current(visit)
    draft = draft_of(visit)
    groups = still_able(request, draft, topology)
    if draft is None or not groups:
        # A double submit: the other request has just started the rollout.
        started = _started(request, visit)
        return dialogs.to_rollout(request, started) if started else go(request, "join", visit)
    changes = tuple(Join(group, drafts.chosen_addresses(draft, topology, group)) for group in groups)
    if any(not change.addresses for change in changes):
        return go(request, "join-addresses", visit)
    review = Review(visit, topology, draft, changes)
    return _posted(request, review) if request.method == "POST" else _show(request, review, review.plan())


def _sent(request: HttpRequest, visit: Visit) -> Inquiry | None:
    """Return the plan that the page showed; None if it has been dropped or belongs to somebody else."""
    try:
        sent = UUID(request.POST.get("plan", ""))
    except ValueError:
        return None
    inquiry = inquiries.inquiry_of(inquiry_id=sent, user_id=visit.actor.user_id or 0)
    return inquiry if inquiry and inquiry.kind == plans.KIND.name and inquiry.mesh_id == visit.mesh.id else None


def _started(request: HttpRequest, visit: Visit) -> Rollout | None:
    """Return the rollout that this plan has already started: the button was pressed twice, or the response was lost."""
    plan = _sent(request, visit)
    rollout = plans.rollout_of(plan) if plan else ""
    return Rollout.objects.select_related("mesh").filter(id=rollout).first() if rollout else None


def _posted(request: HttpRequest, review: Review) -> HttpResponse:
    form = SettingsForm(request.POST)
    restart = form.restart_policy() if form.is_valid() else None
    if restart:
        drafts.draft_restart(draft=review.draft, restart=restart)
    if "keep" in request.POST:
        return HttpResponse(status=204)
    if "again" in request.POST:
        return _again(request, review, review.plan_anew())
    token = request.POST.get("consent", "") or request.POST.get("withdraw", "")
    if token:
        plans.plan_consent(inquiry=review.plan(), token=token, given="consent" in request.POST)
        return _again(request, review, review.plan())
    if restart is None:
        return _show(request, review, review.plan(), form=form, status=422)
    try:
        rollout = _start(request, review, restart)
    except Refused as refused:
        review.visit.mesh.refresh_from_db(fields=["revision"])
        found = phrases.reasons(refused.violations)
        return _show(request, review, review.plan(), refused=found, status=409)
    drafts.draft_drop(draft=review.draft)
    return dialogs.to_rollout(request, rollout)


def _start(request: HttpRequest, review: Review, restart: RestartPolicy) -> Rollout:
    """Start exactly the plan that the page showed: nobody has looked at any other. Raise Refused if it is gone."""
    visit = review.visit
    plan = _sent(request, visit)
    if plan is None:
        raise Refused.because("plan.outdated", seen=0, revision=visit.mesh.revision)
    return plans.plan_start(actor=visit.actor, mesh=visit.mesh, inquiry=plan, changes=review.changes, restart=restart)


def _again(request: HttpRequest, review: Review, plan: Inquiry) -> HttpResponse:
    """Show the plan again; without scripts, redirect to the page so that a reload submits nothing twice."""
    if not is_htmx(request):
        return HttpResponseRedirect(reverse("join-review", kwargs={"name": review.visit.mesh.name}))
    return _show(request, review, plan)


def _show(
    request: HttpRequest,
    review: Review,
    plan: Inquiry,
    *,
    form: SettingsForm | None = None,
    refused: tuple[str, ...] = (),
    status: int = 200,
) -> HttpResponse:
    mesh, topology = review.visit.mesh, review.topology
    context: dict[str, Any] = frame(review.visit, "interconnect") | {
        "form": form or SettingsForm(initial={"restart": review.draft.restart or mesh.restart}),
        "step": 3,
        "refused": refused,
        "joining": [
            (change.group, [plan_rows.address_text(address, topology) for address in change.addresses])
            for change in review.changes
        ],
        "plan": plan,
        "errors": phrases.refusal(plan.errors),
        **plan_rows.context_of(plan, mesh, topology),
    }
    return page(request, "interconnect/review.html", context, parts=("live",), status=status)
