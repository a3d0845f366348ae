"""The preflight of a joining group: look at the clusters, judge by the domain's findings, and let the join through or
not.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils import timezone

from interconnect.domain.preflight import blocking
from interconnect.domain.told import as_of_the_checks, of_joined
from interconnect.models import MembershipAddress
from interconnect.observing import preflight
from interconnect.rollouts.outcome import Done, StepFailed, Wait
from interconnect.state import desired, findings

if TYPE_CHECKING:
    from interconnect.domain.topology import Topology
    from interconnect.observing.preflight import Look
    from interconnect.rollouts.work import Work

KEPT_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.3
HELD_SECONDS = 1.0
LOOK_AGAIN_AT_LAST_SECONDS = 5.0


def check(work: Work) -> Done | Wait:
    known = MembershipAddress.objects.filter(mesh=work.mesh, membership__group__name=work.step.subject).exclude(host="")
    if not known.exists():
        return _without_address(work)
    looked = _once(work)
    if isinstance(looked, Wait):
        return looked
    group = looked.topology.groups[work.step.subject]
    found = preflight.findings_of(work.mesh, looked.topology, group, looked.look, work.config.transport.deny)
    evidence = {"findings": [finding.to_json() for finding in found]}
    stopping = blocking(found, work.consents)
    if stopping:
        params = {
            "group": group.name,
            "codes": sorted({finding.code for finding in stopping}),
            "tokens": [finding.token for finding in stopping if finding.token],
            "final": any(not finding.token for finding in stopping),
        }
        raise StepFailed("preflight.blocked", params, evidence)
    told = map(as_of_the_checks, of_joined(found))
    findings.note_findings(work.mesh, findings.CHECKS, told, at=timezone.now(), keeps=lambda _other: True)
    return Done(evidence)


def _without_address(work: Work) -> Done:
    group = work.topology.groups.get(work.step.subject)
    if group is None or group.addresses is None:
        return Done(skipped=True)
    waiting = sorted(str(address.gateway) for address in group.addresses)
    raise StepFailed("address.pending", {"group": group.name, "gateways": waiting})


@dataclass(frozen=True, slots=True)
class _Looked:
    topology: Topology
    look: Look


@dataclass(slots=True)
class _Shared:
    """One look at all clusters: `done` of `total` have been seen, and everything when there is `found`."""

    begun: float
    done: int = 0
    total: int = 0
    ended: float = 0.0
    found: _Looked | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def seen(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    def wait(self) -> Wait:
        """Until it will have ended if it goes on as it has begun."""
        passed = time.monotonic() - self.begun
        left = passed * (self.total - self.done) / self.done if self.done else passed
        return Wait(min(max(left, LOOK_AGAIN_SECONDS), LOOK_AGAIN_AT_LAST_SECONDS), {"waiting_for": "clusters"})


_lock = threading.Lock()
_looks: dict[tuple[UUID, str], _Shared] = {}


def _once(work: Work) -> _Looked | Wait:
    """One look at all clusters serves every group that joins in the same try of a rollout; `Wait` while another step
    looks.

    A few clusters have been looked at within a moment, for which a thread is held: coming again would take longer.
    """
    this = (work.rollout.id, str(work.step.params.get("tried_at", "")))
    with _lock:
        known = _looks.get(this)
        if known is None or (known.found and time.monotonic() - known.ended > KEPT_SECONDS):
            known = None
            mine = _looks[this] = _Shared(time.monotonic())
    if known is not None:
        known.over.wait(HELD_SECONDS)
        return known.found or known.wait()
    try:
        found = _Looked(desired.load(work.mesh), preflight.look(work.mesh, seen=mine.seen))
    except BaseException:
        with _lock:
            del _looks[this]
        mine.over.set()
        raise
    with _lock:
        mine.found, mine.ended = found, time.monotonic()
        mine.over.set()
        for key, shared in list(_looks.items()):
            if shared.found and mine.ended - shared.ended > KEPT_SECONDS:
                del _looks[key]
    return found
