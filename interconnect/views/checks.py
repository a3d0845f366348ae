"""The *Checks* page: open findings with what changed since the last full check, silences, and the groups' matrix."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from interconnect.domain.credentials import moment
from interconnect.permissions import role_for_page
from interconnect.services import checking
from interconnect.state import desired, findings, observed
from interconnect.views.parts import board, heat
from interconnect.views.parts.access import Visit, mesh_for, why_not
from interconnect.views.parts.findings import title_of
from interconnect.views.parts.frame import frame, poll_seconds
from interconnect.wording import phrases
from meshconsole.htmx import events, is_htmx, page
from meshconsole.tables import csv_answer
from meshconsole.text import visible
from meshconsole.ui.tones import Action

if TYPE_CHECKING:
    from interconnect.domain.checks import ChecksResult
    from interconnect.models import Finding, Silence

ENTRIES_PER_PAGE = 50
RECENT = timedelta(hours=24)
"""Changes are counted since the last full check, or for so long where nobody has run one."""


@require_GET
def index(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name)
    checked = observed.checks_of(visit.mesh)
    running = checking.running_checks(visit.mesh)
    busy = running is not None and running.status in checking.OPEN
    found = _board(visit, checked)
    wanted = board.wanted_of(request.GET)
    rows = found.chosen(wanted)
    context = frame(visit, "checks") | {
        "wanted": wanted,
        "wanted_title": title_of(wanted.code) if wanted.code else "",
        "tiles": found.tiles(wanted, request.GET, checked=checked.at is not None),
        "finding_count": len(found.lines(rows)),
        "subject_count": board.subject_count(rows),
        "change_head": _("Since the last check") if checked.at else _("Past day"),
        "checked_at": checked.at,
        "heat": heat.heat(found.topology, checked, request.GET),
        "legend": heat.legend(),
        "group_count": len(found.topology.groups),
        "silences": [_silence(visit, each) for each in found.silences],
        "end_silence": why_not(visit.actor, role_for_page("silence-end")),
        "failure": phrases.reason(checked.failure) if checked.failure else "",
        "errors": phrases.refusal(running.errors) if running else (),
        "busy": busy,
        "progress": observed.asked_since(visit.mesh, running.asked_at) if busy and running else None,
        "run": _run(visit, busy=busy),
        "checks_poll": poll_seconds(busy=busy),
        **_shown(found, rows, wanted, request.GET.get("page")),
    }
    return page(request, "checks/index.html", context, parts=("live",))


@require_GET
def table(request: HttpRequest, name: str) -> HttpResponse:
    """Return the findings that the page shows, subject by subject, as a file."""
    visit = mesh_for(request, name)
    found, wanted = _board(visit, observed.checks_of(visit.mesh)), board.wanted_of(request.GET)
    heads = (
        _("Severity"),
        _("Code"),
        _("Finding"),
        _("Subject"),
        _("Cluster"),
        _("Evidence"),
        _("Details"),
        _("First seen"),
        _("Ended"),
        _("Silenced"),
    )
    entries = found.entries(found.chosen(wanted), wanted)
    return csv_answer(f"{name}-findings", heads, map(_cells, entries))


def _cells(entry: board.Entry) -> tuple[object, ...]:
    return (
        entry.mark.label,
        entry.code,
        entry.title,
        entry.about.name,
        entry.place,
        entry.sentence,
        entry.evidence,
        entry.first_seen,
        entry.ended_at,
        _("yes") if entry.silenced else _("no"),
    )


def _board(visit: Visit, checked: ChecksResult) -> board.Board:
    now = timezone.now()
    since = checked.at or now - RECENT
    rows = tuple(findings.open_now([visit.mesh], now))
    return board.Board(
        visit=visit,
        topology=desired.load(visit.mesh),
        rows=rows,
        ended=board.really_ended(findings.ended_since(visit.mesh, since), rows),
        silences=tuple(findings.silences([visit.mesh], now)),
        since=since,
        now=now,
    )


def _shown(found: board.Board, rows: list[Finding], wanted: board.Wanted, number: str | None) -> dict[str, Any]:
    """Return a line for each finding or, by cluster, of one finding alone or of those ended, an entry for each
    subject.
    """
    if not (wanted.by or wanted.code or wanted.show == "ended"):
        return {"lines": found.lines(rows), "places": [], "pages": None}
    pages = Paginator(found.entries(rows, wanted), ENTRIES_PER_PAGE).get_page(number)
    together = groupby(pages, key=lambda entry: entry.place if wanted.by else "")
    return {"lines": [], "places": [(place, list(entries)) for place, entries in together], "pages": pages}


def _silence(visit: Visit, silence: Silence) -> dict[str, Any]:
    return {
        "silence": silence,
        "title": title_of(silence.code),
        "subjects": phrases.listed(phrases.subject_names(silence.subjects)),
        "reason": visible(silence.reason),
        "until": moment(silence.until),
        "end": reverse("silence-end", kwargs={"name": visit.mesh.name, "silence_id": silence.pk}),
    }


def _run(visit: Visit, *, busy: bool) -> Action:
    running = (_("Checks are already running."),) if busy else ()
    why = why_not(visit.actor, role_for_page("checks-run")) or running
    return Action(_("Run checks"), reverse("checks-run", kwargs={"name": visit.mesh.name}), "refresh", why)


@require_POST
def run(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name)
    checking.checks_start(mesh=visit.mesh, user_id=visit.actor.user_id or 0)
    if is_htmx(request):
        return events(HttpResponse(status=204), refresh=True)
    return HttpResponseRedirect(reverse("checks", kwargs={"name": visit.mesh.name}))
