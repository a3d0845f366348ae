"""Two ways to act on what is on a page: by mouse, and by keyboard alone.

Things are given as locators by role and accessible name.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

# Where the focus is, seen from the wanted element, and whether it has been anywhere in this document before.
WHERE = """element => {
    const at = document.activeElement;
    if (at === element) { window.focusWasSet = true; return "here"; }
    if (!at || at === document.body) return window.focusWasSet ? "lost" : "nowhere";
    return at.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_PRECEDING ? "back" : "on";
}"""
MOST_TABS = 400
PASTED_FROM = 100


class Hands(ABC):
    """Every action waits until the page allows it, and fails with what it waited for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        # Listened to from the beginning: the browser is told so without being waited for, and opens a dialog of its own
        # until then.
        page.on("filechooser", lambda chooser: None)

    @abstractmethod
    def press(self, thing: Locator) -> None:
        """A button, a link, a switch."""

    @abstractmethod
    def choose(self, button: Locator, item: str) -> None:
        """An item, by its whole name, of the menu that a button opens."""

    @abstractmethod
    def fill(self, box: Locator, text: str) -> None:
        """A text box, a search box or a spin button, whatever it holds."""

    @abstractmethod
    def tick(self, box: Locator, on: bool = True) -> None:
        """A checkbox."""

    @abstractmethod
    def pick(self, radio: Locator) -> None:
        """One radio button of its group."""

    @abstractmethod
    def select(self, box: Locator, option: str) -> None:
        """An option, by its label, of a combobox that offers nothing else."""

    @abstractmethod
    def upload(self, field: Locator, file: Path) -> None:
        """A file, into a field for files."""

    def _item(self, button: Locator, item: str) -> Locator:
        expect(button).to_have_attribute("aria-expanded", "true")
        menu = self.page.locator(f"[id='{button.get_attribute('aria-controls')}']")
        expect(menu).to_be_visible()
        one = re.compile(f"^\\s*{re.escape(item)}\\s*$")
        return menu.get_by_role("menuitem", name=one).or_(menu.get_by_role("menuitemradio", name=one))


class Mouse(Hands):
    def press(self, thing: Locator) -> None:
        thing.click()

    def choose(self, button: Locator, item: str) -> None:
        button.click()
        self._item(button, item).click()

    def fill(self, box: Locator, text: str) -> None:
        box.click()
        box.fill(text)

    def tick(self, box: Locator, on: bool = True) -> None:
        box.set_checked(on)

    def pick(self, radio: Locator) -> None:
        radio.check()

    def select(self, box: Locator, option: str) -> None:
        box.select_option(label=option)

    def upload(self, field: Locator, file: Path) -> None:
        with self.page.expect_file_chooser() as chooser:
            field.click()
        chooser.value.set_files(file)


class Keyboard(Hands):
    """Nothing but keys: what Tab does not reach, and a focus that is lost on the way, fail the test."""

    def press(self, thing: Locator) -> None:
        expect(thing).to_be_enabled()
        self.reach(thing)
        self.key("Enter")

    def choose(self, button: Locator, item: str) -> None:
        self.press(button)
        wanted = self._item(button, item)
        expect(wanted).to_be_enabled()
        for _ in range(20):
            if self._where(wanted) == "here":
                return self.key("Enter")
            self.key("ArrowDown")
        raise AssertionError(f"the arrow keys do not reach {item}")

    def fill(self, box: Locator, text: str) -> None:
        expect(box).to_be_editable()
        self.reach(box)
        self.key("Control+A")
        self.key("Delete")
        if len(text) > PASTED_FROM:
            self.page.keyboard.insert_text(text)
        else:
            self.page.keyboard.type(text)
        expect(box).to_have_value(text)

    def tick(self, box: Locator, on: bool = True) -> None:
        expect(box).to_be_enabled()
        self.reach(box)
        if box.is_checked() is not on:
            self.key("Space")
        expect(box).to_be_checked(checked=on)

    def pick(self, radio: Locator) -> None:
        expect(radio).to_be_enabled()
        group = self.page.locator(f"input[type=radio][name='{radio.get_attribute('name')}']")
        chosen = group.and_(self.page.locator(":checked"))
        self.reach(chosen if chosen.count() else group.first)
        for _ in range(group.count()):
            if self._where(radio) == "here":
                break
            self.key("ArrowDown")
        if not radio.is_checked():
            self.key("Space")
        expect(radio).to_be_checked()

    def select(self, box: Locator, option: str) -> None:
        expect(box).to_be_enabled()
        self.reach(box)
        self.key("Home")
        label = box.locator("option:checked")
        for _ in range(box.locator("option").count()):
            if label.inner_text().strip() == option:
                break
            self.key("ArrowDown")
        expect(label).to_have_text(option)

    def upload(self, field: Locator, file: Path) -> None:
        self.reach(field)
        with self.page.expect_file_chooser() as chooser:
            self.key("Enter")
        chooser.value.set_files(file)

    def key(self, name: str) -> None:
        self.page.keyboard.press(name)

    def reach(self, thing: Locator) -> None:
        """Tab, or Shift+Tab where it lies behind, until it has the focus."""
        expect(thing).to_be_visible()
        turns, before = 0, ""
        for _ in range(MOST_TABS):
            where = self._where(thing)
            if where == "here":
                return
            if where == "lost":
                raise AssertionError(f"the focus is lost: it is nowhere, on the way to {thing}")
            turns += where != before and before in ("on", "back")
            # Passed by twice: it is between two stops and is none itself.
            if turns > 2:
                break
            before = where
            self.key("Shift+Tab" if where == "back" else "Tab")
        raise AssertionError(f"Tab does not reach {thing}")

    def _where(self, thing: Locator) -> str:
        return str(thing.evaluate(WHERE))
