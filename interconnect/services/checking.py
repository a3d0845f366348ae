"""*Run checks*: check the mesh and all its clusters now, and store the findings and the matrix of the groups."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from django.utils import timezone

from interconnect import clients
from interconnect.domain.checks import ChecksResult
from interconnect.domain.findings import Finding, Severity, Subject, SubjectKind
from interconnect.domain.json_types import Json
from interconnect.kube.errors import KubeError
from interconnect.models import Inquiry, InquiryStatus, Mesh
from interconnect.observing import preflight
from interconnect.observing.matrix import matrix
from interconnect.services import watching
from interconnect.services.inquiries import Kind, inquiry_start
from interconnect.state import desired, findings, observed

if TYPE_CHECKING:
    from interconnect.domain.topology import Topology

KIND = Kind("checks", shared=True, capped=False)
OPEN = (InquiryStatus.WAITING, InquiryStatus.RUNNING)
# What a preflight says of a join that is still to come, and what the matrix says better.
OF_A_JOIN = frozenset({"preflight.data-path", "preflight.ungrouped", "preflight.services-merged"})
# What every look finds, under a code of its own.
OF_A_LOOK = frozenset(
    {
        "preflight.gateway-not-injected",
        "preflight.gateway-not-ready",
        "preflight.istio-skew",
        "preflight.kubernetes-skew",
        "preflight.networks.there",
        "preflight.no-answer",
        "preflight.root-ca",
        "preflight.stale-pods",
        "preflight.system-namespace",
        "preflight.trust-domain",
        "preflight.unlabelled-pods",
    }
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
    """Run the checks: look at everything now, and ask what only they ask. Calls every cluster, so only workers call
    this.
    """
    watching.look_surely(mesh)
    topology, facts = desired.load(mesh), observed.facts(mesh)
    result = ChecksResult(timezone.now(), tuple(topology.groups))
    try:
        found = tuple(_findings(mesh, topology))
        result = replace(result, findings=found, matrix=matrix(mesh, topology, facts))
        findings.note_findings(mesh, findings.CHECKS, found, at=timezone.now())
    except KubeError as error:
        result = replace(result, failure=error.violation())
    observed.note_checks(mesh, result)
    return result


def _findings(mesh: Mesh, topology: Topology) -> Iterator[Finding]:
    """What a preflight would say of the groups that have joined already, each thing once, without what looks find."""
    looked, deny = preflight.look(mesh), clients.deny_list()
    together: dict[str, Finding] = {}
    for group in topology.joined:
        for finding in preflight.findings_of(mesh, topology, group, looked, deny):
            if finding.code not in OF_A_JOIN | OF_A_LOOK:
                told = _told(finding)
                together.setdefault(json.dumps([told.key, dict(told.params)], sort_keys=True), told)
    yield from together.values()


def _told(finding: Finding) -> Finding:
    """Return a preflight's finding as one about a mesh that has joined already: what would stop a join is critical."""
    severity = Severity.CRITICAL if finding.grave else finding.severity
    digest = hashlib.sha256(json.dumps(dict(finding.params), sort_keys=True).encode()).hexdigest()[:16]
    return replace(finding, severity=severity, token="", subject=_subject(finding), detail=digest)


def _subject(finding: Finding) -> Subject:
    named = finding.params
    for name, kind in (
        ("gateway", SubjectKind.GATEWAY),
        ("cluster", SubjectKind.CLUSTER),
        ("group", SubjectKind.GROUP),
    ):
        if isinstance(named.get(name), str):
            return Subject(kind, named[name])
    of_the_plane = ("preflight.guard", "preflight.recreate", "preflight.networks.", "preflight.config-map-managed")
    return Subject(SubjectKind.CONTROL_PLANE if finding.code.startswith(of_the_plane) else SubjectKind.MESH)
