"""Browsers in which somebody has signed in before: a signed cookie that outlives the session.

It grants nothing. It only lets its owner try a password while others guess for the same name, or from the same address.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import signing
from django.utils.crypto import salted_hmac

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

COOKIE = "device"
SALT = "meshconsole.access.devices"
KEPT_SECONDS = 180 * 24 * 3600
MOST_NAMES = 8


def known_device(request: HttpRequest, name: str) -> str:
    """Return the ID of the browser if `name` has signed in there before, else ""."""
    said = _read(request)
    return str(said["id"]) if _mark(name) in said["names"] else ""


def remember(request: HttpRequest, response: HttpResponse, name: str) -> None:
    said = _read(request)
    others = [mark for mark in said["names"] if mark != _mark(name)]
    content = {"id": said["id"] or secrets.token_urlsafe(16), "names": [_mark(name), *others][:MOST_NAMES]}
    response.set_cookie(
        COOKIE,
        signing.dumps(content, salt=SALT),
        max_age=KEPT_SECONDS,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> dict[str, Any]:
    try:
        content: dict[str, Any] = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=KEPT_SECONDS)
    except signing.BadSignature:
        return {"id": "", "names": []}
    return content


def _mark(name: str) -> str:
    """Return what stands for a name in the cookie, which anyone using the browser can read."""
    return salted_hmac(SALT, name).hexdigest()[:16]
