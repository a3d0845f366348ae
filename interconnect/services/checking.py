"""*Run checks*: check the mesh and all its clusters now, and store the findings.

The alerts of the last look and what only *Run checks* asks are both kept with the mesh's observation
(`interconnect.state.observed`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from django.utils import timezone

from interconnect import clients
from interconnect.domain.checks import ChecksResult
from interconnect.domain.findings import Finding, Severity
from interconnect.domain.json_types import Json
from interconnect.domain.plan import expected_networks
from interconnect.domain.render import render
from interconnect.kube.errors import KubeError
from interconnect.models import Inquiry, InquiryStatus, Mesh
from interconnect.observing import preflight
from interconnect.observing.istiods import verdict
from interconnect.observing.matrix import matrix
from interconnect.services import watching
from interconnect.services.inquiries import Kind, inquiry_start
from interconnect.state import desired, observed

if TYPE_CHECKING:
    from interconnect.domain.facts import Facts
    from interconnect.domain.topology import Topology

KIND = Kind("checks", shared=True, capped=False)
OPEN = (InquiryStatus.WAITING, InquiryStatus.RUNNING)
# What a preflight says of a join that is still to come, and what the matrix says better.
OF_A_JOIN = frozenset(
    {"preflight.data-path", "preflight.ungrouped", "preflight.services-merged", "preflight.stale-pods"}
)


def checks_start(*, mesh: Mesh, user_id: int) -> Inquiry:
    """Start the checks, unless they are already running."""
    running = running_checks(mesh)
    return (
        running
        if running is not None and running.status in OPEN
        else inquiry_start(user_id=user_id, kind=KIND, mesh=mesh)
    )


def running_checks(mesh: Mesh) -> Inquiry | None:
    """Return the newest checks of the mesh. They belong to the mesh, not to the person who asked for them."""
    return Inquiry.objects.filter(mesh=mesh, kind=KIND.name).order_by("-asked_at").first()


def answer(inquiry: Inquiry) -> Json:
    if inquiry.mesh is not None:
        run_checks(inquiry.mesh)
    return {}


def run_checks(mesh: Mesh) -> ChecksResult:
    """Run the checks. Calls every cluster, so only workers call this."""
    watching.look(mesh)
    topology, facts = desired.load(mesh), observed.facts(mesh)
    result = ChecksResult(timezone.now(), tuple(topology.groups))
    try:
        result = replace(result, findings=tuple(_findings(mesh, topology, facts)))
        result = replace(result, matrix=matrix(mesh, topology, facts))
    except KubeError as error:
        result = replace(result, failure=error.violation())
    observed.note_checks(mesh, result)
    return result


def _findings(mesh: Mesh, topology: Topology, facts: Facts) -> Iterator[Finding]:
    """What a preflight would say of the groups that have joined already, each thing once, and what
    verification says.
    """
    looked, deny = preflight.look(mesh), clients.deny_list()
    together: dict[str, Finding] = {}
    for group in topology.joined:
        for finding in preflight.findings_of(mesh, topology, group, looked, deny):
            if finding.code not in OF_A_JOIN:
                together.setdefault(json.dumps(finding.to_json(), sort_keys=True), finding)
    yield from together.values()
    yield from _unverified(mesh, topology, facts)


def _unverified(mesh: Mesh, topology: Topology, facts: Facts) -> Iterator[Finding]:
    expected = expected_networks(topology, render(topology, facts), facts)
    for istiod in facts.istiods:
        for violation in verdict(mesh, istiod, expected[istiod.deployment], facts.foreign_networks).violations:
            yield Finding(violation.code, Severity.ERROR, violation.params)
