"""What a preflight finds, told of groups that have joined: by *Run checks*, and by the preflight that lets one join."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from interconnect.domain.findings import Finding, Severity, Subject, SubjectKind, parameters

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


def of_joined(found: Iterable[Finding]) -> Iterator[Finding]:
    """Yield what a preflight found as findings about a group that has joined already: what would stop a join is
    critical. What looks find is left out, and what is only true of a join that is still to come.
    """
    return (_told(finding) for finding in found if finding.code not in OF_A_JOIN | OF_A_LOOK)


def as_of_the_checks(finding: Finding) -> Finding:
    """Return it as it is kept open: no look ends it once it is fixed, so it never alarms."""
    return replace(finding, severity=Severity.WARNING) if finding.grave else finding


def _told(finding: Finding) -> Finding:
    severity = Severity.CRITICAL if finding.grave else finding.severity
    # The guard says of each replica and cluster by itself what it says with the same parameters.
    said = parameters(finding) if finding.code == "preflight.guard" else finding.params
    digest = hashlib.sha256(json.dumps(dict(said), sort_keys=True).encode()).hexdigest()[:16]
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
