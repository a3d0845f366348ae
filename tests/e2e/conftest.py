"""A browser in front of a server of this process, signed in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache

from interconnect.scope import scope_of
from tests.browser.chromium import Contexts, chromium, contexts, leave_out_without_chromium, say_what_is_missing
from tests.support.standing import resurrected, storefront_rows

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from interconnect.models import Mesh

__all__ = ["chromium", "contexts", "resurrected", "storefront_rows"]

Visitor = Callable[..., "Page"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    leave_out_without_chromium(Path(__file__).parent, config, items)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    say_what_is_missing(terminalreporter)


@pytest.fixture
def mesh(resurrected: Mesh) -> Mesh:
    return resurrected


@pytest.fixture
def scope(mesh: Mesh) -> str:
    return scope_of(mesh.id)


@pytest.fixture
def visit(contexts: Contexts, live_server: Any, ada: Any) -> Visitor:
    """`visit(path, theme=, width=, language=, name=)`: a browser of its own, signed in."""
    # All tests come from one address, and thirty sign-ins a minute are what an address may.
    cache.clear()

    def opened(path: str, *, name: str = "ada", **look: Any) -> Page:
        page = contexts(live_server.url, **look).new_page()
        sign_in(page, name)
        page.goto(path)
        return page

    return opened


def sign_in(page: Page, name: str) -> None:
    page.goto("/sign-in/")
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill(f"password of {name}")
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/meshes/")
