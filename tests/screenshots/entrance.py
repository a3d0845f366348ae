"""In and out of the console, and the pages that nobody wants to see."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.screenshots.stage import PATIENCE
from tests.screenshots.story import scene

if TYPE_CHECKING:
    from tests.screenshots.stage import Stage

MOST_TRIES = 40


@scene("account_logout")
def sign_out(on: Stage) -> None:
    on.go("account_logout")


@scene(person="vera")
def not_allowed(on: Stage) -> None:
    on.go("enable", "storefront")


@scene(person="vera")
def not_found(on: Stage) -> None:
    on.go("interconnect", "elsewhere")


@scene(person="omar")
def form_too_old(on: Stage) -> None:
    _post(on, "x")


@scene(person="omar")
def too_large(on: Stage) -> None:
    on.go("members", "storefront")
    _post(on, "x" * 4_000_000)


def _post(on: Stage, text: str) -> None:
    """A form without a script and without a token, as a page has it that was open for days."""
    on.go("members", "storefront")
    with on.page.expect_navigation():
        on.page.evaluate(
            """text => {
                const form = Object.assign(document.createElement("form"), { method: "post", action: "/language/" });
                form.append(Object.assign(document.createElement("textarea"), { name: "language", value: text }));
                document.body.append(form);
                form.submit();
            }""",
            text,
        )


@scene("account_login", person="omar", whole=False)
def session_ended(on: Stage) -> None:
    """Plays once per language: the session is over then."""
    on.go("interconnect", "storefront")
    on.context.clear_cookies(name="sessionid")
    on.page.evaluate("document.dispatchEvent(new Event('refresh'))")
    expect(on.dialog).to_be_visible(timeout=PATIENCE)


@scene("account_login", person="")
def sign_in(on: Stage) -> None:
    on.go("account_login")


@scene("account_login", person="")
def sign_in_refused(on: Stage) -> None:
    _try(on, "somebody")
    expect(on.page.locator("[role=alert]")).to_be_visible()


@scene(person="")
def sign_in_too_often(on: Stage) -> None:
    statuses = [_try(on, "somebody-else")]
    while statuses[-1] != HTTPStatus.TOO_MANY_REQUESTS:
        assert len(statuses) < MOST_TRIES, statuses
        statuses.append(_try(on, "somebody-else"))
    expect(on.page.locator("[role=alert]")).to_be_visible()


def _try(on: Stage, name: str) -> int:
    """The status that the attempt is answered with."""
    on.go("account_login")
    on.page.locator("input[name=login]").fill(name)
    on.page.locator("input[name=password]").fill("wrong")
    with on.page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        on.page.locator("main button[type=submit]").click()
    on.page.wait_for_load_state()
    return int(answered.value.status)
