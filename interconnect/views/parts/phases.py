"""A rollout's steps on its page, by phase and cluster. What needs attention comes first, the rest on request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.core.paginator import Page, Paginator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from interconnect.models import StepStatus
from interconnect.state import pages
from interconnect.views.parts import steps
from interconnect.wording import phrases
from meshconsole.ui.tones import Badge

if TYPE_CHECKING:
    from django.utils.functional import Promise

FEW, PER_PAGE = 10, 25
# By urgency.
STATES: Mapping[str, tuple[str | Promise, tuple[StepStatus, ...]]] = {
    "not-applied": (gettext_lazy("Not applied"), pages.UNDONE),
    "under-way": (gettext_lazy("Under way"), (StepStatus.ACTIVE, StepStatus.WAITING)),
    "open": (gettext_lazy("Not started"), (StepStatus.READY, StepStatus.PENDING)),
    "done": (gettext_lazy("Done"), (StepStatus.SUCCEEDED, StepStatus.SKIPPED)),
}
_STATE_OF: Mapping[str, str] = {status: key for key, (_label, statuses) in STATES.items() for status in statuses}
_URGENCY = {key: number for number, key in enumerate(STATES)}


@dataclass(slots=True)
class Chain:
    """Steps of one phase that follow one another.

    `name` is the cluster's name; `group` is the network group's name, for a preflight.
    """

    name: str
    phase: int
    group: str
    lines: list[pages.StepLine] = field(default_factory=list)

    @property
    def states(self) -> set[str]:
        return {_STATE_OF[line.status] for line in self.lines}

    @property
    def urgency(self) -> int:
        return min(_URGENCY[state] for state in self.states)

    def is_wanted(self, search: str, state: str) -> bool:
        return (not state or state in self.states) and any(search in word.lower() for word in (self.name, self.group))


@dataclass(slots=True)
class PhaseTable:
    """One phase's table. `blocks` holds the rows shown, by cluster name; the counts cover everything requested."""

    key: str
    label: str
    chains: list[Chain] = field(default_factory=list)
    cluster_count: int = 0
    step_count: int = 0
    states: list[Badge] = field(default_factory=list)
    pager: Page[Chain] | None = None
    more: bool = False
    blocks: list[tuple[str, list[steps.StepRow]]] = field(default_factory=list)


def view(lines: Iterable[pages.StepLine], names: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, Any]:
    """Return what templates/rollouts/show.html needs about the steps.

    `wanted`: part of the name of a cluster or group (`q`), a key of STATES (`state`), one `phase` and its `page`;
    unknown values are ignored.
    """
    lines, search, state = list(lines), wanted.get("q", "").strip(), wanted.get("state", "")
    state = state if state in STATES else ""
    tables = _tables(lines, names, search.lower(), state)
    opened = next((table for table in tables if table.key == wanted.get("phase")), None)
    shown = tables if opened is None else [opened]
    for table in shown:
        _cut(table, wanted.get("page") if opened else None, is_opened=opened is not None)
    _fill(shown, names)
    narrowed = bool(search or state or opened)
    return {
        "phases": shown,
        "opened": opened,
        "search": search,
        "state_filter": state,
        "filters": _filters(lines) if narrowed or any(table.more for table in shown) else [],
        "narrowed": narrowed,
    }


def _filters(lines: Iterable[pages.StepLine]) -> list[tuple[str, str | Promise, int]]:
    """Return (key, label, number of steps) for all steps together, and for each state that occurs."""
    counts = Counter(_STATE_OF[line.status] for line in lines)
    return [
        ("", _("All"), counts.total()),
        *((key, label, counts[key]) for key, (label, _s) in STATES.items() if counts[key]),
    ]


def _tables(lines: Iterable[pages.StepLine], names: Mapping[str, str], search: str, state: str) -> list[PhaseTable]:
    tables: dict[str, PhaseTable] = {}
    for (phase, chain), found in groupby(lines, key=lambda line: (line.phase, line.chain)):
        kind, _colon, group = chain.partition(":")
        made = Chain(steps.chain_name(phase, chain, names), phase, group if kind == "group" else "", list(found))
        if made.is_wanted(search, state):
            label = phrases.phase_name(phase)
            tables.setdefault(label, PhaseTable(str(phase), label)).chains.append(made)
    return list(tables.values())


def _cut(table: PhaseTable, page: str | None, *, is_opened: bool) -> None:
    """Reduce the table's chains: all if there are few, else the most urgent, or one page of the opened phase."""
    table.cluster_count = len({chain.name for chain in table.chains})
    table.step_count = sum(len(chain.lines) for chain in table.chains)
    if len(table.chains) <= FEW:
        table.chains.sort(key=lambda chain: (chain.phase, chain.name))
        return
    table.states = _states(table)
    # Otherwise, hundreds of preflights would hide the few steps for all groups that follow them.
    table.chains.sort(key=lambda chain: (chain.urgency, bool(chain.group), chain.phase, chain.name, chain.group))
    if is_opened:
        table.pager = Paginator(table.chains, PER_PAGE).get_page(page)
        table.chains = list(table.pager)
    else:
        table.chains, table.more = table.chains[:FEW], True


def _states(table: PhaseTable) -> list[Badge]:
    """Return the number of steps in each status of the phase, the most urgent status first."""
    counts = Counter(StepStatus(line.status) for chain in table.chains for line in chain.lines)
    in_order = sorted(counts, key=lambda status: _URGENCY[_STATE_OF[status]])
    return [Badge(steps.STEP_TONES[status], f"{status.label} {counts[status]}") for status in in_order]


def _fill(tables: Iterable[PhaseTable], names: Mapping[str, str]) -> None:
    """Fill in the rows of the tables. Only the steps that are shown are read, all in one query."""
    tables = list(tables)
    found = pages.steps_by_id(line.id for table in tables for chain in table.chains for line in chain.lines)
    for table in tables:
        for name, chains in groupby(table.chains, key=lambda chain: chain.name):
            lines = [line for chain in chains for line in chain.lines]
            table.blocks.append((name, [steps.step_row(found[line.id], names) for line in lines if line.id in found]))
