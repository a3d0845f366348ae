"""A page follows what happens by itself, says it aloud, and keeps the focus where a person put it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Page, expect

from interconnect.domain.changes import AddCluster, MoveCluster, Remove, RemoveCluster
from interconnect.models import Mesh, RolloutStatus, StepStatus
from tests.browser.held import Held
from tests.e2e.conftest import sign_in
from tests.e2e.refusals import creating
from tests.support import shop

if TYPE_CHECKING:
    from tests.e2e.conftest import Visitor

HERE = "/meshes/storefront/"


def test_start_and_end_of_a_rollout_are_said_aloud(visit: Visitor, mesh: Mesh) -> None:
    page = visit(HERE)
    announcer = page.locator("#announcer")
    expect(announcer).to_be_empty()
    rollout = shop.started(mesh, Remove("aws"))
    page.evaluate("document.dispatchEvent(new Event('refresh'))")
    expect(announcer).to_have_text("Remove aws from the interconnect")
    shop.end(rollout, RolloutStatus.SUCCEEDED, StepStatus.SUCCEEDED)
    expect(announcer).to_have_text("Remove aws from the interconnect: succeeded")


def test_the_focus_goes_along_with_a_row_that_moves_and_stays_near_one_that_goes(visit: Visitor, mesh: Mesh) -> None:
    shop.settled(mesh, AddCluster("asia", "free"))
    page = visit(HERE)
    menu = page.get_by_role("button", name="Actions for cluster free")
    menu.focus()
    shop.settled(mesh, MoveCluster("free", "1-onprem"))
    page.evaluate("document.dispatchEvent(new Event('refresh'))")
    expect(page.get_by_role("row", name="1-onprem").first).to_contain_text("2 of 2 reachable")
    expect(menu).to_be_focused()
    shop.settled(mesh, RemoveCluster("free"))
    page.evaluate("document.dispatchEvent(new Event('refresh'))")
    expect(menu).to_have_count(0)
    expect(page.locator("#groups :focus")).to_have_count(1)


def test_a_dialog_whose_opener_has_gone_gives_the_focus_to_the_page(visit: Visitor, mesh: Mesh) -> None:
    shop.settled(mesh, AddCluster("asia", "free"))
    page = visit(HERE)
    page.get_by_role("button", name="Actions for cluster free").click()
    page.get_by_role("menuitem", name="Create east-west gateway").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    shop.settled(mesh, RemoveCluster("free"))
    page.evaluate("document.dispatchEvent(new Event('refresh'))")
    expect(page.get_by_role("row", name="free", include_hidden=True)).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("main:focus, main :focus")).to_have_count(1)


def test_the_second_question_of_a_removal_has_the_focus(visit: Visitor) -> None:
    page = visit(HERE)
    page.get_by_role("checkbox", name="aws").check()
    page.get_by_role("button", name="Remove interconnection").click()
    dialog = page.get_by_role("dialog", name="Remove interconnection")
    dialog.get_by_role("button", name="Remove").focus()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="Confirm")).to_be_visible()
    expect(dialog.locator(":focus")).to_have_count(1)


def refused(page: Page, place: str) -> Any:
    return page.expect_response(lambda response: response.status == 401 and place in response.url)


def test_two_polls_that_hear_of_an_ended_session_open_one_dialog(visit: Visitor, mesh: Mesh) -> None:
    rollout = shop.started(mesh, Remove("aws"))
    page = visit(f"{HERE}rollouts/{rollout.id}/")
    asked = Held(page, "**/sign-in/", times=1)
    with refused(page, "/status/"), refused(page, "/rollouts/"):
        page.context.clear_cookies(name="sessionid")
        page.evaluate("document.dispatchEvent(new Event('refresh'))")
    asked.let_go()
    dialog = page.get_by_role("dialog", name="Your session has ended")
    expect(dialog).to_be_visible()
    # Whatever the second asks for would have come by now.
    page.wait_for_timeout(1500)
    dialog.get_by_role("textbox", name="Username").fill("ada")
    dialog.get_by_role("textbox", name="Password").fill("password of ada")
    dialog.get_by_role("button", name="Sign in").click()
    shop.end(rollout, RolloutStatus.SUCCEEDED, StepStatus.SUCCEEDED)
    expect(page.get_by_text("Succeeded", exact=True).first).to_be_visible()


def test_a_sign_in_that_is_put_off_is_asked_for_again_and_the_focus_is_where_it_was(visit: Visitor) -> None:
    page = visit(HERE)
    page.get_by_role("searchbox", name="Search groups").focus()
    page.context.clear_cookies(name="sessionid")
    dialog = page.get_by_role("dialog", name="Your session has ended")
    for _ in range(2):
        page.evaluate("document.dispatchEvent(new Event('refresh'))")
        expect(dialog).to_be_visible()
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    page.evaluate("document.dispatchEvent(new Event('refresh'))")
    dialog.get_by_role("textbox", name="Username").fill("ada")
    dialog.get_by_role("textbox", name="Password").fill("password of ada")
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("searchbox", name="Search groups")).to_be_focused()


SEND_ANSWER_AT_ONCE = """() => new MutationObserver((seen, observer) => {
  observer.disconnect();
  document.getElementById("dialog-form").requestSubmit();
}).observe(document.querySelector("#dialogs dialog"), { childList: true, subtree: true })"""


def test_an_answer_that_is_sent_on_the_moment_it_is_there_does_not_leave_the_page(visit: Visitor) -> None:
    page = visit(HERE)
    dialog = creating(page, "aws")
    page.evaluate(SEND_ANSWER_AT_ONCE)
    count = itertools.count(1)
    with page.expect_request(lambda request: request.method == "POST" and next(count) == 2) as again:
        dialog.get_by_role("button", name="OK").click()
    assert again.value.headers["hx-request"] == "true"
    expect(dialog.get_by_role("textbox", name="Name")).to_have_value("aws")


def test_who_signs_in_again_in_one_tab_goes_on_in_the_other(visit: Visitor, mesh: Mesh) -> None:
    one = visit(HERE)
    dialog = creating(one, "2-edge", "free")
    one.context.clear_cookies(name="sessionid")
    sign_in(one.context.new_page(), "ada")
    dialog.get_by_role("button", name="OK").click()
    expect(dialog).to_be_hidden()
    expect(one.get_by_role("button", name="Actions for group 2-edge")).to_be_visible()


def test_a_poll_that_was_on_its_way_does_not_undo_a_search(visit: Visitor) -> None:
    page = visit(HERE)
    late = Held(page, f"**{HERE}", times=1)
    page.evaluate("document.dispatchEvent(new Event('refresh'))")
    page.get_by_role("searchbox", name="Search groups").fill("frankfurt")
    asia = page.get_by_role("button", name="Actions for group asia")
    expect(asia).to_have_count(0)
    with page.expect_response(lambda response: response.url.endswith(HERE)):
        late.let_go()
    page.wait_for_timeout(300)
    expect(asia).to_have_count(0)
