"""What a join's preflight looks at, and what it finds: for the plan on the page, and again in the rollout's step."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from interconnect import clients
from interconnect.domain import preflight
from interconnect.domain.entries import GATEWAY_LABEL, NETWORKS_ANNOTATION
from interconnect.domain.injection import not_injected
from interconnect.domain.networks import DATA_KEY
from interconnect.domain.preflight import ChosenGateway, ClusterSeen, ConfigMapSeen, Observed
from interconnect.kube import kinds, probe
from interconnect.kube.errors import KubeError
from interconnect.models import Cluster
from interconnect.observing.istiods import guard, look_at_istiods, side_by_side
from interconnect.observing.member import inspect

if TYPE_CHECKING:
    from collections.abc import Callable

    from interconnect.domain.facts import ConfigMapRef, Facts
    from interconnect.domain.findings import Finding
    from interconnect.domain.topology import Address, Gateway, GatewayKey, Group, Topology
    from interconnect.kube.guard import DenyList
    from interconnect.models import Mesh

GITOPS = ("argocd", "flux", "kustomize-controller", "helm-controller", "Helm", "helm", "fleet", "rancher")
Look = tuple["Facts", Observed]


def look(mesh: Mesh, *, seen: Callable[[int, int], None] | None = None) -> Look:
    """Return one look at all clusters, at istiod and at its ConfigMaps, which serves every group that joins.

    `seen` is told how many clusters have been looked at, and how many there are. Raises KubeError when the control
    plane doesn't answer.
    """
    facts = look_at_istiods(mesh)
    rows = list(Cluster.objects.filter(mesh=mesh).select_related("connection", "group"))
    done = count(1)

    def one(row: Cluster) -> ClusterSeen:
        group = row.group.name if row.group else None
        found = inspect(clients.api_of(row.connection), system_namespace=mesh.system_namespace, group=group)
        if seen is not None:
            seen(next(done), len(rows))
        return found

    clusters = dict(zip([row.name for row in rows], side_by_side(one, rows), strict=True))
    refs = dict.fromkeys(item.networks for item in facts.istiods if item.networks)
    answered = [name for name, found in clusters.items() if found.answers]
    return facts, Observed(
        clusters, {}, {ref: _config_map(mesh, ref) for ref in refs}, guard(mesh, facts, answered=answered)
    )


def findings_of(mesh: Mesh, topology: Topology, group: Group, looked: Look, deny: DenyList) -> tuple[Finding, ...]:
    """Return what speaks against `group` joining as `topology` has it, gravest first. Asks gateways and addresses."""
    facts, shared = looked
    seen = replace(shared, gateways=_gateways(mesh, topology, group), data_path=_answers(group, deny))
    return preflight.findings(topology, group.name, seen, facts)


def _config_map(mesh: Mesh, ref: ConfigMapRef) -> ConfigMapSeen:
    found = clients.system_api(mesh, ref.cluster).get(kinds.CONFIG_MAP, ref.name, ref.namespace) or {}
    metadata = found.get("metadata", {})
    names = [str(entry.get("manager", "")) for entry in metadata.get("managedFields") or ()]
    names += [str((metadata.get("labels") or {}).get("app.kubernetes.io/managed-by", ""))]
    managers = sorted({name for name in names if name.startswith(GITOPS)})
    return ConfigMapSeen(
        (found.get("data") or {}).get(DATA_KEY),
        (metadata.get("annotations") or {}).get(NETWORKS_ANNOTATION),
        tuple(managers),
    )


def _gateways(mesh: Mesh, topology: Topology, group: Group) -> dict[GatewayKey, ChosenGateway]:
    chosen = {address.gateway for address in group.addresses or () if address.gateway}
    gateways = [gateway for gateway in topology.gateways.values() if gateway.key in chosen]
    return {gateway.key: _gateway(mesh, topology, gateway, group.name) for gateway in gateways}


def _gateway(mesh: Mesh, topology: Topology, gateway: Gateway, network: str) -> ChosenGateway:
    uid, namespace = topology.clusters[gateway.key.cluster].uid, mesh.system_namespace
    api = clients.member_api(mesh, uid)
    try:
        deployment = api.get(kinds.DEPLOYMENT, gateway.name, namespace)
        pods = api.list(kinds.POD, namespace, labels=f"{GATEWAY_LABEL}={gateway.id}")
    except KubeError as error:
        return ChosenGateway(ready=False, injected=True, reason=error.code)
    now = probe.deployment_status(deployment or {})
    return ChosenGateway(
        ready=deployment is not None and now.settled, injected=not not_injected(pods, network), reason=now.message
    )


def _answers(group: Group, deny: DenyList) -> bool:
    """Return whether the chosen addresses accept a TCP connection from here; the console's network isn't the Pods'."""
    addresses = [address for address in group.addresses or () if not address.awaited]

    def answers(address: Address) -> bool:
        return probe.probe(address.host, address.port, deny=deny, before=clients.before_call).ok

    return all(side_by_side(answers, addresses))
