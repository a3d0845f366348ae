from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.http import require_GET

from interconnect import queries
from interconnect.domain.picture import CARD_HEIGHT, CARD_WIDTH, HUB_RADIUS, picture
from interconnect.views import rows
from interconnect.views.access import mesh_for
from interconnect.views.mesh import frame
from meshconsole.htmx import page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_GET
def show(request: HttpRequest, name: str) -> HttpResponse:
    """The mesh as a picture, and the same as a table."""
    visit = mesh_for(request, name)
    sight = queries.sight(visit.mesh)
    found = {group.name: rows.group_row(sight, visit.actor, group) for group in sight.topology.groups.values()}
    drawn = picture(sight.topology)
    context = frame(visit, "topology") | {
        "picture": drawn,
        "nodes": [(node, found[node.name]) for node in drawn.nodes],
        "group_rows": list(found.values()),
        "card": (CARD_WIDTH, CARD_HEIGHT),
        "hub_radius": HUB_RADIUS,
    }
    return page(request, "topology/show.html", context, parts=("live",))
