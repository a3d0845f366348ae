"""The platform's middleware."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import split_domain_port

from meshconsole.access import sessions
from meshconsole.ops import health
from meshconsole.proxies import TrustedProxies
from meshconsole.ui.errors import error_page

GetResponse = Callable[[HttpRequest], HttpResponse]

PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "payment",
        "usb",
    )
)


# What a proxy may say about the client. The console itself reads the first three; the rest are removed too, since logs
# or libraries might read them.
FORWARDED = {"for": "HTTP_X_FORWARDED_FOR", "proto": "HTTP_X_FORWARDED_PROTO", "host": "HTTP_X_FORWARDED_HOST"}
NEVER_BELIEVED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_PORT", "HTTP_X_FORWARDED_SSL", "HTTP_X_REAL_IP", "HTTP_CLIENT_IP")


class NoStoreMiddleware:
    """Keeps whatever a session has shown out of browser and proxy caches, error pages included."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class ForwardedMiddleware:
    """Puts the client's own address, scheme and host where Django looks for them.

    Code after it doesn't need to know about proxies.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        said = {part: meta.pop(name, "") for part, name in FORWARDED.items()}
        for name in NEVER_BELIEVED:
            meta.pop(name, None)
        origin = _trusted(tuple(settings.MESHCONSOLE_TRUSTED_PROXIES)).origin(meta.get("REMOTE_ADDR", ""), said)
        meta["REMOTE_ADDR"] = origin.address
        if origin.scheme:
            meta["wsgi.url_scheme"] = origin.scheme
        if origin.host:
            meta["HTTP_HOST"] = origin.host
        return self.get_response(request)


@lru_cache(maxsize=4)
def _trusted(entries: tuple[str, ...]) -> TrustedProxies:
    return TrustedProxies.parse(entries)


class HostMiddleware:
    """Refuses a Host with an impossible port: Django only checks that it consists of digits."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        _domain, port = split_domain_port(request.META.get("HTTP_HOST", ""))
        if port and (len(port) > 5 or not 0 < int(port) < 65536):
            raise DisallowedHost("The port in the Host header is not a port.")
        return self.get_response(request)


class HealthMiddleware:
    """Answers `/livez` and `/readyz` before host names, sessions and redirects are checked.

    Anyone may ask, so the answer is only yes or no; the log says which part doesn't answer.
    """

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
        ready = all(health.readiness().values())
        return JsonResponse({"status": "ok" if ready else "failed"}, status=200 if ready else 503)


class SessionEndMiddleware:
    """Ends a session that has been unused for too long or has lasted long enough.

    The request then counts as not signed in.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sessions.end_or_continue(request, time.time())
        return self.get_response(request)


class SizeMiddleware:
    """Refuses a body that is larger than any form of the console, before anything reads it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return error_page(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return self.get_response(request)


class CharsetMiddleware:
    """Refuses charsets other than UTF-8 before anything is decoded: no browser sends one, and Python knows odd ones."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.strip("'\" ").lower() not in ("utf-8", "utf8"):
            return error_page(HTTPStatus.BAD_REQUEST)
        return self.get_response(request)


class PermissionsPolicyMiddleware:
    """Denies device sensors, which no page of the console needs."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response
