"""The errors of calls to clusters: one exception for each thing that a caller can do about it.

Every error carries a stable code, parameters and a short redacted evidence. It is worded where it is shown.
"""

from __future__ import annotations

import itertools
import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from interconnect.domain.violations import Violation
from interconnect.kube.reasons import Refusal, refusal_in
from interconnect.kube.redaction import alone
from meshconsole.text import in_a_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EVIDENCE_LIMIT = 300
LONGEST_RETRY_AFTER = 300.0
_CAUSES_LIMIT = 50
# every code that a KubeError can have; each has a message where errors are worded
CODES = frozenset(
    (
        "address-denied",
        "admission-denied",
        "already-exists",
        "bad-body",
        "conflict",
        "cut",
        "dry-run-unsupported",
        "endless-list",
        "expired",
        "forbidden",
        "invalid",
        "limit-range",
        "namespace-terminating",
        "not-found",
        "not-served",
        "not-tls",
        "other-object",
        "pod-security",
        "policy-denied",
        "precondition",
        "quota-exceeded",
        "redirected",
        "repeats-credential",
        "refused",
        "request-too-large",
        "server-error",
        "server-timeout",
        "timeout",
        "tls",
        "tls-client-ended",
        "tls-client-missing",
        "tls-client-refused",
        "tls-ended",
        "tls-name",
        "tls-not-yet",
        "tls-own",
        "tls-untrusted",
        "tls-weak",
        "too-large",
        "too-many",
        "too-many-requests",
        "unauthorized",
        "unexpected",
        "unreachable",
        "web-page",
        "webhook-down",
        "wrong-cluster",
    )
)
_SECRET_SHAPES = (
    re.compile(r"-----BEGIN [^-]*-----.*?(?:-----END [^-]*-----|\Z)", re.DOTALL),
    re.compile(r"(?i)\b(?:bearer|basic)\s+\S+"),
    re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*)*"),
    re.compile(r"[A-Za-z0-9+/_=]{48,}"),
)
_PART = 10
_CONFLICT_OWNER = re.compile(r'conflict with "([^"]*)"')
_READS = frozenset({"get", "list", "watch"})
_PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<", re.ASCII)


class FieldConflict(NamedTuple):
    """A field that somebody else owns: `field` as the API server writes it (`.spec.replicas`), `owner` its manager."""

    field: str
    owner: str


class Call(NamedTuple):
    """What was asked, as RBAC words it.

    `resource` is `plural` or `plural.group`, with `/subresource` where there is one.
    """

    verb: str
    resource: str
    namespace: str = ""
    name: str = ""


class KubeError(Exception):
    """A call to a cluster failed. It never holds a credential or an exception of another library."""

    def __init__(self, code: str, *, evidence: str = "", retry_after: float | None = None, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params: dict[str, Any] = params
        self.evidence = evidence
        self.retry_after = retry_after

    @property
    def said(self) -> str:
        """The cluster's own reason, for use within a sentence."""
        return str(self.params.get("said") or self.evidence).rstrip(". ")

    def violation(self, **more: Any) -> Violation:
        """Return the error as a Violation, for wording and storing.

        `more` adds parameters that the error itself doesn't have.
        """
        object_named = " ".join(str(self.params[key]) for key in ("resource", "name") if self.params.get(key))
        params = {**more, **self.params, "said": self.said, **({"object": object_named} if object_named else {})}
        return Violation(f"kube.{self.code}", params)

    def __str__(self) -> str:
        shown = ", ".join(
            f"{key}={value}" for key, value in self.params.items() if value not in ("", None) and key != "said"
        )
        return " ".join(part for part in (self.code, f"({shown})" if shown else "", self.evidence) if part)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class Temporary(KubeError):
    """Worth another attempt, not before `retry_after` seconds if the server named them."""


class Permanent(KubeError):
    """The same call would give the same answer until somebody changes something."""


class NotFound(Permanent):
    """The API server said itself that this object does not exist."""


class Conflict(KubeError):
    """The call collides with somebody else: owned fields (`causes`), another version, another object of that name."""

    def __init__(self, code: str, *, causes: tuple[FieldConflict, ...] = (), evidence: str = "", **params: Any) -> None:
        super().__init__(code, evidence=evidence, **params)
        self.causes = causes

    def violation(self, **more: Any) -> Violation:
        return super().violation(**more, causes=[cause._asdict() for cause in self.causes])


def plain(text: object, limit: int = EVIDENCE_LIMIT) -> str:
    """Return a cluster's text as one printable line of at most `limit` characters."""
    return in_a_line(text, limit)


def redact(text: object, secrets: Iterable[str] = ()) -> str:
    """Return a printable line without the given secrets, parts of them, or anything that looks like a credential."""
    # cut far behind what is shown: a secret that lies across the cut would only be recognised as a part
    shown = str(text)[: EVIDENCE_LIMIT * 40]
    known = [secret for secret in secrets if secret]
    for secret in sorted(known, key=len, reverse=True):
        shown = re.sub(alone(secret), "***", shown)
    for shape in _SECRET_SHAPES:
        shown = shape.sub("***", shown)
    return plain(_without_parts(shown, known))


def _without_parts(text: str, secrets: list[str]) -> str:
    """`text` with every stretch masked that occurs in a secret and is ten characters or longer."""
    parts = {secret[start : start + _PART] for secret in secrets for start in range(len(secret) - _PART + 1)}
    hidden = bytearray(len(text))
    for start in range(len(text) - _PART + 1):
        if text[start : start + _PART] in parts:
            hidden[start : start + _PART] = b"\x01" * _PART
    runs = itertools.groupby(zip(text, hidden, strict=True), key=lambda pair: pair[1])
    return "".join("***" if masked else "".join(char for char, _ in run) for masked, run in runs)


class Status(NamedTuple):
    """The readable part of a `kind: Status` body; of anything else there is none."""

    reason: str = ""
    message: str = ""
    details: Mapping[str, Any] = {}

    @property
    def causes(self) -> list[Mapping[str, Any]]:
        causes = self.details.get("causes")
        return (
            [cause for cause in causes[:_CAUSES_LIMIT] if isinstance(cause, dict)] if isinstance(causes, list) else []
        )


def status_of(body: bytes) -> Status | None:
    """Return the Status in `body`, or None for anything else: only an API server's own words are ever quoted."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.get("kind") != "Status":
        return None
    details = value.get("details")
    reason, message = value.get("reason"), value.get("message")
    return Status(
        reason if isinstance(reason, str) else "",
        message if isinstance(message, str) else "",
        details if isinstance(details, dict) else {},
    )


def retry_after(headers: Mapping[str, str], status: Status | None = None) -> float | None:
    """Return the seconds that the server asks to wait, 0 to 300; None when it doesn't say or the value is invalid.

    This is only a request: `interconnect.domain.patience` decides how long to wait.
    """
    said: Any = headers.get("retry-after") or (status.details.get("retryAfterSeconds") if status else None)
    if said is None or isinstance(said, bool):
        return None
    try:
        seconds = float(said)
    except (TypeError, ValueError):
        seconds = _seconds_until(str(said))
    except OverflowError:
        seconds = LONGEST_RETRY_AFTER
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER) if seconds == seconds else None


def _seconds_until(date: str) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        return float("nan")
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()


def is_page(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether an answer is a web page, as sign-in proxies and load balancers send."""
    return (
        headers.get("content-type", "").lower().startswith(("text/html", "application/xhtml"))
        or _PAGE.match(body) is not None
    )


def from_response(
    status_code: int, headers: Mapping[str, str], body: bytes, call: Call, secrets: Iterable[str] = ()
) -> KubeError:
    """Return the error that a response outside 2xx stands for."""
    status = status_of(body)
    params = {key: value for key, value in call._asdict().items() if value} | {"status": status_code}
    if status is None:
        return _without_status(status_code, headers, body, params)
    evidence = redact(status.message, secrets)
    refusal = refusal_in(status.message)
    if refusal and status_code != 404:
        return _refused(refusal, evidence, params, secrets)
    if status_code in (408, 429) or status_code >= 500:
        return Temporary(
            _server_code(status_code), evidence=evidence, retry_after=retry_after(headers, status), **params
        )
    if status_code == 410:
        return Temporary("expired", evidence=evidence, **params)
    if status_code == 401:
        return Permanent("unauthorized", evidence=evidence, **params)
    return _refusal(status_code, status, evidence, params, secrets)


def _server_code(status_code: int) -> str:
    return {429: "too-many-requests", 504: "server-timeout"}.get(status_code, "server-error")


def _without_status(status_code: int, headers: Mapping[str, str], body: bytes, params: dict[str, Any]) -> KubeError:
    temporary = status_code in (408, 429) or status_code >= 500
    if 300 <= status_code < 400:
        return Permanent("redirected", **params)
    if status_code in (400, 495, 496) and (code := _nginx(body)):
        return Permanent(code, **params)
    if is_page(headers, body) and status_code != 429:
        return (
            Temporary("web-page", retry_after=retry_after(headers), **params)
            if temporary
            else Permanent("web-page", **params)
        )
    if temporary:
        return Temporary(_server_code(status_code), retry_after=retry_after(headers), **params)
    if status_code == 410:
        return Temporary("expired", **params)
    # 403: an API server says who may not do what, so this is somebody in front of it. 404: a proxy's text, or an API
    # that is not installed: never proof that the object is absent.
    codes = {401: "unauthorized", 404: "not-served", 413: "request-too-large"}
    return Permanent(codes.get(status_code, "bad-body"), **params)


def _refused(refusal: Refusal, evidence: str, params: dict[str, Any], secrets: Iterable[str]) -> KubeError:
    """A refusal that the message itself tells apart, whatever its status; one whose webhook is down can pass later."""
    names = {name: redact(text, secrets) for name, text in refusal.names.items()}
    kind = Temporary if refusal.code == "webhook-down" else Permanent
    return kind(refusal.code, evidence=evidence, **{**params, **names, "said": redact(refusal.said, secrets)})


def _nginx(body: bytes) -> str:
    """nginx lets every client finish its handshake, and refuses it in a page."""
    if b"No required SSL certificate was sent" in body:
        return "tls-client-missing"
    return "tls-client-refused" if b"The SSL certificate error" in body else ""


def _refusal(
    status_code: int, status: Status, evidence: str, params: dict[str, Any], secrets: Iterable[str]
) -> KubeError:
    if status_code == 403:
        # only authorization refuses to read; a write may have met an admission plugin with words of its own
        return Permanent("forbidden" if params.get("verb") in _READS else "refused", evidence=evidence, **params)
    if status_code == 404:
        missing = status.details.get("name")
        if status.reason != "NotFound" or not missing:
            return Permanent("not-served", evidence=evidence, **params)
        # a write can lack its namespace, not the object: the answer says which of the two
        return NotFound("not-found", evidence=evidence, missing=redact(missing, secrets), **params)
    if status_code == 409:
        return _conflict(status, evidence, params, secrets)
    if status_code == 413:
        return Permanent("request-too-large", evidence=evidence, **params)
    fields = [redact(cause.get("field", ""), secrets) for cause in status.causes]
    return Permanent("invalid", evidence=evidence, fields=[name for name in fields if name], **params)


def _conflict(status: Status, evidence: str, params: dict[str, Any], secrets: Iterable[str]) -> KubeError:
    if status.reason == "AlreadyExists":
        return Conflict("already-exists", evidence=evidence, **params)
    if "precondition" in status.message.lower():
        return Conflict("precondition", evidence=evidence, **params)
    return Conflict("conflict", causes=tuple(_field_conflicts(status, secrets)), evidence=evidence, **params)


def _field_conflicts(status: Status, secrets: Iterable[str]) -> Iterable[FieldConflict]:
    for cause in status.causes:
        if cause.get("reason") != "FieldManagerConflict":
            continue
        owner = _CONFLICT_OWNER.search(str(cause.get("message", "")))
        yield FieldConflict(redact(cause.get("field", ""), secrets), redact(owner.group(1) if owner else "", secrets))
