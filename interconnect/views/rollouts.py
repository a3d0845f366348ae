"""Rollouts: the mesh's history, and a live page for each."""

from __future__ import annotations

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from interconnect.domain.refusal import Refused
from interconnect.models.rollout import UNFINISHED
from interconnect.services import rollouts as services
from interconnect.state import pages
from interconnect.views.decisions import rollout_for
from interconnect.views.parts import phases, steps
from interconnect.views.parts.access import mesh_for
from interconnect.views.parts.dialogs import over
from interconnect.views.parts.frame import TABS, frame, poll_seconds
from interconnect.wording import phrases
from meshconsole.htmx import events, is_htmx, page

PER_PAGE = 25


@require_GET
def index(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name)
    found = Paginator(pages.rollouts(visit.mesh), PER_PAGE).get_page(request.GET.get("page"))
    counts = pages.step_counts(found)
    rows = [
        (
            rollout,
            phrases.rollout_title(rollout),
            steps.rollout_badge(rollout),
            steps.duration(rollout),
            counts[rollout.id],
        )
        for rollout in found
    ]
    return page(
        request, "rollouts/index.html", frame(visit, "rollouts") | {"rows": rows, "rollouts": found}, parts=("live",)
    )


@require_GET
def show(request: HttpRequest, name: str, rollout_id: UUID) -> HttpResponse:
    visit = mesh_for(request, name)
    rollout = rollout_for(visit, rollout_id)
    under_way = rollout.status in UNFINISHED
    lines, names = pages.step_lines(rollout), steps.names_of(rollout)
    context = frame(visit, "rollouts") | {
        "rollout": rollout,
        "title": phrases.rollout_title(rollout),
        "state": steps.rollout_badge(rollout),
        "duration": steps.duration(rollout),
        "under_way": under_way,
        **steps.summary(rollout, lines, names),
        **phases.view(lines, names, request.GET),
        "buttons": steps.buttons(visit.actor, rollout),
    }
    if under_way:
        context["poll_seconds"] = poll_seconds(busy=True)
    # A rollout that has ended is polled too, though less often: somebody else may retry what failed.
    return page(request, "rollouts/show.html", context, parts=("live",))


@require_POST
def dismiss(request: HttpRequest, name: str, rollout_id: UUID) -> HttpResponse:
    visit = mesh_for(request, name)
    rollout = rollout_for(visit, rollout_id)
    try:
        services.rollout_dismiss(actor=visit.actor, rollout=rollout)
    except Refused as refused:
        here = reverse("rollout", kwargs={"name": name, "rollout_id": rollout.id})
        return over(request, here, " ".join(phrases.reasons(refused.violations)))
    if is_htmx(request):
        return events(HttpResponse(status=204), refresh=True)
    return HttpResponseRedirect(reverse("interconnect", kwargs={"name": visit.mesh.name}))


@require_GET
def strip(request: HttpRequest, name: str) -> HttpResponse:
    """Show only what every page of the mesh has above its content: tabs, critical findings, the current rollout."""
    visit = mesh_for(request, name)
    tabs = {tab.url_name for tab in TABS}
    tab = request.GET.get("tab", "")
    return page(request, "meshes/status.html", frame(visit, tab if tab in tabs else ""), parts=("mesh-status",))
