"""A plan as text and as JSON: changes, steps, and each write with its differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from interconnect.cli.output import Output, accepting, told
from interconnect.domain.json_types import Json
from interconnect.domain.serial import change_to_json
from interconnect.planning.preview import PlannedWrite, Preview, changed_paths
from interconnect.wording import phrases, word
from interconnect.wording.changes import PHASE_NAMES, sentences
from interconnect.wording.phrases import step_name

if TYPE_CHECKING:
    from interconnect.domain.topology import Topology
    from interconnect.services.filing import Filing


def show_filing(filing: Filing, output: Output) -> None:
    """Print everything that applying the document would do."""
    if output.as_json:
        output.document(filing_as_json(filing))
        return
    for line in registration_lines(filing):
        output.say(f"* {line}", {})
    for line in note_lines(filing):
        output.say(f"  ! {line}", {})
    for sentence in sentences(filing.changes):
        output.say(f"* {sentence}", {})
    show_preview(filing.preview, filing.after, output)
    if filing.empty:
        output.say(_("Nothing to do."), {})


def registration_lines(filing: Filing) -> list[str]:
    lines: list[str] = []
    if filing.mesh is None:
        lines.append(_("Register mesh %(mesh)s") % {"mesh": filing.document.mesh})
    elif filing.reports.control_plane:
        lines.append(_("Replace the credential of the control plane"))
    if filing.policy:
        lines.append(_("Control plane restart: %(policy)s") % {"policy": filing.policy.value})
    lines += [_("Register cluster %(cluster)s") % {"cluster": name} for name in sorted(filing.reports.new)]
    lines += [
        _("Replace the credential of cluster %(cluster)s") % {"cluster": name}
        for name in sorted(filing.reports.replaced)
    ]
    lines += [_("Set the Pod CIDRs of cluster %(cluster)s") % {"cluster": name} for name in sorted(filing.typed_cidrs)]
    return lines


def note_lines(filing: Filing) -> list[str]:
    """Return the notes on the credentials that people should read before these are stored."""
    return [f"{f'{name}: ' if name else ''}{phrases.reason(note)}" for name, note in filing.notes]


def show_preview(preview: Preview, topology: Topology, output: Output) -> None:
    names = {cluster.uid: cluster.name for cluster in topology.clusters.values()}
    for step in preview.steps:
        place = names.get(step.chain, step.chain if ":" in step.chain else _("control plane"))
        output.say(f"  {PHASE_NAMES[step.phase]} · {place} · {step_name(step.kind)}", {})
    for write in preview.writes:
        output.say(_write_line(write, names), {})
        for path, before, after in changed_paths(write)[:40]:
            output.say(f"      {path}: {_short(before)} -> {_short(after)}", {})
        for problem in write.problems:
            output.say(f"      ! {phrases.reason(problem)}{accepting(problem)}", {})
            if write.owners:
                output.say(f"        {_('last written by %(owners)s') % {'owners': ', '.join(write.owners)}}", {})
    for uid, failure in preview.unreachable.items():
        output.say(f"  ! {names.get(uid, uid)}: {phrases.reason(failure)}", {})


def _write_line(write: PlannedWrite, names: dict[str, str]) -> str:
    target = write.target
    where = names.get(target.cluster, _("control plane"))
    field = f" [{target.field}]" if target.field else ""
    note = f" ({word(write.note, {})})" if write.note else ""
    return (
        f"  {write.verb} {where}: {target.kind} "
        f"{target.namespace + '/' if target.namespace else ''}{target.name}{field}{note}"
    )


def _short(value: Any) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= 120 else text[:119] + "…"


def filing_as_json(filing: Filing) -> Json:
    return {
        "mesh": filing.document.mesh,
        "registers_mesh": filing.mesh is None,
        "registers": sorted(filing.reports.new),
        "replaces_credentials": sorted(filing.reports.replaced),
        "notes": [{"cluster": name, **told(note)} for name, note in filing.notes],
        "restart": filing.policy,
        "changes": [change_to_json(change) for change in filing.changes],
        "empty": filing.empty,
        "refusals": [told(each) for each in filing.refusals],
        **preview_as_json(filing.preview),
    }


def preview_as_json(preview: Preview) -> Json:
    return {
        "steps": [
            {"phase": step.phase.name.lower(), "chain": step.chain, "kind": step.kind, "subject": step.subject}
            for step in preview.steps
        ],
        "writes": [
            {
                "target": write.target._asdict(),
                "verb": write.verb,
                "note": write.note,
                "changes": [
                    {"path": path, "before": before, "after": after} for path, before, after in changed_paths(write)
                ],
                "problems": [told(problem) for problem in write.problems],
                "owners": list(write.owners),
            }
            for write in preview.writes
        ],
        "unreachable": {uid: told(failure) for uid, failure in preview.unreachable.items()},
        "tokens": list(preview.tokens),
    }
