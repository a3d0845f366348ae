"""Group by group: what istiod tells one about the other, and how far a call from the console gets. The two are never
averaged.

The control plane's result is about one connected proxy of the source and one service of the target. The data path's is
about the target alone, since the console makes the call, not a Pod of the source.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import compress
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from interconnect.domain.findings import Finding
from interconnect.domain.json_types import Json
from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from interconnect.domain.topology import Topology

Endpoint = tuple[str, int]


class Told(StrEnum):
    """What a proxy is told about a service of another group."""

    GATEWAY = "gateway"  # the addresses of the group's gateways, and nothing else of it
    RAW = "raw"  # the Pods' own addresses, which cannot be reached from there
    MIXED = "mixed"  # both: some of its Pods still carry another network
    ABSENT = "absent"  # no address of the group
    UNKNOWN = "unknown"  # no proxy or no service to ask about, or no answer


class Reach(StrEnum):
    """How far the console's own calls to the chosen addresses of a group get."""

    SERVED = "served"  # a workload behind every address answered under the mesh's root
    FAILED = "failed"  # not so at one address at least
    UNTESTED = "untested"  # nothing to test with


WRONG = frozenset({Told.RAW, Told.MIXED, Told.ABSENT})
_LETTERS = {told[0]: told for told in Told}
_WRONG = "".join(sorted(told[0] for told in WRONG))
SERVED = "served"  # the path of an address behind which a workload answered


class Answer(NamedTuple):
    """How far a probe of one `address` (`host:port`) got.

    `path` is a `probe.Path`, `detail` the identity that answered, or what was said instead.
    """

    address: str
    path: str = ""
    detail: str = ""

    @classmethod
    def from_line(cls, line: str) -> Self:
        return cls(*line.split(" ", 2))

    @property
    def line(self) -> str:
        return " ".join(part for part in self if part)


@dataclass(frozen=True, slots=True)
class Way:
    """How far the console came: `service` is what it asked for, `evidence` what came of each address."""

    reach: Reach
    service: str = ""
    evidence: tuple[Answer, ...] = ()

    @property
    def answered(self) -> int:
        """How many of the addresses answered."""
        return sum(1 for answer in self.evidence if answer.path == SERVED)

    def to_json(self) -> Json:
        return {"reach": self.reach, "service": self.service, "evidence": [answer.line for answer in self.evidence]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        answers = tuple(map(Answer.from_line, data.get("evidence", ())))
        return cls(Reach(data["reach"]), data.get("service", ""), answers)


class Letters(Mapping[tuple[str, str], Told]):
    """What istiod tells, as it is stored: `rows` by source have a letter for each of `groups`, which are the targets.

    A pair is looked up; nothing is made for all of them.
    """

    def __init__(self, groups: Sequence[str], rows: Mapping[str, str]) -> None:
        self.groups, self.rows = tuple(groups), rows
        self._places = {name: place for place, name in enumerate(self.groups)}

    def row(self, source: str, targets: Sequence[str]) -> str:
        """Return what a group is told of each of the targets, a letter each."""
        row, unknown = self.rows.get(source, ""), Told.UNKNOWN[0]
        if tuple(targets) == self.groups:
            return row[: len(targets)].ljust(len(targets), unknown)
        places = (self._places.get(target, len(row)) for target in targets)
        return "".join(row[place] if place < len(row) else unknown for place in places)

    def __getitem__(self, pair: tuple[str, str]) -> Told:
        row, place = self.rows[pair[0]], self._places[pair[1]]
        if place >= len(row):
            raise KeyError(pair)
        return _LETTERS.get(row[place], Told.UNKNOWN)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((source, target) for source, row in self.rows.items() for target in self.groups[: len(row)])

    def __len__(self) -> int:
        return sum(min(len(row), len(self.groups)) for row in self.rows.values())


@dataclass(frozen=True, slots=True)
class Matrix:
    """`told` and `evidence` (the service, and addresses that are not the gateways') are by (source, target), evidence
    of what is wrong alone; `ways` are by target; `asked` is the proxy of each source that istiod was asked about.
    """

    told: Mapping[tuple[str, str], Told] = field(default_factory=dict)
    evidence: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    ways: Mapping[str, Way] = field(default_factory=dict)
    asked: Mapping[str, str] = field(default_factory=dict)

    @property
    def reach(self) -> Mapping[str, Reach]:
        return {name: way.reach for name, way in self.ways.items()}

    def to_json(self, groups: Sequence[str]) -> Json:
        """One letter per pair of these groups: there may be tens of thousands."""
        letters = {source: self.letters(source, groups) for source in groups if source in self.asked}
        return {
            "groups": list(groups),
            "told": letters,
            "evidence": {f"{source}>{target}": list(lines) for (source, target), lines in self.evidence.items()},
            "ways": {name: way.to_json() for name, way in self.ways.items()},
            "asked": dict(self.asked),
        }

    def letters(self, source: str, targets: Sequence[str]) -> str:
        """Return what a group is told of each of the targets, a letter each."""
        if isinstance(self.told, Letters):
            return self.told.row(source, targets)
        return "".join(self.told.get((source, target), Told.UNKNOWN)[0] for target in targets)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        told = Letters(data.get("groups", ()), data.get("told", {}))
        evidence = {_pair_of(name): tuple(lines) for name, lines in data.get("evidence", {}).items()}
        ways = {name: Way.from_json(way) for name, way in data.get("ways", {}).items()}
        return cls(told, evidence, ways, data.get("asked", {}))


def _pair_of(name: str) -> tuple[str, str]:
    source, _, target = name.partition(">")
    return source, target


@dataclass(frozen=True, slots=True)
class ChecksResult:
    """What *Run checks* has found of the groups that there were: findings of the preflight and of the verification,
    and the matrix; `failure` is why the control plane could not be asked. `at` is None while nobody has run them.
    """

    at: datetime | None = None
    groups: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    failure: Violation | None = None
    matrix: Matrix = field(default_factory=Matrix)

    def to_json(self) -> Json:
        return {
            "at": self.at.isoformat() if self.at else "",
            "findings": [finding.to_json() for finding in self.findings],
            "failure": self.failure.to_json() if self.failure else None,
            **self.matrix.to_json(self.groups),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            at=datetime.fromisoformat(data["at"]) if data.get("at") else None,
            groups=tuple(data.get("groups", ())),
            findings=tuple(map(Finding.from_json, data.get("findings", ()))),
            failure=Violation.from_json(data["failure"]) if data.get("failure") else None,
            matrix=Matrix.from_json(data),
        )


class Verdict(StrEnum):
    """What both results amount to for calls from one group to another, worst first."""

    FAILS = "fails"
    PART = "part"
    UNKNOWN = "unknown"
    WORKS = "works"
    DIRECT = "direct"  # not joined: reached by Pod IPs, if at all


@dataclass(frozen=True, slots=True)
class Pair:
    """From `source` to `target`. Only a joined target can have problems: others aren't reached through gateways.

    `partly`: some of the target's addresses answered, though not all.
    """

    source: str
    target: str
    joined: bool
    told: Told
    reach: Reach
    partly: bool = False

    @property
    def disagree(self) -> bool:
        """Whether control plane and data path do not match."""
        if not self.joined:
            return False
        good, bad = self.told is Told.GATEWAY, self.told in WRONG
        return (good and self.reach is Reach.FAILED) or (bad and self.reach is Reach.SERVED)

    @property
    def mistold(self) -> bool:
        """Whether istiod tells the source something other than the target's gateways."""
        return self.joined and self.told in WRONG

    @property
    def problem(self) -> bool:
        return self.mistold or (self.joined and self.reach is Reach.FAILED)

    @property
    def verdict(self) -> Verdict:
        if not self.joined:
            return Verdict.DIRECT
        if self.told in (Told.RAW, Told.ABSENT) or (self.reach is Reach.FAILED and not self.partly):
            return Verdict.FAILS
        if self.problem:
            return Verdict.PART
        both = self.told is Told.GATEWAY and self.reach is Reach.SERVED
        return Verdict.WORKS if both else Verdict.UNKNOWN


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of the `pairs` are a problem, by target and by source (those without one are left out), and in how many
    the two results `disagree`.
    """

    pairs: int
    targets: Mapping[str, int]
    sources: Mapping[str, int]
    disagree: int

    @property
    def problems(self) -> int:
        return sum(self.targets.values())


def tally(joined: Mapping[str, bool], matrix: Matrix) -> Tally:
    """Count the problems between groups (whether each has joined, by name) by what is stored, without their pairs."""
    names = list(joined)
    rows = {name: matrix.letters(name, names) for name in names}
    columns = dict(zip(names, zip(*rows.values(), strict=True), strict=True)) if names else {}
    failing = {name for name in names if joined[name] and matrix.reach.get(name) is Reach.FAILED}
    targets, disagree = dict.fromkeys(names, 0), 0
    for name in (name for name in names if joined[name]):
        wrong = sum(columns[name].count(letter) for letter in _WRONG)
        targets[name] = len(names) - 1 if name in failing else wrong
        if name in failing:
            disagree += columns[name].count(Told.GATEWAY[0])
        elif matrix.reach.get(name) is Reach.SERVED:
            disagree += wrong
    judged = [joined[name] and name not in failing for name in names]
    sources = {
        name: sum(letter in _WRONG for letter in compress(row, judged)) + len(failing - {name})
        for name, row in rows.items()
    }
    return Tally(len(names) * (len(names) - 1), _some(targets), _some(sources), disagree)


def _some(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def pair_of(source: str, target: str, joined: Mapping[str, bool], matrix: Matrix) -> Pair:
    """Return one pair of groups; what nobody has said is unknown."""
    way = matrix.ways.get(target)
    return Pair(
        source,
        target,
        joined[target],
        matrix.told.get((source, target), Told.UNKNOWN),
        way.reach if way else Reach.UNTESTED,
        bool(way and way.answered),
    )


def told_of(
    told: Collection[Endpoint],
    *,
    gateways: Collection[Endpoint],
    raw: Collection[Endpoint],
    others: Collection[Endpoint],
) -> Told:
    """Return what `told` amounts to: `gateways` and `raw` (its Pods) are the target's addresses, `others` those of Pods
    elsewhere.

    If two groups share a Pod CIDR, an address may belong to a Pod of either, so it proves nothing.
    """
    through = bool(set(told) & set(gateways))
    direct = set(told) & (set(raw) - set(gateways))
    certain = bool(direct - set(others))
    if through:
        return Told.MIXED if certain else Told.GATEWAY
    if certain:
        return Told.RAW
    return Told.UNKNOWN if direct else Told.ABSENT


def pairs(topology: Topology, told: Mapping[tuple[str, str], Told], reach: Mapping[str, Reach]) -> tuple[Pair, ...]:
    """Return every ordered pair of groups: those that disagree first, then other problems, then unknown ones, and the
    rest by name.

    `told` is keyed by (source, target), `reach` by target; missing entries are unknown.
    """
    found = [
        Pair(
            source,
            target,
            topology.groups[target].joined,
            told.get((source, target), Told.UNKNOWN),
            reach.get(target, Reach.UNTESTED),
        )
        for source in topology.groups
        for target in topology.groups
        if source != target
    ]
    return tuple(sorted(found, key=lambda pair: (_rank(pair), pair.source, pair.target)))


def _rank(pair: Pair) -> int:
    if pair.disagree:
        return 0
    if pair.problem:
        return 1
    if pair.joined:
        return 2 if pair.told is Told.UNKNOWN or pair.reach is Reach.UNTESTED else 3
    return 4
