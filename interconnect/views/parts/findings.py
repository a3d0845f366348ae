"""How a finding looks: its severity, and what it is about as a link to that object."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from django.urls import reverse

from interconnect.domain.findings import GRAVE, Severity, SubjectKind
from interconnect.state.findings import finding_of, name_of
from interconnect.views.parts.manual import address_of
from interconnect.wording import phrases
from interconnect.wording.diagnosis import SEVERITIES, SUBJECTS, TITLES
from meshconsole.ui.tones import Tone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.utils.functional import Promise

    from interconnect.models import Finding, Mesh


class Mark(NamedTuple):
    """A severity by icon, tone and word."""

    icon: str
    tone: Tone
    label: str | Promise


class About(NamedTuple):
    """The name of what a finding is about, and the page where that is."""

    name: str
    url: str


def mark(severity: Severity) -> Mark:
    label = SEVERITIES[severity]
    if severity in GRAVE:
        return Mark("alert-octagon", Tone.BAD, label)
    if severity is Severity.WARNING:
        return Mark("alert-triangle", Tone.WARN, label)
    return Mark("info-circle", Tone.BUSY, label)


def title_of(code: str) -> str:
    """Return the title of a finding; of one that has none, its code."""
    return str(TITLES.get(code, code))


def sentence_of(row: Finding) -> str:
    return phrases.reason(finding_of(row))


def about(mesh: Mesh, row: Finding) -> About:
    """Return what a finding is about; what a mesh has once is called by its kind."""
    kind = SubjectKind(row.subject_kind)
    return About(name_of(row) or str(SUBJECTS[kind]), _place(mesh, kind, row))


def names_of(rows: Iterable[Finding]) -> list[str]:
    return [name_of(row) or str(SUBJECTS[SubjectKind(row.subject_kind)]) for row in rows]


def _place(mesh: Mesh, kind: SubjectKind, row: Finding) -> str:
    if kind is SubjectKind.CONSOLE:
        return address_of(row.code)
    name = {"name": mesh.name}
    if kind is SubjectKind.CLUSTER:
        return f"{reverse('clusters', kwargs=name)}?{urlencode({'q': row.subject})}#line-{row.subject}"
    sought = {SubjectKind.GROUP: row.subject, SubjectKind.GATEWAY: str(row.params.get("cluster", ""))}.get(kind, "")
    return reverse("interconnect", kwargs=name) + (f"?{urlencode({'q': sought})}" if sought else "")
