"""Rules 5 and 15 and the identities, as the browser refuses them on simulated clusters: names, kubeconfigs, settings of
a mesh.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Locator, Page, expect

from interconnect.domain.names import MAX_LABEL
from interconnect.models import Cluster, Inquiry, InquiryStatus, Membership, Mesh, NetworkGroup
from interconnect.scope import scope_of
from interconnect.services import answering
from interconnect.state import desired, observed
from tests.e2e.refusals import beside, told
from tests.support import shop
from tests.support.worlds import fleets, hasty, prepared, world

if TYPE_CHECKING:
    from tests.e2e.conftest import Visitor
    from tests.support.world import World

__all__ = ["fleets", "hasty", "prepared", "world"]
CLUSTERS = "/meshes/prod/clusters/"


@pytest.fixture
def mesh(db: None) -> Mesh | None:
    return Mesh.objects.first()


@pytest.fixture
def scope(request: pytest.FixtureRequest) -> str:
    name = "prepared" if "prepared" in request.fixturenames else "world"
    found: Any = request.getfixturevalue(name)
    return scope_of(found.mesh.id)


def work(page: Page) -> None:
    """Answers the question that the page has just asked."""
    until = time.monotonic() + 20
    while not (waiting := Inquiry.objects.filter(status=InquiryStatus.WAITING).exclude(kind="kubeconfig.kept").first()):
        assert time.monotonic() < until, "nothing was asked"
        page.wait_for_timeout(50)
    answering.answer(waiting.id)


def without(world: World, name: str) -> None:
    """The mesh as if this cluster had never been registered."""
    row = world.row(name)
    row.delete()
    row.connection.delete()


def test_a_name_that_no_cluster_can_have_is_refused_before_any_cluster_is_asked(world: World, visit: Visitor) -> None:
    page = visit(f"{CLUSTERS}register/")
    name = page.get_by_role("combobox", name="Name")
    page.get_by_role("textbox", name="Kubeconfig").fill(world.fleet.kubeconfig("member-c"))
    long = "a" * (MAX_LABEL + 1)
    refusals: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("", "cluster.name.empty", {}),
        (long, "cluster.name.long", {"name": long, "max": MAX_LABEL}),
        ("member_c", "cluster.name.alphabet", {"name": "member_c"}),
    )
    for typed, code, params in refusals:
        name.fill(typed)
        page.get_by_role("button", name="Register", exact=True).click()
        beside(name, code, **params)
        expect(name).to_have_value(typed)
        expect(page.get_by_role("textbox", name="Kubeconfig")).to_have_accessible_description(
            re.compile("^Your kubeconfig is kept encrypted")
        )
    assert not Inquiry.objects.exclude(kind="kubeconfig.kept").exists()


def test_a_cluster_is_in_a_mesh_once_by_a_name_that_istiod_knows(world: World, visit: Visitor) -> None:
    without(world, "member-c")
    other = shop.new_mesh("other")
    page = visit(f"{CLUSTERS}register/")
    name, kubeconfig = page.get_by_role("combobox", name="Name"), page.get_by_role("textbox", name="Kubeconfig")

    def register(as_name: str, cluster: str) -> None:
        name.fill(as_name)
        kubeconfig.fill(world.fleet.kubeconfig(cluster))
        page.get_by_role("button", name="Register", exact=True).click()
        work(page)
        expect(page.get_by_role("button", name="Register", exact=True)).to_be_visible()
        expect(name).to_have_value(as_name)

    register("member-a", "member-c")
    beside(name, "cluster.name.taken", cluster="member-a")
    register("elsewhere", "member-c")
    beside(
        name,
        "cluster.name.unknown-to-istiod",
        cluster="elsewhere",
        known=sorted(observed.facts(world.mesh).remote_clusters),
    )
    register("member-c", "member-a")
    uid = world.row("member-a").uid
    beside(kubeconfig, "cluster.uid.taken", cluster="member-c", other="member-a", uid=uid)
    Cluster.objects.filter(mesh=world.mesh, name="member-b").update(mesh=other)
    register("member-c", "member-b")
    beside(kubeconfig, "cluster.in-another-mesh", name="member-c")
    assert "member-c" not in desired.load(world.mesh).clusters


def test_a_credential_of_another_cluster_does_not_replace_one(world: World, visit: Visitor) -> None:
    page = visit(f"{CLUSTERS}member-a/credential/")
    kubeconfig = page.get_by_role("textbox", name="Kubeconfig")
    kubeconfig.fill(world.fleet.kubeconfig("member-b"))
    page.get_by_role("button", name="Replace", exact=True).click()
    work(page)
    uid, expected = world.row("member-b").uid, world.row("member-a").uid
    beside(kubeconfig, "cluster.other-identity", name="member-a", uid=uid, expected=expected)


def test_a_mesh_is_registered_once_by_a_name_of_its_own(world: World, visit: Visitor, pia: Any) -> None:
    page = visit("/register-mesh/", name="pia")
    name = page.get_by_role("textbox", name="Name", exact=True)
    namespace = page.get_by_role("textbox", name="System namespace")
    page.get_by_role("textbox", name="Control plane kubeconfig").fill(world.fleet.kubeconfig(world.fleet.hub))

    def register(as_name: str) -> None:
        name.fill(as_name)
        page.get_by_role("button", name="Register", exact=True).click()

    register("Bad Name")
    beside(name, "mesh.name", name="Bad Name")
    register("prod")
    work(page)
    beside(name, "mesh.name-taken", name="prod")
    register("second")
    work(page)
    beside(namespace, "mesh.control-plane-taken", namespace="istio-system")
    expect(name).to_have_value("second")
    config = page.get_by_role("textbox", name="Config cluster kubeconfig")
    config.fill(world.fleet.kubeconfig(world.fleet.hub).replace("127.0.0.1", "localhost"))
    page.get_by_role("button", name="Register", exact=True).click()
    work(page)
    beside(config, "mesh.same-cluster")
    assert Mesh.objects.count() == 1


def test_settings_that_lead_nowhere_are_refused_beside_their_fields(world: World, visit: Visitor, pia: Any) -> None:
    page = visit("/meshes/prod/settings/", name="pia")
    page.get_by_role("combobox", name="Where istiod reads meshNetworks").select_option(index=1)
    config_map = page.get_by_role("textbox", name="ConfigMap")
    config_map.fill("No Such Name")
    page.get_by_role("region", name="meshNetworks").get_by_role("button", name="Save").click()
    beside(config_map, "mesh.config-map", name="No Such Name")
    expect(config_map).to_have_value("No Such Name")
    url = page.get_by_role("textbox", name="Direct istiod URL")
    for typed in ("istiod.example.com", "http://user:secret@istiod.example.com:15014", "http://169.254.169.254"):
        url.fill(typed)
        with page.expect_navigation():
            page.get_by_role("region", name="istiod debug endpoint").get_by_role("button", name="Save").click()
        beside(url, "mesh.istiod-url")
        expect(url).to_have_value(typed)


def restarting(visit: Visitor, whose: str) -> tuple[Page, Locator]:
    """The page that asks whether to restart, with its button once a worker has counted the workloads."""
    page = visit(f"/meshes/prod/restart-workloads/?{whose}", name="omar")
    expect(page.get_by_text("Asking the clusters")).to_be_visible()
    work(page)
    expect(page.get_by_text("Asking the clusters")).to_have_count(0)
    return page, page.get_by_role("button", name="Restart workloads", exact=True).last


def test_workloads_are_not_restarted_where_none_has_to_be(world: World, visit: Visitor, omar: Any) -> None:
    page, verb = restarting(visit, "cluster=member-a")
    expect(verb).to_be_disabled()
    expect(verb).to_have_accessible_description("There is nothing to do.")
    expect(page.get_by_role("heading", name="Restart workloads")).to_be_visible()


def test_workloads_of_a_group_that_joins_meanwhile_are_not_an_operators_to_restart(
    prepared: World, visit: Visitor, omar: Any
) -> None:
    page, verb = restarting(visit, "group=green")
    Membership.objects.create(group=NetworkGroup.objects.get(name="green"))
    verb.click()
    told(page.get_by_role("alert"), "workloads.joined", group="green")
