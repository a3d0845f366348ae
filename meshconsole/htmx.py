"""What htmx needs from the platform: answers that a script understands, and the part of a page that was requested."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme


def is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def is_page_itself(request: HttpRequest) -> bool:
    """Whether the page that asks is at the address that it asks: what could be a dialog was opened as a page there."""
    return urlsplit(request.headers.get("HX-Current-URL", "")).path == request.path


def target(request: HttpRequest) -> str:
    """Return the ID of the element that receives the answer.

    "" for a whole page (and for Back, whose cache may be gone).
    """
    if not is_htmx(request) or request.headers.get("HX-History-Restore-Request") == "true":
        return ""
    return request.headers.get("HX-Target", "")


def page(
    request: HttpRequest, template: str, context: dict[str, Any], *, parts: tuple[str, ...] = (), status: int = 200
) -> HttpResponse:
    """Return the whole page, or the one of its `parts` (partials named after element IDs) that htmx asks for."""
    wanted = target(request)
    name = f"{template}#{wanted.replace('-', '_')}" if wanted in parts else template
    response = render(request, name, context, status=status)
    response.headers["Vary"] = "HX-Request, HX-Target, Cookie"
    response.headers["Cache-Control"] = "no-store"
    return response


def events(response: HttpResponse, **names: Any) -> HttpResponse:
    """Tell the page's scripts what has happened: `toast`, `refresh`, `close-dialog` (underscores become hyphens)."""
    response.headers["HX-Trigger"] = json.dumps({name.replace("_", "-"): value for name, value in names.items()})
    return response


def redirect(request: HttpRequest, url: str) -> HttpResponse:
    """Redirect to another page as a whole.

    If htmx followed a plain redirect, that page would end up inside the requesting element.
    """
    if not is_htmx(request):
        return HttpResponseRedirect(url)
    response = HttpResponse(status=204)
    response.headers["HX-Redirect"] = url
    return response


class HtmxLoginRequiredMiddleware(LoginRequiredMiddleware):
    """Answers 401 instead of redirecting, which would put the sign-in page into a table cell.

    The page then signs in and repeats its request.
    """

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseBase:  # type: ignore[override]
        if is_htmx(request):
            return HttpResponse(status=401)
        if request.method not in ("GET", "HEAD"):
            return redirect_to_login(_page_of(request), resolve_url(self.get_login_url(view_func)))
        return super().handle_no_permission(request, view_func)


def _page_of(request: HttpRequest) -> str:
    """Return the page that a form was sent from: the URL it was sent to may not accept GET."""
    referrer = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(referrer, {request.get_host()}, require_https=request.is_secure()):
        return "/"
    return urlsplit(referrer)._replace(scheme="", netloc="", fragment="").geturl()
