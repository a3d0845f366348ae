"""Who is not signed in: a page is put off, a script is told, a form is not lost on an address that has no page."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.django_db

DISMISS = "/meshes/storefront/rollouts/0ef30f84-2771-428f-a23b-aca8192e5268/dismiss/"


def test_a_page_is_shown_after_signing_in(client: Any) -> None:
    assert client.get("/meshes/storefront/?q=a").headers["Location"] == "/sign-in/?next=/meshes/storefront/%3Fq%3Da"


def test_a_script_is_told_and_asks_itself(client: Any) -> None:
    assert client.post(DISMISS, headers={"HX-Request": "true"}).status_code == 401


@pytest.mark.parametrize(
    ("referrer", "then"),
    [
        ("http://testserver/meshes/storefront/?q=a#top", "/meshes/storefront/%3Fq%3Da"),
        ("https://elsewhere.example/meshes/", "/"),
        ("", "/"),
    ],
)
def test_after_a_form_that_came_too_late_signing_in_leads_to_the_page_it_stood_on(
    client: Any, referrer: str, then: str
) -> None:
    response = client.post(DISMISS, headers={"Referer": referrer})
    assert response.headers["Location"] == f"/sign-in/?next={then}"
