"""Whether gateways that were ready still are: running replicas, and what the Deployment says if any are missing."""

from __future__ import annotations

from interconnect import clients
from interconnect.domain.json_types import Json
from interconnect.kube import kinds, probe
from interconnect.kube.errors import KubeError
from interconnect.kube.reading import items, text
from interconnect.models import Gateway, Mesh
from interconnect.state import observed


def look_at_readiness(mesh: Mesh) -> list[str]:
    """Return the names of gateways with missing replicas. One that can't be asked keeps what was last seen."""
    missing = []
    for row in Gateway.objects.filter(cluster__mesh=mesh, cluster__group__isnull=False).select_related(
        "cluster", "observation"
    ):
        if not hasattr(row, "observation"):
            continue  # not created yet: the rollout that creates it reports on it
        try:
            deployment = clients.member_api(mesh, row.cluster.uid).get(
                kinds.DEPLOYMENT, row.name, mesh.system_namespace
            )
        except KubeError:
            continue
        now = probe.deployment_status(deployment or {})
        short = now.available < now.desired
        reason = (now.message or _unavailable(deployment or {})) if short else ""
        observed.note_gateway(row.id, replicas=now.desired, ready=now.available, reason=reason)
        if short:
            missing.append(row.name)
    return missing


def _unavailable(deployment: Json) -> str:
    conditions = items(deployment, "status", "conditions")
    return next(
        (
            text(item, "message")
            for item in conditions
            if (text(item, "type"), text(item, "status")) == ("Available", "False")
        ),
        "",
    )
