from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.views.decorators.http import require_GET

from interconnect.state import pages
from interconnect.views.parts.access import mesh_for
from interconnect.views.parts.frame import frame
from interconnect.wording import phrases
from meshconsole.audit.models import Entry
from meshconsole.htmx import page
from meshconsole.ui.tones import Badge, Tone

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

PER_PAGE = 50
TONES = {Entry.Outcome.ACCEPTED: Tone.GOOD, Entry.Outcome.REFUSED: Tone.WARN, Entry.Outcome.ENDED: Tone.CALM}


@require_GET
def index(request: HttpRequest, name: str) -> HttpResponse:
    """Show who asked for what, and what came of it."""
    visit = mesh_for(request, name)
    entries = Paginator(pages.activity(visit.mesh), PER_PAGE).get_page(request.GET.get("page"))
    rows = [
        (
            entry,
            phrases.action_in_words(entry.action, entry.params),
            phrases.details_in_words(entry.action, entry.params),
            state_of(entry),
            why(entry.params),
        )
        for entry in entries
    ]
    return page(request, "activity/index.html", frame(visit, "activity") | {"rows": rows, "entries": entries})


def state_of(entry: Entry) -> Badge:
    if entry.action == "rollout.failed":
        return Badge(Tone.BAD, Entry.Outcome.ENDED.label)
    outcome = Entry.Outcome(entry.outcome)
    return Badge(TONES[outcome], outcome.label)


def why(params: Mapping[str, Any]) -> str:
    return " ".join(phrases.refusal(params.get("reasons", ())))
