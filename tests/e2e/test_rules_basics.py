"""Rules 1, 2, 14 and 17, and the roles, as the browser refuses them: the switch, the phrase, one rollout at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

from interconnect.domain.changes import Disable, Enable, Remove
from interconnect.domain.topology import MeshKind
from interconnect.scope import scope_of
from interconnect.state import desired
from meshconsole.access.models import Binding
from meshconsole.access.roles import Role
from tests.e2e.refusals import all_greyed, beside, creating, greyed, ok, told
from tests.support import shop

if TYPE_CHECKING:
    from interconnect.models import Mesh
    from tests.e2e.conftest import Visitor

HERE = "/meshes/storefront/"


NEED_IT = ("Create network group", "Join interconnection", "Update east-west gateway address", "Remove interconnection")


def test_only_a_hosted_mesh_can_be_enabled_and_no_other_is_sent_there(visit: Visitor, pia: Any) -> None:
    shop.new_mesh("outside", MeshKind.EXTERNAL)
    page = visit("/meshes/outside/", name="pia")
    greyed(page.get_by_role("switch", name="Multicloud interconnection"), "interconnect.not-hosted", kind="external")
    for name in NEED_IT:
        greyed(page.get_by_role("button", name=name, exact=True), "interconnect.not-hosted")


def test_nothing_can_be_done_before_the_interconnect_is_enabled(visit: Visitor, pia: Any) -> None:
    shop.new_mesh("fresh")
    page = visit("/meshes/fresh/", name="pia")
    for name in NEED_IT:
        greyed(page.get_by_role("button", name=name, exact=True), "interconnect.disabled")


def test_what_a_colleague_has_enabled_or_disabled_meanwhile_is_said_in_the_dialog(visit: Visitor, pia: Any) -> None:
    fresh = shop.new_mesh("fresh")
    page = visit("/meshes/fresh/", name="pia")
    page.get_by_role("switch", name="Multicloud interconnection").click()
    dialog = page.get_by_role("dialog", name="Enable multicloud interconnection")
    expect(dialog).to_be_visible()
    shop.settled(fresh, Enable())
    dialog.get_by_role("button", name="Enable", exact=True).click()
    told(dialog, "interconnect.already-enabled")
    shop.add_cluster(fresh, "free")
    page.reload()
    dialog = creating(page, "mine", "free")
    shop.settled(fresh, Disable())
    ok(dialog)
    told(dialog, "interconnect.disabled")
    expect(dialog.get_by_role("textbox", name="Name")).to_have_value("mine")


def test_disabling_shows_what_is_missing_and_its_button_stays_greyed(visit: Visitor, mesh: Mesh) -> None:
    page = visit(HERE)
    page.get_by_role("switch", name="Multicloud interconnection").click()
    dialog = page.get_by_role("dialog", name="Disable multicloud interconnection")
    for code in ("prerequisite.nothing-joined", "prerequisite.no-groups"):
        told(dialog, code)
    told(dialog, "interconnect.groups-joined", groups=["aws"])
    told(dialog, "interconnect.groups-left", groups=list(desired.load(mesh).groups))
    button = dialog.get_by_role("button", name="Disable", exact=True)
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_accessible_description("Not everything above is done yet.")
    button.focus()
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    assert desired.load(mesh).enabled


def test_another_phrase_does_not_disable_and_stays_to_be_corrected(visit: Visitor, pia: Any) -> None:
    shop.settled(shop.new_mesh("fresh"), Enable())
    page = visit("/meshes/fresh/", name="pia")
    page.get_by_role("switch", name="Multicloud interconnection").click()
    dialog = page.get_by_role("dialog", name="Disable multicloud interconnection")
    phrase = dialog.get_by_role("textbox", name="Type “Close Basic Settings” to confirm")
    phrase.fill("close basic settings")
    dialog.get_by_role("button", name="Disable", exact=True).click()
    beside(phrase, "interconnect.phrase")
    expect(phrase).to_have_value("close basic settings")
    expect(phrase).to_be_focused()


def test_a_second_rollout_is_refused_and_names_the_running_one(visit: Visitor, mesh: Mesh) -> None:
    page = visit(HERE)
    dialog = creating(page, "mine", "free")
    running = shop.started(mesh, Remove("aws"))
    ok(dialog)
    told(dialog, "rollout.running", rollout=str(running.id), actor=running.actor)
    expect(dialog.get_by_role("alert")).to_be_focused()
    expect(dialog.get_by_role("textbox", name="Name")).to_have_value("mine")
    expect(dialog.get_by_role("checkbox", name="free")).to_be_checked()


def test_what_a_role_may_not_do_is_greyed_with_the_role_that_it_needs(visit: Visitor, vera: Any, omar: Any) -> None:
    viewer = visit(HERE, name="vera")
    all_greyed(
        viewer, "group asia", ("Add cluster", "Create east-west gateway"), "role.missing", role=Role.OPERATOR.slug
    )
    greyed(viewer.get_by_role("button", name="Create network group"), "role.missing", role=Role.OPERATOR.slug)
    greyed(viewer.get_by_role("switch", name="Multicloud interconnection"), "role.missing", role=Role.MESH_ADMIN.slug)
    operator = visit(HERE, name="omar")
    all_greyed(operator, "group asia", ("Delete network group",), "role.missing", role=Role.MESH_ADMIN.slug)
    for name in ("Join interconnection", "Remove interconnection"):
        greyed(operator.get_by_role("button", name=name, exact=True), "role.missing", role=Role.MESH_ADMIN.slug)
    operator.goto(f"{HERE}clusters/")
    all_greyed(
        operator,
        "cluster free",
        ("Replace credential", "Remove from mesh", "Forget cluster"),
        "role.missing",
        role="mesh-admin",
    )


def test_who_loses_the_role_while_typing_is_told_so_in_the_dialog_and_keeps_what_was_typed(
    visit: Visitor, mesh: Mesh, omar: Any
) -> None:
    page = visit(HERE, name="omar")
    dialog = creating(page, "mine", "free")
    Binding.objects.filter(user=omar).update(role=Role.VIEWER)
    ok(dialog)
    expect(dialog.get_by_role("alert")).to_contain_text("You aren't allowed to do this.")
    expect(dialog.get_by_role("textbox", name="Name")).to_have_value("mine")
    assert "mine" not in desired.load(mesh).groups


def test_a_mesh_is_deleted_only_when_nothing_holds_it(visit: Visitor, mesh: Mesh, pia: Any) -> None:
    page = visit(f"{HERE}settings/", name="pia")
    delete = page.get_by_role("button", name="Delete mesh")
    greyed(delete, "mesh.enabled")
    empty = shop.new_mesh("empty")
    shop.settled(empty, Enable())
    shop.settled(empty, Disable())
    cluster = shop.add_cluster(empty, "last")
    page.goto("/meshes/empty/settings/")
    greyed(delete, "mesh.has-clusters", name="empty", clusters=["last"])
    cluster.delete()
    page.reload()
    greyed(delete, "mesh.leftovers", name="empty")
    empty.applied.all().delete()
    page.reload()
    delete.click()
    dialog = page.get_by_role("dialog", name="Delete mesh")
    expect(dialog).to_be_visible()
    shop.settled(empty, Enable())
    dialog.get_by_role("button", name="Delete", exact=True).click()
    told(dialog, "mesh.enabled")
    shop.settled(empty, Disable())
    empty.applied.all().delete()
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("empty has been deleted.")).to_be_visible()
    expect(page.get_by_role("link", name="empty", exact=True)).to_have_count(0)
    assert not Binding.objects.filter(scope=scope_of(empty.id)).exists()


def test_a_mesh_is_not_a_mesh_admins_to_delete(visit: Visitor) -> None:
    page = visit(f"{HERE}settings/")
    greyed(page.get_by_role("button", name="Delete mesh"), "role.missing", role=Role.PLATFORM_ADMIN.slug)
