"""A mesh in one line, as the list of meshes shows it: kept with each look, so that nobody loads whole meshes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from interconnect.domain.findings import Subject, SubjectKind
from interconnect.domain.json_types import Json
from interconnect.domain.names import natural
from interconnect.domain.seen import stale_after
from interconnect.domain.skew import in_order, minors_of
from interconnect.domain.status import Drift, Level, Part, State, Statuses, wanted_replicas
from interconnect.domain.violations import Violation

MOST_PARTS = 3
TALLIES = ("clusters", "gateways", "groups", "istiods")
REACHABLE = frozenset({"cluster.reachable", "cluster.rights-missing", "cluster.unread"})
READY = frozenset({"gateway.ready", "gateway.address-changed", "gateway.address-pending"})
IN_EFFECT = frozenset({"joined.in-effect", "joined.degraded"})


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of a kind are as they should be, and the states of those that need attention: how many by code, worst
    first. `level` is the worst of all. Unless `known`, all of it is only what was last known.
    """

    good: int = 0
    total: int = 0
    level: Level = Level.GOOD
    wrong: Mapping[str, int] = field(default_factory=dict)
    known: bool = True

    def to_json(self) -> Json:
        said: Json = {"good": self.good, "total": self.total, "level": self.level, "known": self.known}
        return said | {"wrong": list(self.wrong.items())}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        level = Level(data.get("level", Level.GOOD))
        known = bool(data.get("known", True))
        return cls(data.get("good", 0), data.get("total", 0), level, dict(data.get("wrong", ())), known)


@dataclass(frozen=True, slots=True)
class Summary:
    """A mesh at a glance.

    `worst` are up to three parts that need attention, `counts` how many there are by level. `drifted` is the number of
    objects that differ from what the console wrote, `owners` who changed them. Of `istiods` those replicas are good
    that answer. `kubernetes` are the minor versions of the clusters, oldest first. `looked_at` is the last try at
    any cluster, `answered_at` the last answer. `last` is set by `current` where the level is no longer known.
    """

    level: Level = Level.UNKNOWN
    code: str = "unknown"
    worst: tuple[Part, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    clusters: Tally = field(default_factory=Tally)
    gateways: Tally = field(default_factory=Tally)
    groups: Tally = field(default_factory=Tally)
    drifted: int = 0
    owners: tuple[str, ...] = ()
    istiods: Tally = field(default_factory=Tally)
    istio: tuple[str, ...] = ()
    kubernetes: tuple[str, ...] = ()
    looked_at: datetime | None = None
    answered_at: datetime | None = None
    last: Level | None = None

    def to_json(self) -> Json:
        """Return all but `last`, which depends on when it is asked."""
        said: Json = {name: getattr(self, name).to_json() for name in TALLIES}
        said |= {name: getattr(self, name) for name in ("level", "code", "drifted")}
        said |= {name: list(getattr(self, name)) for name in ("owners", "istio", "kubernetes")}
        times = {name: at and at.isoformat() for name, at in self._times().items()}
        return said | times | {"worst": [_part_to_json(part) for part in self.worst], "counts": dict(self.counts)}

    def _times(self) -> dict[str, datetime | None]:
        return {"looked_at": self.looked_at, "answered_at": self.answered_at}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what `to_json` stored; of a mesh that nobody has looked at yet, all is unknown."""
        known = {name: data[name] for name in ("code", "counts", "drifted") if name in data}
        known |= {name: tuple(data.get(name, ())) for name in ("owners", "istio", "kubernetes")}
        known |= {name: Tally.from_json(data.get(name, {})) for name in TALLIES}
        known |= {name: _time(data.get(name)) for name in ("looked_at", "answered_at")}
        worst = tuple(map(_part_from_json, data.get("worst", ())))
        return cls(level=Level(data.get("level", Level.UNKNOWN)), worst=worst, **known)


def summary_of(statuses: Statuses) -> Summary:
    """Return the summary to keep. What a rollout does or left undone isn't part of it: that is known at any time."""
    mesh, topology = statuses.mesh, statuses.mesh.topology
    plane, members = mesh.control_plane, mesh.members.values()
    parts = tuple(part for part in statuses.parts if part.state.code != "mesh.rollout-failed")
    whole = parts[0].state if parts else statuses.calm
    return Summary(
        level=whole.level,
        code=whole.code,
        worst=tuple(part for part in parts if part.state.level is not Level.BUSY)[:MOST_PARTS],
        counts=Counter(str(part.state.level) for part in parts),
        clusters=tally(statuses.clusters.values(), REACHABLE),
        gateways=tally(statuses.gateways.values(), READY),
        groups=tally((statuses.joined[group.name] for group in topology.joined), IN_EFFECT),
        drifted=len({_object(drift) for drift in statuses.drift}),
        owners=tuple(sorted({str(owner) for each in statuses.drift for owner in each.found.params.get("owners", ())})),
        istiods=_istiods(statuses),
        istio=tuple(sorted({istiod.version for istiod in mesh.facts.istiods} - {""})),
        kubernetes=tuple(in_order(minors_of({name: each.details.version for name, each in mesh.members.items()}))),
        looked_at=_newest([plane.looked_at, *(each.looked_at for each in members)]),
        answered_at=_newest([plane.seen_at, *(each.seen_at for each in members)]),
    )


def current(summary: Summary, *, now: datetime, period: timedelta, left: int | None = None) -> Summary:
    """Return a kept summary as it is now: unknown once the last look is too old, whatever it was then.

    `left` is how many steps the last rollout left undone, None unless it has failed and nobody has dealt with it.
    """
    if left is not None:
        summary = _with_failed_rollout(summary, left)
    looked_at = summary.looked_at
    if looked_at is not None and now - looked_at <= stale_after(period):
        return summary
    last = summary.level if looked_at is not None and summary.level is not Level.UNKNOWN else None
    remembered = {name: replace(getattr(summary, name), known=False) for name in TALLIES}
    return replace(summary, level=Level.UNKNOWN, last=last, **remembered)


def _with_failed_rollout(summary: Summary, left: int) -> Summary:
    failed = Part(Subject(SubjectKind.MESH), State("mesh.rollout-failed", Level.WARN, {"left": left}))
    worst = sorted((failed, *summary.worst), key=lambda part: part.state.level.rank)[:MOST_PARTS]
    counts = {**summary.counts, Level.WARN.value: summary.counts.get(Level.WARN, 0) + 1}
    if summary.level.rank > Level.WARN.rank:
        summary = replace(summary, level=Level.WARN, code=failed.state.code)
    return replace(summary, worst=tuple(worst), counts=counts)


class Order(StrEnum):
    """How meshes may stand in a list; all by name in natural order where they are equal."""

    ATTENTION = "attention"  # worst first
    NAME = "name"
    SILENCE = "silence"  # the longest without an answer first, and before all what has never answered


def ordered(summaries: Mapping[str, Summary], order: Order) -> list[str]:
    """Return the names of the meshes in this order."""

    def place(name: str) -> tuple[Any, ...]:
        summary = summaries[name]
        if order is Order.ATTENTION:
            return summary.level.rank, natural(name)
        if order is Order.SILENCE:
            return summary.answered_at or datetime.min.replace(tzinfo=UTC), natural(name)
        return (natural(name),)

    return sorted(summaries, key=place)


def tally(states: Iterable[State], good: frozenset[str]) -> Tally:
    """Return how many of some states are as they should be: their codes are in `good`. Where none is known any more,
    the last known ones are counted.
    """
    found = list(states)
    if found and all(each.level is Level.UNKNOWN for each in found) and any(each.last for each in found):
        return replace(tally((each.known for each in found), good), level=Level.UNKNOWN, known=False)
    attention = [each for each in found if each.level.needs_attention]
    attention.sort(key=lambda each: (each.level.rank, each.code in good))
    worst = min((each.level for each in found), key=lambda level: level.rank, default=Level.GOOD)
    number = sum(1 for each in found if each.code in good)
    return Tally(number, len(found), worst, Counter(each.code for each in attention))


def _istiods(statuses: Statuses) -> Tally:
    mesh, level = statuses.mesh, statuses.control_plane.level
    replicas = mesh.control_plane.replicas
    if mesh.answering or mesh.silent:
        return Tally(len(mesh.answering), wanted_replicas(mesh), level)
    last = sum(1 for each in replicas if each.silent_since is None and each.seen_at is not None)
    return Tally(last, len(replicas), level, known=False)


def _object(drift: Drift) -> tuple[str, ...]:
    return (drift.subject.name, *(str(drift.found.params.get(key, "")) for key in ("kind", "namespace", "name")))


def _newest(times: Iterable[datetime | None]) -> datetime | None:
    return max((at for at in times if at is not None), default=None)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _part_to_json(part: Part) -> Json:
    state = part.state
    own = {"kind": part.subject.kind, "name": part.subject.name}
    cause = state.cause.code if state.cause else ""
    return own | {"code": state.code, "level": state.level, "params": dict(state.params), "cause": cause}


def _part_from_json(data: Mapping[str, Any]) -> Part:
    cause = Violation(data["cause"]) if data.get("cause") else None
    state = State(data["code"], Level(data["level"]), data.get("params", {}), cause=cause)
    return Part(Subject(SubjectKind(data["kind"]), data.get("name", "")), state)
