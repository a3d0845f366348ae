"""A WSGI application for tests of the server alone: it answers with the number of bytes it received."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    said = f"{len(environ['wsgi.input'].read())} of {environ.get('CONTENT_LENGTH') or 0}".encode()
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(said)))])
    return [said]
