"""Pages and dialogs in a browser: by the names that people and screen readers find things by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from interconnect.domain.changes import Remove
from interconnect.models import Mesh, Rollout, RolloutStatus, StepStatus
from interconnect.state import desired
from tests.browser.axe import axe_violations
from tests.e2e.refusals import creating
from tests.support import shop

if TYPE_CHECKING:
    from tests.e2e.conftest import Visitor

HERE = "/meshes/storefront/"


def settle(rollout: Rollout, status: RolloutStatus = RolloutStatus.SUCCEEDED) -> None:
    shop.end(rollout, status, StepStatus.SUCCEEDED)
    shop.all_applied(rollout.mesh)


def test_somebody_signs_in_and_out_by_the_names_on_the_page(visit: Visitor) -> None:
    page = visit(HERE)
    page.get_by_role("button", name="Account of ada").click()
    page.get_by_role("menuitem", name="Sign out").click()
    page.get_by_role("textbox", name="Username").fill("ada")
    page.get_by_role("textbox", name="Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("textbox", name="Password").fill("password of ada")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Meshes")).to_be_visible()


def test_a_group_is_created_without_leaving_the_page(visit: Visitor, mesh: Mesh) -> None:
    page = visit(HERE)
    dialog = creating(page, "Bad Name", "free")
    dialog.get_by_role("button", name="OK").click()
    expect(dialog.get_by_role("textbox", name="Name")).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_role("checkbox", name="free")).to_be_checked()
    dialog.get_by_role("textbox", name="Name").fill("2-edge")
    dialog.get_by_role("button", name="OK").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("row", name="2-edge").first).to_be_visible()
    expect(page.get_by_role("status", name="Running rollout")).to_contain_text("2-edge")
    settle(mesh.rollouts.latest("created_at"))
    expect(page.get_by_role("status", name="Running rollout")).to_have_count(0)


def test_menus_are_used_by_keyboard_and_forbidden_items_say_why(visit: Visitor) -> None:
    page = visit(HERE)
    button = page.get_by_role("button", name="Actions for group aws")
    button.focus()
    page.keyboard.press("Enter")
    items = page.get_by_role("menu", name="Actions for group aws").get_by_role("menuitem")
    expect(items).to_have_count(3)
    expect(items.first).to_be_focused()
    expect(items.first).to_have_attribute("aria-disabled", "true")
    expect(items.first).to_have_accessible_description(re.compile("The group aws is joined"))
    page.keyboard.press("ArrowDown")
    expect(items.nth(1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")


def test_a_dialog_gives_the_focus_back_to_what_opened_it(visit: Visitor) -> None:
    page = visit(HERE)
    page.get_by_role("button", name="Actions for cluster taiwan").click()
    page.get_by_role("menuitem", name="Create east-west gateway").click()
    expect(page.get_by_role("dialog", name="Create east-west gateway")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Actions for cluster taiwan")).to_be_focused()


def test_a_poll_moves_no_focus_closes_no_menu_and_clears_no_tick(visit: Visitor, mesh: Mesh) -> None:
    page = visit(HERE)
    page.get_by_role("checkbox", name="aws").check()
    page.get_by_role("button", name="Clusters of asia").click()
    page.get_by_role("button", name="Actions for group 1-onprem").click()
    page.keyboard.press("ArrowDown")
    shop.note_gateway(mesh, "hangzhou", addresses=["203.0.113.99"])
    page.evaluate("document.dispatchEvent(new Event('refresh'))")
    expect(page.get_by_text("203.0.113.99:15443")).to_be_visible()
    menu = page.get_by_role("menu", name="Actions for group 1-onprem")
    expect(menu).to_be_visible()
    expect(menu.get_by_role("menuitem").nth(1)).to_be_focused()
    expect(page.get_by_role("checkbox", name="aws")).to_be_checked()
    expect(page.get_by_role("row", name="taiwan").first).to_be_hidden()


def test_a_search_keeps_what_is_typed(visit: Visitor) -> None:
    page = visit(HERE)
    box = page.get_by_role("searchbox", name="Search groups")
    box.press_sequentially("irel")
    expect(page.get_by_role("button", name="Actions for group asia")).to_have_count(0)
    expect(page.get_by_role("button", name="Actions for group aws")).to_be_visible()
    expect(box).to_have_value("irel")
    expect(box).to_be_focused()


def test_meshes_are_searched_and_sorted_without_leaving_the_page(visit: Visitor) -> None:
    page = visit("/meshes/?state=critical")
    page.get_by_role("combobox", name="Sort").select_option("By name")
    expect(page).to_have_url(re.compile("sort=name"))
    box = page.get_by_role("searchbox", name="Search meshes")
    box.press_sequentially("nowhere")
    expect(page.get_by_text("No mesh matches “nowhere”.")).to_be_visible()
    expect(box).to_be_focused()
    expect(page).to_have_url(re.compile(r"(?=.*q=nowhere)(?=.*sort=name)(?=.*state=critical)"))
    expect(page.get_by_role("link", name="CSV")).to_have_attribute("href", re.compile("q=nowhere"))


def test_the_wizard_keeps_what_was_chosen_through_a_reload(visit: Visitor) -> None:
    page = visit(HERE)
    page.get_by_role("link", name="Join interconnection").click()
    expect(page.get_by_role("checkbox", name="aws")).to_be_disabled()
    page.get_by_role("checkbox", name="asia").check()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("textbox", name="Address").fill("gw.example.org")
    page.get_by_role("button", name="Add address").click()
    expect(page.get_by_role("checkbox", name="gw.example.org:15443")).to_be_checked()
    page.get_by_role("checkbox", name="203.0.113.8:15443").check()
    page.get_by_role("button", name="Next").last.click()
    expect(page.get_by_role("row", name="asia")).to_contain_text("203.0.113.8:15443")
    page.reload()
    expect(page.get_by_role("row", name="asia")).to_contain_text("gw.example.org:15443")
    expect(page.get_by_role("button", name="OK")).to_have_attribute("aria-disabled", "true")


def test_removing_asks_twice(visit: Visitor, mesh: Mesh) -> None:
    page = visit(HERE)
    remove = page.get_by_role("button", name="Remove interconnection")
    expect(remove).to_have_attribute("aria-disabled", "true")
    page.get_by_role("checkbox", name="aws").check()
    remove.click()
    dialog = page.get_by_role("dialog", name="Remove interconnection")
    dialog.get_by_role("button", name="Remove").click()
    dialog.get_by_role("radio", name="Never").check()
    dialog.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Remove aws from the interconnect")).to_be_visible()


def test_a_rollouts_page_follows_it_to_its_end(visit: Visitor, mesh: Mesh) -> None:
    rollout = shop.started(mesh, Remove("aws"))
    page = visit(f"{HERE}rollouts/{rollout.id}/")
    expect(page.get_by_text("Queued", exact=True).first).to_be_visible()
    settle(rollout)
    expect(page.get_by_text("0 of", exact=False)).to_have_count(0)
    expect(page.locator("#live")).to_have_attribute("data-poll", "15")


def test_a_session_that_ends_mid_dialog_loses_nothing(visit: Visitor, mesh: Mesh) -> None:
    page = visit(HERE)
    dialog = creating(page, "late", "free")
    page.context.clear_cookies(name="sessionid")
    dialog.get_by_role("button", name="OK").click()
    again = page.get_by_role("dialog", name="Your session has ended")
    again.get_by_role("textbox", name="Username").fill("ada")
    again.get_by_role("textbox", name="Password").fill("password of ada")
    again.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("row", name="late").first).to_be_visible()
    assert "late" in desired.load(mesh).groups


def test_language_and_theme_are_switched_in_place(visit: Visitor) -> None:
    page = visit(HERE)
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("menuitemradio", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("button", name="Language").click()
    page.get_by_role("menuitemradio", name="简体中文").click()
    expect(page.get_by_role("heading", name="网络分组")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


PAGES = (
    "",
    "topology/",
    "members/",
    "clusters/",
    "rollouts/",
    "activity/",
    "checks/",
    "settings/",
    "join/",
    "interconnect/addresses/?group=aws",
    "disable/",
)


def test_axe_finds_nothing_wrong_with_any_page(visit: Visitor, mesh: Mesh) -> None:
    failed = shop.started(mesh, Remove("aws"))
    shop.end(failed, RolloutStatus.FAILED, StepStatus.SUCCEEDED)
    failed.steps.filter(kind="restart").update(
        status=StepStatus.FAILED, error_code="restart.guard", error_params={"clusters": ["spare"]}
    )
    page = visit("/meshes/")
    found = {"/meshes/": axe_violations(page)}
    for path in (*PAGES, f"rollouts/{failed.id}/"):
        page.goto(HERE + path)
        found[path] = axe_violations(page)
    assert {path: problems for path, problems in found.items() if problems} == {}


def test_axe_finds_nothing_wrong_with_menus_and_dialogs(visit: Visitor) -> None:
    page = visit(HERE)
    page.get_by_role("button", name="Actions for group aws").click()
    found = {"menu": axe_violations(page)}
    page.keyboard.press("Escape")
    for name in ("Create network group", "View rule"):
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        found[name] = axe_violations(page)
        page.keyboard.press("Escape")
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_the_window(visit: Visitor, width: int) -> None:
    page = visit("/meshes/", width=width)
    for path in PAGES:
        page.goto(HERE + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_two_people_see_each_others_changes(visit: Visitor, mesh: Mesh, pia: Any) -> None:
    one, other = visit(HERE), visit(HERE, name="pia")
    for page in (one, other):
        page.get_by_role("button", name="Create network group").click()
        page.get_by_role("dialog").get_by_role("textbox", name="Name").fill("same")
        page.get_by_role("dialog").get_by_role("checkbox", name="free").check()
    one.get_by_role("dialog").get_by_role("button", name="OK").click()
    expect(one.get_by_role("dialog")).to_be_hidden()
    other.get_by_role("dialog").get_by_role("button", name="OK").click()
    expect(other.get_by_role("dialog").locator(".field-error, [role=alert]").first).to_be_visible()
    expect(other.get_by_role("dialog").get_by_role("textbox", name="Name")).to_have_value("same")
