"""Requests that are held back on their way to the server, as a slow network does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

PATIENCE_MS = 10_000
_STEP_MS = 20


class Held:
    """What matches a glob waits until it is let go; `times` bounds how many requests do."""

    def __init__(self, page: Page, glob: str, *, times: int | None = None) -> None:
        self._page = page
        self._glob = glob
        self._routes: list[Route] = []
        page.route(glob, lambda route: self._routes.append(route), times=times)

    def let_go(self) -> None:
        """Waits for the first: a page may have shown that it asks before its request is on its way."""
        for _ in range(PATIENCE_MS // _STEP_MS):
            if self._routes:
                break
            self._page.wait_for_timeout(_STEP_MS)
        assert self._routes, f"nothing asked for {self._glob}"
        for route in self._routes:
            route.continue_()
        self._routes.clear()
