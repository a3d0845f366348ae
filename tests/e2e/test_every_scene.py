"""Everything there is to look at, told as one story in a console with its demo: nothing of it keeps anybody out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.axe import axe_violations
from tests.screenshots.installation import installed
from tests.screenshots.stage import Theatre
from tests.screenshots.story import Act, story, unseen

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def theatre(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with installed(tmp_path_factory.mktemp("story")) as house:
        yield Theatre(chromium, house)


def test_every_url_is_in_a_scene_or_says_why_not() -> None:
    assert unseen() == set()


@pytest.mark.ship
def test_axe_finds_nothing_wrong_with_any_scene(theatre: Theatre) -> None:
    found: dict[str, list[str]] = {}
    for item in story():
        if isinstance(item, Act):
            theatre.play(item)
            continue
        with theatre.shown(item, "en") as page:
            found[item.name] = axe_violations(page)
            # All that the other theme changes is colours.
            page.emulate_media(color_scheme="dark")
            found[f"{item.name}, dark"] = axe_violations(page, "color-contrast")
            page.emulate_media(color_scheme="light")
    assert {name: problems for name, problems in found.items() if problems} == {}
    assert theatre.errors == []
