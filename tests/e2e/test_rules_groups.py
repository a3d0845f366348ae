"""Rules 3 to 7, 11, 13 and 15 as the browser refuses them: names of groups, their clusters, and clusters that leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

from interconnect.domain.changes import AddCluster, CreateGroup, DeleteGroup, Join, Remove, RemoveCluster
from interconnect.domain.names import MAX_LABEL
from interconnect.domain.topology import Address
from interconnect.models import Cluster
from interconnect.state import desired, observed
from tests.browser.held import Held
from tests.e2e.refusals import all_greyed, beside, creating, greyed, item, ok, opened, told, words
from tests.support import shop

if TYPE_CHECKING:
    from interconnect.models import Mesh
    from tests.e2e.conftest import Visitor

HERE = "/meshes/storefront/"
GONE = "This no longer exists. Reload the page."


def grouped(mesh: Mesh, cluster: str, group: str = "asia") -> None:
    shop.settled(mesh, AddCluster(group, cluster))


def test_a_name_that_a_group_cannot_have_is_refused_beside_it(visit: Visitor, mesh: Mesh) -> None:
    observed.note_istiods(mesh, observed.facts(mesh).istiods, foreign={"legacy": [("198.51.100.9", 15443)]})
    dialog = creating(visit(HERE))
    name = dialog.get_by_role("textbox", name="Name")
    dialog.get_by_role("checkbox", name="free").check()
    long = "a" * (MAX_LABEL + 1)
    refusals: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("", "group.name.empty", {}),
        (long, "group.name.long", {"name": long, "max": MAX_LABEL}),
        ("Bad Name", "group.name.alphabet", {"name": "Bad Name"}),
        ("aws", "group.name.taken", {"group": "aws"}),
        ("legacy", "group.name.foreign", {"group": "legacy"}),
    )
    for typed, code, params in refusals:
        name.fill(typed)
        ok(dialog)
        beside(name, code, **params)
        expect(name).to_have_value(typed)
        expect(dialog.get_by_role("checkbox", name="free")).to_be_checked()


def test_a_group_without_a_cluster_is_refused_and_no_last_cluster_leaves_one(visit: Visitor) -> None:
    page = visit(HERE)
    dialog = creating(page)
    dialog.get_by_role("textbox", name="Name").fill("mine")
    ok(dialog)
    told(dialog, "group.clusters.empty", group="mine")
    page.keyboard.press("Escape")
    greyed(item(page, "cluster taiwan", "Remove from group"), "group.last-cluster", cluster="taiwan", group="asia")


def test_a_cluster_that_is_grouped_or_gone_meanwhile_is_named_and_the_rest_stays_typed(
    visit: Visitor, mesh: Mesh
) -> None:
    dialog = creating(visit(HERE))
    name = dialog.get_by_role("textbox", name="Name")
    name.fill("mine")
    for cluster in ("free", "spare"):
        dialog.get_by_role("checkbox", name=cluster).check()
    shop.settled(mesh, CreateGroup("theirs", frozenset({"free"})))
    ok(dialog)
    told(dialog, "cluster.grouped", cluster="free", group="theirs")
    expect(dialog.get_by_role("checkbox", name="free")).to_have_count(0)
    expect(dialog.get_by_role("checkbox", name="spare")).to_be_checked()
    Cluster.objects.filter(mesh=mesh, name="spare").delete()
    ok(dialog)
    told(dialog, "cluster.unknown", cluster="spare")
    expect(name).to_have_value("mine")


def test_overlapping_pod_cidrs_are_refused_and_only_a_mesh_admin_is_offered_to_override(
    visit: Visitor, mesh: Mesh, omar: Any
) -> None:
    shop.add_cluster(mesh, "twin", "10.9.128.0/17")
    for who in ("omar", "ada"):
        dialog = creating(visit(HERE, name=who))
        dialog.get_by_role("textbox", name="Name").fill("both")
        for cluster in ("free", "twin"):
            dialog.get_by_role("checkbox", name=cluster).check()
        ok(dialog)
        told(
            dialog,
            "group.overlap",
            group="both",
            cluster="free",
            other="twin",
            cidr="10.9.0.0/16",
            other_cidr="10.9.128.0/17",
        )
        expect(dialog.get_by_role("button", name="Override")).to_have_count(1 if who == "ada" else 0)
        # What is sent as before, by Enter too, is passed over by nobody.
        dialog.get_by_role("textbox", name="Name").press("Enter")
        expect(dialog.get_by_role("button", name="OK")).to_be_enabled()
        told(
            dialog,
            "group.overlap",
            group="both",
            cluster="free",
            other="twin",
            cidr="10.9.0.0/16",
            other_cidr="10.9.128.0/17",
        )
    dialog.get_by_role("button", name="Override").click()
    expect(dialog).to_be_hidden()
    assert desired.load(mesh).groups["both"].clusters == {"free", "twin"}


def test_a_joined_group_and_its_clusters_stay_as_they_are(visit: Visitor) -> None:
    page = visit(HERE)
    group = ("Add cluster", "Create east-west gateway", "Delete network group")
    cluster = ("Create east-west gateway", "Move to another group", "Remove from group")
    all_greyed(page, "group aws", group, "group.joined", group="aws")
    all_greyed(page, "cluster frankfurt", cluster, "cluster.group.joined", cluster="frankfurt", group="aws")
    gateway = ("Delete east-west gateway",)
    all_greyed(page, "gateway eastwest-frankfurt-1", gateway, "cluster.group.joined", cluster="frankfurt", group="aws")
    page.goto(f"{HERE}clusters/")
    leaving = ("Remove from mesh", "Forget cluster")
    all_greyed(page, "cluster frankfurt", leaving, "cluster.group.joined", cluster="frankfurt", group="aws")


def test_a_group_that_has_joined_or_gone_is_no_place_to_move_to(visit: Visitor, mesh: Mesh) -> None:
    grouped(mesh, "free")
    page = visit(HERE)
    dialog = opened(page, "cluster free", "Move to another group")
    target = dialog.get_by_role("combobox", name="Network group")
    target.select_option("1-onprem")
    shop.settled(mesh, Join("1-onprem", (Address("gw.example.org"),)))
    ok(dialog)
    beside(target, "group.joined", group="1-onprem")
    page.keyboard.press("Escape")
    shop.settled(mesh, Remove("1-onprem"))
    page.reload()
    dialog = opened(page, "cluster free", "Move to another group")
    dialog.get_by_role("combobox", name="Network group").select_option("1-onprem")
    shop.settled(mesh, DeleteGroup("1-onprem"))
    ok(dialog)
    beside(dialog.get_by_role("combobox", name="Network group"), "group.unknown", group="1-onprem")


def test_moving_warns_of_what_the_groups_lose_and_of_what_is_not_sure(visit: Visitor, mesh: Mesh) -> None:
    bare = shop.add_cluster(mesh, "bare")
    grouped(mesh, "bare")
    shop.note_details(bare)
    shop.note_details(Cluster.objects.get(name="taiwan"), pod_cidrs=(("10.3.0.0/17", "nodes"),))
    observed.note_remote_clusters(mesh, ["frankfurt"])
    page = visit(HERE)
    dialog = opened(page, "cluster taiwan", "Move to another group")
    told(dialog, "warning.source-without-gateway", cluster="taiwan", group="asia")
    told(dialog, "warning.cluster-unknown-to-istiod", cluster="taiwan")
    nodes = {"cluster": "hangzhou", "cidr": "10.3.0.0/16", "other": "taiwan", "other_cidr": "10.3.0.0/17"}
    told(dialog, "group.overlap.nodes", group="1-onprem", **nodes)
    page.keyboard.press("Escape")
    told(opened(page, "cluster bare", "Move to another group"), "group.cidr.unknown", cluster="bare", group="1-onprem")


def test_what_is_not_sure_about_ticked_clusters_is_said_before_they_are_sent(visit: Visitor, mesh: Mesh) -> None:
    shop.note_details(shop.add_cluster(mesh, "bare"))
    page = visit(HERE)
    dialog = opened(page, "group asia", "Add cluster")
    dialog.get_by_role("checkbox", name="bare").check()
    told(dialog, "group.cidr.unknown", cluster="bare", group="asia")
    dialog.get_by_role("checkbox", name="bare").uncheck()
    expect(dialog.get_by_text(words("group.cidr.unknown", cluster="bare", group="asia"))).to_have_count(0)
    page.keyboard.press("Escape")
    dialog = creating(page, "late")
    for name in ("free", "bare"):
        dialog.get_by_role("checkbox", name=name).check()
    told(dialog, "group.cidr.unknown", cluster="bare", group="the new group")
    expect(dialog.get_by_role("checkbox", name="bare")).to_be_focused()
    expect(dialog.get_by_role("textbox", name="Name")).to_have_value("late")


def test_a_tick_that_follows_another_quickly_is_heard(visit: Visitor, mesh: Mesh) -> None:
    shop.note_details(shop.add_cluster(mesh, "bare"))
    page = visit(HERE)
    dialog = creating(page)
    held = Held(page, "**/groups/create/", times=1)
    for name in ("free", "bare"):
        dialog.get_by_role("checkbox", name=name).check()
    told(dialog, "group.cidr.unknown", cluster="bare", group="the new group")
    held.let_go()
    told(dialog, "group.cidr.unknown", cluster="bare", group="the new group")


def test_a_cluster_that_has_left_its_group_is_neither_removed_from_it_nor_given_a_gateway(
    visit: Visitor, mesh: Mesh
) -> None:
    grouped(mesh, "free")
    one, other = visit(HERE), visit(HERE)
    removal = opened(one, "cluster free", "Remove from group")
    gateway = opened(other, "cluster free", "Create east-west gateway")
    gateway.get_by_role("spinbutton", name="Replicas", exact=True).fill("3")
    shop.settled(mesh, RemoveCluster("free"))
    ok(gateway)
    told(gateway, "cluster.ungrouped", cluster="free")
    expect(gateway.get_by_role("spinbutton", name="Replicas", exact=True)).to_have_value("3")
    ok(removal)
    expect(removal.get_by_role("alert")).to_contain_text("This changed while you were editing.")
    ok(removal)
    told(removal, "cluster.ungrouped", cluster="free")


def test_a_group_that_is_gone_is_said_to_be_gone_in_the_dialog_and_the_ticks_stay(visit: Visitor, mesh: Mesh) -> None:
    dialog = opened(visit(HERE), "group asia", "Add cluster")
    dialog.get_by_role("checkbox", name="free").check()
    shop.settled(mesh, DeleteGroup("asia"))
    ok(dialog)
    expect(dialog.get_by_role("alert")).to_have_text(GONE)
    expect(dialog.get_by_role("checkbox", name="free")).to_be_checked()


def test_what_goes_with_a_group_or_a_gateway_is_said_before(visit: Visitor) -> None:
    page = visit(HERE)
    told(opened(page, "group asia", "Delete network group"), "warning.gateways-deleted", gateways=["eastwest-taiwan-1"])
    page.keyboard.press("Escape")
    told(
        opened(page, "gateway eastwest-taiwan-1", "Delete east-west gateway"),
        "warning.last-gateway",
        gateway="eastwest-taiwan-1",
        group="asia",
    )


def test_a_cluster_leaves_the_mesh_only_when_nothing_holds_it(visit: Visitor, mesh: Mesh) -> None:
    grouped(mesh, "free")
    shop.settled(mesh, RemoveCluster("free"))
    page = visit(f"{HERE}clusters/")
    all_greyed(page, "cluster taiwan", ("Remove from mesh",), "cluster.grouped", cluster="taiwan", group="asia")
    all_greyed(page, "cluster free", ("Remove from mesh",), "cluster.occupied", cluster="free")
    dialog = opened(page, "cluster taiwan", "Forget cluster")
    told(dialog, "warning.group-deleted", cluster="taiwan", group="asia")
    told(dialog, "warning.gateways-deleted", gateways=["eastwest-taiwan-1"])
    name = dialog.get_by_role("textbox", name="Type “taiwan” to confirm")
    name.fill("Taiwan")
    dialog.get_by_role("button", name="Forget", exact=True).click()
    beside(name, "cluster.forget-confirmation", name="taiwan")
    expect(name).to_have_value("Taiwan")


def test_what_is_no_cidr_is_refused_beside_the_field(visit: Visitor) -> None:
    dialog = opened(visit(f"{HERE}clusters/"), "cluster free", "Set Pod CIDRs")
    box = dialog.get_by_role("textbox", name="Pod CIDRs")
    for typed, code, params in (
        ("10.0.0.0/99", "cidr.invalid", {"cidr": "10.0.0.0/99"}),
        ("10.1.2.3/16", "cidr.host-bits", {"cidr": "10.1.2.3/16", "network": "10.1.0.0/16"}),
    ):
        box.fill(typed)
        ok(dialog)
        beside(box, code, **params)
        expect(box).to_have_value(typed)
