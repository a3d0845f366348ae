from __future__ import annotations

import io
import json
import logging
import logging.config
from typing import Any

import pytest
import structlog

from meshconsole.ops.logging import logging_config, redact

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"


def logged(name: str, **record: Any) -> dict[str, Any]:
    """What one record becomes, through the very formatter that the settings install."""
    configurator = logging.config.DictConfigurator(logging_config("INFO"))  # type: ignore[attr-defined]
    formatter = configurator.configure_formatter(configurator.config["formatters"]["json"])
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    logger.propagate = False
    try:
        record.pop("emit")(logger)
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
    line = stream.getvalue()
    assert line.count("\n") == 1
    result: dict[str, Any] = json.loads(line)
    return result


def test_a_record_is_one_line_of_json_with_its_time_level_and_logger() -> None:
    event = logged("a.library", emit=lambda logger: logger.warning("slow: %s s", 3))
    assert (event["event"], event["level"], event["logger"]) == ("slow: 3 s", "warning", "a.library")
    assert event["timestamp"].endswith("Z")


@pytest.mark.parametrize("secret", [PEM, JWT, "Bearer rig-admin-token", "Basic dXNlcjpwYXNz", "gAAAAABm" + "x" * 40])
def test_a_secret_in_a_message_is_left_out(secret: str) -> None:
    event = logged("a.library", emit=lambda logger: logger.warning("sent %s to it", secret))
    assert secret not in json.dumps(event)
    assert event["event"] == "sent [redacted] to it"


def test_a_secret_in_a_traceback_is_left_out() -> None:
    def emit(logger: logging.Logger) -> None:
        try:
            raise ValueError(f"refused: Authorization: Bearer {JWT}")
        except ValueError:
            logger.exception("failed")

    event = logged("a.library", emit=emit)
    assert "ValueError" in event["exception"]
    assert JWT not in event["exception"]


def test_a_secret_by_the_name_of_its_key_is_left_out_wherever_it_is() -> None:
    def emit(logger: logging.Logger) -> None:
        structlog.stdlib.get_logger(logger.name).warning(
            "checked", cluster="a", user={"token": "x1", "name": "admin"}, password="x2"
        )

    event = logged("ours", emit=emit)
    assert (event["cluster"], event["user"], event["password"]) == (
        "a",
        {"token": "[redacted]", "name": "admin"},
        "[redacted]",
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"client-key-data": "abc"}, {"client-key-data": "[redacted]"}),
        ({"client-certificate-data": "abc"}, {"client-certificate-data": "[redacted]"}),
        ({"headers": [{"Authorization": "abc"}]}, {"headers": [{"Authorization": "[redacted]"}]}),
        ({"credential_id": "c-1", "token": None}, {"credential_id": "c-1", "token": None}),
        ("users: [{user: {token: abc}}]", "users: [{user: {token:[redacted]"),
        ("postgresql://console:hunter2@db/console", "postgresql://[redacted]@db/console"),
        (b"Bearer abcdefghijkl", "[redacted]"),
        ("a cluster's network group", "a cluster's network group"),
    ],
)
def test_redaction_takes_secrets_and_leaves_the_rest(value: Any, shown: Any) -> None:
    assert redact(value) == shown


def test_log_lines_show_what_hides_as_symbols() -> None:
    line = logged(
        "anywhere", emit=lambda logger: logger.warning("a\x1b[31m\u202e %s", "\u2028\x9b", extra={"more": ["\u200b"]})
    )
    assert line["event"] == "a␛[31m⟨U+202E⟩ ⟨U+2028⟩⟨U+009B⟩"
    assert line["more"] == ["⟨U+200B⟩"]
