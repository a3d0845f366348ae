"""What a look found wrong: a pure function from all that is known of a mesh to its open findings.

States come from `status`; a state that needs attention is a finding of the same cause. Findings about what a running
rollout touches are held: neither opened nor ended until its own look. Those of which nothing is known now don't end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from interconnect.domain.credentials import ENDED
from interconnect.domain.findings import Finding, Severity, Subject, SubjectKind, about_gateway
from interconnect.domain.seen import PODS, misses, stale_after
from interconnect.domain.skew import KUBERNETES_MINORS, minor_of, minors_of, too_far_apart
from interconnect.domain.status import Level, State, Statuses
from interconnect.domain.troubles import CRITICAL, WARNING, drifted

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from interconnect.domain.seen import MeshSeen

INFO = Severity.INFO

CODES: Mapping[str, Severity] = {
    # Nothing else is true then.
    "console.standstill": CRITICAL,
    "control-plane.no-answer": CRITICAL,
    "control-plane.refuses-us": CRITICAL,
    "control-plane.wrong-cluster": CRITICAL,
    "control-plane.no-istiod": CRITICAL,
    "control-plane.replicas-silent": WARNING,
    "control-plane.rights-missing": WARNING,
    "control-plane.unread": WARNING,
    "rule.missing": CRITICAL,
    "rule.changed": CRITICAL,
    "rule.other-rule": WARNING,
    "networks.changed": CRITICAL,
    "networks.invalid": CRITICAL,
    "networks.still-known": WARNING,
    "networks.source-unknown": WARNING,
    "networks.ambient": WARNING,
    "networks.revision-lacks-groups": CRITICAL,
    "group.not-in-effect": CRITICAL,
    "group.no-way-in": CRITICAL,
    "group.others-decide": CRITICAL,
    "group.in-effect-partly": WARNING,
    "group.other-addresses": WARNING,
    "group.host-unresolved": WARNING,
    "cluster.wrong-cluster": CRITICAL,
    "cluster.refuses-us": CRITICAL,
    "cluster.no-answer": CRITICAL,
    "cluster.rights-missing": WARNING,
    "cluster.unread": WARNING,
    "cluster.namespace-missing": CRITICAL,
    "cluster.network-label": CRITICAL,
    "cluster.injection-path": CRITICAL,
    "cluster.injection-cluster": CRITICAL,
    "cluster.injection-ca": CRITICAL,
    "cluster.control-planes": WARNING,
    "cluster.label-outside": CRITICAL,
    "cluster.not-synced": CRITICAL,
    "cluster.unknown-to-istiod": CRITICAL,
    "cluster.changed-by-admission": INFO,
    "gateway.missing": CRITICAL,
    "gateway.not-injected": CRITICAL,
    "gateway.not-ready": CRITICAL,
    "gateway.degraded": WARNING,
    "gateway.changed": WARNING,
    "gateway.address-changed": WARNING,
    "gateway.address-pending": WARNING,
    "gateway.local-traffic": WARNING,
    "gateway.budget-blocks": WARNING,
    "gateway.autoscaler-at-limit": WARNING,
    "pods.stale": WARNING,
    "pods.unlabelled": INFO,
    "credential.ended": CRITICAL,
    "credential.ends-soon": WARNING,
    "trust.root-ca": CRITICAL,
    "trust.domain": CRITICAL,
    "trust.root-missing": CRITICAL,
    "versions.istio-skew": INFO,
    "versions.kubernetes-skew": INFO,
    "discovery.selectors": CRITICAL,
}
"""Every code that a look can find, with its severity where everything depends on it; less where nothing does."""

MOST_NAMED, MOST_LETTERS = 20, 63
GATEWAY_KINDS = frozenset({"Deployment", "Service", "ServiceAccount", "PodDisruptionBudget", "HorizontalPodAutoscaler"})


# What is known of an object, by where it is read: while that isn't, nobody knows whether these are still so.
OF_ANSWERS = frozenset({"cluster.wrong-cluster", "cluster.refuses-us", "cluster.no-answer"})
OF_ISTIODS = frozenset({"cluster.not-synced", "cluster.unknown-to-istiod"})
OF_MEMBER = frozenset(
    {
        "cluster.changed-by-admission",
        "cluster.control-planes",
        "cluster.injection-ca",
        "cluster.injection-cluster",
        "cluster.injection-path",
        "cluster.label-outside",
        "cluster.namespace-missing",
        "cluster.network-label",
        "cluster.rights-missing",
        "cluster.unread",
        "pods.stale",
    }
)
OF_GATEWAY = frozenset({code for code in CODES if code.startswith("gateway.")} - {"gateway.changed"})
OF_GROUP = frozenset({code for code in CODES if code.startswith("group.")})
OF_PLANE = frozenset(
    {
        "control-plane.no-istiod",
        "control-plane.replicas-silent",
        "control-plane.rights-missing",
        "control-plane.unread",
        "discovery.selectors",
        "networks.changed",
        "networks.invalid",
        "networks.still-known",
        "versions.istio-skew",
    }
)
OF_REPLICAS = frozenset({"control-plane.no-answer", "control-plane.replicas-silent", "networks.still-known"})
OF_RULE = frozenset({"rule.missing", "rule.changed", "rule.other-rule"})
OF_ISTIOD = frozenset({"networks.ambient", "networks.source-unknown", "networks.revision-lacks-groups"})
OF_TRUST = frozenset({"trust.root-ca", "trust.domain", "trust.root-missing"})
OF_DETAILS = OF_TRUST | {"pods.unlabelled"}
# A fast look finds those that it needs itself.
OF_RIGHTS = frozenset({"cluster.rights-missing", "control-plane.rights-missing"})


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The open findings, and those of which nothing can be said.

    `held` are the subjects that a running rollout changes: no finding about them opens or ends. `unknown` are codes by
    subject: no such finding ends, since what it is about isn't known now.
    """

    findings: tuple[Finding, ...]
    held: frozenset[Subject] = frozenset()
    unknown: Mapping[Subject, frozenset[str]] = field(default_factory=dict)

    def keeps(self, finding: Finding) -> bool:
        """Whether an open finding that was not found again stays open: nobody knows whether it is still so."""
        if finding.subject in self.held or finding.code in self.unknown.get(finding.subject, ()):
            return True
        # What is said of the whole mesh is about the clusters that it names.
        sets = finding.params.get("clusters", ()) if finding.code in OF_TRUST else ()
        named = {Subject(SubjectKind.CLUSTER, name) for names in sets for name in names}
        return any(finding.code in self.unknown.get(each, ()) for each in named)


def diagnose(statuses: Statuses) -> Diagnosis:
    """Return what is wrong with a mesh as last seen."""
    checks = (
        _control_plane(statuses),
        _rule(statuses),
        _networks(statuses),
        _groups(statuses),
        _clusters(statuses),
        _gateways(statuses),
        _pods(statuses),
        _credentials(statuses),
        _versions(statuses),
        statuses.troubles,
    )
    found = {finding.key: finding for check in checks for finding in check}
    return Diagnosis(tuple(found.values()), _held(statuses), _unknown(statuses))


def _held(statuses: Statuses) -> frozenset[Subject]:
    mesh = statuses.mesh
    busy = mesh.work.busy | {name for name, member in mesh.members.items() if member.awaits_look}
    # What a rollout leaves, nobody has seen before the look that follows it.
    awaits = mesh.control_plane.awaits_look and not mesh.work.publishing
    held = {Subject(SubjectKind.CLUSTER, name) for name in busy}
    held |= {about_gateway(gateway.key) for gateway in mesh.topology.gateways.values() if gateway.key.cluster in busy}
    groups = mesh.topology.groups if awaits else mesh.work.groups
    held |= {Subject(SubjectKind.GROUP, name) for name in groups}
    held |= {Subject(SubjectKind.RULE)} if mesh.work.on_rule or awaits else set()
    held |= {Subject(SubjectKind.MESH)} if awaits else set()
    if mesh.work.publishing or awaits:
        held |= {Subject(SubjectKind.ISTIOD, istiod.deployment) for istiod in mesh.facts.istiods}
        # A rolling restart leaves a replica that answers: where none does, that is told.
        held |= {Subject(SubjectKind.CONTROL_PLANE)} if statuses.control_plane.level is not Level.BAD else set()
    return frozenset(held)


def _unknown(statuses: Statuses) -> dict[Subject, frozenset[str]]:
    """Return what isn't known now of the objects that there still are, by subject: too old, silent, or not read."""
    mesh, plane = statuses.mesh, statuses.mesh.control_plane
    found: dict[Subject, frozenset[str]] = {}
    for name in mesh.topology.clusters:
        found |= _unknown_of_cluster(statuses, name)
    for key, gateway in mesh.topology.gateways.items():
        own = about_gateway(gateway.key)
        if statuses.gateways[key].code == "unknown":
            found[own] = found.get(own, frozenset()) | OF_GATEWAY
    for group, state in statuses.joined.items():
        if state.code == "unknown":
            found[Subject(SubjectKind.GROUP, group)] = OF_GROUP
    answered = plane.failure is None and mesh.fresh(plane.seen_at)
    old = statuses.control_plane.code == "unknown"
    of_plane = frozenset() if answered else OF_PLANE
    of_plane |= OF_REPLICAS if misses(plane.seen.unread, PODS) else frozenset()
    of_plane |= {each for each in CODES if each.startswith("control-plane.")} if old else frozenset()
    of_plane |= OF_RIGHTS if _aged(mesh, plane.details_at) else frozenset()
    if of_plane:
        found[Subject(SubjectKind.CONTROL_PLANE)] = of_plane
    if not answered:
        found[Subject(SubjectKind.RULE)] = OF_RULE
    if not answered:
        found |= {Subject(SubjectKind.ISTIOD, istiod.deployment): OF_ISTIOD for istiod in mesh.facts.istiods}
    if any(_aged(mesh, member.details_at) for member in mesh.members.values()):
        found[Subject(SubjectKind.MESH)] = frozenset({"versions.kubernetes-skew"})
    return found


def _unknown_of_cluster(statuses: Statuses, name: str) -> dict[Subject, frozenset[str]]:
    mesh, member = statuses.mesh, statuses.mesh.members.get(name)
    gateways = [about_gateway(gateway.key) for gateway in statuses.mesh.topology.gateways_of_cluster(name)]
    codes: frozenset[str] = OF_ANSWERS if statuses.clusters[name].code == "unknown" else frozenset()
    answering = any(each.silent_since is None for each in mesh.control_plane.replicas)
    if not answering or not mesh.fresh(mesh.control_plane.seen_at):
        codes |= OF_ISTIODS
    if member is None or not mesh.fresh_details(member.details_at):
        codes |= OF_DETAILS
    codes |= OF_RIGHTS if member is not None and _aged(mesh, member.details_at) else frozenset()
    changed: frozenset[str] = frozenset()
    if member is None or not mesh.answers_now(member):
        codes, changed = codes | OF_MEMBER, frozenset({"gateway.changed"})
    return {Subject(SubjectKind.CLUSTER, name): codes} | (dict.fromkeys(gateways, changed) if changed else {})


def _aged(mesh: MeshSeen, at: datetime | None) -> bool:
    """Whether what a slow look saw was known once and isn't any more."""
    return at is not None and not mesh.fresh_details(at)


def _finding(code: str, subject: Subject, params: Mapping[str, Any] | None = None, /, **more: Any) -> Finding:
    severity = more.pop("severity", CODES[code])
    token, detail = more.pop("token", ""), more.pop("detail", "")
    return Finding(code, severity, {**(params or {}), **more}, token, subject=subject, detail=detail)


def _of_state(code: str, subject: Subject, state: State, **more: Any) -> Finding:
    """Return a state that needs attention as a finding, as grave as the state is bad."""
    more.setdefault("severity", CRITICAL if state.level is Level.BAD else WARNING)
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
    if not mesh.fresh(mesh.control_plane.seen_at):
        return
    for istiod in mesh.facts.istiods:
        if istiod.networks is None:
            own = Subject(SubjectKind.ISTIOD, istiod.deployment)
            yield _finding("networks.source-unknown", own, istiods=[istiod.deployment])


def _rule(statuses: Statuses) -> Iterator[Finding]:
    state = statuses.rule
    if state.code in CODES:
        token = state.cause.token if state.cause else ""
        yield _of_state(state.code, Subject(SubjectKind.RULE), state, token=token)


def _networks(statuses: Statuses) -> Iterator[Finding]:
    mesh = statuses.mesh
    plane, subject = mesh.control_plane, Subject(SubjectKind.CONTROL_PLANE)
    if not mesh.fresh(plane.seen_at):
        return
    changed = [drift for drift in plane.seen.drift if drift.params.get("kind") == "ConfigMap"]
    if changed:
        yield drifted("networks.changed", CRITICAL, subject, changed)
    joined = {group.name for group in mesh.topology.joined}
    left = {name for report in statuses.reports.values() for name in report.unexpected} - joined
    if left:
        # istiod's answer is somebody else's text, of any length.
        named = sorted(left)[:MOST_NAMED]
        replicas = sorted(name for name, report in statuses.reports.items() if left & report.unexpected.keys())
        params = {"networks": [_readable(name) for name in named], "replicas": replicas}
        more = {"count": len(left)} if len(left) > len(named) else {}
        yield _finding("networks.still-known", subject, params, **more)


def _readable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name[:MOST_LETTERS])


_JOINED = {
    "joined.not-in-effect": "group.not-in-effect",
    "joined.no-way-in": "group.no-way-in",
    "joined.others-decide": "group.others-decide",
    "joined.in-effect-partly": "group.in-effect-partly",
    "joined.other-addresses": "group.other-addresses",
}


def _groups(statuses: Statuses) -> Iterator[Finding]:
    for group in statuses.mesh.topology.joined:
        state, subject = statuses.joined[group.name], Subject(SubjectKind.GROUP, group.name)
        if state.code in _JOINED:
            used = [f"{each.host}:{each.port}" for each in group.addresses or () if not each.awaited]
            more = {} if "addresses" in state.params else {"addresses": used}
            yield _of_state(_JOINED[state.code], subject, state, group=group.name, **more)
        hosts = sorted({host for report in statuses.reports.values() for host in report.unresolved.get(group.name, ())})
        if hosts:
            yield _finding("group.host-unresolved", subject, group=group.name, hosts=hosts)


def _clusters(statuses: Statuses) -> Iterator[Finding]:
    mesh = statuses.mesh
    for name, state in statuses.clusters.items():
        subject, member = Subject(SubjectKind.CLUSTER, name), mesh.members.get(name)
        if state.code in CODES and state.level in (Level.BAD, Level.WARN):
            yield _of_state(state.code, subject, state, cluster=name)
        if member is None or not mesh.answers_now(member):
            continue
        yield from _drift(statuses, name)


def _drift(statuses: Statuses, name: str) -> Iterator[Finding]:
    """What differs on one cluster from what was written: of the gateways, each once, and what admission changed."""
    seen = statuses.mesh.members[name].seen
    for gateway in statuses.mesh.topology.gateways_of_cluster(name):
        several = [
            each
            for each in seen.drift
            if each.params.get("kind") in GATEWAY_KINDS and each.params.get("name") == gateway.name
        ]
        if several and statuses.gateways[gateway.key].known.code != "gateway.missing":
            changed = drifted("gateway.changed", WARNING, about_gateway(gateway.key), several)
            named = {"gateway": gateway.name, "cluster": gateway.key.cluster}
            yield replace(changed, params={**changed.params, **named})
    if seen.notes:
        params = {"cluster": name, "fields": [note.params.get("field") for note in seen.notes]}
        yield _finding("cluster.changed-by-admission", Subject(SubjectKind.CLUSTER, name), params)


def _gateways(statuses: Statuses) -> Iterator[Finding]:
    mesh = statuses.mesh
    for key, gateway in mesh.topology.gateways.items():
        state, subject = statuses.gateways[key], about_gateway(gateway.key)
        named: dict[str, Any] = {"gateway": gateway.name, "cluster": key.cluster}
        if state.code in CODES:
            yield _of_state(state.code, subject, state, **named)
        known = mesh.gateways.get(key)
        if known is None or not mesh.fresh(known.at) or not known.seen.present:
            continue
        if known.seen.local_only:
            yield _finding("gateway.local-traffic", subject, named)
        if known.seen.blocked:
            yield _finding("gateway.budget-blocks", subject, named, replicas=known.seen.replicas)
        if known.seen.at_limit and gateway.spec.autoscaling:
            yield _finding("gateway.autoscaler-at-limit", subject, named, maximum=gateway.spec.autoscaling.max)


def _pods(statuses: Statuses) -> Iterator[Finding]:
    mesh = statuses.mesh
    for name, member in mesh.members.items():
        subject, stale = Subject(SubjectKind.CLUSTER, name), member.seen.stale
        if mesh.answers_now(member) and stale is not None and stale.total:
            params = {"pods": stale.total, "networks": list(stale.networks), "workloads": len(stale.stale)}
            yield _finding("pods.stale", subject, params, cluster=name)
        unlabelled = mesh.details(name).unlabelled
        if unlabelled is not None and unlabelled.total_unlabelled:
            params = {"pods": unlabelled.total_unlabelled, "workloads": len(unlabelled.unlabelled)}
            yield _finding("pods.unlabelled", subject, params, cluster=name)


def _credentials(statuses: Statuses) -> Iterator[Finding]:
    for subject, state in statuses.credentials:
        if state.cause is not None:
            code = "credential.ended" if state.cause.code == ENDED else "credential.ends-soon"
            severity = CRITICAL if state.level is Level.BAD else WARNING
            yield _finding(code, subject, state.cause.params, cluster=state.params["part"], severity=severity)


def _versions(statuses: Statuses) -> Iterator[Finding]:
    mesh = statuses.mesh
    istiods = mesh.facts.istiods if mesh.fresh(mesh.control_plane.seen_at) else ()
    istio = sorted({minor for istiod in istiods if (minor := minor_of(istiod.version))})
    if len(istio) > 1:
        yield _finding("versions.istio-skew", Subject(SubjectKind.CONTROL_PLANE), versions=istio)
    minors = minors_of({name: mesh.details(name).version for name in mesh.members})
    if versions := too_far_apart(minors, KUBERNETES_MINORS):
        yield _finding("versions.kubernetes-skew", Subject(SubjectKind.MESH), versions=versions)
