"""The open findings of a mesh as *Checks* shows them: a line for each code, or an entry for each subject."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from interconnect.domain.findings import GRAVE, Severity, SubjectKind
from interconnect.domain.names import natural
from interconnect.permissions import role_for_page
from interconnect.state.findings import is_held, is_silenced, name_of
from interconnect.views.parts.access import why_not
from interconnect.views.parts.findings import About, Mark, about, mark, sentence_of, title_of
from interconnect.views.parts.fixes import Place, fix_of
from interconnect.views.parts.manual import address_of
from interconnect.wording.diagnosis import SUBJECTS
from interconnect.wording.values import evidence_text
from meshconsole.ui.tones import Action

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import QueryDict
    from django.utils.functional import Promise

    from interconnect.domain.topology import Topology
    from interconnect.models import Finding, Silence
    from interconnect.views.parts.access import Visit

MOST_SUBJECTS = 12


@dataclass(frozen=True, slots=True)
class Tile:
    """A filter by which findings are counted. `show` is its value in the query."""

    show: str
    label: str | Promise
    icon: str
    tone: str
    count: int
    url: str
    current: bool


class Wanted(NamedTuple):
    """What somebody wants to see: `show` is a tile's, `by` is `cluster` or empty, `code` is of one finding alone."""

    show: str
    search: str
    by: str
    code: str


class Held(NamedTuple):
    """What a finding is about; `last_seen` is set where nobody knows whether it is still so."""

    about: About
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class Line:
    """A finding with all its subjects. `change` is what is new about it since the last full check. `last_seen` is set
    where nobody knows of any of them whether it is still so.
    """

    code: str
    title: str
    mark: Mark
    subjects: tuple[Held, ...]
    more: int
    evidence: str
    first_seen: datetime
    last_seen: datetime | None
    change: str
    is_new: bool
    silenced: bool
    help: str
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding about one subject. `place` is the cluster that it is about, or a word for what isn't a cluster;
    `last_seen` is set where nobody knows whether it is still so.
    """

    place: str
    code: str
    title: str
    mark: Mark
    about: About
    sentence: str
    evidence: str
    first_seen: datetime
    last_seen: datetime | None
    ended_at: datetime | None
    silenced: bool
    help: str
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """All that is known of a mesh's findings. `ended` are those that have ended since the last full check, `since`."""

    visit: Visit
    topology: Topology
    rows: tuple[Finding, ...]
    ended: tuple[Finding, ...]
    silences: tuple[Silence, ...]
    since: datetime
    now: datetime

    def chosen(self, wanted: Wanted) -> list[Finding]:
        """Return the findings to show, worst first, then the oldest."""
        rows = self.ended if wanted.show == "ended" else self.rows
        belongs = self._belongs(wanted.show)
        found = [row for row in rows if belongs(row) and _matches(row, wanted)]
        return sorted(found, key=lambda row: (_rank(row), row.first_seen, row.code, natural(row.subject)))

    def _belongs(self, show: str) -> Callable[[Finding], bool]:
        of_severity = {"critical": GRAVE, "warning": {Severity.WARNING}, "info": {Severity.INFO}}
        if show in of_severity:
            return lambda row: row.severity in of_severity[show]
        if show == "new":
            return self.is_new
        if show == "silenced":
            return self.is_silenced
        return lambda _row: True

    def is_new(self, row: Finding) -> bool:
        return row.first_seen > self.since

    def is_silenced(self, row: Finding) -> bool:
        return is_silenced(row, self.silences)

    def tiles(self, wanted: Wanted, query: QueryDict, *, checked: bool) -> list[Tile]:
        """Return the filters, each with the number of findings (not of subjects) that it shows. `checked`: `since` is
        the last full check.
        """
        labels = SINCE_CHECK if checked else IN_A_DAY
        return [
            Tile(
                show,
                labels.get(show, label),
                icon,
                tone,
                len(_together(self.chosen(Wanted(show, "", "", "")))),
                _with(query, show=show if show != "all" else ""),
                wanted.show == show,
            )
            for show, label, icon, tone in TILES
        ]

    def lines(self, rows: Iterable[Finding]) -> list[Line]:
        return [self._line(of_code) for of_code in _together(rows).values()]

    def _line(self, rows: Sequence[Finding]) -> Line:
        first = rows[0]
        subjects = self._subjects(rows)
        newest = max((last for _about, last in subjects if last), default=None)
        silenced = all(self.is_silenced(row) for row in rows)
        fixes = {fix.url: fix for row in rows if (fix := fix_of(Place(self.visit, self.topology, row)))}
        # Of several subjects each has its own fix: they are where the finding is shown alone.
        actions = tuple(fixes.values()) if len(fixes) == 1 else ()
        return Line(
            code=first.code,
            title=title_of(first.code),
            mark=_mark(first),
            subjects=tuple(subjects[:MOST_SUBJECTS]),
            more=len(subjects) - MOST_SUBJECTS if len(subjects) > MOST_SUBJECTS else 0,
            evidence=sentence_of(first),
            first_seen=min(row.first_seen for row in rows),
            last_seen=newest if all(last for _about, last in subjects) else None,
            change=self._change(first.code, rows),
            is_new=all(map(self.is_new, rows)),
            silenced=silenced,
            help=address_of(first.code),
            actions=(*actions, *(() if silenced else (self._silence(first.code),))),
        )

    def _subjects(self, rows: Iterable[Finding]) -> list[Held]:
        """Return each subject once, held if all that is found about it is."""
        found: dict[About, datetime | None] = {}
        for row in rows:
            subject, last = about(self.visit.mesh, row), self._held(row)
            before = found.get(subject, last)
            found[subject] = max(before, last) if before and last else None
        return [Held(subject, last) for subject, last in found.items()]

    def _held(self, row: Finding) -> datetime | None:
        return row.last_seen if is_held(row, self.now) else None

    def _silence(self, code: str) -> Action:
        url = reverse("silence-add", kwargs={"name": self.visit.mesh.name})
        why = why_not(self.visit.actor, role_for_page("silence-add"))
        return Action(_("Silence"), f"{url}?{urlencode({'code': code})}", "", why)

    def _change(self, code: str, rows: Iterable[Finding]) -> str:
        rows = list(rows)
        fresh, gone = (
            subject_count(filter(self.is_new, rows)),
            subject_count(row for row in self.ended if row.code == code),
        )
        if fresh == subject_count(rows) and not gone:
            return _("new")
        parts = []
        if fresh:
            parts.append(ngettext("+%(count)s subject", "+%(count)s subjects", fresh) % {"count": fresh})
        if gone:
            parts.append(ngettext("−%(count)s subject", "−%(count)s subjects", gone) % {"count": gone})
        return _(", ").join(parts) or _("no change")

    def entries(self, rows: Iterable[Finding], wanted: Wanted) -> list[Entry]:
        """Return an entry for each finding; by cluster, those of one stand together, the one with the worst first."""
        found = [self._entry(row) for row in rows]
        if wanted.by != "cluster":
            return found
        first: dict[str, int] = {}
        for number, entry in enumerate(found):
            first.setdefault(entry.place, number)
        return sorted(found, key=lambda entry: first[entry.place])

    def _entry(self, row: Finding) -> Entry:
        place = Place(self.visit, self.topology, row)
        fix = fix_of(place) if row.ended_at is None else None
        return Entry(
            place=place.cluster or str(row.params.get("cluster") or SUBJECTS[SubjectKind.MESH]),
            code=row.code,
            title=title_of(row.code),
            mark=_mark(row),
            about=about(self.visit.mesh, row),
            sentence=sentence_of(row),
            evidence=evidence_text(row.evidence),
            first_seen=row.first_seen,
            last_seen=self._held(row),
            ended_at=row.ended_at,
            silenced=row.ended_at is None and self.is_silenced(row),
            help=address_of(row.code),
            actions=(fix,) if fix else (),
        )


TILES: tuple[tuple[str, str | Promise, str, str], ...] = (
    ("all", gettext_lazy("All open"), "list-check", "calm"),
    ("critical", gettext_lazy("Critical"), "alert-octagon", "bad"),
    ("warning", gettext_lazy("Warning"), "alert-triangle", "warn"),
    ("info", gettext_lazy("Info"), "info-circle", "busy"),
    ("new", gettext_lazy("New"), "plus", "calm"),
    ("ended", gettext_lazy("Ended"), "circle-check", "good"),
    ("silenced", gettext_lazy("Silenced"), "bell-off", "calm"),
)


SINCE_CHECK: Mapping[str, str | Promise] = {
    "new": gettext_lazy("New since the last check"),
    "ended": gettext_lazy("Ended since the last check"),
}
IN_A_DAY: Mapping[str, str | Promise] = {
    "new": gettext_lazy("New in 24 hours"),
    "ended": gettext_lazy("Ended in 24 hours"),
}


def wanted_of(query: Mapping[str, str]) -> Wanted:
    """Read a query; what is unknown counts as not asked for."""
    show, by = query.get("show", ""), query.get("by", "")
    shows = [each[0] for each in TILES]
    code = query.get("code", "").strip()
    return Wanted(show if show in shows else "all", query.get("q", "").strip(), by if by == "cluster" else "", code)


def subject_count(rows: Iterable[Finding]) -> int:
    """Return about how many subjects these are, counted for each code: several findings may be about one."""
    return len({(row.code, row.subject_kind, row.subject) for row in rows})


def really_ended(ended: Iterable[Finding], rows: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return those of `ended` that aren't open again, each once."""
    still = {_key(row) for row in rows}
    return tuple({_key(row): row for row in ended if _key(row) not in still}.values())


def _key(row: Finding) -> tuple[str, str, str, str]:
    return row.code, row.subject_kind, row.subject, row.detail


def _together(rows: Iterable[Finding]) -> dict[tuple[str, str], list[Finding]]:
    """Put those of one code and severity together."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for row in rows:
        found.setdefault((row.code, _mark(row).icon), []).append(row)
    return found


def _mark(row: Finding) -> Mark:
    return mark(Severity(row.severity))


def _rank(row: Finding) -> int:
    return 0 if row.severity in GRAVE else 1 if row.severity == Severity.WARNING else 2


def _matches(row: Finding, wanted: Wanted) -> bool:
    if wanted.code and row.code != wanted.code:
        return False
    texts = (row.code, title_of(row.code), name_of(row), str(row.params.get("cluster", "")))
    return not wanted.search or any(wanted.search.lower() in text.lower() for text in texts)


def _with(query: QueryDict, **changed: str) -> str:
    """Return the query with these values, from the first page on; an empty one goes."""
    kept = query.copy()
    for name in ("page", *changed):
        kept.pop(name, None)
    kept.update({name: value for name, value in changed.items() if value})
    return f"?{kept.urlencode()}"
