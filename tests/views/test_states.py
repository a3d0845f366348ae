"""What pages say of faults: the right state, its reason, and never a memory."""

from __future__ import annotations

import csv
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from interconnect.domain.changes import CreateGroup, Enable
from interconnect.domain.seen import GatewaySeen, ReplicaSeen
from interconnect.domain.stale import StaleCount, Workload
from interconnect.domain.violations import Violation
from interconnect.models import Gateway
from interconnect.scope import scope_of
from interconnect.state import observed
from meshconsole.access.models import Binding
from meshconsole.access.roles import Role
from meshconsole.ui.tones import Tone
from tests.support import shop
from tests.support.markup import flat

if TYPE_CHECKING:
    from datetime import datetime

    from interconnect.models import Mesh
    from interconnect.views.parts.rows import ClusterRow, GatewayRow, GroupRow


def context(client: Any, mesh: Mesh, name: str = "interconnect", **query: str) -> Any:
    return client.get(reverse(name, kwargs={"name": mesh.name}), query).context


def group(client: Any, mesh: Mesh, name: str) -> GroupRow:
    return next(row for row in context(client, mesh)["group_rows"] if row.name == name)


def cluster(client: Any, mesh: Mesh, name: str) -> ClusterRow:
    rows = [row for each in context(client, mesh)["group_rows"] for row in each.clusters]
    return next(row for row in rows if row.name == name)


def gateway(client: Any, mesh: Mesh, of: str) -> GatewayRow:
    return cluster(client, mesh, of).gateways[0]


def member(client: Any, mesh: Mesh, name: str) -> Any:
    return next(row for row in context(client, mesh)["members"] if row.name == name)


def looked_at_gateway(mesh: Mesh, of: str, at: datetime, **seen: Any) -> None:
    """Store a look at a cluster with one gateway."""
    row = Gateway.objects.get(cluster__mesh=mesh, cluster__name=of, number=1)
    found = GatewaySeen(**({"present": True, "replicas": 1, "available": 1, "injected": True} | seen))
    shop.look_at(row.cluster, at=at, gateways={str(row.id): found})


def test_a_gateway_that_rolls_is_not_ready_and_ready_after(as_ada: Any, mesh: Mesh) -> None:
    now = timezone.now()
    for _look in range(2):
        looked_at_gateway(mesh, "taiwan", now, replicas=2, available=0, injected=None, addresses=("203.0.113.8",))
    row = gateway(as_ada, mesh, "taiwan")
    assert (row.state.text, row.state.tone, row.replicas) == ("Not ready", Tone.WARN, "0 of 2 ready")
    for _look in range(2):
        looked_at_gateway(mesh, "taiwan", now, replicas=2, available=2, addresses=("203.0.113.8",))
    assert gateway(as_ada, mesh, "taiwan").state.text == "Ready"


def test_one_look_alone_doesnt_change_readiness(as_ada: Any, mesh: Mesh) -> None:
    looked_at_gateway(mesh, "taiwan", timezone.now(), available=0, addresses=("203.0.113.8",))
    assert gateway(as_ada, mesh, "taiwan").state.text == "Ready"


def test_a_cluster_that_answers_again_lacks_permissions(as_ada: Any, mesh: Mesh) -> None:
    row = mesh.clusters.get(name="taiwan")
    shop.silence(row)
    assert cluster(as_ada, mesh, "taiwan").state.text == "Doesn't answer"
    for _look in range(2):
        shop.look_at(row, lacking=("list pods",))
    found = cluster(as_ada, mesh, "taiwan")
    assert (found.state.text, found.state.tone) == ("Permissions missing", Tone.WARN)
    assert "list pods" in found.reason


def test_an_optional_permission_leaves_a_cluster_reachable(as_ada: Any, mesh: Mesh) -> None:
    row = mesh.clusters.get(name="taiwan")
    shop.note_details(row, missing=("list pods",), optional=("list pods",))
    shop.look_at(row, lacking=("list pods",))
    found = cluster(as_ada, mesh, "taiwan")
    assert (found.state.text, found.state.tone) == ("Reachable", Tone.GOOD)
    assert "optional permissions: list pods" in found.reason


def test_a_cluster_in_no_group_that_refuses_us_says_so(as_ada: Any, mesh: Mesh) -> None:
    shop.look_at(mesh.clusters.get(name="free"), failure=Violation("kube.unauthorized"))
    line = context(as_ada, mesh, "clusters")["lines"][0]
    assert (line.name, line.state.text, line.edge) == ("free", "Refuses us", "warn")
    assert line.fix.label == "Replace credential"


def test_an_answer_ends_a_refusal_at_once(as_ada: Any, mesh: Mesh) -> None:
    row = mesh.clusters.get(name="free")
    shop.look_at(row, failure=Violation("kube.unauthorized"))
    shop.look_at(row)
    lines = {line.name: line.state.text for line in context(as_ada, mesh, "clusters")["lines"]}
    assert lines["free"] == "Reachable"


def test_a_dead_mesh_is_red_on_meshes(as_ada: Any, mesh: Mesh) -> None:
    for row in mesh.clusters.all():
        shop.silence(row)
    for _look in range(2):
        shop.look_centrally(mesh, failure=Violation("kube.unreachable"), part="control-plane")
    shop.conclude(mesh)
    (row,) = as_ada.get(reverse("meshes")).context["rows"]
    assert (row.state.text, row.clusters.state.text, row.clusters.state.tone) == ("Critical", "0 of 6", Tone.BAD)
    assert (row.causes[0].name, row.causes[0].state.text) == ("Control plane", "Control plane doesn't answer")


def test_an_emptied_list_of_networks_isnt_in_effect(as_ada: Any, mesh: Mesh) -> None:
    found = member(as_ada, mesh, "aws")
    assert (found.state.text, found.state.tone) == ("In effect on 2 of 2 istiod replicas", Tone.GOOD)
    shop.look_centrally(mesh, replicas=tuple(ReplicaSeen(name, "istiod") for name in ("istiod-a", "istiod-b")))
    found = member(as_ada, mesh, "aws")
    assert (found.state.text, found.state.tone) == ("Not in effect", Tone.BAD)
    row = group(as_ada, mesh, "aws")
    assert (row.in_effect.text, row.in_effect.tone, row.edge) == ("0 of 2 istiod", Tone.BAD, "bad")
    assert row.lacking == ""


def test_a_group_says_which_replica_lacks_it(as_ada: Any, mesh: Mesh) -> None:
    listed = {"aws": (("203.0.113.7", 15443),)}
    replicas = (ReplicaSeen("istiod-a", "istiod", networks=listed), ReplicaSeen("istiod-b", "istiod"))
    shop.look_centrally(mesh, replicas=replicas)
    assert member(as_ada, mesh, "aws").state.text == "In effect on 1 of 2 istiod replicas"
    row = group(as_ada, mesh, "aws")
    assert (row.in_effect.text, row.in_effect.tone, row.lacking) == ("1 of 2 istiod", Tone.WARN, "istiod-b")


def test_nothing_is_green_from_memory(as_ada: Any, mesh: Mesh) -> None:
    later = timezone.now() + timedelta(minutes=5)
    with time_machine.travel(later, tick=False):
        found = context(as_ada, mesh)
        badges = [
            found["rule_state"],
            *(row.state for row in found["group_rows"]),
            *(row.state for row in found["members"]),
        ]
        clusters = [row for each in found["group_rows"] for row in each.clusters]
        badges += [row.state for row in clusters] + [each.state for row in clusters for each in row.gateways]
        assert {(badge.text, badge.tone) for badge in badges} == {("Unknown", Tone.UNKNOWN)}
        reason = clusters[0].reason.replace("\xa0", " ")
        assert reason == "Last seen 5 minutes ago: Reachable."
        (row,) = as_ada.get(reverse("meshes")).context["rows"]
    assert (row.state.text, row.clusters.state.tone, row.clusters.note) == ("Unknown", Tone.UNKNOWN, "last known")


@pytest.mark.parametrize(("seconds", "text"), [(150, "Reachable"), (151, "Unknown")])
def test_a_state_is_unknown_from_its_age_on(as_ada: Any, mesh: Mesh, seconds: int, text: str) -> None:
    at = timezone.now()
    shop.look_at(mesh.clusters.get(name="taiwan"), at=at)
    with time_machine.travel(at + timedelta(seconds=seconds), tick=False):
        lines = {line.name: line.state.text for line in context(as_ada, mesh, "clusters")["lines"]}
    assert lines["taiwan"] == text


def test_no_way_in_is_said_by_the_list_and_the_group(as_ada: Any, mesh: Mesh) -> None:
    for _look in range(2):
        looked_at_gateway(mesh, "frankfurt", timezone.now(), available=0, addresses=("203.0.113.7",))
    assert member(as_ada, mesh, "aws").state.text == "No way in"
    row = group(as_ada, mesh, "aws")
    assert (row.state.text, row.in_effect.text, row.in_effect.tone) == ("No way in", "2 of 2 istiod", Tone.CALM)


def test_stale_and_unlabelled_workloads_are_named_apart(as_ada: Any, mesh: Mesh) -> None:
    row, cart, web = (
        mesh.clusters.get(name="taiwan"),
        Workload("shop", "Deployment", "cart"),
        Workload("a", "DaemonSet", "b"),
    )
    observed.note_stale(row, StaleCount({cart: 2}, {web: 3, cart: 1}, {"old": 2}))
    texts = ("1 workload on another network", "2 workloads without a network")
    assert cluster(as_ada, mesh, "taiwan").restarts == texts
    lines = {line.name: line.restarts for line in context(as_ada, mesh, "clusters")["lines"]}
    assert lines["taiwan"] == texts and not lines["free"]


def test_a_changed_address_leads_to_its_update(as_ada: Any, mesh: Mesh) -> None:
    shop.note_gateway(mesh, "frankfurt", addresses=["203.0.113.77"])
    row = gateway(as_ada, mesh, "frankfurt")
    assert (row.state.text, row.in_use, row.fix.label) == (
        "Address changed",
        "in use: 203.0.113.7:15443",
        "Update address",
    )
    (address,) = member(as_ada, mesh, "aws").addresses
    assert address.now == "203.0.113.77:15443" and address.update.allowed
    update = as_ada.get(address.update.url)
    (form,) = update.context["forms"].values()
    assert [value.split("|")[1] for value in form["chosen"].value()] == ["203.0.113.77"]


def test_a_gateway_without_proxies_offers_its_restart(as_ada: Any, mesh: Mesh) -> None:
    looked_at_gateway(mesh, "taiwan", timezone.now(), injected=False, uninjected=Violation("injection.earlier"))
    row = gateway(as_ada, mesh, "taiwan")
    assert row.state.text == "Not injected" and row.fix is not None
    assert (str(row.fix.label), row.fix.url) == ("Restart gateway", f"/meshes/storefront/gateways/{row.id}/restart/")
    labels = ["Edit east-west gateway", "Restart gateway", "Delete east-west gateway"]
    assert [str(action.label) for action in row.actions] == labels


def test_an_operator_restarts_gateways_outside_the_interconnect(client: Any, omar: Any, mesh: Mesh) -> None:
    client.force_login(omar)
    for name, allowed in (("taiwan", True), ("frankfurt", False)):
        _edit, restart, _delete = gateway(client, mesh, name).actions
        assert restart.allowed == allowed
    assert "mesh admin" in restart.reasons[0]


def test_what_others_changed_is_the_state_of_its_cluster(as_ada: Any, mesh: Mesh) -> None:
    params = {"kind": "Service", "name": "eastwest", "field": "type", "cluster": "taiwan", "owners": ["helm"]}
    shop.look_at(mesh.clusters.get(name="taiwan"), drift=(Violation("drift.overwritten", params),))
    assert cluster(as_ada, mesh, "taiwan").state.text == "Changed by helm"
    assert context(as_ada, mesh)["drift"]["tone"] == Tone.WARN
    assert group(as_ada, mesh, "asia").state.text == "Changed by helm"


def test_groups_come_worst_first(as_ada: Any, mesh: Mesh) -> None:
    shop.silence(mesh.clusters.get(name="frankfurt"))
    assert [row.name for row in context(as_ada, mesh)["group_rows"]] == ["aws", "1-onprem", "asia"]


def test_groups_are_filtered_by_state_and_counted(as_ada: Any, mesh: Mesh) -> None:
    found = context(as_ada, mesh, state="attention")
    assert [row.name for row in found["group_rows"]] == ["1-onprem"]
    counts = {key: count for key, _label, count in found["filters"]}
    assert counts == {"": 3, "attention": 1, "joined": 1, "apart": 2, "no-gateway": 0}
    assert context(as_ada, mesh, state="nonsense")["state_filter"] == ""
    assert [row.name for row in context(as_ada, mesh, state="apart", q="asia")["group_rows"]] == ["asia"]


def test_clusters_are_filtered_by_state(as_ada: Any, mesh: Mesh) -> None:
    found = context(as_ada, mesh, "clusters", state="no-answer")
    assert [line.name for line in found["lines"]] == ["spare"]
    assert ("no-answer", "Doesn't answer", 1) in found["filters"]
    assert [line.name for line in context(as_ada, mesh, "clusters", q="RANK")["lines"]] == ["frankfurt"]


def test_a_large_mesh_folds_what_is_fine(as_ada: Any, mesh: Mesh) -> None:
    names = [f"west-{number}" for number in range(8)]
    for number, name in enumerate(names):
        shop.add_cluster(mesh, name, f"10.{100 + number}.0.0/16")
    shop.settled(mesh, CreateGroup("west", frozenset(names)))
    shop.silence(mesh.clusters.get(name="west-3"))
    west, asia = group(as_ada, mesh, "west"), group(as_ada, mesh, "asia")
    assert west.is_open and [row.name for row in west.clusters] == ["west-3"]
    assert west.fold is not None and len(west.fold.clusters) == 7
    assert west.fold.state.text == "7 clusters, nothing wrong"
    assert asia.closed and [row.name for row in asia.clusters] == ["taiwan"] and asia.fold is None
    (found,) = context(as_ada, mesh, q="west-3")["group_rows"]
    assert found.is_open and found.fold is None


def test_meshes_are_filtered_by_tile_and_empty_tiles_stay(as_ada: Any, mesh: Mesh) -> None:
    shop.conclude(mesh)
    page = as_ada.get(reverse("meshes"), {"state": "healthy"})
    assert page.context["rows"] == [] and "No mesh is in this state." in page.content.decode()
    tiles = {tile.key: tile.count for tile in page.context["tiles"]}
    assert tiles == {"": 1, "critical": 0, "warning": 1, "unknown": 0, "healthy": 0, "running": 0}
    (row,) = as_ada.get(reverse("meshes"), {"state": "warning"}).context["rows"]
    assert [(cause.name, cause.state.text) for cause in row.causes] == [
        ("spare", "Doesn't answer"),
        ("eastwest-hangzhou-1", "Address pending"),
    ]
    assert (row.clusters.state.text, row.gateways.state.text, row.groups.state.text) == ("5 of 6", "3 of 3", "1 of 1")


def meshes(client: Any, **query: str) -> list[str]:
    return [row.name for row in client.get(reverse("meshes"), query).context["rows"]]


@pytest.fixture
def lab(mesh: Mesh, ada: Any) -> Mesh:
    """Another mesh of Ada's, on which nothing is wrong but that nothing has joined."""
    made = shop.new_mesh("lab-2")
    Binding.objects.create(scope=scope_of(made.id), user=ada, role=Role.VIEWER)
    shop.settled(made, Enable())
    shop.conclude(made)
    return made


def test_meshes_are_searched_and_sorted_in_the_url(as_ada: Any, mesh: Mesh, lab: Mesh) -> None:
    assert meshes(as_ada) == ["storefront", "lab-2"]
    assert meshes(as_ada, sort="name") == ["lab-2", "storefront"]
    assert meshes(as_ada, sort="nonsense") == ["storefront", "lab-2"]
    assert meshes(as_ada, q="LAB", state="healthy") == ["lab-2"]
    page = as_ada.get(reverse("meshes"), {"q": "lab", "sort": "name", "state": "critical"})
    assert page.context["rows"] == [] and "No mesh matches “lab”." in flat(page.content.decode())
    kept = '<input type="hidden" name="state" value="critical">'
    assert kept in page.content.decode() and 'value="name" selected' in page.content.decode()


def test_meshes_are_downloaded_as_they_are_shown(as_ada: Any, mesh: Mesh, lab: Mesh) -> None:
    shop.conclude(mesh)
    page = as_ada.get(reverse("meshes"), {"sort": "name"}).content.decode()
    assert f"{reverse('meshes-csv')}?sort=name" in page
    answer = as_ada.get(reverse("meshes-csv"), {"sort": "name"})
    head, first, second = csv.reader(answer.content.decode("utf-8-sig").splitlines())
    assert first[:3] == ["lab-2", "Hosted", "Nothing joined"] and second[:3] == ["storefront", "Hosted", "Warning"]
    found = dict(zip(head, second, strict=True))
    assert found["Reason"] == "spare: Doesn't answer; eastwest-hangzhou-1: Address pending"
    assert (found["Clusters"], found["Clusters reachable"], found["Gateways ready"]) == ("6", "5", "3")


def test_a_mesh_on_which_nothing_deviates_is_one_line_of_counts(as_ada: Any, mesh: Mesh) -> None:
    shop.look_at(mesh.clusters.get(name="spare"))
    shop.look_at(mesh.clusters.get(name="spare"))
    shop.note_gateway(mesh, "hangzhou", addresses=["203.0.113.9"])
    shop.conclude(mesh)
    (row,) = as_ada.get(reverse("meshes")).context["rows"]
    assert row.counts == "6 of 6 clusters, 3 of 3 gateways, 1 of 1 group" and not row.clusters.deviates
    with time_machine.travel(timezone.now() + timedelta(minutes=5), tick=False):
        (row,) = as_ada.get(reverse("meshes")).context["rows"]
    assert row.counts == "Last known: 6 of 6 clusters, 3 of 3 gateways, 1 of 1 group"
    assert row.why == reverse("help-finding", kwargs={"code": "console.standstill"})


def test_every_page_says_how_much_of_the_mesh_answers(as_ada: Any, mesh: Mesh) -> None:
    shop.conclude(mesh)
    for name in ("interconnect", "clusters", "members", "rollouts"):
        page = as_ada.get(reverse(name, kwargs={"name": mesh.name})).content.decode()
        assert "2 of 2 istiod replicas answer" in page and "5 of 6 clusters reachable" in page, name
        assert "Last answer" in page, name
