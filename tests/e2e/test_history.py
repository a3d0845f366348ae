"""Back, Forward and reload do what a person expects of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import Page, expect

from interconnect.models import Mesh, Rollout
from tests.e2e.refusals import creating
from tests.e2e.test_pages import settle

if TYPE_CHECKING:
    from tests.e2e.conftest import Visitor

HERE = "/meshes/storefront/"


def create_group(page: Page, name: str) -> None:
    dialog = creating(page, name, "free")
    dialog.get_by_role("button", name="OK").click()
    expect(dialog).to_be_hidden()


def test_back_shows_what_has_changed_meanwhile(visit: Visitor, mesh: Mesh) -> None:
    page = visit(HERE)
    create_group(page, "late")
    expect(page.get_by_role("button", name="Actions for group late")).to_be_visible()
    page.get_by_role("link", name="Clusters", exact=True).click()
    page.wait_for_url("**/clusters/")
    expect(page.get_by_role("button", name="Actions for cluster taiwan")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("button", name="Actions for group late")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.go_forward()
    expect(page.get_by_role("button", name="Actions for cluster taiwan")).to_be_visible()


def test_back_and_forward_walk_the_wizard_with_what_was_chosen(visit: Visitor) -> None:
    page = visit(HERE)
    page.get_by_role("link", name="Join interconnection").click()
    page.get_by_role("checkbox", name="asia").check()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("checkbox", name="203.0.113.8:15443").check()
    page.get_by_role("button", name="Next").last.click()
    expect(page.get_by_role("radio", name="Always")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("checkbox", name="203.0.113.8:15443")).to_be_checked()
    page.go_back()
    expect(page.get_by_role("checkbox", name="asia")).to_be_checked()
    page.go_forward()
    page.go_forward()
    expect(page.get_by_role("row", name="asia")).to_contain_text("203.0.113.8:15443")


def test_back_from_a_rollout_neither_sends_again_nor_shows_a_form_that_is_over(visit: Visitor, mesh: Mesh) -> None:
    page, before = visit(HERE), Rollout.objects.count()
    page.get_by_role("checkbox", name="aws").check()
    page.get_by_role("button", name="Remove interconnection").click()
    dialog = page.get_by_role("dialog", name="Remove interconnection")
    dialog.get_by_role("button", name="Remove").click()
    dialog.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name=re.compile("Remove aws"))).to_be_visible()
    settle(mesh.rollouts.latest("created_at"))
    page.go_back()
    expect(page.get_by_role("heading", name="storefront", level=1)).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("checkbox", name="aws")).to_have_count(0)
    page.go_forward()
    expect(page.get_by_role("heading", name=re.compile("Remove aws"))).to_be_visible()
    assert Rollout.objects.count() == before + 1


def test_a_search_is_kept_through_back_and_reload(visit: Visitor) -> None:
    page = visit(HERE)
    page.get_by_role("searchbox", name="Search groups").press_sequentially("irel")
    expect(page.get_by_role("button", name="Actions for group asia")).to_have_count(0)
    expect(page).to_have_url(re.compile("q=irel"))
    page.get_by_role("link", name="Clusters", exact=True).click()
    page.wait_for_url("**/clusters/")
    expect(page.get_by_role("button", name="Actions for cluster taiwan")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("searchbox", name="Search groups")).to_have_value("irel")
    expect(page.get_by_role("button", name="Actions for group aws")).to_be_visible()
    expect(page.get_by_role("button", name="Actions for group asia")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("searchbox", name="Search groups")).to_have_value("irel")
    expect(page.get_by_role("button", name="Actions for group asia")).to_have_count(0)


def test_back_after_the_session_has_ended_asks_for_the_password_and_comes_back(visit: Visitor) -> None:
    page = visit(HERE)
    page.get_by_role("link", name="Clusters", exact=True).click()
    page.wait_for_url("**/clusters/")
    expect(page.get_by_role("button", name="Actions for cluster taiwan")).to_be_visible()
    page.context.clear_cookies(name="sessionid")
    page.go_back()
    again = page.get_by_role("dialog").or_(page.locator("main form"))
    again.get_by_role("textbox", name="Username").fill("ada")
    again.get_by_role("textbox", name="Password").fill("password of ada")
    again.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="storefront", level=1)).to_be_visible()
