"""Middleware of the platform."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from meshconsole.ops import health
from meshconsole.ui.errors import error_page

GetResponse = Callable[[HttpRequest], HttpResponse]

PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()" for feature in ("accelerometer", "camera", "geolocation", "gyroscope", "magnetometer", "microphone", "payment", "usb")
)


class HealthMiddleware:
    """Answers `/livez` and `/readyz` before host names, sessions and redirects are looked at."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return self.get_response(request)
        if request.path == "/livez":
            return JsonResponse({"status": "ok"})
        if request.path == "/readyz":
            return self._ready()
        return self.get_response(request)

    def _ready(self) -> HttpResponse:
        parts = health.readiness()
        ready = all(parts.values())
        status = {name: "ok" if fine else "failed" for name, fine in parts.items()}
        return JsonResponse({"status": "ok" if ready else "failed", **status}, status=200 if ready else 503)


class SizeMiddleware:
    """Refuses a body that is larger than any form of the console, before anything reads it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0):
            return error_page(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return self.get_response(request)


class CharsetMiddleware:
    """Refuses another charset than UTF-8 before anything is decoded with it: no browser sends one, and Python knows odd ones."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.strip("'\" ").lower() not in ("utf-8", "utf8"):
            return error_page(HTTPStatus.BAD_REQUEST)
        return self.get_response(request)


class PermissionsPolicyMiddleware:
    """No page of the console needs a device's sensors."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response
