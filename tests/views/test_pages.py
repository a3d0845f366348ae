"""What the pages show, and at what price."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from interconnect.domain.changes import CreateGroup, Remove
from interconnect.domain.topology import MeshKind
from interconnect.models import Mesh, RolloutStatus, StepStatus
from interconnect.services.rollouts import rollout_retry
from tests.support import shop
from tests.support.markup import flat

PAGES = ("interconnect", "topology", "members", "clusters", "rollouts", "activity", "checks", "mesh-settings", "join")
MOST_QUERIES = 22


def url(mesh: Mesh, name: str, **parts: Any) -> str:
    return reverse(name, kwargs={"name": mesh.name, **parts})


def queries(client: Any, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize("name", PAGES)
def test_the_number_of_queries_does_not_grow_with_the_mesh(as_ada: Any, mesh: Mesh, name: str) -> None:
    address = url(mesh, name)
    as_ada.get(address)
    few = queries(as_ada, address)
    for number in range(12):
        shop.add_cluster(mesh, f"more-{number}", f"10.{100 + number}.0.0/16")
        shop.settled(
            mesh, CreateGroup(f"group-{number}", frozenset({f"more-{number}"})), shop.gateway_in(f"more-{number}")
        )
    assert queries(as_ada, address) == few <= MOST_QUERIES


@pytest.mark.parametrize(
    ("name", "target"),
    [("interconnect", "live"), ("clusters", "live"), ("rollouts", "live"), ("group-create", "dialogs")],
)
def test_htmx_gets_the_part_that_it_asks_for_and_everybody_else_the_page(
    as_ada: Any, mesh: Mesh, name: str, target: str
) -> None:
    whole = as_ada.get(url(mesh, name)).content
    part = as_ada.get(url(mesh, name), headers={"HX-Request": "true", "HX-Target": target}).content
    back = as_ada.get(
        url(mesh, name), headers={"HX-Request": "true", "HX-Target": target, "HX-History-Restore-Request": "true"}
    ).content
    assert b"<html" in whole and b"<html" in back and b"<html" not in part


def test_groups_are_sorted_by_name(as_ada: Any, mesh: Mesh) -> None:
    rows = as_ada.get(url(mesh, "interconnect")).context["group_rows"]
    assert [row.name for row in rows] == ["1-onprem", "asia", "aws"]


def test_a_pending_gateway_is_shown_with_the_reason(as_ada: Any, mesh: Mesh) -> None:
    page = as_ada.get(url(mesh, "interconnect")).content.decode()
    assert "Address pending" in page and "quota exceeded" in page


def test_a_gateway_that_is_not_ready_is_shown_with_the_reason(as_ada: Any, mesh: Mesh) -> None:
    shop.note_gateway(mesh, "taiwan", available=0, reason="insufficient cpu")
    page = as_ada.get(url(mesh, "interconnect")).content.decode()
    assert "Not ready" in page and "insufficient cpu" in page


def test_a_joined_group_names_its_address_and_where_it_comes_from(as_ada: Any, mesh: Mesh) -> None:
    page = as_ada.get(url(mesh, "interconnect")).content.decode()
    assert "203.0.113.7:15443" in page and "assigned by the platform" in page


def test_an_address_that_the_load_balancer_no_longer_has_is_pointed_out(as_ada: Any, mesh: Mesh) -> None:
    shop.note_gateway(mesh, "frankfurt", addresses=["203.0.113.77"])
    assert "the load balancer now reports 203.0.113.77" in as_ada.get(url(mesh, "interconnect")).content.decode()


def test_search_finds_groups_by_their_clusters_too(as_ada: Any, mesh: Mesh) -> None:
    found = as_ada.get(url(mesh, "interconnect"), {"q": "IREL"}).context["group_rows"]
    assert [row.name for row in found] == ["aws"]
    assert [cluster.name for cluster in found[0].clusters] == ["ireland"]
    assert as_ada.get(url(mesh, "interconnect"), {"q": "nowhere"}).context["group_rows"] == []


def test_a_search_for_a_group_shows_all_its_clusters(as_ada: Any, mesh: Mesh) -> None:
    (found,) = as_ada.get(url(mesh, "interconnect"), {"q": "aws"}).context["group_rows"]
    assert [cluster.name for cluster in found.clusters] == ["frankfurt", "ireland"]


@pytest.fixture
def grown(mesh: Mesh) -> list[str]:
    """The names of thirty clusters of one more group."""
    names = [f"member-{number:02}" for number in range(30)]
    for number, name in enumerate(names):
        shop.add_cluster(mesh, name, f"10.{100 + number}.0.0/16")
    shop.settled(mesh, CreateGroup("west", frozenset(names)))
    return names


def test_every_cluster_of_a_large_group_is_reached_by_pages(as_ada: Any, mesh: Mesh, grown: list[str]) -> None:
    found: list[tuple[str, str]] = []
    for number in (1, 2):
        rows = as_ada.get(url(mesh, "interconnect"), {"page": str(number)}).context["group_rows"]
        found += [(row.name, cluster.name) for row in rows for cluster in row.clusters]
    assert len(found) == len(set(found)) == 4 + len(grown)
    assert [cluster for group, cluster in found if group == "west"] == grown


def test_a_group_says_how_many_of_its_clusters_are_shown_and_how_all_of_them_are(
    as_ada: Any, mesh: Mesh, grown: list[str]
) -> None:
    shop.silence(mesh.clusters.get(name=grown[-1]))
    rows = as_ada.get(url(mesh, "interconnect")).context["group_rows"]
    row = next(row for row in rows if row.name == "west")
    assert (row.state.text, row.reachable) == ("Cluster doesn't answer", "29 of 30 reachable")
    shown = [*row.clusters, *row.fold.clusters]
    assert [cluster.name for cluster in row.clusters] == grown[-1:]
    assert row.shown == f"{len(shown)} of 30 clusters shown here"


def test_a_search_finds_one_cluster_of_a_large_group(as_ada: Any, mesh: Mesh, grown: list[str]) -> None:
    (row,) = as_ada.get(url(mesh, "interconnect"), {"q": grown[-1]}).context["group_rows"]
    assert (row.name, [cluster.name for cluster in row.clusters]) == ("west", grown[-1:])


def test_the_stepper_says_which_step_is_next(as_ada: Any, mesh: Mesh, pia: Any) -> None:
    assert [place for _label, place in as_ada.get(url(mesh, "interconnect")).context["stepper"]] == ["done"] * 4
    as_ada.force_login(pia)
    fresh = shop.new_mesh("fresh")
    stepper = as_ada.get(url(fresh, "interconnect")).context["stepper"]
    assert [place for _label, place in stepper] == ["next", "later", "later", "later"]


def test_a_forbidden_action_stays_in_its_place_and_says_why(as_ada: Any, mesh: Mesh) -> None:
    rows = as_ada.get(url(mesh, "interconnect")).context["group_rows"]
    actions = {action.label: action for action in next(row for row in rows if row.name == "aws").actions}
    assert list(actions) == ["Add cluster", "Create east-west gateway", "Delete network group"]
    assert all(not action.allowed and action.reasons[0] for action in actions.values())


def test_a_viewer_is_told_which_role_is_missing(client: Any, vera: Any, mesh: Mesh) -> None:
    client.force_login(vera)
    buttons = client.get(url(mesh, "interconnect")).context["buttons"]
    assert all("role" in action.reasons[0] for action in buttons.values())


def test_a_running_rollout_is_on_every_page_of_its_mesh(as_ada: Any, mesh: Mesh) -> None:
    shop.started(mesh, Remove("aws"))
    for name in PAGES:
        assert 'aria-label="Running rollout"' in as_ada.get(url(mesh, name)).content.decode(), name


def test_a_failed_rollout_is_shown_until_somebody_dismisses_it(as_ada: Any, mesh: Mesh) -> None:
    rollout = shop.started(mesh, Remove("aws"))
    shop.end(rollout, RolloutStatus.FAILED, StepStatus.FAILED, error_code="kube.timeout")
    assert 'aria-label="Failed rollout"' in as_ada.get(url(mesh, "clusters")).content.decode()
    as_ada.post(url(mesh, "rollout-dismiss", rollout_id=rollout.id))
    assert 'aria-label="Failed rollout"' not in as_ada.get(url(mesh, "clusters")).content.decode()


def test_a_rollout_that_has_ended_is_asked_for_less_often_and_one_that_a_colleague_retries_often_again(
    as_ada: Any, mesh: Mesh
) -> None:
    rollout = shop.started(mesh, Remove("aws"))
    address, headers = url(mesh, "rollout", rollout_id=rollout.id), {"HX-Request": "true", "HX-Target": "live"}
    running = as_ada.get(address, headers=headers)
    assert 'id="live" data-poll="2"' in flat(running.content.decode())
    shop.end(rollout, RolloutStatus.FAILED, StepStatus.FAILED, error_code="kube.timeout")
    ended = as_ada.get(address, headers=headers)
    assert (ended.status_code, 'id="live" data-poll="15"' in flat(ended.content.decode())) == (200, True)
    rollout_retry(actor=shop.WEI, rollout=rollout)
    assert 'id="live" data-poll="2"' in flat(as_ada.get(address, headers=headers).content.decode())


def test_a_failed_step_is_worded_and_a_held_back_restart_asks_for_a_decision(as_ada: Any, mesh: Mesh) -> None:
    rollout = shop.started(mesh, Remove("aws"))
    shop.end(rollout, RolloutStatus.FAILED, StepStatus.SUCCEEDED)
    rollout.steps.filter(kind="restart").update(
        status=StepStatus.FAILED, error_code="restart.guard", error_params={"clusters": ["spare"]}
    )
    page = as_ada.get(url(mesh, "rollout", rollout_id=rollout.id)).content.decode()
    assert "spare" in page and "Skip the restart" in page and "Restart anyway" in page and "Retry" in page


def test_activity_tells_what_was_refused_and_why(as_ada: Any, mesh: Mesh) -> None:
    as_ada.post(url(mesh, "group-create"), {"name": "aws", "clusters": ["free"]})
    page = as_ada.get(url(mesh, "activity")).content.decode()
    assert "Refused" in page and "aws" in page


def test_clusters_that_overlap_are_named(as_ada: Any, mesh: Mesh) -> None:
    assert ("frankfurt", "spare", "10.0.0.0/16", "10.0.0.0/16") in as_ada.get(url(mesh, "clusters")).context[
        "matrix"
    ].pairs


def test_no_page_holds_an_inline_script_or_style(as_ada: Any, mesh: Mesh) -> None:
    for name in (*PAGES, "group-create", "rule"):
        response = as_ada.get(url(mesh, name))
        page = response.content.decode()
        assert " style=" not in page and " onclick=" not in page and "<script>" not in page, name
        assert "unsafe" not in response.headers["Content-Security-Policy"]


def test_pages_come_in_chinese(as_ada: Any, mesh: Mesh) -> None:
    as_ada.cookies["django_language"] = "zh-hans"
    page = as_ada.get(url(mesh, "interconnect")).content.decode()
    assert 'lang="zh-hans"' in page and "网络分组" in page


def test_overlaps_are_a_matrix_and_clusters_in_no_group_are_suggested_together(as_ada: Any, mesh: Mesh) -> None:
    context = as_ada.get(url(mesh, "clusters")).context
    assert context["matrix"].names == ["frankfurt", "spare"]
    assert context["matrix"].rows[0][1] == [(True, ""), (False, "10.0.0.0/16 · 10.0.0.0/16")]
    assert context["suggested"] == [("free", "spare")]


def test_groups_that_can_join_come_before_those_that_cannot(as_ada: Any, mesh: Mesh) -> None:
    shop.settled(mesh, CreateGroup("zoo", frozenset({"free"})), shop.gateway_in("free"))
    lines = as_ada.get(url(mesh, "join")).context["lines"]
    assert [(name, bool(why)) for name, _clusters, why, _ticked in lines] == [
        ("1-onprem", False),
        ("asia", False),
        ("zoo", False),
        ("aws", True),
    ]


def test_clusters_whose_names_are_alike_do_not_share_an_id(as_ada: Any, mesh: Mesh) -> None:
    for name in ("edge", "edge-1", "edge-2"):
        shop.add_cluster(mesh, name)
    ids = re.findall(r' id="([^"]+)"', as_ada.get(url(mesh, "clusters")).content.decode())
    assert sorted(ids) == sorted(set(ids))


@pytest.mark.parametrize("kind", [MeshKind.DEDICATED, MeshKind.EXTERNAL])
def test_a_mesh_that_is_not_hosted_is_not_advised_to_enable(client: Any, pia: Any, kind: MeshKind) -> None:
    mesh = shop.new_mesh("other", kind)
    client.force_login(pia)
    page = client.get(f"/meshes/{mesh.name}/").content.decode()
    assert "Only hosted meshes can enable the interconnect." in page
    assert (
        "Enable the interconnect" not in page
        and "Enable it in the basic settings" not in page
        and 'aria-current="step"' not in page
    )
