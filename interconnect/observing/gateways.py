"""Whether gateways that were ready still are: the replicas that run, and what their Deployment says
when some do not.
"""

from __future__ import annotations

from interconnect import clients
from interconnect.domain.json_types import Json
from interconnect.kube import kinds, probe
from interconnect.kube.errors import KubeError
from interconnect.kube.reading import items, text
from interconnect.models import Gateway, Mesh
from interconnect.state import observed


def look_at_readiness(mesh: Mesh) -> list[str]:
    """Names of the gateways of which replicas are missing. One that cannot be asked keeps what was seen last."""
    missing = []
    for row in Gateway.objects.filter(cluster__mesh=mesh, cluster__group__isnull=False).select_related(
        "cluster", "observation"
    ):
        if not hasattr(row, "observation"):
            continue  # never created: the rollout that does it says how it goes
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
