"""One wave of a restart of workloads: restarted together, waited for together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interconnect.domain.entries import Target
from interconnect.domain.json_types import Json
from interconnect.kube import kinds
from interconnect.kube.reading import mapping, number
from interconnect.rollouts.outcome import Done, StepFailed, Wait
from interconnect.rollouts.steps.control_plane import RESTARTED_AT

if TYPE_CHECKING:
    from interconnect.rollouts.work import Work

WAVE_SECONDS = 600


def restart(work: Work) -> Done | Wait:
    """Restart the workloads of the wave, marked with the step's own time. A wave that doesn't become ready ends the
    chain here.
    """
    waiting: list[str] = []
    for item in work.step.params["workloads"]:
        target = Target(work.step.chain, "apps/v1", item["kind"], item["namespace"], item["name"])
        found = work.member.read(target)
        if found is None:
            continue
        if (
            mapping(found, "spec", "template", "metadata", "annotations").get(RESTARTED_AT)
            != work.step.params["restarted_at"]
        ):
            work.lease.hold()
            template = {"metadata": {"annotations": {RESTARTED_AT: work.step.params["restarted_at"]}}}
            found = work.member.strategic_patch(target, {"spec": {"template": template}})
        if not settled(found):
            waiting.append(f"{item['kind']} {item['namespace']}/{item['name']}")
    if not waiting:
        return Done({"restarted": len(work.step.params["workloads"])})
    if work.waited() > WAVE_SECONDS:
        raise StepFailed("workloads.not-ready", {"workloads": waiting})
    return Wait(None, {"waiting_for": waiting})


def settled(workload: Json) -> bool:
    """Whether the newest template runs everywhere, for a Deployment, a StatefulSet or a DaemonSet."""
    status = mapping(workload, "status")
    if number(status, "observedGeneration") < number(workload, "metadata", "generation"):
        return False
    if workload.get("kind") == kinds.DAEMON_SET.kind:
        wanted = number(status, "desiredNumberScheduled")
        return number(status, "updatedNumberScheduled") == wanted == number(status, "numberAvailable")
    wanted = number(workload, "spec", "replicas") if "replicas" in mapping(workload, "spec") else 1
    updated, total = number(status, "updatedReplicas"), number(status, "replicas")
    available = number(status, "availableReplicas")
    return updated == wanted == available and total == wanted
