"""A plan as rows: steps, writes with their differences, findings by severity, and what the restart affects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.utils.text import slugify
from django.utils.translation import gettext as _

from interconnect.domain.findings import Finding, Severity
from interconnect.domain.status import Level, worst_first
from interconnect.domain.steps import CENTRAL
from interconnect.domain.violations import Violation
from interconnect.domain.writes import Verb
from interconnect.models import InquiryStatus
from interconnect.services import plans
from interconnect.state import pages
from interconnect.wording import phrases, word
from interconnect.wording.values import evidence_text, value_text
from meshconsole.text import in_a_line
from meshconsole.ui.tones import Badge, Tone

if TYPE_CHECKING:
    from interconnect.domain.results import LeftBehind, PlanResult, StepShown, WriteShown
    from interconnect.domain.topology import Address, Topology
    from interconnect.models import Inquiry, Mesh

ADOPTED = frozenset({"writes.not-ours"})


@dataclass(frozen=True, slots=True)
class Consent:
    """A finding to which a mesh admin may consent; `label` is the button's. Without a token nobody may consent."""

    code: str
    text: str
    token: str
    label: str
    given: bool
    evidence: str = ""

    @property
    def identity(self) -> str:
        """Return the ID of its button on the page, which stays the same at every poll."""
        return f"consent-{slugify(self.token)}"


@dataclass(frozen=True, slots=True)
class FindingRow:
    groups: str
    state: Badge
    consent: Consent


@dataclass(frozen=True, slots=True)
class WriteRow:
    title: str
    field: str
    note: str
    owners: str
    before: str
    after: str
    problems: tuple[Consent, ...]


@dataclass(slots=True)
class ClusterWrites:
    name: str
    failure: str = ""
    writes: list[WriteRow] = field(default_factory=list)

    @property
    def needs_a_look(self) -> bool:
        return bool(self.failure) or any(write.problems for write in self.writes)


@dataclass(frozen=True, slots=True)
class StepLine:
    kind: str
    label: str
    subject: str
    where: str
    phase: str


def context_of(plan: Inquiry, mesh: Mesh, topology: Topology) -> dict[str, Any]:
    """Return what templates/interconnect/review.html shows of a plan; until it is made, only that it is being made.

    `implied`: tokens to which the page's own button consents, so they don't get buttons of their own.
    """
    result, accepted = plans.result_of(plan), frozenset(plan.params.get("accepted", ()))
    planned = plan.status == InquiryStatus.DONE
    names = _names(mesh, topology)
    return {
        "planning": plan.status in (InquiryStatus.WAITING, InquiryStatus.RUNNING),
        "planned": planned,
        "implied": (),
        "refusals": [consent_of(item, accepted) for item in result.refusals],
        "given": [
            consent_of(item, accepted, write=is_of_a_write(item.code))
            for item in map(Violation.from_json, plan.params.get("consented", ()))
        ],
        "guard": phrases.reasons(result.guard),
        "findings": finding_rows(result.findings, accepted),
        "steps": [_step(step, names) for step in result.steps if not step.left],
        "left_steps": [_step(step, names) for step in result.steps if step.left],
        "left": _left(result.left),
        "clusters": cluster_writes(result, names, accepted),
        "awaited": sorted(result.awaited.items()),
        "control_plane_failure": phrases.reason(result.control_plane) if result.control_plane else "",
        "istiods": result.istiods,
        "replicas": sum(istiod.replicas for istiod in result.istiods),
        "proxies": result.proxies,
        "restarting": result.restarts,
        "silent": silent_clusters(mesh) if result.restarts else [],
        "blocked": bool(result.blocking(accepted)) or not planned,
    }


def _names(mesh: Mesh, topology: Topology) -> dict[str, str]:
    """Return the names of clusters by UID and of gateways by UUID."""
    own = {mesh.config_uid: _("Config cluster"), mesh.control_plane.uid: _("Control plane")}
    gateways = {gateway.id: gateway.name for gateway in topology.gateways.values()}
    return {**own, **{cluster.uid: cluster.name for cluster in topology.clusters.values()}, **gateways}


def _left(left: LeftBehind | None) -> LeftBehind | None:
    """Return what an earlier rollout has left behind, with the role that it needs in words."""
    return replace(left, role=value_text("role", left.role)) if left else None


def finding_rows(findings: Mapping[str, Iterable[Finding]], accepted: frozenset[str]) -> list[FindingRow]:
    """Return the findings as rows, the gravest first; one that applies to several groups appears once."""
    together: dict[tuple[str, str], tuple[Finding, list[str]]] = {}
    for group, items in findings.items():
        for item in items:
            key = (item.code, json.dumps([item.params, item.evidence], sort_keys=True))
            together.setdefault(key, (item, []))[1].append(group)
    order = list(Severity)
    rows = sorted(together.values(), key=lambda pair: order.index(pair[0].severity))
    return [
        FindingRow(", ".join(groups), _severity(item, accepted), consent_of(item, accepted)) for item, groups in rows
    ]


def _severity(item: Finding, accepted: frozenset[str]) -> Badge:
    if item.token and item.token in accepted:
        return Badge(Tone.WARN, _("Overridden"))
    badges = {
        Severity.FINAL: Badge(Tone.BAD, _("Can't be overridden")),
        Severity.ERROR: Badge(Tone.BAD, _("Error")),
        Severity.WARNING: Badge(Tone.WARN, _("Warning")),
    }
    return badges[item.severity]


def consent_of(item: Violation | Finding, accepted: frozenset[str], *, write: bool = False) -> Consent:
    label = _("Override")
    if write:
        label = _("Adopt") if item.code in ADOPTED else _("Take over")
    seen = item.evidence if isinstance(item, Finding) else {}
    # What the finding's own text already says isn't repeated.
    evidence = "" if "violation" in seen else evidence_text(seen)
    return Consent(item.code, phrases.reason(item), item.token, label, item.token in accepted, evidence)


def is_of_a_write(code: str) -> bool:
    """Return whether a code is about a write.

    There, an object of others is adopted and a field of others is taken over. Anything else is a finding, which is
    overridden.
    """
    return code.startswith(("writes.", "networks."))


def cluster_writes(result: PlanResult, names: Mapping[str, str], accepted: frozenset[str]) -> list[ClusterWrites]:
    """Return each cluster's writes; clusters that need attention come first."""
    found: dict[str, ClusterWrites] = {}

    def of(uid: str) -> ClusterWrites:
        return found.setdefault(uid, ClusterWrites(names.get(uid, uid)))

    for failure in result.unreachable:
        of(str(failure.params.get("cluster", ""))).failure = phrases.reason(failure)
    for write in result.writes:
        of(write.cluster).writes.append(write_row(write, accepted))
    return sorted(found.values(), key=lambda cluster: (not cluster.needs_a_look, cluster.name))


def write_row(write: WriteShown, accepted: frozenset[str]) -> WriteRow:
    where = f"{write.namespace}/{write.name}" if write.namespace else write.name
    return WriteRow(
        title=f"{write.kind} {where}",
        field=write.field,
        note=_note(write),
        owners=", ".join(map(in_a_line, write.owners)),
        before=write.before,
        after=write.after,
        problems=tuple(consent_of(problem, accepted, write=True) for problem in write.problems),
    )


def _note(write: WriteShown) -> str:
    if write.note:
        return word(write.note, {})
    return _("will be deleted") if write.verb == Verb.DELETE else ""


def _step(step: StepShown, names: Mapping[str, str]) -> StepLine:
    central = step.phase in CENTRAL
    return StepLine(
        kind=step.kind,
        label=phrases.step_name(step.kind),
        subject=names.get(step.subject, "") or step.group,
        where=_("Control plane") if central else names.get(step.chain, step.chain),
        phase=phrases.phase_name(step.phase),
    )


def silent_clusters(mesh: Mesh) -> list[tuple[str, str]]:
    """Return (name, reason) for every cluster that doesn't answer as it should, or hasn't for a while."""
    states = pages.sight(mesh).statuses.clusters
    silent = [name for name, state in states.items() if state.level in (Level.BAD, Level.UNKNOWN)]
    return [(name, phrases.state_reason(states[name])) for name in worst_first(silent, states)]


def address_text(address: Address, topology: Topology) -> str:
    if address.awaited and address.gateway:
        return _("awaited from %(gateway)s") % {"gateway": topology.gateways[address.gateway].name}
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{address.port}"
