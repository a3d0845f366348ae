"""The picture of a mesh and the same as a table, of a few groups and of many."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from interconnect.domain.changes import CreateGroup
from interconnect.views import topology
from tests.support import shop

if TYPE_CHECKING:
    from interconnect.models import Mesh


@pytest.fixture
def large(mesh: Mesh) -> Mesh:
    """Nine groups more than three."""
    names = [f"member-{number}" for number in range(9)]
    for number, name in enumerate(names):
        shop.add_cluster(mesh, name, f"10.{100 + number}.0.0/16")
    shop.settled(mesh, *(CreateGroup(name, frozenset({name})) for name in names))
    return mesh


def page_of(client: Any, mesh: Mesh, **wanted: str) -> str:
    return str(client.get(reverse("topology", kwargs={"name": mesh.name}), wanted).content.decode())


def test_every_group_is_in_the_picture_with_its_state_and_leads_to_its_row(as_ada: Any, mesh: Mesh) -> None:
    page = page_of(as_ada, mesh)
    assert re.findall(r"<title>(.*?): (.*?)</title>", page) == [
        ("aws", "In effect"),
        ("1-onprem", "Address pending"),
        ("asia", "Healthy"),
    ]
    assert page.count(f'href="{reverse("interconnect", kwargs={"name": mesh.name})}?q=aws"') == 2


def test_only_joined_groups_have_a_line_to_the_middle(as_ada: Any, mesh: Mesh) -> None:
    assert page_of(as_ada, mesh).count("<polyline") == 1


def test_the_picture_says_of_a_group_what_its_row_says(as_ada: Any, mesh: Mesh) -> None:
    shop.silence(mesh.clusters.get(name="ireland"))
    shop.note_gateway(mesh, "taiwan", available=0, reason="insufficient cpu")
    drawn = {
        card.group.name: card.group.state
        for card in as_ada.get(reverse("topology", kwargs={"name": mesh.name})).context["cards"]
    }
    listed = as_ada.get(reverse("interconnect", kwargs={"name": mesh.name})).context["group_rows"]
    assert drawn == {row.name: row.state for row in listed}


def test_the_picture_holds_all_groups_while_the_table_has_pages(
    as_ada: Any, large: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "GROUPS_PER_PAGE", 5)
    pages = [page_of(as_ada, large, page=str(number)) for number in (1, 2, 3)]
    assert all(page.count('class="node ') == 12 for page in pages)
    listed = [re.findall(r'<th scope="row"><a [^>]*>(.*?)</a>', page) for page in pages]
    assert [len(names) for names in listed] == [5, 5, 2]
    assert len({name for names in listed for name in names}) == 12


def test_a_poll_stays_on_the_page_of_the_table(as_ada: Any, large: Mesh) -> None:
    assert 'hx-get="/meshes/storefront/topology/?page=2"' in page_of(as_ada, large, page="2")


def test_a_long_name_is_cut_in_the_picture_and_whole_in_its_title_and_the_table(as_ada: Any, mesh: Mesh) -> None:
    name = "a-group-with-quite-a-long-name"
    shop.settled(mesh, CreateGroup(name, frozenset({"free"})))
    page = page_of(as_ada, mesh)
    assert "a-group-with-quite-…" in page and f"<title>{name}:" in page and f">{name}</a>" in page
