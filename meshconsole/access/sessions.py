"""How long a session lasts: since signing in, and without use. Polling by a page isn't use."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY

if TYPE_CHECKING:
    from django.http import HttpRequest

BEGUN, USED = "begun_at", "used_at"
POLL_HEADER = "X-Poll"
# Written at most this often, since each time is a write to the database.
NOTED_SECONDS = 60.0


def begin(request: HttpRequest, **kwargs: Any) -> None:
    """Start counting a session's time. This is a receiver of Django's `user_logged_in`."""
    request.session[BEGUN] = request.session[USED] = time.time()


def end_or_continue(request: HttpRequest, now: float) -> None:
    """End a session that is over, or note its use. A session from before these times were stored is over."""
    session = request.session
    if SESSION_KEY not in session:
        return
    used: float = session.get(USED, 0.0)
    if (
        now - session.get(BEGUN, 0.0) >= settings.SESSION_COOKIE_AGE
        or now - used >= settings.MESHCONSOLE_SESSION_IDLE_SECONDS
    ):
        session.flush()
    elif POLL_HEADER not in request.headers and now - used >= min(
        NOTED_SECONDS, settings.MESHCONSOLE_SESSION_IDLE_SECONDS / 2
    ):
        session[USED] = now
