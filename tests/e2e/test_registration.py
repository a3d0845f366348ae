"""Registering and looking, in a browser on simulated clusters; the test is the worker that answers."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect

from interconnect.models import Cluster, Inquiry, InquiryStatus, Mesh
from interconnect.scope import scope_of
from interconnect.services import answering
from meshconsole.access.roles import Role
from tests.browser.axe import axe_violations
from tests.browser.held import Held
from tests.conftest import person
from tests.support.worlds import empty, fleets, hasty, world

if TYPE_CHECKING:
    from tests.e2e.conftest import Visitor
    from tests.support.world import World

__all__ = ["empty", "fleets", "hasty", "world"]


@pytest.fixture
def mesh(db: None) -> Mesh | None:
    return Mesh.objects.first()


@pytest.fixture
def scope(request: pytest.FixtureRequest) -> str:
    found: Any = request.getfixturevalue("world") if "world" in request.fixturenames else None
    return scope_of(found.mesh.id) if found else "somewhere"


def work(page: Page) -> None:
    """Answers the question that the page has just asked."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        waiting = Inquiry.objects.filter(status=InquiryStatus.WAITING).exclude(kind="kubeconfig.kept").first()
        if waiting:
            answering.answer(waiting.id)
            return
        page.wait_for_timeout(50)
    raise AssertionError("nothing was asked")


def test_a_mesh_is_registered_by_the_names_on_the_page(empty: World, visit: Visitor) -> None:
    person("pia", Role.PLATFORM_ADMIN, "")
    page = visit("/meshes/", name="pia")
    page.get_by_role("link", name="Register mesh").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("prod")
    page.get_by_role("radiogroup", name="Kind").or_(page.get_by_role("group", name="Kind")).get_by_role(
        "radio", name="Hosted"
    ).check()
    page.get_by_role("textbox", name="Control plane kubeconfig").fill("kind: Config")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("textbox", name="Control plane kubeconfig")).to_have_attribute("aria-invalid", "true")
    assert axe_violations(page) == []
    page.get_by_role("textbox", name="Control plane kubeconfig").fill(empty.fleet.kubeconfig(empty.fleet.hub))
    expect(page.get_by_role("textbox", name="System namespace")).to_have_value("istio-system")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("status").filter(has_text="Checking the clusters")).to_be_visible()
    assert axe_violations(page) == []
    work(page)
    expect(page.get_by_role("heading", name="prod", level=1)).to_be_visible()
    expect(page.get_by_text("prod is registered.")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_cluster_is_checked_and_registered_and_its_kubeconfig_is_nowhere(
    world: World, visit: Visitor, theme: str
) -> None:
    row = world.row("member-c")
    row.delete()
    row.connection.delete()
    page = visit("/meshes/prod/clusters/", theme=theme)
    page.get_by_role("link", name="Register cluster").click()
    page.get_by_role("combobox", name="Name").fill("member-c")
    page.get_by_role("textbox", name="Kubeconfig").fill(world.fleet.kubeconfig("member-c"))
    page.get_by_role("button", name="Check").click()
    work(page)
    expect(page.get_by_role("heading", name="What the check found")).to_be_visible()
    expect(page.get_by_role("textbox", name="Kubeconfig")).to_have_value("")
    assert axe_violations(page) == []
    page.set_viewport_size({"width": 1280, "height": 500})
    page.evaluate("scrollTo(0, 0)")
    expect(page.get_by_role("button", name="Register")).to_be_in_viewport(ratio=0.95)
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("button", name="Actions for cluster member-c")).to_be_visible()
    assert Cluster.objects.filter(name="member-c").exists()
    assert axe_violations(page) == []


def test_a_refused_kubeconfig_leads_to_a_script_to_copy(world: World, visit: Visitor) -> None:
    page = visit("/meshes/prod/clusters/register/")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    cloud = world.fleet.kubeconfig("member-a").replace("token: simulator-admin-token", "exec: {command: aws}")
    page.get_by_role("textbox", name="Kubeconfig").fill(cloud)
    page.get_by_role("button", name="Check").click()
    page.get_by_role("link", name="Account for the console").click()
    expect(page.get_by_role("region", name="Account for the console")).to_be_focused()
    assert axe_violations(page) == []
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="Download script").click()
    assert downloaded.value.suggested_filename == "meshconsole-member.sh"
    page.get_by_role("button", name="Copy script").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == downloaded.value.path().read_text()


def test_the_script_follows_the_system_namespace(empty: World, visit: Visitor) -> None:
    person("pia", Role.PLATFORM_ADMIN, "")
    page = visit("/register-mesh/", name="pia")
    panel = page.get_by_role("region", name="Account for the console")
    panel.locator("summary", has_text=re.compile("^Cluster that only runs istiod$")).click()
    page.get_by_role("textbox", name="System namespace").fill("mesh-system")
    page.get_by_role("textbox", name="Name", exact=True).fill("prod")
    expect(panel.locator("details[open]")).to_contain_text("mesh-system")
    expect(panel.get_by_role("link", name="Download script Cluster that only runs istiod")).to_have_attribute(
        "href", re.compile("system_namespace=mesh-system")
    )


def test_a_credential_is_replaced_from_the_clusters_menu_by_keyboard(world: World, visit: Visitor) -> None:
    page = visit("/meshes/prod/clusters/")
    page.get_by_role("button", name="Actions for cluster member-a").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Replace credential")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("textbox", name="Kubeconfig").fill(world.fleet.kubeconfig("member-a"))
    page.get_by_role("button", name="Replace").focus()
    page.keyboard.press("Enter")
    work(page)
    expect(page.get_by_text("The credential has been replaced.")).to_be_visible()


def test_a_file_that_is_too_large_is_not_sent_and_one_that_is_sent_says_so(world: World, visit: Visitor) -> None:
    page = visit("/meshes/prod/clusters/register/")
    upload = page.get_by_label("Or upload it as a file")
    upload.set_input_files({"name": "huge.yaml", "mimeType": "text/yaml", "buffer": b"x" * 300_000})
    expect(page.get_by_role("alert")).to_contain_text("larger than 262144 bytes")
    expect(upload).to_have_value("")
    expect(upload).to_have_accessible_description(re.compile("larger than"))
    small = world.fleet.kubeconfig("member-a").encode()
    upload.set_input_files({"name": "small.yaml", "mimeType": "text/yaml", "buffer": small})
    expect(page.get_by_role("alert")).to_have_count(0)
    held = Held(page, "**/clusters/register/")
    page.get_by_role("combobox", name="Name").fill("member-a")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("Sending…")).to_be_visible()
    held.let_go()
    work(page)
    expect(page.get_by_text("Sending…")).to_be_hidden()
    expect(page.get_by_role("combobox", name="Name")).to_have_attribute("aria-invalid", "true")


def test_the_rule_is_looked_at_live_in_a_dialog(world: World, visit: Visitor) -> None:
    page = visit("/meshes/prod/")
    page.get_by_role("button", name="View rule").click()
    dialog = page.get_by_role("dialog", name="Gateway rule")
    expect(dialog.get_by_text("Asking the clusters")).to_be_visible()
    work(page)
    expect(dialog.get_by_text("None.")).to_be_visible()
    assert axe_violations(page) == []


def test_the_dialog_that_enables_asks_for_gateways_on_the_port(world: World, visit: Visitor) -> None:
    server = {"port": {"number": 15443, "name": "t", "protocol": "TLS"}, "hosts": ["*.x"]}
    spec = {"selector": {"istio": "eastwestgateway"}, "servers": [server]}
    metadata = {"name": "theirs", "namespace": "istio-system"}
    config = world.fleet.cluster(world.fleet.config)
    config.put({"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": metadata, "spec": spec})
    page = visit("/meshes/prod/")
    page.get_by_role("switch", name="Multicloud interconnection").click()
    dialog = page.get_by_role("dialog", name="Enable multicloud interconnection")
    expect(dialog.get_by_text("Asking the clusters")).to_be_visible()
    work(page)
    expect(dialog.get_by_text("istio-system/theirs applies to the same gateways")).to_be_visible()
    assert axe_violations(page) == []
    dialog.get_by_role("button", name="Enable", exact=True).click()
    expect(page.get_by_role("heading", name="Enable multicloud interconnection")).to_be_visible()


def test_a_session_that_ends_does_not_cost_what_was_typed(world: World, visit: Visitor) -> None:
    page = visit("/meshes/prod/clusters/register/")
    page.get_by_role("combobox", name="Name").fill("member-a")
    page.get_by_role("textbox", name="Kubeconfig").fill(world.fleet.kubeconfig("member-a"))
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Check").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Username").fill("ada")
    dialog.get_by_role("textbox", name="Password").fill("password of ada")
    dialog.get_by_role("button", name="Sign in").click()
    work(page)
    expect(page.get_by_role("combobox", name="Name")).to_have_value("member-a")
    expect(page.get_by_role("combobox", name="Name")).to_have_attribute("aria-invalid", "true")
