"""*Run checks*: check the mesh and all its clusters now, and store the findings and the matrix of the groups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from django.utils import timezone

from interconnect import clients
from interconnect.domain.checks import ChecksResult
from interconnect.domain.json_types import Json
from interconnect.domain.told import as_of_the_checks, of_joined
from interconnect.kube.errors import KubeError
from interconnect.models import Inquiry, InquiryStatus, Mesh
from interconnect.observing import preflight
from interconnect.observing.matrix import matrix
from interconnect.services import watching
from interconnect.services.inquiries import Kind, inquiry_start
from interconnect.state import desired, findings, observed

if TYPE_CHECKING:
    from interconnect.domain.findings import Finding
    from interconnect.domain.topology import Topology

KIND = Kind("checks", shared=True, capped=False)
OPEN = (InquiryStatus.WAITING, InquiryStatus.RUNNING)


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
    """Run the checks: look at everything now, and ask what only they ask. Calls every cluster, so only workers call
    this.
    """
    at = timezone.now()
    watching.look_surely(mesh)
    topology, facts = desired.load(mesh), observed.facts(mesh)
    result = ChecksResult(at, tuple(topology.groups))
    try:
        found = tuple(_findings(mesh, topology))
        result = replace(result, findings=found)
        findings.note_findings(mesh, findings.CHECKS, map(as_of_the_checks, found), at=timezone.now())
        result = replace(result, matrix=matrix(mesh, topology, facts))
    except KubeError as error:
        # That wasn't a full check: what is new is told since the last one that was.
        result = replace(result, at=observed.checks_of(mesh).at, failure=error.violation())
    observed.note_checks(mesh, result)
    return result


def _findings(mesh: Mesh, topology: Topology) -> Iterator[Finding]:
    """What a preflight would say of the groups that have joined already, each thing once, without what looks find."""
    looked, deny = preflight.look(mesh), clients.deny_list()
    together: dict[str, Finding] = {}
    for group in topology.joined:
        for told in of_joined(preflight.findings_of(mesh, topology, group, looked, deny)):
            together.setdefault(json.dumps([told.key, dict(told.params)], sort_keys=True), told)
    yield from together.values()
