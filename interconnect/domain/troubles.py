"""What is wrong in a mesh beyond the states of its objects, each told as a finding.

`status` turns the critical ones into states of what they are about and `diagnosis` lists them all, so that a state and
its findings never disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from interconnect.domain.findings import THE_MESH, Finding, Severity, Subject, SubjectKind
from interconnect.domain.injection import clusters_of
from interconnect.domain.render import networks_target
from interconnect.domain.skew import apart
from interconnect.domain.verify import SYNCED

if TYPE_CHECKING:
    from interconnect.domain.seen import ControlPlaneSeen, Member, MemberSeen, MeshSeen
    from interconnect.domain.violations import Violation

CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING
THE_PLANE = Subject(SubjectKind.CONTROL_PLANE)


def troubles_of(mesh: MeshSeen) -> tuple[Finding, ...]:
    """Return what is wrong, as far as it is known now."""
    found = [*_networks(mesh), *_ambient(mesh), *_selectors(mesh), *_synced(mesh), *_trust(mesh)]
    for name, member in mesh.members.items():
        if name in mesh.topology.clusters and mesh.answers_now(member):
            found += _cluster(mesh, name, member)
    return tuple(found)


def drifted(code: str, severity: Severity, subject: Subject, several: Iterable[Violation]) -> Finding:
    """Return one finding about fields that differ: the first is told, all are its evidence."""
    found = list(several)
    params = {**found[0].params, "violation": found[0].code}
    fields = [" ".join(str(each.params.get(name, "")) for name in ("kind", "name", "field")) for each in found]
    evidence = {"fields": fields} if len(found) > 1 else {}
    return Finding(code, severity, params, found[0].token, evidence, subject)


def severity_on(mesh: MeshSeen, cluster: str) -> Severity:
    """Return how grave it is that something is broken on a cluster: traffic depends on those of joined groups."""
    group = mesh.topology.group_of(cluster)
    return CRITICAL if group is not None and group.joined else WARNING


def _networks(mesh: MeshSeen) -> Iterator[Finding]:
    if not mesh.fresh(mesh.control_plane.seen_at):
        return
    for invalid in mesh.control_plane.seen.invalid:
        namespace, name = invalid.params.get("namespace"), invalid.params.get("name")
        params = {**invalid.params, "namespace": namespace, "name": name, "violation": invalid.code}
        yield Finding("networks.invalid", CRITICAL, params, subject=THE_PLANE, detail=f"{namespace}/{name}"[:300])
    joined = sorted(group.name for group in mesh.topology.joined)
    for istiod in mesh.facts.istiods:
        if joined and istiod.networks is not None and networks_target(istiod.networks) not in mesh.work.networks:
            own = Subject(SubjectKind.ISTIOD, istiod.deployment)
            named = {"istiod": istiod.deployment, "revision": istiod.revision, "groups": joined}
            yield Finding("networks.revision-lacks-groups", CRITICAL, named, subject=own)


def _selectors(mesh: MeshSeen) -> Iterator[Finding]:
    plane, topology = mesh.control_plane, mesh.topology
    if plane.seen.selectors is False and topology.enabled and mesh.fresh(plane.seen_at):
        severity = CRITICAL if topology.joined else WARNING
        params = {"namespace": topology.system_namespace}
        yield Finding("discovery.selectors", severity, params, subject=THE_PLANE)


def _ambient(mesh: MeshSeen) -> Iterator[Finding]:
    if not mesh.fresh(mesh.control_plane.seen_at):
        return
    for istiod in mesh.facts.istiods:
        if istiod.ambient:
            own = Subject(SubjectKind.ISTIOD, istiod.deployment)
            yield Finding("networks.ambient", WARNING, {"istiod": istiod.deployment}, subject=own)


def _synced(mesh: MeshSeen) -> Iterator[Finding]:
    """Members that some istiod replica doesn't have, or has not read wholly."""
    answering = [each.seen for each in mesh.answering if each.seen.clusters]
    if not answering:
        return
    for name, cluster in mesh.topology.clusters.items():
        subject, severity = Subject(SubjectKind.CLUSTER, name), severity_on(mesh, name)
        if cluster.uid == mesh.topology.config:
            continue
        missing = sorted(each.name for each in answering if name not in each.clusters)
        unsynced = sorted(each.name for each in answering if name in each.clusters and each.clusters[name] != SYNCED)
        if missing:
            params = {"cluster": name, "replicas": missing}
            yield Finding("cluster.unknown-to-istiod", severity, params, subject=subject)
        elif unsynced:
            status = next(each.clusters[name] for each in answering if each.name == unsynced[0])
            params = {"cluster": name, "replicas": unsynced, "status": status}
            yield Finding("cluster.not-synced", severity, params, subject=subject)


def _trust(mesh: MeshSeen) -> Iterator[Finding]:
    """Root CAs and trust domains of clusters in groups: mutual TLS needs them to be the same."""
    grouped = [name for group in mesh.topology.groups.values() for name in group.clusters]
    known = {name: mesh.details(name) for name in grouped}
    yield from _rootless(mesh)
    own = _plane(mesh)
    for code, values in (
        ("trust.root-ca", {name: each.root_ca for name, each in (own | known).items()}),
        ("trust.domain", {name: each.trust_domain for name, each in (own | known).items()}),
    ):
        sets = apart({name: value for name, value in values.items() if value})
        if len(sets) > 1:
            involved = {name for names in sets for name in names}
            severity = CRITICAL if involved & mesh.depended_on else WARNING
            yield Finding(code, severity, {"clusters": sets}, subject=THE_MESH)


def _plane(mesh: MeshSeen) -> dict[str, ControlPlaneSeen]:
    """The cluster from whose root and mesh configuration istiod serves everybody, unless it is a member itself."""
    if not mesh.fresh(mesh.control_plane.seen_at) or any(
        each.uid == mesh.topology.config for each in mesh.topology.clusters.values()
    ):
        return {}
    name = next((istiod.cluster_id for istiod in mesh.facts.istiods if istiod.cluster_id), "config")
    return {name: mesh.control_plane.seen}


def _rootless(mesh: MeshSeen) -> Iterator[Finding]:
    for name in mesh.members:
        if mesh.details(name).root_ca == "":
            params = {"cluster": name, "namespace": mesh.topology.system_namespace}
            own = Subject(SubjectKind.CLUSTER, name)
            yield Finding("trust.root-missing", severity_on(mesh, name), params, subject=own)


def _cluster(mesh: MeshSeen, name: str, member: Member) -> Iterator[Finding]:
    seen, subject, severity = member.seen, Subject(SubjectKind.CLUSTER, name), severity_on(mesh, name)
    if seen.namespace is False:
        params = {"cluster": name, "namespace": mesh.topology.system_namespace}
        yield Finding("cluster.namespace-missing", severity, params, subject=subject)
    labels = [each for each in seen.drift if each.params.get("kind") == "Namespace"]
    if labels and seen.namespace is not False:
        yield drifted("cluster.network-label", severity, subject, labels)
    paths = [each for each in seen.drift if each.params.get("kind") == "MutatingWebhookConfiguration"]
    if paths:
        yield drifted("cluster.injection-path", severity, subject, paths)
    others = sorted(clusters_of(seen.webhooks or ()) - {name})
    if others:
        yield Finding("cluster.injection-cluster", severity, {"cluster": name, "others": others}, subject=subject)
    yield from _injection_ca(name, seen, severity)
    yield from _led(mesh, name, seen)
    # A network that others keep in meshNetworks is theirs to label.
    if seen.network and mesh.topology.group_of(name) is None and seen.network not in mesh.facts.foreign_networks:
        group = mesh.topology.groups.get(seen.network)
        severity = CRITICAL if group is not None and group.joined else WARNING
        params = {"cluster": name, "network": seen.network}
        yield Finding("cluster.label-outside", severity, params, subject=subject)


def _injection_ca(name: str, seen: MemberSeen, severity: Severity) -> Iterator[Finding]:
    """Webhooks that the API server can't verify. A certificate of a name in the cluster is never publicly trusted; that
    of a URL may be, which only the API server knows.
    """
    without = [entry for entry in seen.webhooks or () if entry.without_ca]
    if without:
        webhooks = sorted({entry.configuration for entry in without})
        least = severity if any(entry.attribute == "path" for entry in without) else WARNING
        params = {"cluster": name, "webhooks": webhooks}
        yield Finding("cluster.injection-ca", least, params, subject=Subject(SubjectKind.CLUSTER, name))


def _led(mesh: MeshSeen, name: str, seen: MemberSeen) -> Iterator[Finding]:
    """Members whose annotation names other control planes. What is there already goes on working: what turns out to be
    missing is found as that.
    """
    named = seen.control_planes
    if not named or "*" in named or mesh.topology.clusters[name].uid == mesh.topology.config:
        return
    left = sorted({istiod.cluster_id for istiod in mesh.facts.istiods if istiod.cluster_id} - set(named))
    if left:
        params = {"cluster": name, "named": list(named), "missing": left}
        yield Finding("cluster.control-planes", WARNING, params, subject=Subject(SubjectKind.CLUSTER, name))
