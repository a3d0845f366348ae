"""What a look found: a stable code with parameters, its severity, and what was observed; worded elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from interconnect.domain.json_types import Json
from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from interconnect.domain.topology import GatewayKey


class Severity(StrEnum):
    """How grave a finding is, gravest first.

    A preflight's *final* and *error* stop a join. What a look finds is *critical* (traffic is broken now, or will be at
    the next restart), a *warning*, or an *info*.
    """

    FINAL = "final"
    ERROR = "error"
    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


SILENT = frozenset({"cluster.no-answer", "cluster.refuses-us", "cluster.wrong-cluster"})
"""The codes of a cluster of which nothing else can be found. A check fails on them however little depends on it."""

OF_SILENT = frozenset({"preflight.no-answer", "preflight.not-checked"})
"""The codes that only say of a cluster that it doesn't answer."""

GRAVE = frozenset({Severity.FINAL, Severity.ERROR, Severity.CRITICAL})


class SubjectKind(StrEnum):
    """What a finding or a state is about, from the whole to its parts."""

    CONSOLE = "console"
    MESH = "mesh"
    CONTROL_PLANE = "control-plane"
    RULE = "rule"
    GROUP = "group"
    CLUSTER = "cluster"
    GATEWAY = "gateway"
    ISTIOD = "istiod"


class Subject(NamedTuple):
    """What a finding is about, by name; the name is empty for what a mesh has once."""

    kind: SubjectKind
    name: str = ""


THE_MESH = Subject(SubjectKind.MESH)


def about_gateway(key: GatewayKey) -> Subject:
    """Return a gateway as findings are about it: its name isn't its identity, long ones are cut and may be equal."""
    return Subject(SubjectKind.GATEWAY, str(key))


@dataclass(frozen=True, slots=True)
class Finding:
    """A result of a look, a check or a preflight. `evidence` is what was observed, as plain JSON; `token` is set for
    what somebody can consent to: an error that can be overridden, a field that can be taken over. `detail` tells apart
    several findings of one code about one subject.
    """

    code: str
    severity: Severity
    params: Mapping[str, Any] = field(default_factory=dict)
    token: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    subject: Subject = THE_MESH
    detail: str = ""

    @property
    def key(self) -> tuple[str, Subject, str]:
        return self.code, self.subject, self.detail

    @property
    def grave(self) -> bool:
        return self.severity in GRAVE

    def to_json(self) -> Json:
        """Return it as a violation's JSON, plus severity, evidence and subject."""
        of_all = Violation(self.code, self.params, self.token).to_json()
        subject = {"kind": self.subject.kind, "name": self.subject.name}
        return of_all | {"severity": self.severity, "evidence": dict(self.evidence), "subject": subject}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what `to_json` stored; a violation, which has no severity, becomes an error."""
        found = Violation.from_json(data)
        severity = Severity(data.get("severity", Severity.ERROR))
        about = data.get("subject")
        subject = Subject(SubjectKind(about["kind"]), about["name"]) if about else THE_MESH
        return cls(found.code, severity, found.params, found.token, data.get("evidence", {}), subject)


Found = Violation | Finding
"""All that has a sentence in the catalogue: a code, and the parameters that fill it."""


def parameters(found: Found) -> Mapping[str, Any]:
    """Return the parameters of the sentence and, for a finding, its evidence."""
    return {**found.evidence, **found.params} if isinstance(found, Finding) else found.params
