"""What questions to clusters came to, as they are stored and as pages read them.

Each is read back from what an earlier version has stored as well: what it lacks has its default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from interconnect.domain.entries import Absent, Live, Present, Target
from interconnect.domain.facts import Istiod
from interconnect.domain.findings import Finding
from interconnect.domain.json_types import Json
from interconnect.domain.stale import StaleCount
from interconnect.domain.steps import StepKind
from interconnect.domain.violations import Violation


@dataclass(frozen=True, slots=True)
class StepShown:
    """One step of a plan. `left`: it is owed without the plan's changes, by an earlier rollout.

    `phase` and `kind` are a `Phase` and a `StepKind` of the version that made the plan.
    """

    phase: int
    chain: str
    kind: str
    subject: str = ""
    group: str = ""
    left: bool = False

    def to_json(self) -> Json:
        return {
            "phase": self.phase,
            "chain": self.chain,
            "kind": self.kind,
            "subject": self.subject,
            "group": self.group,
            "left": self.left,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            data.get("phase", 0),
            data.get("chain", ""),
            data.get("kind", ""),
            data.get("subject", ""),
            data.get("group", ""),
            bool(data.get("left")),
        )


@dataclass(frozen=True, slots=True)
class WriteShown:
    """One write. `cluster` is a `kube-system` UID; `before` and `after` are YAML of what differs; `problems` are why it
    would not succeed now; `owners` own the very fields that differ, the latest first; `verb` is a `Verb`.
    """

    cluster: str
    kind: str
    namespace: str
    name: str
    field: str
    verb: str
    note: str
    before: str
    after: str
    problems: tuple[Violation, ...] = ()
    owners: tuple[str, ...] = ()

    def to_json(self) -> Json:
        return {
            "cluster": self.cluster,
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "field": self.field,
            "verb": self.verb,
            "note": self.note,
            "before": self.before,
            "after": self.after,
            "problems": [problem.to_json() for problem in self.problems],
            "owners": list(self.owners),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        texts = ("cluster", "kind", "namespace", "name", "field", "verb", "note", "before", "after")
        return cls(
            **{name: data.get(name, "") for name in texts},
            problems=_violations(data.get("problems", ())),
            owners=tuple(data.get("owners", ())),
        )


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What an earlier rollout has left undone: the role (its slug) that it needs, and whose it was."""

    role: str
    rollout: str
    actor: str

    def to_json(self) -> Json:
        return {"role": self.role, "rollout": self.rollout, "actor": self.actor}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(data.get("role", ""), data.get("rollout", ""), data.get("actor", ""))


@dataclass(frozen=True, slots=True)
class PlanResult:
    """A plan as it is shown before anything is started; when there are `refusals` it has nothing else.

    `unreachable` and `control_plane` are why clusters and the control plane could not be asked, `guard` what holds a
    restart back. `findings` and `awaited` (names of gateways without an address) are by group that joins. `proxies` is
    how many istiod serves, None when that is not known. `live` is what was read where something differs.
    """

    revision: int = 0
    refusals: tuple[Violation, ...] = ()
    steps: tuple[StepShown, ...] = ()
    writes: tuple[WriteShown, ...] = ()
    unreachable: tuple[Violation, ...] = ()
    control_plane: Violation | None = None
    guard: tuple[Violation, ...] = ()
    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    awaited: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    istiods: tuple[Istiod, ...] = ()
    proxies: int | None = None
    left: LeftBehind | None = None
    live: Mapping[Target, Live] = field(default_factory=dict)

    @property
    def restarts(self) -> bool:
        """Whether it restarts the control plane, so that its guard has a say."""
        return any(step.kind == StepKind.RESTART for step in self.steps)

    @property
    def decisive(self) -> tuple[Violation, ...]:
        """What may be consented to and decides what is planned: conflicts of writes, and what the rules refuse."""
        problems = (problem for write in self.writes for problem in write.problems)
        return tuple(item for item in (*self.refusals, *problems) if item.token)

    @property
    def tokens(self) -> tuple[str, ...]:
        """Of everything that may be consented to."""
        offered: tuple[Violation | Finding, ...] = (*self.decisive, *self._found())
        return tuple(dict.fromkeys(item.token for item in offered if item.token))

    def blocking(self, accepted: Iterable[str]) -> tuple[Violation | Finding, ...]:
        """Why the plan cannot be started: final findings and refusals, and whatever asks for a consent that nobody has
        given.
        """
        given = set(accepted)
        found = [item for item in self._found() if item.grave]
        decisive: tuple[Violation | Finding, ...] = (*found, *self.decisive)
        final: tuple[Violation | Finding, ...] = (*found, *self.refusals)
        stopping = [item for item in final if not item.token]
        stopping += [item for item in decisive if item.token and item.token not in given]
        return tuple({(item.code, item.token): item for item in stopping}.values())

    def _found(self) -> tuple[Finding, ...]:
        return tuple(item for items in self.findings.values() for item in items)

    def to_json(self) -> Json:
        return {
            "revision": self.revision,
            "refusals": [item.to_json() for item in self.refusals],
            "steps": [step.to_json() for step in self.steps],
            "writes": [write.to_json() for write in self.writes],
            "unreachable": [item.to_json() for item in self.unreachable],
            "control_plane": self.control_plane.to_json() if self.control_plane else None,
            "guard": [item.to_json() for item in self.guard],
            "findings": {group: [item.to_json() for item in items] for group, items in self.findings.items()},
            "awaited": {group: list(names) for group, names in self.awaited.items()},
            "istiods": [istiod.to_json() for istiod in self.istiods],
            "proxies": self.proxies,
            "left": self.left.to_json() if self.left else None,
            "live": [
                [list(target), state.object if isinstance(state, Present) else None]
                for target, state in self.live.items()
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            revision=data.get("revision", 0),
            refusals=_violations(data.get("refusals", ())),
            steps=tuple(map(StepShown.from_json, data.get("steps", ()))),
            writes=tuple(map(WriteShown.from_json, data.get("writes", ()))),
            unreachable=_violations(data.get("unreachable", ())),
            control_plane=Violation.from_json(data["control_plane"]) if data.get("control_plane") else None,
            guard=_violations(data.get("guard", ())),
            findings={group: tuple(map(Finding.from_json, items)) for group, items in data.get("findings", {}).items()},
            awaited={group: tuple(names) for group, names in data.get("awaited", {}).items()},
            istiods=tuple(map(Istiod.from_json, data.get("istiods", ()))),
            proxies=data.get("proxies"),
            left=LeftBehind.from_json(data["left"]) if data.get("left") else None,
            live={
                Target(*place): Absent() if found is None else Present(found) for place, found in data.get("live", ())
            },
        )


@dataclass(frozen=True, slots=True)
class WorkloadsResult:
    """What a restart of workloads would find: by cluster, Pods of another network, or why they are not counted."""

    counted: Mapping[str, StaleCount | Violation] = field(default_factory=dict)

    def to_json(self) -> Json:
        return {"counted": {name: _counted_to_json(said) for name, said in self.counted.items()}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls({name: _counted_from_json(said) for name, said in data.get("counted", {}).items()})


def _counted_to_json(said: StaleCount | Violation) -> Json:
    return {"failure": said.to_json()} if isinstance(said, Violation) else said.to_json()


def _counted_from_json(said: Mapping[str, Any]) -> StaleCount | Violation:
    """Earlier versions stored a failure's code, without what says that it is a cluster's, as `not_counted`."""
    if "not_counted" in said:
        return Violation(f"kube.{said['not_counted']}", said.get("params", {}))
    return Violation.from_json(said["failure"]) if "failure" in said else StaleCount.from_json(said)


@dataclass(frozen=True, slots=True)
class GatewayPods:
    """What a restart of a gateway would replace: `total` Pods, of which `unfit` run without the proxy of their network.
    `hindrance` is why new ones would be made without a proxy.
    """

    total: int = 0
    unfit: int = 0
    hindrance: Violation | None = None

    def to_json(self) -> Json:
        return {
            "total": self.total,
            "unfit": self.unfit,
            "hindrance": self.hindrance.to_json() if self.hindrance else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        hindrance = data.get("hindrance")
        return cls(data.get("total", 0), data.get("unfit", 0), Violation.from_json(hindrance) if hindrance else None)


@dataclass(frozen=True, slots=True)
class GatewayShown:
    """An Istio Gateway on the port of east-west traffic; `text` is its YAML.

    `ours`: the console made it; `taken`: somebody else's has the name that ours needs.
    """

    namespace: str
    name: str
    ours: bool
    taken: bool
    text: str

    def to_json(self) -> Json:
        return {
            "namespace": self.namespace,
            "name": self.name,
            "ours": self.ours,
            "taken": self.taken,
            "text": self.text,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            data.get("namespace", ""),
            data.get("name", ""),
            bool(data.get("ours")),
            bool(data.get("taken")),
            data.get("text", ""),
        )


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The gateway rule as it is now: Gateways on its port, ours first, of which `more` are left out, and what of ours
    has drifted.
    """

    gateways: tuple[GatewayShown, ...] = ()
    more: int = 0
    drift: tuple[WriteShown, ...] = ()

    def to_json(self) -> Json:
        return {
            "gateways": [gateway.to_json() for gateway in self.gateways],
            "more": self.more,
            "drift": [write.to_json() for write in self.drift],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            tuple(map(GatewayShown.from_json, data.get("gateways", ()))),
            data.get("more", 0),
            tuple(map(WriteShown.from_json, data.get("drift", ()))),
        )


def _violations(items: Iterable[Mapping[str, Any]]) -> tuple[Violation, ...]:
    return tuple(map(Violation.from_json, items))
