"""What a browser alone shows: keys and clicks while something is on its way, and where things are in a
narrow window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from interconnect.models import Mesh, Rollout
from tests.browser.held import Held
from tests.e2e.refusals import creating

if TYPE_CHECKING:
    from tests.e2e.conftest import Visitor

HERE = "/meshes/storefront/"


def test_escape_while_ok_is_under_way_says_that_it_was_sent(visit: Visitor, mesh: Mesh) -> None:
    page = visit(HERE)
    dialog = creating(page, "late", "free")
    held = Held(page, "**/groups/create/", times=1)
    dialog.get_by_role("button", name="OK").click()
    for leave in (lambda: page.keyboard.press("Escape"), lambda: dialog.get_by_role("button", name="Cancel").click()):
        leave()
        expect(dialog.get_by_role("status").filter(has_text="Already sent")).to_be_visible()
    held.let_go()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("log", name="Notices")).to_contain_text("Started: Create network group late")


def test_a_double_click_on_ok_is_one_change(visit: Visitor, mesh: Mesh) -> None:
    before = Rollout.objects.count()
    page = visit(f"{HERE}interconnect/addresses/?group=aws")
    page.get_by_role("textbox", name="Address").fill("mine.example")
    page.get_by_role("button", name="OK", exact=True).last.dblclick()
    expect(page.locator("#rollout-title")).to_be_visible()
    expect(page.get_by_text("This changed while you were editing")).to_have_count(0)
    assert Rollout.objects.count() == before + 1


def test_enter_in_a_search_keeps_the_page_and_its_ticks(visit: Visitor, mesh: Mesh) -> None:
    page = visit(HERE)
    page.evaluate("window.isTheSame = true")
    page.get_by_role("checkbox", name="aws").check()
    search = page.get_by_role("searchbox", name="Search groups")
    search.fill("aws")
    search.press("Enter")
    expect(page.get_by_role("button", name="Actions for group asia")).to_have_count(0)
    expect(page.get_by_role("checkbox", name="aws")).to_be_checked()
    assert page.evaluate("window.isTheSame")


def test_back_after_an_added_address_shows_the_page(visit: Visitor, mesh: Mesh) -> None:
    page = visit(f"{HERE}interconnect/addresses/?group=aws")
    page.get_by_role("textbox", name="Address").fill("mine.example")
    page.get_by_role("button", name="Add address").click()
    expect(page.get_by_role("checkbox", name="mine.example:15443")).to_be_checked()
    page.get_by_role("link", name="Clusters", exact=True).click()
    page.wait_for_url("**/clusters/")
    page.go_back()
    expect(page.get_by_role("checkbox", name="mine.example:15443")).to_be_checked()


def test_a_narrow_window_shows_where_one_is_and_what_is_wrong(visit: Visitor, mesh: Mesh) -> None:
    page = visit(f"{HERE}topology/", width=390)
    expect(page.get_by_role("link", name="meshconsole", exact=True)).to_be_visible()
    expect(page.locator(".tabs [aria-current=page]")).to_be_in_viewport(ratio=0.95)
    page.goto(f"{HERE}settings/")
    expect(page.locator(".tabs [aria-current=page]")).to_be_in_viewport(ratio=0.95)
    page.goto(HERE)
    page.get_by_role("button", name="Create network group").click()
    buttons = page.get_by_role("dialog").locator(".sheet-foot .btn")
    for button in buttons.all():
        expect(button).to_be_in_viewport(ratio=0.95)


def test_a_window_that_becomes_narrow_still_shows_where_one_is(visit: Visitor) -> None:
    page = visit(f"{HERE}settings/", width=1280)
    page.set_viewport_size({"width": 390, "height": 800})
    expect(page.locator(".tabs [aria-current=page]")).to_be_in_viewport(ratio=0.95)


def test_a_wide_window_is_used(visit: Visitor, mesh: Mesh) -> None:
    page = visit(HERE, width=2560)
    box = page.locator("main").bounding_box()
    assert box and box["width"] > 1700


def test_a_long_dialog_begins_with_its_title(visit: Visitor) -> None:
    page = visit(HERE)
    page.set_viewport_size({"width": 390, "height": 320})
    page.get_by_role("switch", name="Multicloud interconnection").click()
    dialog = page.get_by_role("dialog", name="Disable multicloud interconnection")
    expect(dialog.get_by_role("textbox")).to_be_focused()
    assert dialog.evaluate("dialog => dialog.scrollHeight > dialog.clientHeight && dialog.scrollTop === 0")
