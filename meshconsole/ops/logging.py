"""Logs as one JSON object per line, without secrets."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import structlog
from django.dispatch import receiver
from django_structlog.signals import bind_extra_request_finished_metadata, bind_extra_request_metadata

from meshconsole.text import visible

if TYPE_CHECKING:
    from django.http import HttpRequest
    from structlog.typing import EventDict, Processor

REDACTED = "[redacted]"
LONGEST = 8_000

SECRET_NAME = re.compile(
    r"authorization|cookie|password|passwd|passphrase|secret|token|credential|kubeconfig|api[-_]?key|private[-_]?key"
    r"|(client|certificate)[-_](key|certificate|authority)([-_]data)?$",
    re.IGNORECASE,
)
# Counts, names and versions of secret things aren't secrets, and anyone reading a log needs them.
HARMLESS_NAME = re.compile(r"(_id|_name|_count|_version)$", re.IGNORECASE)
SECRET_TEXT = (
    re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL),
    re.compile(r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"),
    re.compile(r"\bgAAAAA[A-Za-z0-9_=-]{20,}"),
    # The same PEM blocks in base64, as in a kubeconfig.
    re.compile(r"\bLS0tLS1CRUdJTi[A-Za-z0-9+/=]+"),
    re.compile(r"(?i)(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"),
    re.compile(r"(?im)(?<=token:)\s*\S+|(?<=password:)\s*\S+|(?<=key-data:)\s*\S+"),
)


def redact(value: Any) -> Any:
    """Return `value` without anything that looks like a secret, by the name of its key or by its form."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes):
        return redact_text(value.decode("utf-8", "replace"))
    if isinstance(value, Mapping):
        return {key: REDACTED if _is_secret(str(key), item) else redact(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item) for item in value]
    return value


def redact_text(text: str) -> str:
    for pattern in SECRET_TEXT:
        text = pattern.sub(REDACTED, text)
    return text


def _is_secret(name: str, value: Any) -> bool:
    if value is None or isinstance(value, bool | int | float):
        return False
    return bool(SECRET_NAME.search(name)) and not HARMLESS_NAME.search(name)


def redact_event(logger: Any, method: str, event: EventDict) -> EventDict:
    """Redact an event. This structlog processor comes last before rendering, so that it sees tracebacks too."""
    return {
        key: item if key.startswith("_") else REDACTED if _is_secret(key, item) else _shown(shortened(redact(item)))
        for key, item in event.items()
    }


def shortened(value: Any) -> Any:
    """Return a text of at most LONGEST characters, cut at the beginning: the end of a traceback says most."""
    return f"…{value[-LONGEST:]}" if isinstance(value, str) and len(value) > LONGEST else value


class ToldOnce(logging.Filter):
    """Drops Django's line about a failed request when the request's own line already reports it, with the reason."""

    def filter(self, record: logging.LogRecord) -> bool:
        request: Any = getattr(record, "request", None)
        if hasattr(request, "_raised_exception"):
            return False
        if not hasattr(request, "_why"):
            return True
        request._why = record.getMessage()
        return False


@receiver(bind_extra_request_metadata)
def will_be_told(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    request._why = ""  # type: ignore[attr-defined]


@receiver(bind_extra_request_finished_metadata)
def say_why(sender: Any, request: HttpRequest, log_kwargs: dict[str, Any], **kwargs: Any) -> None:
    if why := getattr(request, "_why", ""):
        log_kwargs["reason"] = why


def log_of_thread(failed: threading.ExceptHookArgs) -> None:
    """Log a thread's failure, in place of Python's own hook, which writes tracebacks unredacted."""
    if failed.exc_value is not None:
        logging.getLogger("threading").critical("a thread has failed", exc_info=failed.exc_value)


def _shown(value: Any) -> Any:
    """Return `value` with what could affect a terminal made visible.

    JSON escapes it, but only until somebody reads the log with a tool that unescapes it.
    """
    if isinstance(value, str):
        return visible(value, lines=True)
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list) else value


SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure_structlog() -> None:
    threading.excepthook = log_of_thread
    structlog.configure(
        processors=[
            *SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def logging_config(level: str) -> dict[str, Any]:
    """Return a dictConfig that sends every logger's records through redaction to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*SHARED, structlog.stdlib.ExtraAdder()],
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    redact_event,
                    structlog.processors.JSONRenderer(
                        ensure_ascii=False, default=lambda value: _shown(redact_text(str(value)))
                    ),
                ],
            }
        },
        "filters": {"once": {"()": ToldOnce}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["once"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            # gunicorn gives each a handler of its own, which would write without redaction.
            "gunicorn.error": {"handlers": [], "propagate": True},
            "gunicorn.access": {"handlers": [], "propagate": True},
            # It logs a line for each request that waits for a thread, which is too many when they pile up.
            "waitress.queue": {"level": "ERROR"},
        },
    }
