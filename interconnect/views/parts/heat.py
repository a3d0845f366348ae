"""The matrix of the groups: cells for the pairs that are shown, and all that is known of the one that is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from django.core.paginator import Page, Paginator
from django.utils.translation import gettext as _

from interconnect.domain.checks import Pair, Reach, Tally, Told, Verdict, pair_of, tally
from interconnect.domain.names import natural
from interconnect.wording import matrix as words
from meshconsole.ui.tones import Badge, Tone

if TYPE_CHECKING:
    from django.http import QueryDict
    from django.utils.functional import Promise

    from interconnect.domain.checks import ChecksResult, Matrix
    from interconnect.domain.topology import Topology

ALL_SHOWN = 8
"""Up to so many groups, every pair is shown at first; of more, only sources and targets with problems."""
TARGETS_PER_PAGE, SOURCES_PER_PAGE = 12, 25
ALL, PROBLEMS = "all", "problems"

LOOKS = {
    Verdict.FAILS: (Tone.BAD, "alert-octagon"),
    Verdict.PART: (Tone.WARN, "alert-triangle"),
    Verdict.UNKNOWN: (Tone.UNKNOWN, "circle-dashed"),
    Verdict.WORKS: (Tone.GOOD, "circle-check"),
    Verdict.DIRECT: (Tone.CALM, "circle-minus"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A pair as a cell. None stands for a group and itself. `tone` and `icon` are those of its verdict."""

    pair: Pair
    tone: Tone
    icon: str
    verdict: str | Promise
    told: str | Promise
    reach: str | Promise
    url: str
    is_open: bool

    @property
    def state(self) -> Badge:
        return Badge(self.tone, self.verdict, self.icon)

    @property
    def signals(self) -> str:
        """What the control plane and the data path say, in one line."""
        return _(", ").join(filter(None, map(str, (self.told, self.reach))))


@dataclass(frozen=True, slots=True)
class Reason:
    cause: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Detail:
    """All that is known of one pair. `back` is the pair in the other direction."""

    cell: Cell
    told: Badge
    told_evidence: str
    reach: Badge
    reach_evidence: str
    disagree: str
    reasons: tuple[Reason, ...]
    back: Cell


@dataclass(frozen=True, slots=True)
class Heat:
    """`rows` are (source, its cells), `columns` the page of targets; `shown` is `all` or `problems`."""

    tally: Tally
    columns: Page[str]
    rows: list[tuple[str, list[Cell | None]]]
    sources: Page[str]
    shown: str
    detail: Detail | None

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(self.columns)

    @property
    def lines(self) -> list[tuple[str, list[tuple[Badge, list[Cell]]]]]:
        """The same cells as lines: for each target its verdicts, worst first, each with the sources it holds for."""
        found = []
        for number, target in enumerate(self.columns):
            cells = [cell for _source, row in self.rows if (cell := row[number]) is not None]
            cells.sort(key=lambda cell: list(LOOKS).index(cell.pair.verdict))
            together = groupby(cells, key=lambda cell: cell.state)
            found.append((target, [(state, list(each)) for state, each in together]))
        return found


def heat(topology: Topology, checked: ChecksResult, query: QueryDict) -> Heat | None:
    """Return the matrix; None until checks have been run, or with a single group.

    Pairs are made only for cells that are shown: 250 groups have 62 250. Of the query, `pairs` is what to show, `from`
    and `to` name the open pair, `members` and `targets` are the pages of sources and of targets. Those with problems
    come first.
    """
    joined = {name: group.joined for name, group in sorted(topology.groups.items(), key=lambda item: natural(item[0]))}
    if checked.at is None or len(joined) < 2:
        return None
    counted, few = tally(joined, checked.matrix), len(joined) <= ALL_SHOWN
    wanted = query.get("pairs", "")
    shown = wanted if wanted in (ALL, PROBLEMS) else ALL if few else PROBLEMS

    def chosen(counts: Mapping[str, int]) -> list[str]:
        if shown == PROBLEMS:
            return _worst(counts)
        return list(joined) if few else list(dict.fromkeys([*_worst(counts), *joined]))

    columns = Paginator(chosen(counted.targets), TARGETS_PER_PAGE).get_page(query.get("targets"))
    sources = Paginator(chosen(counted.sources), SOURCES_PER_PAGE).get_page(query.get("members"))
    open_pair = (query.get("from", ""), query.get("to", ""))
    cells = _Cells(joined, checked.matrix, query, open_pair)
    return Heat(
        tally=counted,
        columns=columns,
        rows=[(source, [cells.of(source, target) for target in columns]) for source in sources],
        sources=sources,
        shown=shown,
        detail=cells.detail(),
    )


def legend() -> list[Badge]:
    """Return what each look of a cell means."""
    return [Badge(tone, words.VERDICTS[verdict], icon) for verdict, (tone, icon) in LOOKS.items()]


def _worst(counts: Mapping[str, int]) -> list[str]:
    return sorted(counts, key=lambda name: (-counts[name], natural(name)))


@dataclass(frozen=True, slots=True)
class _Cells:
    joined: Mapping[str, bool]
    matrix: Matrix
    query: QueryDict
    open_pair: tuple[str, str]

    def of(self, source: str, target: str) -> Cell | None:
        return None if source == target else self._cell(source, target)

    def _cell(self, source: str, target: str) -> Cell:
        pair = pair_of(source, target, self.joined, self.matrix)
        tone, icon = LOOKS[pair.verdict]
        kept = self.query.copy()
        kept["from"], kept["to"] = source, target
        direct = pair.verdict is Verdict.DIRECT
        return Cell(
            pair=pair,
            tone=tone,
            icon=icon,
            verdict=words.VERDICTS[pair.verdict],
            told=_("Directly: not joined") if direct else words.TOLD[pair.told],
            reach="" if direct else self._reach(pair),
            url=f"?{kept.urlencode()}#pair",
            is_open=(source, target) == self.open_pair,
        )

    def _reach(self, pair: Pair) -> str | Promise:
        way = self.matrix.ways.get(pair.target)
        if way is not None and pair.reach is Reach.FAILED and pair.partly:
            return _("%(answered)s of %(count)s addresses answered") % {
                "answered": way.answered,
                "count": len(way.evidence),
            }
        return words.REACH[pair.reach]

    def detail(self) -> Detail | None:
        source, target = self.open_pair
        if source == target or source not in self.joined or target not in self.joined:
            return None
        cell = self._cell(source, target)
        pair, way = cell.pair, self.matrix.ways.get(target)
        evidence = self.matrix.evidence.get((source, target), ())
        lines = (way.service, *map(words.answer_text, way.evidence)) if way else ()
        return Detail(
            cell=cell,
            told=Badge(_told_tone(pair), cell.told),
            told_evidence=self._why_unknown(pair) if pair.told is Told.UNKNOWN else ", ".join(evidence),
            reach=Badge(_reach_tone(pair), self._reach(pair)),
            reach_evidence=", ".join(filter(None, lines)),
            disagree=str(words.DISAGREE) if pair.disagree else "",
            reasons=self._reasons(pair),
            back=self._cell(target, source),
        )

    def _reasons(self, pair: Pair) -> tuple[Reason, ...]:
        """Return why the pair is a problem, and what to do: once for each cause."""
        way = self.matrix.ways.get(pair.target)
        failed = (answer.path for answer in way.evidence) if way and pair.reach is Reach.FAILED else ()
        found = [*([pair.told] if pair.mistold else []), *failed] if pair.joined else []
        names = {"source": pair.source, "target": pair.target}
        causes = dict.fromkeys(words.CAUSES[key] for key in found if key in words.CAUSES)
        return tuple(Reason(str(cause) % names, str(remedy) % names) for cause, remedy in causes)

    def _why_unknown(self, pair: Pair) -> str:
        if pair.source not in self.matrix.asked:
            return _("no proxy in this group")
        if (pair.source, pair.target) not in self.matrix.evidence:
            return _("no service to compare")
        return _("Its Pods have the same IP addresses as Pods of other groups")


def _told_tone(pair: Pair) -> Tone:
    return Tone.GOOD if pair.told is Told.GATEWAY else Tone.BAD if pair.mistold else Tone.UNKNOWN


def _reach_tone(pair: Pair) -> Tone:
    tones = {Reach.SERVED: Tone.GOOD, Reach.FAILED: Tone.WARN, Reach.UNTESTED: Tone.UNKNOWN}
    return tones[pair.reach]
