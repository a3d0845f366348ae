"""The wizard's review and the checks in a browser, on simulated clusters whose answers a worker brings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from interconnect.domain.changes import EditGateway
from interconnect.domain.topology import GatewaySpec
from interconnect.models import Inquiry, InquiryStatus, Mesh, Rollout
from interconnect.services import answering
from interconnect.state import desired
from tests.browser.axe import axe_violations
from tests.support.world import C
from tests.support.worlds import fleets, hasty, prepared

if TYPE_CHECKING:
    from tests.e2e.conftest import Visitor
    from tests.support.world import World

__all__ = ["fleets", "hasty", "prepared"]
HERE = "/meshes/prod/"


@pytest.fixture
def mesh(prepared: World) -> Mesh:
    return prepared.mesh


def worker() -> None:
    """Answers what the page has asked."""
    for inquiry in Inquiry.objects.filter(status=InquiryStatus.WAITING):
        answering.answer(inquiry.id)


def review(page: Page, *groups: str) -> None:
    """The wizard up to its last step, by the first address that each group offers."""
    page.get_by_role("link", name="Join interconnection").click()
    for group in groups:
        page.get_by_role("checkbox", name=group, exact=True).check()
    page.get_by_role("button", name="Next").click()
    for group in groups:
        page.get_by_role("group", name=group, exact=True).get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Next").last.click()
    expect(page.get_by_text("Asking the clusters")).to_be_visible()


def run_checks(page: Page) -> None:
    page.get_by_role("button", name="Run checks").click()
    expect(page.get_by_role("status").filter(has_text="Checking the clusters")).to_be_visible()
    worker()
    expect(page.get_by_role("navigation", name="Pairs shown")).to_be_visible(timeout=60_000)


def test_the_wizard_shows_the_plan_and_leads_to_its_rollout(visit: Visitor, mesh: Mesh) -> None:
    page = visit(HERE)
    review(page, "green")
    expect(page.get_by_role("button", name="OK")).to_have_attribute("aria-disabled", "true")
    page.get_by_role("radio", name="Automatic").check()
    worker()
    difference = page.get_by_role("region", name="Difference").first
    expect(difference).to_contain_text("fromRegistry: member-b")
    expect(page.get_by_role("row", name="Preflight").first).to_be_visible()
    expect(page.get_by_text("proxies are connected to it now")).to_be_visible()
    expect(page.get_by_role("radio", name="Automatic")).to_be_checked()
    page.get_by_role("button", name="OK").click()
    expect(page.get_by_role("heading", name="Join green")).to_be_visible()
    assert desired.load(mesh).groups["green"].joined and Rollout.objects.latest("created_at").restart == "automatic"


def test_an_error_is_passed_over_knowingly_and_the_decision_outlives_a_reload(visit: Visitor, prepared: World) -> None:
    page = visit(HERE)
    prepared.fleet.fault("member-c", "refuse")
    review(page, "red")
    worker()
    row = page.get_by_role("row").filter(has_text="preflight.no-answer")
    expect(row).to_contain_text("member-c doesn't answer")
    while page.get_by_role("button", name="Override").count():
        left = page.get_by_role("button", name="Override").count()
        page.get_by_role("button", name="Override").first.click()
        expect(page.get_by_role("button", name="Override")).to_have_count(left - 1)
    page.reload()
    expect(row).to_contain_text("Accepted. It is recorded")
    expect(page.get_by_role("button", name="OK")).not_to_have_attribute("aria-disabled", "true")
    page.get_by_role("button", name="OK").click()
    expect(page.get_by_role("heading", name="Join red")).to_be_visible()


def test_a_double_click_on_ok_starts_one_rollout(visit: Visitor, mesh: Mesh) -> None:
    page = visit(HERE)
    before = Rollout.objects.count()
    review(page, "green")
    worker()
    expect(page.get_by_role("button", name="OK")).not_to_have_attribute("aria-disabled", "true")
    page.get_by_role("button", name="OK").dblclick()
    expect(page.get_by_role("heading", name="Join green")).to_be_visible()
    assert Rollout.objects.count() == before + 1


def test_the_review_is_used_by_keyboard(visit: Visitor, mesh: Mesh) -> None:
    page = visit(HERE)
    review(page, "green")
    worker()
    expect(page.get_by_role("region", name="Difference").first).to_be_visible()
    page.get_by_role("radio", name="Always").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="Automatic")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Join green")).to_be_visible()


def test_the_checks_are_run_from_their_page(visit: Visitor, mesh: Mesh) -> None:
    page = visit(HERE)
    page.get_by_role("link", name="Checks").click()
    expect(page.get_by_text("Run the checks to compare")).to_be_visible()
    run_checks(page)
    expect(page.get_by_role("link", name=re.compile("blue → green"))).to_contain_text("Directly: not joined")
    expect(page.get_by_role("button", name="Run checks")).not_to_have_attribute("aria-disabled", "true")


def test_axe_finds_nothing_wrong_with_the_review_and_the_checks(visit: Visitor, prepared: World) -> None:
    page = visit(HERE)
    prepared.fleet.fault("member-c", "refuse")
    review(page, "green", "red")
    found = {"planning": axe_violations(page)}
    worker()
    expect(page.get_by_role("button", name="Override").first).to_be_visible()
    found["review"] = axe_violations(page)
    page.goto(HERE + "checks/")
    run_checks(page)
    found["checks"] = axe_violations(page)
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.parametrize("width", [390, 1280])
def test_review_and_checks_are_not_wider_than_the_window(visit: Visitor, prepared: World, width: int) -> None:
    page = visit(HERE, width=width)
    prepared.fleet.fault("member-c", "refuse")
    review(page, "green", "red")
    worker()
    expect(page.get_by_role("button", name="Override").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto(HERE + "checks/")
    run_checks(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_was_refused_stands_there_until_something_else_is_sent(visit: Visitor, prepared: World) -> None:
    page = visit(HERE)
    review(page, "green")
    worker()
    expect(page.get_by_role("button", name="OK")).to_be_enabled()
    prepared.do(EditGateway(C, GatewaySpec(replicas=2)))
    page.get_by_role("button", name="OK").click()
    refusal = page.get_by_role("alert").filter(has_text="has changed since this plan was made")
    expect(refusal).to_be_visible()
    expect(page.get_by_text("Asking the clusters")).to_be_visible()
    worker()
    expect(page.get_by_role("button", name="OK")).to_be_enabled()
    expect(refusal).to_be_visible()
    page.get_by_role("button", name="Plan again").click()
    expect(refusal).to_have_count(0)
