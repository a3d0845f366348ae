"""A browser in one language, signed in as somebody, and the ways to where a scene is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.urls import reverse
from playwright.sync_api import expect

from tests.screenshots.installation import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

    from tests.screenshots.installation import Installation
    from tests.screenshots.story import Act, Scene

PEOPLE = {"vera": "vera looks at storefront", "omar": "omar operates storefront", "nobody": "nobody has a role"}
LANGUAGES = ("en", "zh-hans")
WIDTH, HEIGHT = 1280, 900
# A rollout on simulated clusters takes seconds; on a busy machine their multiple.
PATIENCE = 90_000


@dataclass
class Stage:
    """`url` leads to the console of `house` that the scene is set in."""

    house: Installation
    context: BrowserContext
    page: Page
    url: str

    def go(self, url_name: str, mesh: str = "", query: str = "", **parts: object) -> None:
        self.page.goto(self.at(url_name, mesh, query, **parts))

    def at(self, url_name: str, mesh: str = "", query: str = "", **parts: object) -> str:
        kwargs = {"name": mesh, **parts} if mesh else parts
        return self.url + reverse(url_name, kwargs=kwargs) + (f"?{query}" if query else "")

    def press(self, url_name: str, mesh: str, query: str = "", **parts: object) -> Locator:
        """What leads there is pressed, wherever it is on the page and however it is called.

        The dialog that comes up.
        """
        self.follow(self.at(url_name, mesh, query, **parts).removeprefix(self.url))
        return self.dialog

    def follow(self, path: str) -> None:
        # Items of a closed menu are pressed too: the menus themselves have scenes of their own.
        self.page.locator(f'[hx-get="{path}"]').first.dispatch_event("click")
        expect(self.dialog).to_be_visible(timeout=PATIENCE)

    @property
    def dialog(self) -> Locator:
        return self.page.locator("dialog[open]")

    def send(self) -> None:
        """The dialog's own button."""
        self.dialog.locator("form button[type=submit]").last.click()

    def asked(self, button: str) -> None:
        """What the dialog of a decision shows once its plan is made; `button` is `retry`, `revert`, or a decision on a
        failure.
        """
        known = {"take-over": "[name=decision][value=take_over]", "adopt": "[name=decision][value=adopt]"}
        form = f"form:has({known[button]})" if button in known else f"#act-{button}"
        self.page.locator(f"{form} button[type=submit]").first.click()
        self.planned()

    def planned(self) -> None:
        expect(self.dialog.locator("#decision-again")).to_be_visible(timeout=PATIENCE)

    def decide(self, button: str) -> None:
        self.asked(button)
        self.send()
        expect(self.dialog).to_have_count(0)

    def menu(self, button: str) -> None:
        self.page.locator(button).first.click()
        expect(self.page.locator("[role=menu]:not([hidden])")).to_be_visible()

    def settled(self, text: str = "Succeeded") -> None:
        """The page of a rollout, once that has ended like this."""
        expect(self.page.locator("#live .facts .state").first).to_have_text(text, timeout=PATIENCE)

    def remember_the_rollout(self, name: str) -> None:
        self.page.wait_for_url("**/rollouts/*-*/")
        self.house.memory[name] = self.page.url.rstrip("/").rpartition("/")[2]

    def rollout(self, mesh: str, name: str) -> None:
        self.go("rollout", mesh, rollout_id=self.house.memory[name])

    def choose_groups(self, mesh: str, *groups: str) -> None:
        """Step 1 of the wizard, and on to step 2; what an earlier draft has chosen besides is taken back."""
        self.go("join", mesh)
        for box in self.page.locator("main input[name=group]:enabled").all():
            box.set_checked(box.get_attribute("value") in groups)
        self.page.locator("main form .btn-primary").click()
        self.page.wait_for_url("**/join/addresses/")

    def with_groups(self, url_name: str, mesh: str, *groups: str) -> str:
        return self.at(url_name, mesh, urlencode([("group", group) for group in groups]))


class Theatre:
    """The stages of one browser, one for each person, language and console, signed in when they are first needed."""

    def __init__(self, browser: Browser, house: Installation) -> None:
        self._browser, self._house = browser, house
        self._stages: dict[tuple[str, str, str], Stage] = {}
        self.errors: list[str] = []

    def stage(self, language: str = "en", person: str = "admin", *, fresh: bool = False) -> Stage:
        url = self._house.fresh_url if fresh else self._house.url
        found = self._stages.get((url, language, person))
        if found is None:
            found = self._stages[url, language, person] = self._opened(url, language, person)
        return found

    def play(self, item: Act) -> None:
        stage = self.stage()
        with _named(item, stage):
            item.play(stage)

    @contextmanager
    def shown(self, scene: Scene, language: str) -> Iterator[Page]:
        """The page on which the scene is, and nothing is asked for any more afterwards."""
        stage = self.stage(language, scene.person, fresh=scene.fresh)
        with _named(scene, stage):
            scene.play(stage)
        yield stage.page
        stage.page.goto("about:blank")

    def _opened(self, url: str, language: str, person: str) -> Stage:
        context = self._browser.new_context(
            viewport={"width": WIDTH, "height": HEIGHT}, base_url=url, reduced_motion="reduce", color_scheme="light"
        )
        context.set_default_timeout(30_000)
        context.add_cookies(
            [{"name": "django_language", "value": language, "url": url}, {"name": "theme", "value": "auto", "url": url}]
        )
        context.on(
            "response",
            lambda answer: self.errors.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None,
        )
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on(
            "console", lambda line: self.errors.append(line.text) if "Content Security Policy" in line.text else None
        )
        stage = Stage(self._house, context, context.new_page(), url)
        if person:
            sign_in(stage, person)
        return stage


@contextmanager
def _named(item: Scene | Act, stage: Stage) -> Iterator[None]:
    """Of dozens, the one that fails says which it is and what was to be seen."""
    try:
        yield
    except Exception as error:
        seen = stage.page.locator("body").inner_text()
        raise AssertionError(f"{item.name}: {error}\n{stage.page.url} said:\n{seen}") from error


def sign_in(stage: Stage, person: str) -> None:
    stage.go("account_login")
    stage.page.locator("input[name=login]").fill(person)
    stage.page.locator("input[name=password]").fill(PEOPLE.get(person, PASSWORD))
    stage.page.locator("main button[type=submit]").click()
    stage.page.wait_for_url("**/meshes/")
