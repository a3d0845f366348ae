"""What a look found wrong: a pure function from all that is known of a mesh to its open findings.

States come from `status`; a state that needs attention is a finding of the same cause. Findings about what a running
rollout touches are held: neither opened nor ended until its own look.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interconnect.domain.credentials import ENDED, expiry
from interconnect.domain.findings import Finding, Severity, Subject, SubjectKind
from interconnect.domain.render import networks_target
from interconnect.domain.seen import stale_after
from interconnect.domain.skew import KUBERNETES_MINORS, apart, minor_of, minors_of, too_far_apart
from interconnect.domain.status import Level, State, Statuses
from interconnect.domain.verify import SYNCED

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from interconnect.domain.entries import Target
    from interconnect.domain.violations import Violation

CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO

CODES: Mapping[str, Severity] = {
    # Nothing else is true then.
    "console.standstill": CRITICAL,
    "control-plane.no-answer": CRITICAL,
    "control-plane.refuses-us": CRITICAL,
    "control-plane.wrong-cluster": CRITICAL,
    "control-plane.no-istiod": CRITICAL,
    "control-plane.replicas-silent": WARNING,
    "control-plane.rights-missing": WARNING,
    "rule.missing": CRITICAL,
    "rule.changed": CRITICAL,
    "rule.other-rule": WARNING,
    "networks.changed": CRITICAL,
    "networks.still-known": WARNING,
    "networks.source-unknown": WARNING,
    "networks.revision-lacks-groups": CRITICAL,
    "group.not-in-effect": CRITICAL,
    "group.no-way-in": CRITICAL,
    "group.others-decide": CRITICAL,
    "group.in-effect-partly": WARNING,
    "group.host-unresolved": WARNING,
    "cluster.wrong-cluster": CRITICAL,
    "cluster.refuses-us": CRITICAL,
    "cluster.no-answer": CRITICAL,
    "cluster.rights-missing": WARNING,
    "cluster.namespace-missing": CRITICAL,
    "cluster.network-label": CRITICAL,
    "cluster.injection-path": WARNING,
    "cluster.not-synced": CRITICAL,
    "cluster.unknown-to-istiod": WARNING,
    "cluster.changed-by-admission": INFO,
    "gateway.missing": CRITICAL,
    "gateway.not-injected": CRITICAL,
    "gateway.not-ready": WARNING,
    "gateway.degraded": WARNING,
    "gateway.changed": WARNING,
    "gateway.address-changed": WARNING,
    "gateway.address-pending": WARNING,
    "gateway.budget-blocks": WARNING,
    "gateway.autoscaler-at-limit": WARNING,
    "pods.stale": WARNING,
    "pods.unlabelled": INFO,
    "credential.ended": CRITICAL,
    "credential.ends-soon": WARNING,
    "trust.root-ca": CRITICAL,
    "trust.domain": CRITICAL,
    "versions.istio-skew": INFO,
    "versions.kubernetes-skew": INFO,
    "discovery.selectors": CRITICAL,
}
"""Every code that a look can find, with its severity where everything depends on it; less where nothing does."""

GATEWAY_KINDS = frozenset({"Deployment", "Service", "ServiceAccount", "PodDisruptionBudget", "HorizontalPodAutoscaler"})


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The open findings, and the subjects about which nothing can be said while a rollout changes them."""

    findings: tuple[Finding, ...]
    held: frozenset[Subject] = frozenset()


def diagnose(statuses: Statuses, *, written: Collection[Target] = ()) -> Diagnosis:
    """Return what is wrong with a mesh as last seen. `written`: the targets that the console has written."""
    checks = (
        _control_plane(statuses),
        _rule(statuses),
        _networks(statuses, written),
        _groups(statuses),
        _clusters(statuses),
        _gateways(statuses),
        _pods(statuses),
        _credentials(statuses),
        _trust(statuses),
        _versions(statuses),
    )
    found = {finding.key: finding for check in checks for finding in check}
    return Diagnosis(tuple(found.values()), _held(statuses))


def _held(statuses: Statuses) -> frozenset[Subject]:
    mesh = statuses.mesh
    busy = mesh.work.busy | {name for name, member in mesh.members.items() if member.awaits_look}
    held = {Subject(SubjectKind.CLUSTER, name) for name in busy}
    held |= {
        Subject(SubjectKind.GATEWAY, gateway.name)
        for gateway in mesh.topology.gateways.values()
        if gateway.key.cluster in busy
    }
    if mesh.work.publishing or mesh.control_plane.awaits_look:
        held |= {Subject(kind) for kind in (SubjectKind.MESH, SubjectKind.CONTROL_PLANE, SubjectKind.RULE)}
        held |= {Subject(SubjectKind.GROUP, name) for name in mesh.topology.groups}
        held |= {Subject(SubjectKind.ISTIOD, istiod.deployment) for istiod in mesh.facts.istiods}
    return frozenset(held)


def _finding(code: str, subject: Subject, params: Mapping[str, Any] | None = None, /, **more: Any) -> Finding:
    severity = more.pop("severity", CODES[code])
    token, detail = more.pop("token", ""), more.pop("detail", "")
    return Finding(code, severity, {**(params or {}), **more}, token, subject=subject, detail=detail)


def _of_state(code: str, subject: Subject, state: State, **more: Any) -> Finding:
    params = dict(state.params) | ({"violation": state.cause.code, **state.cause.params} if state.cause else {})
    return _finding(code, subject, params, **more)


def standstill(looked_at: datetime | None, now: datetime, period: timedelta) -> Finding | None:
    """Return that nothing has been checked since the newest look, if that is too old: one finding of the console
    itself. A look can't find it, so it is asked for whenever findings are shown.
    """
    if looked_at is None or now - looked_at <= stale_after(period):
        return None
    return _finding("console.standstill", Subject(SubjectKind.CONSOLE), since=looked_at.isoformat())


def _control_plane(statuses: Statuses) -> Iterator[Finding]:
    mesh, state, subject = statuses.mesh, statuses.control_plane, Subject(SubjectKind.CONTROL_PLANE)
    if state.code in CODES:
        yield _of_state(state.code, subject, state)
    for istiod in mesh.facts.istiods:
        if istiod.networks is None:
            own = Subject(SubjectKind.ISTIOD, istiod.deployment)
            yield _finding("networks.source-unknown", own, istiods=[istiod.deployment])
    if mesh.control_plane.seen.selectors is False and mesh.topology.enabled:
        yield _finding("discovery.selectors", subject, namespace=mesh.topology.system_namespace)
    yield from _synced(statuses)


def _synced(statuses: Statuses) -> Iterator[Finding]:
    """Members that some istiod replica doesn't have, or has not read wholly."""
    mesh = statuses.mesh
    answering = [each.seen for each in mesh.control_plane.replicas if each.silent_since is None and each.seen.clusters]
    if not answering or not mesh.fresh(mesh.control_plane.seen_at):
        return
    for name, cluster in mesh.topology.clusters.items():
        subject = Subject(SubjectKind.CLUSTER, name)
        if cluster.uid == mesh.topology.config:
            continue
        missing = sorted(each.name for each in answering if name not in each.clusters)
        unsynced = sorted(each.name for each in answering if name in each.clusters and each.clusters[name] != SYNCED)
        if missing:
            yield _finding("cluster.unknown-to-istiod", subject, cluster=name, replicas=missing)
        elif unsynced:
            status = next(each.clusters[name] for each in answering if each.name == unsynced[0])
            yield _finding("cluster.not-synced", subject, cluster=name, replicas=unsynced, status=status)


def _rule(statuses: Statuses) -> Iterator[Finding]:
    state = statuses.rule
    if state.code in CODES:
        token = state.cause.token if state.cause else ""
        yield _of_state(state.code, Subject(SubjectKind.RULE), state, token=token)


def _networks(statuses: Statuses, written: Collection[Target]) -> Iterator[Finding]:
    mesh = statuses.mesh
    plane, subject = mesh.control_plane, Subject(SubjectKind.CONTROL_PLANE)
    if not mesh.fresh(plane.seen_at):
        return
    for drift in plane.seen.drift:
        if drift.params.get("kind") == "ConfigMap":
            yield _drifted("networks.changed", subject, drift)
    joined = sorted(group.name for group in mesh.topology.joined)
    left = {name for report in statuses.reports.values() for name in report.unexpected} - set(joined)
    for network in sorted(left):
        replicas = sorted(name for name, report in statuses.reports.items() if network in report.unexpected)
        yield _finding("networks.still-known", subject, network=network, replicas=replicas, detail=network)
    for istiod in mesh.facts.istiods:
        if joined and istiod.networks is not None and networks_target(istiod.networks) not in written:
            own = Subject(SubjectKind.ISTIOD, istiod.deployment)
            params = {"istiod": istiod.deployment, "revision": istiod.revision, "groups": joined}
            yield _finding("networks.revision-lacks-groups", own, params)


def _drifted(code: str, subject: Subject, drift: Violation) -> Finding:
    params = {**drift.params, "violation": drift.code}
    detail = " ".join(str(drift.params.get(name, "")) for name in ("kind", "name", "field"))
    return _finding(code, subject, params, token=drift.token, detail=detail[:300])


_JOINED = {
    "joined.not-in-effect": "group.not-in-effect",
    "joined.no-way-in": "group.no-way-in",
    "joined.others-decide": "group.others-decide",
    "joined.in-effect-partly": "group.in-effect-partly",
}


def _groups(statuses: Statuses) -> Iterator[Finding]:
    for group in statuses.mesh.topology.joined:
        state, subject = statuses.joined[group.name], Subject(SubjectKind.GROUP, group.name)
        if state.code in _JOINED:
            severity = CRITICAL if state.level is Level.BAD else WARNING
            used = [f"{each.host}:{each.port}" for each in group.addresses or () if not each.awaited]
            more = {} if "addresses" in state.params else {"addresses": used}
            yield _of_state(_JOINED[state.code], subject, state, group=group.name, severity=severity, **more)
        hosts = sorted({host for report in statuses.reports.values() for host in report.unresolved.get(group.name, ())})
        if hosts:
            yield _finding("group.host-unresolved", subject, group=group.name, hosts=hosts)


def _clusters(statuses: Statuses) -> Iterator[Finding]:
    mesh = statuses.mesh
    joined = {name for group in mesh.topology.joined for name in group.clusters}
    for name, state in statuses.clusters.items():
        subject, member = Subject(SubjectKind.CLUSTER, name), mesh.members.get(name)
        if state.code in CODES and state.level in (Level.BAD, Level.WARN):
            severity = WARNING if CODES[state.code] is CRITICAL and name not in joined else CODES[state.code]
            yield _of_state(state.code, subject, state, cluster=name, severity=severity)
        if member is None or not mesh.fresh(member.seen_at):
            continue
        if member.seen.namespace is False:
            yield _finding("cluster.namespace-missing", subject, cluster=name, namespace=mesh.topology.system_namespace)
        yield from _drift(statuses, name)


def _drift(statuses: Statuses, name: str) -> Iterator[Finding]:
    """What differs on one cluster: of the namespace, of the webhooks, and of the gateways, each by its own code."""
    seen = statuses.mesh.members[name].seen
    gateways = {gateway.name: gateway for gateway in statuses.mesh.topology.gateways_of_cluster(name)}
    for drift in seen.drift:
        kind, subject = drift.params.get("kind"), Subject(SubjectKind.CLUSTER, name)
        if kind == "Namespace" and seen.namespace is not False:
            yield _drifted("cluster.network-label", subject, drift)
        elif kind == "MutatingWebhookConfiguration":
            yield _drifted("cluster.injection-path", subject, drift)
        elif kind in GATEWAY_KINDS:
            own = str(drift.params.get("name", ""))
            missing = own in gateways and statuses.gateways[gateways[own].key].code == "gateway.missing"
            if not missing:
                yield _drifted("gateway.changed", Subject(SubjectKind.GATEWAY, own), drift)
    if seen.notes:
        params = {"cluster": name, "fields": [note.params.get("field") for note in seen.notes]}
        yield _finding("cluster.changed-by-admission", Subject(SubjectKind.CLUSTER, name), params)


def _gateways(statuses: Statuses) -> Iterator[Finding]:
    mesh = statuses.mesh
    joined = {name for group in mesh.topology.joined for name in group.clusters}
    for key, gateway in mesh.topology.gateways.items():
        state, subject = statuses.gateways[key], Subject(SubjectKind.GATEWAY, gateway.name)
        named: dict[str, Any] = {"gateway": gateway.name, "cluster": key.cluster}
        if state.code in CODES:
            critical = state.level is Level.BAD and CODES[state.code] is CRITICAL and key.cluster in joined
            yield _of_state(state.code, subject, state, severity=CRITICAL if critical else WARNING, **named)
        known = mesh.gateways.get(key)
        if known is None or not mesh.fresh(known.at) or not known.seen.present:
            continue
        if known.seen.blocked:
            yield _finding("gateway.budget-blocks", subject, named, replicas=known.seen.replicas)
        if known.seen.at_limit and gateway.spec.autoscaling:
            yield _finding("gateway.autoscaler-at-limit", subject, named, maximum=gateway.spec.autoscaling.max)


def _pods(statuses: Statuses) -> Iterator[Finding]:
    mesh = statuses.mesh
    for name, member in mesh.members.items():
        subject, stale = Subject(SubjectKind.CLUSTER, name), member.seen.stale
        if mesh.fresh(member.seen_at) and stale is not None and stale.total:
            params = {"pods": stale.total, "networks": list(stale.networks), "workloads": len(stale.stale)}
            yield _finding("pods.stale", subject, params, cluster=name)
        unlabelled = member.details.unlabelled
        if mesh.fresh_details(member.details_at) and unlabelled is not None and unlabelled.total_unlabelled:
            params = {"pods": unlabelled.total_unlabelled, "workloads": len(unlabelled.unlabelled)}
            yield _finding("pods.unlabelled", subject, params, cluster=name)


def _credentials(statuses: Statuses) -> Iterator[Finding]:
    mesh = statuses.mesh
    own = ((Subject(SubjectKind.CONTROL_PLANE), part, ends) for part, ends in mesh.control_plane.ends.items())
    theirs = ((Subject(SubjectKind.CLUSTER, name), name, member.ends_at) for name, member in mesh.members.items())
    for subject, name, ends in (*own, *theirs):
        found = expiry(ends, mesh.now)
        if found is not None:
            code = "credential.ended" if found.code == ENDED else "credential.ends-soon"
            yield _finding(code, subject, found.params, cluster=name)


def _trust(statuses: Statuses) -> Iterator[Finding]:
    """Root CAs and trust domains of clusters in groups: mutual TLS needs them to be the same."""
    mesh = statuses.mesh
    grouped = [name for group in mesh.topology.groups.values() for name in group.clusters]
    known = {name: mesh.members[name].details for name in grouped if name in mesh.members}
    for code, values in (
        ("trust.root-ca", {name: each.root_ca for name, each in known.items()}),
        ("trust.domain", {name: each.trust_domain for name, each in known.items()}),
    ):
        sets = apart({name: value for name, value in values.items() if value})
        if len(sets) > 1:
            yield _finding(code, Subject(SubjectKind.MESH), clusters=sets)


def _versions(statuses: Statuses) -> Iterator[Finding]:
    mesh = statuses.mesh
    istio = sorted({minor for istiod in mesh.facts.istiods if (minor := minor_of(istiod.version))})
    if len(istio) > 1:
        yield _finding("versions.istio-skew", Subject(SubjectKind.CONTROL_PLANE), versions=istio)
    minors = minors_of({name: member.details.version for name, member in mesh.members.items()})
    if versions := too_far_apart(minors, KUBERNETES_MINORS):
        yield _finding("versions.kubernetes-skew", Subject(SubjectKind.MESH), versions=versions)
