"""A rollout's steps as rows: by phase, then by cluster, with the outcome of each in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from interconnect.domain.serial import SerialError
from interconnect.domain.steps import CENTRAL, PlannedStep
from interconnect.domain.verify import GuardChoice
from interconnect.domain.violations import Violation
from interconnect.models import Rollout, RolloutStatus, Step, StepStatus
from interconnect.models.rollout import OPEN_STEPS, UNFINISHED
from interconnect.permissions import role_for
from interconnect.services.rollouts import is_superseded, role_of, role_to_revert
from interconnect.state import pages
from interconnect.views.parts import plan_rows
from interconnect.views.parts.access import why_not
from interconnect.wording import phrases, word
from meshconsole.ui.tones import Action, Badge, Tone

if TYPE_CHECKING:
    from meshconsole.access.actor import Actor
    from meshconsole.access.roles import Role

MOST_FAILURES, MOST_FAILED_READ = 5, 50

ROLLOUT_TONES = {
    RolloutStatus.QUEUED: Tone.BUSY,
    RolloutStatus.RUNNING: Tone.BUSY,
    RolloutStatus.SUCCEEDED: Tone.GOOD,
    RolloutStatus.FAILED: Tone.BAD,
    RolloutStatus.CANCELLED: Tone.CALM,
}
STEP_TONES = {
    StepStatus.PENDING: Tone.CALM,
    StepStatus.READY: Tone.CALM,
    StepStatus.ACTIVE: Tone.BUSY,
    StepStatus.WAITING: Tone.BUSY,
    StepStatus.SUCCEEDED: Tone.GOOD,
    StepStatus.SKIPPED: Tone.CALM,
    StepStatus.FAILED: Tone.BAD,
    StepStatus.BLOCKED: Tone.WARN,
    StepStatus.CANCELLED: Tone.CALM,
}
# What waits, and what has failed by itself, isn't told apart by its tone alone.
SHAPES: Mapping[str, str] = {
    RolloutStatus.QUEUED: "clock",
    RolloutStatus.FAILED: "circle-x",
    StepStatus.PENDING: "clock",
    StepStatus.READY: "clock",
    StepStatus.FAILED: "circle-x",
}


@dataclass(frozen=True, slots=True)
class StepRow:
    id: int
    label: str
    subject: str
    state: Badge
    said: str
    code: str
    started_at: datetime | None
    seconds: float | None
    attempts: int


def rollout_badge(rollout: Rollout) -> Badge:
    status = RolloutStatus(rollout.status)
    return Badge(ROLLOUT_TONES[status], status.label, SHAPES.get(status, ""))


def duration(rollout: Rollout) -> float | None:
    if rollout.started_at is None:
        return None
    return ((rollout.ended_at or timezone.now()) - rollout.started_at).total_seconds()


def summary(rollout: Rollout, lines: Iterable[pages.StepLine], names: Mapping[str, str]) -> dict[str, Any]:
    """Return how far the rollout is, and its first failures with the ways out."""
    lines = list(lines)
    ended = sum(1 for line in lines if line.status not in OPEN_STEPS)
    left = sum(1 for line in lines if line.status in pages.UNDONE)
    failed = [line.id for line in lines if line.status == StepStatus.FAILED]
    failures = _failures(pages.steps_by_id(failed[:MOST_FAILED_READ]).values(), names)[:MOST_FAILURES]
    return {
        "step_total": len(lines),
        "step_done": ended - left,
        "step_left": left if rollout.status not in UNFINISHED else 0,
        "failures": failures,
        "more_failures": len(failed) - sum(failure["count"] for failure in failures),
        "newest": pages.is_newest_topology_rollout(rollout),
    }


def names_of(rollout: Rollout) -> dict[str, str]:
    """Return the names of clusters by UID and of gateways by UUID, including those that are gone."""
    # A rollout that leaves the topology as it is keeps none.
    known = pages.cluster_names(rollout.mesh) | (pages.gateway_names(rollout.mesh) if rollout.subject else {})
    found: dict[str, str] = {}
    for topology in (rollout.before or {}, rollout.after or {}):
        found |= {str(cluster.get("uid")): str(cluster.get("name")) for cluster in topology.get("clusters", ())}
        found |= {str(gateway.get("id")): str(gateway.get("name")) for gateway in topology.get("gateways", ())}
    hub = {rollout.mesh.config.uid: _("Config cluster"), rollout.mesh.control_plane.uid: _("Control plane")}
    return {**hub, **found, **known}


def chain_name(phase: int, chain: str, names: Mapping[str, str]) -> str:
    if phase in CENTRAL:
        return _("Control plane")
    return names.get(chain, chain)


def place(step: PlannedStep, names: Mapping[str, str]) -> str:
    """Return where a planned step runs."""
    if step.phase in CENTRAL:
        return _("Control plane")
    return names.get(step.chain, _("Config cluster"))


def step_row(step: Step, names: Mapping[str, str]) -> StepRow:
    status = StepStatus(step.status)
    end = step.ended_at or (timezone.now() if step.started_at and status in OPEN_STEPS else None)
    return StepRow(
        id=step.pk,
        label=phrases.step_name(step.kind),
        subject=names.get(step.subject, step.subject) or step.group,
        state=Badge(STEP_TONES[status], status.label, SHAPES.get(status, "")),
        said=(word(step.error_code, step.error_params) if step.error_code else "") or detail(step),
        code=step.error_code if status == StepStatus.FAILED else "",
        started_at=step.started_at,
        seconds=(end - step.started_at).total_seconds() if end and step.started_at else None,
        attempts=step.attempts,
    )


def detail(step: Step) -> str:
    """Return what was last seen, in a few words; empty for evidence without wording, which only the export shows."""
    seen = step.evidence
    if step.status == StepStatus.WAITING and seen.get("code"):
        found = Violation.from_json(seen)
        params = found.params or {"said": seen.get("said", "")}
        return _("Retrying: %(why)s") % {"why": phrases.cluster_error(found.code, params)}
    if seen.get("addresses"):
        return ", ".join(str(host) for host in seen["addresses"])
    if seen.get("pending"):
        return str(seen.get("reason") or _("The load balancer hasn't assigned an address yet."))
    if "available" in seen and "replicas" in seen:
        total = seen["replicas"] or 0
        text = ngettext("%(ready)s of %(total)s replica", "%(ready)s of %(total)s replicas", total)
        return text % {"ready": seen["available"], "total": total}
    if seen.get("decision") == GuardChoice.SKIP:
        return _("Skipped, as decided.")
    if seen.get("picked_up"):
        return _("istiod picked up the change by itself.")
    if seen.get("not_ours"):
        return _("Not ours, left alone: %(objects)s") % {
            "objects": phrases.listed([str(name) for name in seen["not_ours"]])
        }
    if seen.get("config_maps"):
        return ", ".join(str(name) for name in seen["config_maps"])
    return ""


def _failures(steps: Iterable[Step], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the failures; the same one on several clusters appears once, unless each needs a decision of its own."""
    told: dict[object, list[dict[str, Any]]] = {}
    for step in steps:
        failure = _failure(step, names)
        alike = (failure["row"].label, failure["row"].said, failure["row"].code, failure["said"])
        told.setdefault(step.pk if failure["guard"] or failure["tokens"] else alike, []).append(failure)
    where = [phrases.listed(sorted({failure["where"] for failure in failures})) for failures in told.values()]
    return [
        failures[0] | {"where": names, "count": len(failures)}
        for failures, names in zip(told.values(), where, strict=True)
    ]


def _failure(step: Step, names: Mapping[str, str]) -> dict[str, Any]:
    """Return what happened, why, and which decisions lead out of it."""
    row = step_row(step, names)
    return {
        "where": chain_name(step.phase, step.chain, names),
        "row": row,
        "said": _unsaid(step, row.said),
        "reasons": phrases.reasons_behind(step.evidence),
        "guard": step.error_code == "restart.guard",
        "decision": _decision(step.error_code),
        "tokens": [str(token) for token in step.error_params.get("tokens", ())],
        "final": bool(step.error_params.get("final", False)),
    }


def _unsaid(step: Step, sentence: str) -> str:
    """Return the cluster's whole answer; empty if the sentence already contains its reason."""
    reason = str(step.error_params.get("said") or "")
    return "" if reason and reason in sentence else str(step.evidence.get("said", ""))


def _decision(code: str) -> str:
    """Return which button consents to it.

    An object of others is adopted, a field of others is taken over, and a finding is overridden.
    """
    if code in plan_rows.ADOPTED:
        return "adopt"
    return "take_over" if plan_rows.is_of_a_write(code) else "accept"


def buttons(actor: Actor, rollout: Rollout) -> dict[str, Action]:
    """Return *Retry*, *Cancel*, *Revert* and the decisions, each with the reason why it is disabled, if it is."""
    why, overriding = why_not(actor, _role(rollout)), why_not(actor, role_for("finding.override"))
    forcing = why_not(actor, role_for("restart.force"))
    ended = rollout.status in (RolloutStatus.FAILED, RolloutStatus.CANCELLED)
    stale = (word("rollout.superseded", {"rollout": str(rollout.id)}),) if is_superseded(rollout) else ()

    def action(label: str, url_name: str, icon: str, reasons: tuple[str, ...]) -> Action:
        return Action(
            label, reverse(url_name, kwargs={"name": rollout.mesh.name, "rollout_id": rollout.id}), icon, reasons
        )

    found = {}
    if ended:
        found["retry"] = action(_("Retry"), "rollout-retry", "refresh", why or stale)
        found["skip"] = action(_("Skip the restart"), "rollout-retry", "", why or stale)
        found["force"] = action(_("Restart anyway"), "rollout-retry", "", forcing or stale)
        found["accept"] = action(_("Override"), "rollout-retry", "", overriding or stale)
        found["adopt"] = action(_("Adopt"), "rollout-retry", "", overriding or stale)
        found["take_over"] = action(_("Take over and retry"), "rollout-retry", "", overriding or stale)
    if rollout.status in UNFINISHED:
        asked = (_("Being cancelled: the current step finishes first."),) if rollout.cancel_requested_at else ()
        found["cancel"] = action(_("Cancel"), "rollout-cancel", "player-stop", why or asked)
    if rollout.status not in UNFINISHED and rollout.changes:
        found["revert"] = action(
            _("Revert"),
            "rollout-revert",
            "arrow-back-up",
            stale or (overriding and why_not(actor, role_to_revert(rollout.mesh))),
        )
    return found


def _role(rollout: Rollout) -> Role:
    try:
        return role_of(rollout)
    except SerialError:
        return role_for("rollout.unreadable")
