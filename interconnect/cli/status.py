"""The known state of a mesh, and a fresh check of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils import timezone
from django.utils.translation import gettext as _

from interconnect.cli import codes
from interconnect.cli.following import step_as_json
from interconnect.cli.output import told
from interconnect.domain.checks import pairs
from interconnect.domain.credentials import moment
from interconnect.domain.findings import SILENT, Severity, Subject, SubjectKind
from interconnect.domain.json_types import Json
from interconnect.domain.names import natural
from interconnect.domain.status import Level
from interconnect.models import Finding as FindingRow
from interconnect.models import Mesh, Rollout
from interconnect.services import rollouts
from interconnect.services.checking import run_checks
from interconnect.state import desired, findings, pages
from interconnect.wording import phrases
from interconnect.wording.matrix import REACH, TOLD, answer_text
from interconnect.wording.phrases import step_name
from interconnect.wording.values import value_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from interconnect.cli.output import Output
    from interconnect.domain.checks import Answer, ChecksResult, Matrix, Pair
    from interconnect.domain.status import Part, State
    from interconnect.domain.topology import Gateway
    from interconnect.state.pages import Sight


def status_of(mesh: Mesh, sight: Sight | None = None) -> Json:
    """Return the state of the mesh, from the database alone: the states that pages show, and the open findings."""
    sight = sight or pages.sight(mesh)
    statuses, topology, facts = sight.statuses, sight.topology, sight.facts
    left, steps = rollouts.not_applied(mesh)
    return {
        "mesh": mesh.name,
        "kind": mesh.kind,
        "enabled": mesh.enabled,
        "revision": mesh.revision,
        "restart": mesh.restart,
        "state": _part(statuses.whole),
        "control_plane": _state(statuses.control_plane),
        "rule": _state(statuses.rule),
        "istiods": [istiod.to_json() for istiod in facts.istiods],
        "clusters": {name: _cluster(sight, name) for name in topology.clusters},
        "groups": {name: _group(sight, name) for name in topology.groups},
        "not_applied": {"steps": left, "of": steps},
        "findings": _findings(mesh, _open(mesh)),
        "rollout": rollout_of(mesh),
    }


def _state(state: State) -> Json:
    """Return a state as JSON: a code and its words, when it was seen and, if that is too long ago, what it was then."""
    return {
        "code": state.code,
        "level": state.level,
        "label": phrases.state_label(state),
        "reason": phrases.state_reason(state),
        "params": dict(state.params),
        "seen_at": state.at,
        "since": state.since,
        "last_known": _state(state.last) if state.last else None,
    }


def _part(part: Part) -> Json:
    """Return the worst part of a group or a mesh as JSON, with its subject; the label says what it is a state of."""
    subject = {"kind": part.subject.kind, "name": part.subject.name}
    return _state(part.state) | {"label": phrases.part_label(part.state), "subject": subject}


def _cluster(sight: Sight, name: str) -> Json:
    member, group = sight.seen.members[name], sight.clusters[name].group
    return {
        "uid": sight.topology.clusters[name].uid,
        "group": group or None,
        "state": _state(sight.statuses.of_cluster(name)),
        "observed_at": member.looked_at,
        "answered_at": member.seen_at,
        "version": member.details.version,
        "webhooks": [entry.to_json() for entry in member.seen.webhooks or ()],
        "stale": member.seen.stale.to_json() if member.seen.stale else None,
        "unlabelled": member.details.unlabelled.to_json() if member.details.unlabelled else None,
    }


def _group(sight: Sight, name: str) -> Json:
    """Return a group as JSON. `joined` is the list of its addresses, or null if it isn't joined."""
    group = sight.topology.groups[name]
    joined = None
    if group.addresses is not None:
        joined = [
            {"host": each.host, "port": each.port, "gateway": str(each.gateway) if each.gateway else None}
            for each in group.addresses
        ]
    gateways = {str(gateway.key): _gateway(sight, gateway) for gateway in sight.topology.gateways_of_group(name)}
    return {
        "clusters": sorted(group.clusters, key=natural),
        "state": _part(sight.statuses.groups[name]),
        "interconnect": _state(sight.statuses.joined[name]) if group.joined else None,
        "joined": joined,
        "gateways": gateways,
    }


def _gateway(sight: Sight, gateway: Gateway) -> Json:
    """Return a gateway as last seen. `replicas` counts those that serve; `ready` says whether its state is good."""
    known, state = sight.seen.gateways.get(gateway.key), sight.statuses.gateways[gateway.key]
    seen = known.seen if known else None
    return {
        "name": gateway.name,
        "state": _state(state),
        "ready": state.level is Level.GOOD,
        "replicas": seen.available if seen else 0,
        "desired": seen.replicas if seen and seen.present else gateway.spec.replicas,
        "addresses": list(seen.addresses or ()) if seen else [],
        "observed_at": known.at if known else None,
    }


def _open(mesh: Mesh) -> list[FindingRow]:
    """Return the open findings, gravest first."""
    order = list(Severity)
    return sorted(
        findings.open_now([mesh], timezone.now()),
        key=lambda row: (order.index(Severity(row.severity)), row.code, natural(row.subject)),
    )


def _findings(mesh: Mesh, rows: Iterable[FindingRow]) -> list[Json]:
    """Return findings as JSON, a gateway by the name of its objects. `silenced_until` is null where they alert."""
    in_force = findings.silences([mesh], timezone.now())
    return [
        told(findings.finding_of(row))
        | {
            "subject": {"kind": row.subject_kind, "name": findings.name_of(row)},
            "first_seen": row.first_seen,
            "last_seen": row.last_seen,
            "silenced_until": findings.silenced_until(row, in_force),
        }
        for row in rows
    ]


def rollout_of(mesh: Mesh) -> Json | None:
    last = Rollout.objects.filter(mesh=mesh).order_by("-created_at").first()
    if last is None:
        return None
    return {
        "id": str(last.id),
        "kind": last.kind,
        "status": last.status,
        "actor": last.actor,
        "address_pending": last.address_pending,
        "steps": [{"name": step_name(step.kind), **step_as_json(step)} for step in last.steps.all()],
    }


def show_status(mesh: Mesh, output: Output) -> int:
    """Print the state of a mesh; return 5 with an open critical finding that nobody has silenced."""
    sight = pages.sight(mesh)
    if output.as_json:
        output.document(status_of(mesh, sight))
    else:
        _say_status(mesh, sight, output)
        _say_findings(mesh, _open(mesh), output)
    return codes.CRITICAL if findings.alarming([mesh], timezone.now())[mesh.id] else codes.OK


def _say_status(mesh: Mesh, sight: Sight, output: Output) -> None:
    statuses = sight.statuses
    output.say(_("Mesh %(mesh)s, revision %(revision)s") % {"mesh": mesh.name, "revision": mesh.revision}, {})
    whole = _part_in_words(statuses.whole, Subject(SubjectKind.MESH))
    output.say(_("State: %(state)s") % {"state": whole}, {})
    output.say(_("Control plane: %(state)s") % {"state": _in_words(statuses.control_plane)}, {})
    output.say(_("Gateway rule: %(state)s") % {"state": _in_words(statuses.rule)}, {})
    for name, group in sight.topology.groups.items():
        clusters = ", ".join(sorted(group.clusters, key=natural))
        addresses = ", ".join(f"{each.host or _('awaited')}:{each.port}" for each in group.addresses or ())
        joined = _("joined at %(addresses)s") % {"addresses": addresses} if group.joined else _("not joined")
        own = Subject(SubjectKind.GROUP, name)
        words = _in_words(statuses.joined[name]) if group.joined else _part_in_words(statuses.groups[name], own)
        output.say(f"  {name}: {clusters} · {joined} · {words}", {})
        for gateway in sight.topology.gateways_of_group(name):
            _say_gateway(sight, gateway, output)
    for name in statuses.clusters:
        output.say(f"  {name}: {_in_words(statuses.of_cluster(name))}", {})
    if last := rollout_of(mesh):
        status = value_text("status", last["status"])
        output.say(_("Last rollout %(id)s: %(status)s") % {"id": last["id"], "status": status}, {})
    left, steps = rollouts.not_applied(mesh)
    if left:
        output.say(_("%(steps)s of %(of)s steps not applied") % {"steps": left, "of": steps}, {})


def _say_gateway(sight: Sight, gateway: Gateway, output: Output) -> None:
    known = sight.seen.gateways.get(gateway.key)
    seen = known.seen if known else None
    running = f"{seen.available}/{seen.replicas}" if seen else "-"
    addresses = ", ".join((seen.addresses if seen else None) or ()) or "-"
    state = _in_words(sight.statuses.gateways[gateway.key])
    output.say(f"    {gateway.key}: {gateway.name} · {running} · {addresses} · {state}", {})


def _in_words(state: State) -> str:
    return _sentences(phrases.state_label(state), phrases.state_reason(state))


def _part_in_words(part: Part, whole: Subject) -> str:
    return _sentences(phrases.part_label(part.state), phrases.part_reason(part, whole))


def _sentences(label: str, reason: str) -> str:
    return f"{label}. {reason}" if reason else label


def _say_findings(mesh: Mesh, rows: Iterable[FindingRow], output: Output) -> None:
    """Print findings, each with its subject in brackets where its sentence doesn't name it, when it was last seen if
    nobody knows whether it is still so, and until when it is silenced.
    """
    now = timezone.now()
    in_force = findings.silences([mesh], now)
    for row in rows:
        sentence, name = phrases.reason(findings.finding_of(row)), findings.name_of(row)
        notes = [name] if name and name not in sentence else []
        if findings.is_held(row, now):
            notes.append(_("last seen %(ago)s") % {"ago": naturaltime(row.last_seen)})
        until = findings.silenced_until(row, in_force)
        if until is not None:
            notes.append(_("silenced until %(time)s") % {"time": moment(until)})
        output.say(f"  {'-' if until else _mark(row)} {sentence}{_in_brackets(notes)}", {})


def _mark(row: FindingRow) -> str:
    return {Severity.CRITICAL: "!!", Severity.WARNING: "!"}.get(Severity(row.severity), "-")


def show_checks(mesh: Mesh, output: Output) -> int:
    """Run the checks, print their results and return 1 if something is wrong.

    A failing data path doesn't count as wrong: the console isn't where the Pods are.
    """
    result, rows = run_checks(mesh), _open(mesh)
    found = pairs(desired.load(mesh), result.matrix.told, result.matrix.reach)
    if output.as_json:
        document = {
            "findings": _findings(mesh, rows),
            "failure": told(result.failure) if result.failure else None,
            "pairs": [_pair(pair, result.matrix) for pair in found],
        }
        output.document(document)
    else:
        _say_findings(mesh, rows, output)
        _say_checks(result, found, output)
        if not rows and not any(pair.problem for pair in found) and not result.failure:
            output.say(_("No problems found."), {})
    grave = any(row.severity == Severity.CRITICAL or row.code in SILENT for row in rows)
    grave |= any(finding.grave for finding in result.findings)
    return codes.REFUSED if grave or result.failure or any(pair.mistold for pair in found) else codes.OK


def _say_checks(result: ChecksResult, found: tuple[Pair, ...], output: Output) -> None:
    if result.failure:
        output.say(f"  !! {phrases.reason(result.failure)}", {})
    wrong = [pair for pair in found if pair.problem]
    for pair in wrong:
        names = {"source": pair.source, "target": pair.target, "told": TOLD[pair.told], "reach": REACH[pair.reach]}
        parts = [*([_("disagree")] if pair.disagree else []), *_evidence(pair, result.matrix, answer_text)]
        line = _("%(source)s → %(target)s: control plane: %(told)s; data path: %(reach)s") % names
        output.say(f"  ! {line}{_in_brackets(parts)}", {})


def _pair(pair: Pair, found: Matrix) -> Json:
    verdict = {
        "disagree": pair.disagree,
        "problem": pair.problem,
        "evidence": _evidence(pair, found, lambda answer: answer.line),
    }
    return {
        "source": pair.source,
        "target": pair.target,
        "joined": pair.joined,
        "told": pair.told,
        "reach": pair.reach,
        **verdict,
    }


def _evidence(pair: Pair, found: Matrix, line: Callable[[Answer], str]) -> list[str]:
    way = found.ways.get(pair.target)
    return [*found.evidence.get((pair.source, pair.target), ()), *(map(line, way.evidence) if way else ())]


def _in_brackets(parts: list[str]) -> str:
    return f" [{'; '.join(parts)}]" if parts else ""
