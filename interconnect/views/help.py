"""What findings mean and how to fix them: an index, and a page for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from interconnect.domain import diagnosis, helping
from interconnect.state import pages
from interconnect.state.findings import subjects_by_mesh
from interconnect.views.parts import findings
from interconnect.views.parts.manual import FALLBACK, rendered
from interconnect.wording.diagnosis import TITLES
from meshconsole.access.policy import visible_scopes
from meshconsole.htmx import page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    lines = [(code, TITLES[code], _severity(code)) for code in helping.PAGES]
    return page(request, "help/index.html", {"lines": lines})


@require_GET
def show(request: HttpRequest, code: str) -> HttpResponse:
    """Show what a code means, and the meshes of this person in which it is open."""
    own = helping.page_of(code)
    if not own:
        raise Http404
    codes = [own, *(other for other, same in helping.SAME.items() if same == own)]
    meshes = pages.meshes_in(visible_scopes(request.user))
    context = {
        "code": own,
        "title": TITLES[own],
        "severity": _severity(own),
        "text": rendered(own, get_language() or FALLBACK),
        "open_in": [(mesh, number) for mesh, number in subjects_by_mesh(meshes, codes).items() if number],
    }
    return page(request, "help/show.html", context)


def _severity(code: str) -> findings.Mark | None:
    """The severity where everything depends on it; None for what only *Run checks* finds, which has several."""
    return findings.mark(diagnosis.CODES[code]) if code in diagnosis.CODES else None
