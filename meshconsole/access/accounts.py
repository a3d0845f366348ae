"""Local accounts: an administrator creates them, nobody signs up.

Pages and the admin share one sign-in, with its limits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils.translation import ngettext

from meshconsole.access.devices import known_device, remember
from meshconsole.access.names import skeleton
from meshconsole.access.throttle import Attempt, Bucket, Limit, TooSoon
from meshconsole.proxies import network_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser
    from django.http import HttpRequest, HttpResponse

log = structlog.get_logger(__name__)

TOO_SOON = "too-soon"
# Limits for one name from one address, one address over all names, one name from everywhere, and one name in a browser
# that knows it.
PAIR, ADDRESS, NAME, DEVICE = Limit(5, 60), Limit(30, 30), Limit(100, 5), Limit(10, 60)


def buckets(request: HttpRequest, name: str) -> list[Bucket]:
    """Return the counters of an attempt.

    In a browser where the name has signed in before, guesses by others don't count.
    """
    who = skeleton(name)
    if device := known_device(request, who):
        return [Bucket.of(DEVICE, "device", device, who)]
    address = network_of(request.META.get("REMOTE_ADDR", ""))
    return [Bucket.of(PAIR, "pair", address, who), Bucket.of(ADDRESS, "address", address), Bucket.of(NAME, "name", who)]


class ClosedAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address set by our own middleware: proxy headers aren't read a second time."""
        return str(request.META.get("REMOTE_ADDR", ""))

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            self._attempt = Attempt(buckets(request, credentials.get("username", "")))
        except TooSoon as reason:
            log.warning("sign_in_too_soon", address=self.get_client_ip(request), seconds=reason.seconds)
            raise too_soon(reason.seconds) from None

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Return None for a deactivated account too: a page of its own would reveal that the password was right."""
        user: AbstractBaseUser | None = super().authenticate(request, **credentials)
        return user if user is not None and user.is_active else None

    def _rollback_login_failed_rl_usage(self) -> None:
        self._attempt.succeeded()

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        # A name without an account may be a password typed into the wrong field.
        name = credentials.get("username", "")
        known = get_user_model().objects.filter(username__iexact=name).exists()
        log.warning("sign_in_failed", address=self.get_client_ip(request), account=name if known else None)

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        remember(request, response, skeleton(user.get_username()))
        return response


def too_soon(seconds: int) -> ValidationError:
    message = ngettext(
        "Too many failed attempts. Try again in %(seconds)s second.",
        "Too many failed attempts. Try again in %(seconds)s seconds.",
        seconds,
    )
    return ValidationError(message, code=TOO_SOON, params={"seconds": seconds})
