"""Pictures of what a page shows, in both themes and two widths."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tests.screenshots.stage import HEIGHT, WIDTH

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.screenshots.story import Scene

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = (WIDTH, 390)
# What stays in sight while the rest scrolls would lie over the middle of a picture of it all: this is how tall a window
# would be in which nothing scrolls.
PAGE = "() => document.documentElement.scrollHeight"
DIALOG = "() => { const found = document.querySelector('dialog[open]'); return found ? found.scrollHeight + 48 : 0; }"


class Camera:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, page: Page, language: str, scene: Scene) -> list[Path]:
        """`FOLDER/language/theme/width/name.png`, relative to the folder."""
        taken = []
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            needed = page.evaluate(PAGE if scene.whole else DIALOG)
            if needed > HEIGHT:
                page.set_viewport_size({"width": width, "height": needed})
            for theme in THEMES:
                page.emulate_media(color_scheme=theme)
                picture = Path(language, theme, str(width), f"{scene.name}.png")
                page.screenshot(path=self._folder / picture, full_page=scene.whole, animations="disabled")
                taken.append(picture)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        return taken
