"""Group by group: what istiod tells one about the other, and how far a call from the console gets. The two are never
averaged.

The control plane's result is about one connected proxy of the source and one service of the target. The data path's is
about the target alone, since the console makes the call, not a Pod of the source.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
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

    def to_json(self) -> Json:
        return {"reach": self.reach, "service": self.service, "evidence": [answer.line for answer in self.evidence]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        answers = tuple(map(Answer.from_line, data.get("evidence", ())))
        return cls(Reach(data["reach"]), data.get("service", ""), answers)


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
        """Kept with the mesh's observation and read by every page of it, so one letter per pair of these groups."""
        letters = {
            source: "".join(self.told.get((source, target), Told.UNKNOWN)[0] for target in groups)
            for source in groups
            if source in self.asked
        }
        return {
            "groups": list(groups),
            "told": letters,
            "evidence": {f"{source}>{target}": list(lines) for (source, target), lines in self.evidence.items()},
            "ways": {name: way.to_json() for name, way in self.ways.items()},
            "asked": dict(self.asked),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        told = {
            (source, target): _LETTERS.get(letter, Told.UNKNOWN)
            for source, letters in data.get("told", {}).items()
            for target, letter in zip(data.get("groups", ()), letters, strict=False)
        }
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


@dataclass(frozen=True, slots=True)
class Pair:
    """From `source` to `target`. Only a joined target can have problems: others aren't reached through gateways."""

    source: str
    target: str
    joined: bool
    told: Told
    reach: Reach

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
