"""A real Chromium in front of a real server. Without one the tier says so in a line; in CI that is a failure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from interconnect.scope import scope_of
from tests.support import shop

if TYPE_CHECKING:
    from interconnect.models import Mesh

CHROMIUM = os.environ.get("MESHCONSOLE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
FOLDER = Path(__file__).parent
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
    "--no-first-run",
]

# Playwright's own loop runs in this thread, beside which Django otherwise refuses to ask its database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
expect.set_options(timeout=10_000)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if CHROMIUM or os.environ.get("CI"):
        return
    mine = [item for item in items if FOLDER in item.path.parents]
    config.hook.pytest_deselected(items=mine)
    items[:] = [item for item in items if item not in mine]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not CHROMIUM:
        terminalreporter.write_line("browser tests: not run, Chromium is missing (apt-get install chromium)")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def mesh(transactional_db: None) -> Mesh:
    return shop.storefront()


@pytest.fixture
def scope(mesh: Mesh) -> str:
    return scope_of(mesh.id)


Visitor = Callable[..., Page]


@pytest.fixture
def visit(chromium: Browser, live_server: Any, ada: Any) -> Iterator[Visitor]:
    """`visit(path, theme=, width=, language=, name=)`: a browser of its own, signed in. A script's error fails the test."""
    contexts, errors = [], []

    def opened(path: str, *, theme: str = "light", width: int = 1280, language: str = "en", name: str = "ada") -> Page:
        context = chromium.new_context(viewport={"width": width, "height": 900}, base_url=live_server.url)
        context.add_cookies(
            [
                {"name": "theme", "value": theme, "url": live_server.url},
                {"name": "django_language", "value": language, "url": live_server.url},
            ]
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
        sign_in(page, name)
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


def sign_in(page: Page, name: str) -> None:
    page.goto("/sign-in/")
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill(f"password of {name}")
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/meshes/")
