"""A browser in front of a server of this process, signed in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client

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


@pytest.fixture(autouse=True)
def lively(settings: Any) -> None:
    """Pages that follow something ask as often as the script can, so that tests wait for what happens and not for the
    next poll.
    """
    settings.MESHCONSOLE_POLL_SECONDS = 0.5


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
        context = contexts(live_server.url, **look)
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session_of(name), "url": live_server.url}])
        page = context.new_page()
        page.goto(path)
        return page

    return opened


def session_of(name: str) -> str:
    """Of somebody who has signed in before; how that goes has tests of its own."""
    client = Client()
    client.force_login(get_user_model().objects.get(username=name))
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def sign_in(page: Page, name: str) -> None:
    page.goto("/sign-in/")
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill(f"password of {name}")
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/meshes/")
