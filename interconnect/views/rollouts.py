"""Rollouts: the mesh's history, and one of them live."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from interconnect import queries
from interconnect.models import Rollout, RolloutStatus
from interconnect.models.rollout import UNFINISHED
from interconnect.services import rollouts as services
from interconnect.services.refusal import Refused
from interconnect.views import phases, steps, wording
from interconnect.views.access import Visit, mesh_for
from interconnect.views.dialogs import consents, to_rollout
from interconnect.views.mesh import FAST_SECONDS, frame
from meshconsole.access.roles import Role
from meshconsole.htmx import events, is_htmx, page

PER_PAGE = 25


@require_GET
def index(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name)
    found = Paginator(queries.rollouts(visit.mesh), PER_PAGE).get_page(request.GET.get("page"))
    counts = queries.step_counts(found)
    rows = [
        (rollout, wording.rollout_title(rollout), steps.rollout_badge(rollout), steps.duration(rollout), counts[rollout.id])
        for rollout in found
    ]
    return page(request, "rollouts/index.html", frame(visit, "rollouts") | {"rows": rows, "rollouts": found}, parts=("live",))


@require_GET
def show(request: HttpRequest, name: str, rollout_id: UUID) -> HttpResponse:
    visit = mesh_for(request, name)
    rollout = _rollout(visit, rollout_id)
    under_way = rollout.status in UNFINISHED
    lines, names = queries.step_lines(rollout), steps.names_of(rollout)
    context = frame(visit, "rollouts") | {
        "rollout": rollout,
        "title": wording.rollout_title(rollout),
        "state": steps.rollout_badge(rollout),
        "duration": steps.duration(rollout),
        "under_way": under_way,
        **steps.summary(rollout, lines, names),
        **phases.view(lines, names, request.GET),
        "buttons": steps.buttons(visit.actor, rollout),
    }
    if under_way:
        context["poll_seconds"] = FAST_SECONDS
    # One that has ended is asked for too, though not as often: somebody else may carry out again what failed.
    return page(request, "rollouts/show.html", context, parts=("live",))


def _rollout(visit: Visit, rollout_id: UUID) -> Rollout:
    rollout = queries.rollout_of(visit.mesh, rollout_id)
    if rollout is None:
        raise Http404
    rollout.mesh = visit.mesh
    return rollout


@require_POST
def retry(request: HttpRequest, name: str, rollout_id: UUID) -> HttpResponse:
    """Again what failed, with the decisions that its buttons stand for (`guard`, `accept`)."""
    visit = mesh_for(request, name, Role.OPERATOR)
    rollout = _rollout(visit, rollout_id)
    guard = request.POST.get("guard")
    if guard not in (None, *services.GUARD_CHOICES):
        guard = None
    accept = consents(request)
    return _act(request, rollout, lambda: services.rollout_retry(actor=visit.actor, rollout=rollout, accept=accept, guard=guard))


@require_POST
def cancel(request: HttpRequest, name: str, rollout_id: UUID) -> HttpResponse:
    visit = mesh_for(request, name, Role.OPERATOR)
    rollout = _rollout(visit, rollout_id)
    return _act(request, rollout, lambda: services.rollout_cancel(actor=visit.actor, rollout=rollout))


@require_POST
def revert(request: HttpRequest, name: str, rollout_id: UUID) -> HttpResponse:
    visit = mesh_for(request, name, Role.OPERATOR)
    rollout = _rollout(visit, rollout_id)
    if not queries.is_newest_topology_rollout(rollout):
        return _refused(request, rollout, _("Only the newest change of the mesh can be reverted."))
    return _act(request, rollout, lambda: services.rollout_revert(actor=visit.actor, mesh=visit.mesh))


@require_POST
def dismiss(request: HttpRequest, name: str, rollout_id: UUID) -> HttpResponse:
    visit = mesh_for(request, name, Role.OPERATOR)
    rollout = _rollout(visit, rollout_id)
    if rollout.status != RolloutStatus.FAILED:
        return _refused(request, rollout, _("This rollout has not failed."))
    services.rollout_dismiss(actor=visit.actor, rollout=rollout)
    if is_htmx(request):
        return events(HttpResponse(status=204), refresh=True)
    return HttpResponseRedirect(reverse("interconnect", kwargs={"name": visit.mesh.name}))


def _act(request: HttpRequest, rollout: Rollout, act: Callable[[], Rollout]) -> HttpResponse:
    try:
        return to_rollout(request, act())
    except Refused as refused:
        return _refused(request, rollout, " ".join(wording.reasons(refused.violations)))


def _refused(request: HttpRequest, rollout: Rollout, text: str) -> HttpResponse:
    if is_htmx(request):
        return events(HttpResponse(status=204), refresh=True, toast={"text": text, "tone": "bad"})
    messages.error(request, text)
    return HttpResponseRedirect(reverse("rollout", kwargs={"name": rollout.mesh.name, "rollout_id": rollout.id}))
