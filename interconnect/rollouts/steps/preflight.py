"""Preflight of one group that joins: look at the clusters, judge by the domain's findings, let the join through or not."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils import timezone

from interconnect import clients
from interconnect.domain import preflight
from interconnect.domain.entries import GATEWAY_LABEL, NETWORKS_ANNOTATION
from interconnect.domain.injection import not_injected
from interconnect.domain.networks import DATA_KEY
from interconnect.domain.preflight import ClusterSeen, ConfigMapSeen, GatewaySeen, Observed
from interconnect.kube import kinds, probe
from interconnect.kube.errors import KubeError
from interconnect.models import Cluster
from interconnect.rollouts.inspection import inspect
from interconnect.rollouts.outcome import Done, StepFailed, Wait
from interconnect.rollouts.replicas import guard, look_at_istiods, side_by_side

if TYPE_CHECKING:
    from interconnect.domain.facts import ConfigMapRef, Facts
    from interconnect.domain.topology import Gateway, GatewayKey, Group
    from interconnect.rollouts.work import Work

KEPT_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.3
GITOPS = ("argocd", "flux", "kustomize-controller", "helm-controller", "Helm", "helm", "fleet", "rancher")


def check(work: Work) -> Done | Wait:
    group = work.topology.groups.get(work.step.subject)
    if group is None or group.addresses is None:
        return Done(skipped=True)
    if all(address.awaited for address in group.addresses):
        waiting = sorted(str(address.gateway) for address in group.addresses)
        raise StepFailed("address.pending", {"group": group.name, "gateways": waiting})
    looked = _once(work)
    if looked is None:
        return Wait(LOOK_AGAIN_SECONDS, {"waiting_for": "clusters"})
    facts, shared = looked
    seen = replace(shared, gateways=_gateways(work, group), data_path=_answers(work, group))
    found = preflight.findings(work.topology, group.name, seen, facts)
    evidence = {"findings": [_as_json(finding) for finding in found]}
    blocking = preflight.blocking(found, work.consents)
    if blocking:
        params = {
            "group": group.name,
            "codes": sorted({finding.code for finding in blocking}),
            "tokens": [finding.token for finding in blocking if finding.token],
            "final": any(not finding.token for finding in blocking),
        }
        raise StepFailed("preflight.blocked", params, evidence)
    return Done(evidence)


def _as_json(finding: preflight.Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "params": dict(finding.params),
        "token": finding.token,
        "evidence": dict(finding.evidence),
    }


@dataclass(slots=True)
class _Shared:
    """One look at all clusters; `ended` is the time when everything had been seen."""

    found: tuple[Facts, Observed] | None = None
    ended: datetime | None = None


_lock = threading.Lock()
_looks: dict[UUID, _Shared] = {}


def _once(work: Work) -> tuple[Facts, Observed] | None:
    """One look at all clusters serves every group that joins in the same rollout, if its turn came before the look had ended:
    a retry looks anew. None: another step is still looking."""
    rollout = work.rollout.id
    with _lock:
        known = _looks.get(rollout)
        if known is not None and known.ended is None:
            return None
        if known is not None and known.ended and work.step.started_at and work.step.started_at <= known.ended:
            return known.found
        mine = _looks[rollout] = _Shared()
    try:
        mine.found = _look(work)
    except BaseException:
        with _lock:
            del _looks[rollout]
        raise
    with _lock:
        mine.ended = timezone.now()
        for key, shared in list(_looks.items()):
            if shared.ended and (mine.ended - shared.ended).total_seconds() > KEPT_SECONDS:
                del _looks[key]
    return mine.found


def _look(work: Work) -> tuple[Facts, Observed]:
    facts = look_at_istiods(work.mesh)
    rows = list(Cluster.objects.filter(mesh=work.mesh).select_related("connection", "group"))

    def one(row: Cluster) -> ClusterSeen:
        return inspect(
            clients.api_of(row.connection), system_namespace=work.mesh.system_namespace, group=row.group.name if row.group else None
        )

    clusters = dict(zip([row.name for row in rows], side_by_side(one, rows), strict=True))
    refs = dict.fromkeys(item.networks for item in facts.istiods if item.networks)
    return facts, Observed(clusters, {}, {ref: _config_map(work, ref) for ref in refs}, guard(work.mesh, facts))


def _config_map(work: Work, ref: ConfigMapRef) -> ConfigMapSeen:
    found = clients.system_api(work.mesh, ref.cluster).get(kinds.CONFIG_MAP, ref.name, ref.namespace) or {}
    metadata = found.get("metadata", {})
    names = [str(entry.get("manager", "")) for entry in metadata.get("managedFields") or ()]
    names += [str((metadata.get("labels") or {}).get("app.kubernetes.io/managed-by", ""))]
    managers = sorted({name for name in names if name.startswith(GITOPS)})
    return ConfigMapSeen(
        (found.get("data") or {}).get(DATA_KEY), (metadata.get("annotations") or {}).get(NETWORKS_ANNOTATION), tuple(managers)
    )


def _gateways(work: Work, group: Group) -> dict[GatewayKey, GatewaySeen]:
    chosen = {address.gateway for address in group.addresses or () if address.gateway}
    return {gateway.key: _gateway(work, gateway, group.name) for gateway in work.topology.gateways.values() if gateway.key in chosen}


def _gateway(work: Work, gateway: Gateway, network: str) -> GatewaySeen:
    uid, namespace = work.topology.clusters[gateway.key.cluster].uid, work.mesh.system_namespace
    api = clients.member_api(work.mesh, uid)
    try:
        deployment = api.get(kinds.DEPLOYMENT, gateway.name, namespace)
        pods = api.list(kinds.POD, namespace, labels=f"{GATEWAY_LABEL}={gateway.id}")
    except KubeError as error:
        return GatewaySeen(ready=False, injected=True, reason=error.code)
    now = probe.deployment_status(deployment or {})
    return GatewaySeen(ready=deployment is not None and now.settled, injected=not not_injected(pods, network), reason=now.message)


def _answers(work: Work, group: Group) -> bool:
    """Whether the chosen addresses take a TCP connection from here; the console's network is not the Pods'."""
    deny = work.config.transport.deny
    addresses = [address for address in group.addresses or () if not address.awaited]
    return all(side_by_side(lambda address: probe.probe(address.host, address.port, deny=deny).ok, addresses))
