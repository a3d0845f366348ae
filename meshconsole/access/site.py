"""The admin's site.

Signing in goes through the console, with its limits, and lists can be filtered only by the filters that they offer.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator

from meshconsole.access.throttle import Attempt, Bucket, Limit, TooSoon
from meshconsole.ui.errors import error_page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import Model
    from django.http import HttpRequest, HttpResponse


OLD_PASSWORD = Limit(10, 60)


class OfferedLookups(admin.ModelAdmin[Any]):
    """Refuses lookups that a list doesn't offer.

    Filtering by any column would reveal hidden columns letter by letter.
    """

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        filters = self.get_list_filter(request) if request is not None else self.list_filter
        named = (
            entry[0] if isinstance(entry, list | tuple) else getattr(entry, "parameter_name", entry)
            for entry in filters
        )
        offered = {"pk", self.model._meta.pk.name, self.date_hierarchy, *named} - {None}
        allowed: bool = super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]
        return allowed and any(lookup == name or lookup.startswith(f"{name}__") for name in offered)


class ConsoleAdminSite(admin.AdminSite):
    def register(
        self,
        model_or_iterable: type[Model] | Iterable[type[Model]],
        admin_class: type[admin.ModelAdmin[Any]] | None = None,
        **options: Any,
    ) -> None:
        """Register models with offered lookups only. Applies to libraries too: none of them restricts lookups."""
        of = admin_class or admin.ModelAdmin
        super().register(
            model_or_iterable, type(of.__name__, (OfferedLookups, of), {"__module__": of.__module__}), **options
        )

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        # Signed-in users go straight on: Django's own form would accept guesses at other accounts, without limits.
        signed_in = secure_admin_login(
            lambda request: HttpResponseRedirect(reverse("admin:index", current_app=self.name))
        )
        response: HttpResponse = signed_in(request)
        return response

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Limit attempts: the page asks for the old password, which must not be guessable at an unattended browser."""
        if request.method != "POST":
            return super().password_change(request, extra_context)
        try:
            attempt = Attempt([Bucket.of(OLD_PASSWORD, "old-password", str(request.user.pk))])
        except TooSoon as reason:
            refusal = error_page(HTTPStatus.TOO_MANY_REQUESTS)
            refusal.headers["Retry-After"] = str(reason.seconds)
            return refusal
        response = super().password_change(request, extra_context)
        if response.status_code == 302:
            attempt.succeeded()
        return response
