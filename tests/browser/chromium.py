"""A real Chromium. Without one the tests of a browser say so in a line; in CI that is a failure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

# The headless shell first: it makes no windows, and a browser context costs a seventh of the processor time there.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")
CHROMIUM = os.environ.get("MESHCONSOLE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), "")
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
expect.set_options(timeout=30_000)

Contexts = Callable[..., BrowserContext]


def leave_out_without_chromium(place: Path, config: pytest.Config, items: list[pytest.Item]) -> None:
    """For a conftest's `pytest_collection_modifyitems`: the tests in `place`, a folder or a file, where there is
    nothing to run them in.
    """
    if not CHROMIUM and not os.environ.get("CI"):
        leave_out(place, config, items)


def leave_out(place: Path, config: pytest.Config, items: list[pytest.Item]) -> None:
    mine = [item for item in items if place in (item.path, *item.path.parents)]
    config.hook.pytest_deselected(items=mine)
    items[:] = [item for item in items if item not in mine]


def say_what_is_missing(terminalreporter: Any) -> None:
    """For a conftest's `pytest_terminal_summary`."""
    if not CHROMIUM:
        terminalreporter.write_line(
            "browser tests: not run, Chromium is missing (apt-get install chromium-headless-shell)"
        )


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def contexts_of(chromium: Browser) -> Iterator[Contexts]:
    """`contexts(url, theme=, width=, language=)`: a browser of its own.

    An error of a script, or of the policy, fails in the end.
    """
    opened: list[BrowserContext] = []
    errors: list[str] = []

    def open_one(url: str, *, theme: str = "light", width: int = 1280, language: str = "en") -> BrowserContext:
        # What moves while something is followed would be painted sixty times a second.
        context = chromium.new_context(viewport={"width": width, "height": 900}, base_url=url, reduced_motion="reduce")
        cookies = {"theme": theme, "django_language": language}
        context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
        context.on("weberror", lambda error: errors.append(str(error.error)))
        context.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()
    assert errors == []


@pytest.fixture
def contexts(chromium: Browser) -> Iterator[Contexts]:
    with contexts_of(chromium) as opened:
        yield opened
