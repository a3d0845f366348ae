from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.views.decorators.http import require_GET

from interconnect import queries, store
from interconnect.domain import cidrs
from interconnect.views import rows
from interconnect.views.access import mesh_for
from interconnect.views.mesh import frame
from meshconsole.htmx import page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from interconnect.domain.topology import Topology
    from meshconsole.ui.tones import Badge


@dataclass(frozen=True, slots=True)
class ClusterLine:
    name: str
    server: str
    version: str
    state: Badge
    reason: str
    pod_cidrs: tuple[tuple[str, str], ...]
    group: str
    contact: datetime | None


@require_GET
def index(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name)
    topology = store.load(visit.mesh)
    sights = queries.cluster_sights(visit.mesh)
    lines = [line(topology, seen) for _name, seen in sorted(sights.items())]
    context = frame(visit, "clusters") | {"lines": lines, "overlaps": overlaps(topology)}
    return page(request, "clusters/index.html", context, parts=("live",))


def line(topology: Topology, seen: queries.ClusterSight) -> ClusterLine:
    state, reason = rows.cluster_state(seen)
    cluster = topology.clusters[seen.row.name]
    return ClusterLine(
        name=seen.row.name,
        server=seen.row.connection.server,
        version=str(seen.said.get("version", "")),
        state=state,
        reason=reason,
        pod_cidrs=tuple((cidr.network, cidr.source.value) for cidr in cluster.pod_cidrs),
        group=seen.row.group.name if seen.row.group else "",
        contact=seen.answered_at,
    )


def overlaps(topology: Topology) -> list[tuple[str, str, str, str]]:
    """Pairs of clusters whose Pod CIDRs overlap, with both CIDRs: they do not belong in one group."""
    found = cidrs.overlaps(topology.clusters.values())
    return [(one, other, pair[0].network, pair[1].network) for (one, other), pair in found.items()]
