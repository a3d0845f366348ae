"""Error pages. They use nothing from the request, which may be what is broken."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import get_language


def error_page(status: int, template: str = "") -> HttpResponse:
    context = {"theme": "auto", "languages": settings.LANGUAGES, "language": get_language()}
    response = HttpResponse(render_to_string(template or f"{status}.html", context), status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return error_page(400)


def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return error_page(403)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return error_page(404)


def failed(request: HttpRequest) -> HttpResponse:
    return error_page(500)


def outdated_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    return error_page(403, "403_csrf.html")
