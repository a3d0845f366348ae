"""Alerts that are put away: silenced for everybody, or dismissed by one person."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from interconnect.domain.findings import GRAVE
from interconnect.domain.refusal import Refused
from interconnect.forms.silences import SilenceForm
from interconnect.services.silences import alert_dismiss, silence_add, silence_end
from interconnect.state import pages
from interconnect.state.findings import is_silenced, open_now, silence_of, silences, subject_of
from interconnect.views.parts import dialogs
from interconnect.views.parts.access import mesh_for
from interconnect.views.parts.dialogs import Dialog, posted
from interconnect.views.parts.findings import about, title_of
from interconnect.wording import phrases
from meshconsole.access.policy import visible_scopes
from meshconsole.htmx import events, is_htmx

if TYPE_CHECKING:
    from interconnect.models import Finding, Mesh
    from interconnect.views.parts.access import Visit

_SEEN = re.compile(r"([a-z0-9-]{1,63}):([0-9a-f]{64})")


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest, name: str) -> HttpResponse:
    """Silence open findings: those of the `code` in the query, or else the critical ones, are ticked."""
    visit = mesh_for(request, name)
    rows = _not_silenced(visit.mesh, request.GET.get("code", ""))
    choices = [(_value(row), _label(visit.mesh, row)) for row in rows]
    form = SilenceForm(posted(request), choices=choices, initial={"findings": [value for value, _label in choices]})
    dialog = Dialog(_("Silence"), _("Silence"), form, intro=_intro(rows), fields={"silence.no-reason": "reason"})
    dialog.back, dialog.tab = reverse("checks", kwargs={"name": visit.mesh.name}), "checks"
    if _is_over(request, choices):
        return dialogs.over(request, dialog.back, _("Already silenced, or no longer open."))
    if request.method != "POST" or not form.is_valid():
        return dialogs.show(request, visit, dialog)
    try:
        _silence(visit, form)
    except Refused as refused:
        dialogs.refuse(dialog, refused)
        return dialogs.show(request, visit, dialog)
    return dialogs.done(request, visit.mesh, _("Silenced."), url_name="checks")


def _intro(rows: list[Finding]) -> tuple[str, ...]:
    """Return what a silence does, and where only critical findings would alert, what it does to the others."""
    said = _("While silenced, these findings alert nobody. They stay listed on Checks. This is recorded.")
    if all(row.severity in GRAVE for row in rows):
        return (said,)
    return (
        said,
        _("Warnings and infos don't alert. If one becomes critical while it is silenced, it doesn't alert either."),
    )


def _is_over(request: HttpRequest, choices: list[tuple[str, str]]) -> bool:
    """Whether nothing is left to silence of what was chosen or, where nothing was, of all."""
    chosen = request.POST.getlist("findings")
    return not dialogs.chosen(request, "findings", choices) if chosen else not choices


def _silence(visit: Visit, form: SilenceForm) -> None:
    until = timezone.now() + form.period
    with transaction.atomic():
        for code, subjects in form.subjects_by_code().items():
            silence_add(
                actor=visit.actor,
                mesh=visit.mesh,
                code=code,
                subjects=subjects,
                until=until,
                reason=form.cleaned_data["reason"],
            )


def _not_silenced(mesh: Mesh, code: str) -> list[Finding]:
    now = timezone.now()
    in_force = silences([mesh], now)
    rows = [row for row in open_now([mesh], now) if (row.code == code if code else row.severity in GRAVE)]
    rows.sort(key=lambda row: (row.code, row.subject))
    return [row for row in rows if not is_silenced(row, in_force)]


def _label(mesh: Mesh, row: Finding) -> str:
    return _("%(title)s: %(subjects)s") % {"title": title_of(row.code), "subjects": about(mesh, row).name}


def _value(row: Finding) -> str:
    return f"{row.code} {subject_of(row)}"


@require_POST
def end(request: HttpRequest, name: str, silence_id: int) -> HttpResponse:
    visit = mesh_for(request, name)
    silence = silence_of(visit.mesh, silence_id)
    if silence is None:
        raise Http404
    try:
        silence_end(actor=visit.actor, silence=silence)
    except Refused as refused:
        here = reverse("checks", kwargs={"name": visit.mesh.name})
        return dialogs.over(request, here, " ".join(phrases.reasons(refused.violations)))
    return dialogs.done(request, visit.mesh, _("The silence has ended."), url_name="checks")


@require_POST
def dismiss(request: HttpRequest) -> HttpResponse:
    """Put alerts away for this person: `seen` has a mesh and the digest of what was shown of it, each.

    What has changed since is shown again. A mesh that the person can't see has no alerts to put away.
    """
    found = [_SEEN.fullmatch(value) for value in request.POST.getlist("seen")]
    wanted = {match[1]: match[2] for match in found if match}
    if not wanted or not all(found):
        raise BadRequest
    for mesh in pages.visible_meshes(visible_scopes(request.user)):
        if mesh.name in wanted:
            alert_dismiss(user_id=int(request.user.pk or 0), mesh=mesh, digest=wanted[mesh.name])
    if is_htmx(request):
        return events(HttpResponse(status=204), refresh=True)
    return HttpResponseRedirect(reverse("meshes"))
