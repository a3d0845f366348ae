"""How a page says no, seen as a person sees it: each helper takes the code of a refusal and expects its words where
they belong.

Which codes the tests of a browser name is counted by tests/test_refusals.py.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.utils import translation
from playwright.sync_api import Locator, Page, expect

from interconnect.wording import word

if TYPE_CHECKING:
    from collections.abc import Iterable


def words(code: str, **params: Any) -> str:
    with translation.override("en"):
        return word(code, params)


def greyed(control: Locator, code: str, **params: Any) -> None:
    """In its place with the reason as its description; it keeps the focus, and pressing it opens nothing."""
    page = control.page
    expect(control).to_have_attribute("aria-disabled", "true")
    expect(control).to_have_accessible_description(re.compile(re.escape(words(code, **params))))
    control.focus()
    expect(control).to_be_focused()
    url, dialogs = page.url, page.get_by_role("dialog").count()
    # The browser's own click: Playwright's waits for what will never be enabled.
    control.evaluate("element => element.click()")
    expect(page.get_by_role("dialog")).to_have_count(dialogs)
    assert page.url == url


def unticked(box: Locator, code: str, **params: Any) -> None:
    """A checkbox that cannot be ticked, the reason in sight beside it."""
    said = words(code, **params)
    expect(box).to_be_disabled()
    expect(box).to_have_accessible_description(said)
    expect(box.page.get_by_text(said).first).to_be_visible()


def beside(field: Locator, code: str, **params: Any) -> None:
    """A field that is marked as wrong and described by what is wrong with it."""
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile(re.escape(words(code, **params))))


def told(place: Locator, code: str, **params: Any) -> None:
    """Within a dialog or an area of a page, in sight."""
    expect(place.get_by_text(words(code, **params)).first).to_be_visible()


def menu_of(page: Page, thing: str) -> Locator:
    """The opened menu of `group NAME`, `cluster NAME` or `gateway NAME`."""
    page.get_by_role("button", name=f"Actions for {thing}", exact=True).click()
    return page.get_by_role("menu", name=f"Actions for {thing}", exact=True)


def item(page: Page, thing: str, name: str) -> Locator:
    return menu_of(page, thing).get_by_role("menuitem", name=name, exact=True)


def all_greyed(page: Page, thing: str, names: Iterable[str], code: str, **params: Any) -> None:
    menu = menu_of(page, thing)
    for name in names:
        greyed(menu.get_by_role("menuitem", name=name, exact=True), code, **params)
    page.keyboard.press("Escape")


def opened(page: Page, thing: str, name: str) -> Locator:
    """The dialog that an item of a menu opens, which has its name."""
    item(page, thing, name).click()
    dialog = page.get_by_role("dialog", name=name, exact=True)
    # What a test changes next is changed under an open dialog.
    expect(dialog).to_be_visible()
    return dialog


def creating(page: Page, name: str = "", *clusters: str) -> Locator:
    """The dialog *Create network group*, opened and filled in."""
    page.get_by_role("button", name="Create network group").click()
    dialog = page.get_by_role("dialog", name="Create network group")
    dialog.get_by_role("textbox", name="Name").fill(name)
    for cluster in clusters:
        dialog.get_by_role("checkbox", name=cluster).check()
    return dialog


def ok(dialog: Locator) -> None:
    dialog.get_by_role("button", name="OK", exact=True).click()
