"""Findings before a join: the desired state against what clusters reported, by severity.

A *final* finding can't be overridden; an *error* has a token with which a mesh admin can override it; a *warning*
doesn't block. Anything that wasn't observed (None) is a warning of its own, never taken for good.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from interconnect.domain import networks
from interconnect.domain.findings import Finding, Severity
from interconnect.domain.networks_check import is_registry_name
from interconnect.domain.render import networks_of
from interconnect.domain.rules import token_of
from interconnect.domain.skew import KUBERNETES_MINORS, apart, minor_of, minors_of, too_far_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from interconnect.domain.facts import ConfigMapRef, Facts
    from interconnect.domain.stale import StaleCount
    from interconnect.domain.topology import GatewayKey, Group, Topology
    from interconnect.domain.violations import Violation

CODES = (
    "preflight.networks.there",
    "preflight.networks.rendered",
    "preflight.cluster-name",
    "preflight.system-namespace",
    "preflight.address-taken",
    "preflight.name-taken",
    "preflight.registry-taken",
    "preflight.no-answer",
    "preflight.root-ca",
    "preflight.trust-domain",
    "preflight.labelled-service",
    "preflight.gateway-not-ready",
    "preflight.gateway-not-injected",
    "preflight.pods-elsewhere",
    "preflight.ungrouped",
    "preflight.services-merged",
    "preflight.services-unlisted",
    "preflight.stale-pods",
    "preflight.unlabelled-pods",
    "preflight.config-map-managed",
    "preflight.guard",
    "preflight.istio-skew",
    "preflight.kubernetes-skew",
    "preflight.recreate",
    "preflight.data-path",
    "preflight.not-checked",
)

# What may be otherwise a minute later: passing over it is a decision on one rollout, not on the mesh.
MOMENTARY = frozenset({"preflight.no-answer", "preflight.gateway-not-ready", "preflight.gateway-not-injected"})

_MAX_NAMED = 20
# Every cluster has these; they are not what a join merges.
_SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})


@dataclass(frozen=True, slots=True)
class ClusterSeen:
    """One member cluster as observed; None means unknown.

    `root_ca` is the SHA-256 of `istio-ca-root-cert`, `labelled_services` are `namespace/name` of Services that carry a
    network label and listen on 15443, `services` those that have endpoints, `networks` the number of Pods by the
    network label they carry, `missing_rights` the permissions without which a check was left out.
    """

    answers: bool | None = None
    system_namespace: bool | None = None
    root_ca: str | None = None
    trust_domain: str | None = None
    labelled_services: tuple[str, ...] | None = None
    services: frozenset[str] | None = None
    networks: Mapping[str, int] | None = None
    stale: StaleCount | None = None
    version: str = ""
    missing_rights: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChosenGateway:
    """A gateway whose address is chosen for a join. `ready`: all its replicas are new and available."""

    ready: bool
    injected: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ConfigMapSeen:
    """A ConfigMap that an istiod reads; `managers` are GitOps tools or Helm, as its labels and
    managedFields name them.
    """

    text: str | None
    annotation: str | None = None
    managers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """The input of a preflight. `clusters` is keyed by name, `guard` is what the restart guard says, `data_path`
    whether the chosen addresses answered the console (None: not tried).
    """

    clusters: Mapping[str, ClusterSeen] = field(default_factory=dict)
    gateways: Mapping[GatewayKey, ChosenGateway] = field(default_factory=dict)
    config_maps: Mapping[ConfigMapRef, ConfigMapSeen] = field(default_factory=dict)
    guard: tuple[Violation, ...] = ()
    data_path: bool | None = None


def findings(topology: Topology, group: str, observed: Observed, facts: Facts) -> tuple[Finding, ...]:
    """Return all findings about `group` joining (it is joined in `topology`), the worst first; `()` for an unknown
    group.
    """
    joining = topology.groups.get(group)
    if joining is None:
        return ()
    checks = (
        _networks(topology, joining, observed),
        _names(joining),
        _clusters(topology, joining, observed),
        _identity(topology, joining, observed),
        _gateways(topology, joining, observed),
        _pods(topology, joining, observed),
        _services(topology, joining, observed),
        _control_plane(joining, observed, facts),
        _mesh(topology, joining, observed),
    )
    order = list(Severity)
    return tuple(
        sorted((finding for check in checks for finding in check), key=lambda finding: order.index(finding.severity))
    )


def blocking(found: Iterable[Finding], consents: frozenset[str] = frozenset()) -> tuple[Finding, ...]:
    """Return the findings that stop the join: final ones, and errors without a consent."""
    return tuple(
        finding
        for finding in found
        if finding.severity is Severity.FINAL or (finding.severity is Severity.ERROR and finding.token not in consents)
    )


def lasting(consents: Iterable[str]) -> frozenset[str]:
    """Return the consents that stay valid: those to findings about a moment don't."""
    return frozenset(token for token in consents if token.partition(":")[0] not in MOMENTARY)


def _final(code: str, **params: Any) -> Finding:
    return Finding(code, Severity.FINAL, params)


def _error(code: str, evidence: Mapping[str, Any] | None = None, /, **params: Any) -> Finding:
    return Finding(code, Severity.ERROR, params, token_of(code, params), evidence or {})


def _warning(code: str, evidence: Mapping[str, Any] | None = None, /, **params: Any) -> Finding:
    return Finding(code, Severity.WARNING, params, evidence=evidence or {})


def _networks(topology: Topology, group: Group, observed: Observed) -> Iterator[Finding]:
    ours = networks_of(topology)
    for violation in networks.validate(ours):
        yield Finding("preflight.networks.rendered", Severity.FINAL, {"violation": violation.code, **violation.params})
    for ref, seen in observed.config_maps.items():
        where: dict[str, Any] = {"namespace": ref.namespace, "name": ref.name}
        for violation in networks.problems_in(seen.text):
            yield Finding(
                "preflight.networks.there", Severity.FINAL, {**where, "violation": violation.code, **violation.params}
            )
        if seen.managers:
            yield _warning("preflight.config-map-managed", managers=list(seen.managers), **where)
        yield from _taken(topology, group, networks.foreign(seen.text, seen.annotation), where)


def _taken(topology: Topology, group: Group, foreign: Mapping[str, Any], where: Mapping[str, str]) -> Iterator[Finding]:
    if group.name in foreign:
        yield _final("preflight.name-taken", network=group.name, **where)
    used = {name: networks.addresses_of(network) for name, network in foreign.items() if name != group.name}
    used |= {other.name: _pairs(other) for other in topology.joined if other.name != group.name}
    for host, port in sorted(_pairs(group)):
        for name in sorted(name for name, pairs in used.items() if (host, port) in pairs):
            yield _final("preflight.address-taken", address=host, port=port, network=name)
    for name, network in sorted(foreign.items()):
        for cluster in sorted(networks.registries_of(network) & group.clusters):
            yield _final("preflight.registry-taken", cluster=cluster, network=name)


def _pairs(group: Group) -> frozenset[tuple[str, int]]:
    return frozenset((address.host, address.port) for address in group.addresses or () if not address.awaited)


def _names(group: Group) -> Iterator[Finding]:
    for cluster in sorted(group.clusters):
        if not is_registry_name(cluster):
            yield _final("preflight.cluster-name", cluster=cluster)


def _clusters(topology: Topology, group: Group, observed: Observed) -> Iterator[Finding]:
    for name in sorted(group.clusters):
        seen = observed.clusters.get(name, ClusterSeen())
        if not seen.answers:
            yield _error("preflight.no-answer", cluster=name)
            continue
        if seen.system_namespace is False:
            yield _final("preflight.system-namespace", cluster=name, namespace=topology.system_namespace)
        for service in seen.labelled_services or ():
            yield _error("preflight.labelled-service", cluster=name, service=service)
        unknown = [
            check
            for check, value in (
                ("system-namespace", seen.system_namespace),
                ("root-ca", seen.root_ca),
                ("trust-domain", seen.trust_domain),
                ("labelled-services", seen.labelled_services),
                ("services", seen.services),
                ("stale-pods", seen.stale),
            )
            if value is None
        ]
        if unknown or seen.missing_rights:
            yield _warning("preflight.not-checked", cluster=name, checks=unknown, rights=list(seen.missing_rights))


def _identity(topology: Topology, group: Group, observed: Observed) -> Iterator[Finding]:
    """Root CA and trust domain of the joining clusters against those of all others in groups."""
    others = sorted(topology.clusters.keys() & _grouped(topology))
    for code, attribute in (("preflight.root-ca", "root_ca"), ("preflight.trust-domain", "trust_domain")):
        values = {name: getattr(observed.clusters.get(name, ClusterSeen()), attribute) for name in others}
        known = {name: value for name, value in values.items() if value is not None}
        if len(set(known.values())) > 1 and any(name in group.clusters for name in known):
            yield _error(code, known, clusters=apart(known))


def _gateways(topology: Topology, group: Group, observed: Observed) -> Iterator[Finding]:
    for key in sorted({address.gateway for address in group.addresses or () if address.gateway is not None}):
        gateway, seen = topology.gateways.get(key), observed.gateways.get(key)
        name = gateway.name if gateway else str(key)
        if seen is None or not seen.ready:
            yield _error("preflight.gateway-not-ready", {"reason": seen.reason if seen else ""}, gateway=name)
        if seen is not None and not seen.injected:
            yield _error("preflight.gateway-not-injected", {"reason": seen.reason}, gateway=name)


def _pods(topology: Topology, group: Group, observed: Observed) -> Iterator[Finding]:
    for name in sorted(topology.clusters):
        seen = observed.clusters.get(name, ClusterSeen())
        if name not in group.clusters:
            carrying = (seen.networks or {}).get(group.name, 0)
            if carrying:
                yield _error("preflight.pods-elsewhere", {"pods": carrying}, cluster=name, network=group.name)
            continue
        if seen.stale is not None and seen.stale.total:
            yield _warning(
                "preflight.stale-pods", cluster=name, pods=seen.stale.total, networks=list(seen.stale.networks)
            )
        if seen.stale is not None and seen.stale.total_unlabelled:
            yield _warning("preflight.unlabelled-pods", cluster=name, pods=seen.stale.total_unlabelled)


def _services(topology: Topology, group: Group, observed: Observed) -> Iterator[Finding]:
    """Of groups that share the same services with this one, one finding for them all: a mesh has them everywhere."""
    system = _SYSTEM_NAMESPACES | {topology.system_namespace}
    own = _services_of(group, observed, system)
    sharing: dict[tuple[bool, frozenset[str]], list[Group]] = {}
    for other in sorted(topology.groups.values(), key=lambda other: other.name):
        shared = own & _services_of(other, observed, system) if own and other.name != group.name else None
        if shared:
            sharing.setdefault((other.joined, shared), []).append(other)
    for (joined, shared), others in sharing.items():
        named: dict[str, Any] = {
            "groups": [other.name for other in others[:_MAX_NAMED]],
            "group_count": len(others),
            "services": sorted(shared)[:_MAX_NAMED],
            "count": len(shared),
        }
        if joined:
            yield _warning("preflight.services-merged", **named)
        else:
            clusters = sorted(name for other in others for name in other.clusters)
            yield _warning("preflight.services-unlisted", clusters=clusters[:_MAX_NAMED], **named)


def _services_of(group: Group, observed: Observed, system: frozenset[str]) -> frozenset[str]:
    seen = (observed.clusters.get(name, ClusterSeen()).services or frozenset() for name in group.clusters)
    return frozenset(
        name
        for names in seen
        for name in names
        if name != "default/kubernetes" and name.partition("/")[0] not in system
    )


def _control_plane(group: Group, observed: Observed, facts: Facts) -> Iterator[Finding]:
    for violation in observed.guard:
        yield _warning("preflight.guard", {"violation": violation.code, **violation.params}, reason=violation.code)
    for istiod in facts.istiods:
        if istiod.strategy == "Recreate":
            yield _warning("preflight.recreate", deployment=istiod.deployment)
    versions = sorted({minor for istiod in facts.istiods if (minor := minor_of(istiod.version))})
    if len(versions) > 1:
        yield _warning("preflight.istio-skew", versions=versions)
    if observed.data_path is not True:
        yield _warning("preflight.data-path", group=group.name, tried=observed.data_path is not None)


def _mesh(topology: Topology, group: Group, observed: Observed) -> Iterator[Finding]:
    alone = sorted(topology.clusters.keys() - _grouped(topology))
    if alone:
        yield _warning("preflight.ungrouped", clusters=alone)
    seen = {name: observed.clusters.get(name, ClusterSeen()).version for name in topology.clusters}
    minors = minors_of(seen)
    apart_too_far = too_far_apart(minors, KUBERNETES_MINORS)
    if apart_too_far and any(name in group.clusters for name in minors):
        yield _warning("preflight.kubernetes-skew", minors, versions=apart_too_far)


def _grouped(topology: Topology) -> frozenset[str]:
    return frozenset(name for group in topology.groups.values() for name in group.clusters)
