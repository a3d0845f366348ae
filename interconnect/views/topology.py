from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.paginator import Paginator
from django.views.decorators.http import require_GET

from interconnect.domain.picture import CARD_HEIGHT, CARD_WIDTH, HUB_RADIUS, Node, picture
from interconnect.state import pages
from interconnect.views.parts import rows
from interconnect.views.parts.access import mesh_for
from interconnect.views.parts.frame import frame
from meshconsole.htmx import page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

GROUPS_PER_PAGE = 50
MOST_OF_NAME, MOST_OF_STATE = 20, 24


@dataclass(frozen=True, slots=True)
class Card:
    """A group as it is drawn.

    The coordinates are strings: hundreds are drawn at once, and templates localize every number.
    """

    group: rows.Glance
    x: str
    y: str
    spoke: str
    name: str
    state: str


@require_GET
def show(request: HttpRequest, name: str) -> HttpResponse:
    """Show the mesh as a picture, and the same as a table."""
    visit = mesh_for(request, name)
    sight = pages.sight(visit.mesh)
    found = {group.name: group for group in rows.glances(sight)}
    drawn = picture(sight.topology)
    context = frame(visit, "topology", sight) | {
        "picture": drawn,
        "cards": [_card(node, found[node.name]) for node in drawn.nodes],
        "groups": Paginator(list(found.values()), GROUPS_PER_PAGE).get_page(request.GET.get("page")),
        "width": str(CARD_WIDTH),
        "height": str(CARD_HEIGHT),
        "inner": (str(CARD_WIDTH - 2), str(CARD_HEIGHT - 2)),
        "hub_radius": HUB_RADIUS,
    }
    return page(request, "topology/show.html", context, parts=("live",))


def _card(node: Node, group: rows.Glance) -> Card:
    spoke = " ".join(f"{x},{y}" for x, y in node.spoke)
    return Card(
        group,
        str(node.x),
        str(node.y),
        spoke,
        _cut(node.name, MOST_OF_NAME),
        _cut(str(group.state.text), MOST_OF_STATE),
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
