"""Requests that no browser sends: a page that says so, and one line in the log."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from meshconsole.ops.logging import LONGEST, logging_config

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the log's own handler writes."""
    configurator = logging.config.DictConfigurator(logging_config("INFO"))  # type: ignore[attr-defined]
    configurator.config["handlers"]["stderr"]["stream"] = stream = io.StringIO()
    formatter = configurator.configure_formatter(configurator.config["formatters"]["json"])
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    for name in configurator.config["filters"]:
        handler.addFilter(configurator.configure_filter(configurator.config["filters"][name]))
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def failures(lines: io.StringIO) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [line for line in found if line["level"] in ("warning", "error", "critical")]


@pytest.fixture
def visitor() -> Client:
    """Who gets an answer to a mistake of the console's, as over HTTP, and whose forms are checked."""
    return Client(raise_request_exception=False, enforce_csrf_checks=True)


@pytest.mark.parametrize(
    "charset", ["utf-7", "UTF-16", "latin-1", "rot13", "hex", "idna", "unicode_escape", "no-such", "'; x=\"y"]
)
@pytest.mark.parametrize("kind", [FORM, "multipart/form-data; boundary=x"], ids=["form", "multipart"])
def test_another_charset_than_utf8_is_a_bad_request(
    visitor: Client, lines: io.StringIO, charset: str, kind: str
) -> None:
    sent = visitor.generic("POST", "/sign-in/", b"login=admin", content_type=f"{kind}; charset={charset}")
    assert sent.status_code == 400 and b"Bad request" in sent.content
    assert len(failures(lines)) == 1


def test_utf8_in_any_spelling_is_understood(visitor: Client) -> None:
    for charset in ("utf-8", "UTF-8", '"utf-8"', "utf8"):
        sent = visitor.generic("POST", "/sign-in/", b"login=admin", content_type=f"{FORM}; charset={charset}")
        assert (sent.status_code, b"This form has expired" in sent.content) == (403, True)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"x", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary="),
        (b"x", "multipart/form-data; boundary=\xff"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"a=%zz&%=1&login=%00&password=%ff", FORM),
        (b"login=" + b"a" * 1_000_000, FORM),
        (b"&".join(b"a%d=1" % number for number in range(2_000)), FORM),
        (b'{"login": "admin"}', "application/json"),
        (b"x", "; charset"),
        (b"x", ""),
    ],
)
def test_a_broken_form_is_refused_in_one_line(visitor: Client, lines: io.StringIO, body: bytes, kind: str) -> None:
    sent = visitor.generic("POST", "/sign-in/", body, content_type=kind)
    assert sent.status_code in (400, 403), sent.content
    assert len(failures(lines)) == 1


@pytest.mark.parametrize(
    "header",
    [
        {"HTTP_COOKIE": "sessionid=\x00\xff; csrftoken=;;;=, theme=<b>"},
        {"HTTP_IF_MODIFIED_SINCE": "yesterday"},
        {"HTTP_ACCEPT_LANGUAGE": "x" * 4_000},
        {"HTTP_HX_TARGET": "no#such", "HTTP_HX_REQUEST": "true"},
        {"CONTENT_LENGTH": "many"},
    ],
)
@pytest.mark.parametrize("path", ["/sign-in/", "/static/css/console.css"])
def test_a_broken_header_harms_no_page(visitor: Client, path: str, header: dict[str, str]) -> None:
    assert visitor.get(path, **header).status_code in (200, 400)


@pytest.mark.parametrize("method", ["BREW", "TRACE", "PROPFIND", "MADE-UP"])
def test_an_unknown_method_is_refused(visitor: Client, lines: io.StringIO, method: str) -> None:
    assert visitor.generic(method, "/sign-in/").status_code in (400, 403, 405, 501)


def test_a_mistake_of_the_console_is_one_short_line(
    visitor: Client, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_options: object) -> None:
        raise RuntimeError("Bearer abcdefghijklmnop " + "x" * 100_000)

    monkeypatch.setattr("meshconsole.ui.views.SignInView.get_context_data", broken)
    answer = visitor.get("/sign-in/")
    assert answer.status_code == 500 and b"The console hit an error" in answer.content
    (line,) = failures(lines)
    assert "abcdefghijklmnop" not in json.dumps(line) and len(json.dumps(line)) < LONGEST + 1_000
    assert answer.headers["Cache-Control"] == "no-store"


def test_error_pages_read_nothing_of_the_request() -> None:
    from meshconsole.ui import errors

    pages = [errors.bad_request, errors.forbidden, errors.not_found, errors.outdated_form]
    assert [page(None).status_code for page in pages] == [400, 403, 404, 403]  # type: ignore[arg-type]
    assert errors.failed(None).status_code == 500  # type: ignore[arg-type]


def test_gunicorn_and_waitress_write_through_redaction() -> None:
    loggers = logging_config("INFO")["loggers"]
    assert all(loggers[name] == {"handlers": [], "propagate": True} for name in ("gunicorn.error", "gunicorn.access"))
    assert "waitress" not in loggers and settings.LOGGING["root"]["handlers"] == ["stderr"]
