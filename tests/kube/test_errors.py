from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from interconnect import kube
from interconnect.kube import reasons
from interconnect.kube.errors import (
    CODES,
    Call,
    Conflict,
    FieldConflict,
    KubeError,
    NotFound,
    Permanent,
    Temporary,
    from_response,
    plain,
    redact,
)
from interconnect.wording import word

CALL = Call("patch", "deployments.apps", "istio-system", "istiod")


def answer(
    code: int, reason: str = "", message: str = "", headers: dict[str, str] | None = None, **details: Any
) -> KubeError:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "reason": reason,
        "message": message,
        "code": code,
        "details": details,
    }
    return from_response(code, headers or {}, json.dumps(body).encode(), CALL)


STATUS: list[tuple[int, str, str, dict[str, Any], type[KubeError], str]] = [
    (401, "Unauthorized", "Unauthorized", {}, Permanent, "unauthorized"),
    (
        403,
        "Forbidden",
        'services is forbidden: User "a" cannot patch resource "services" in API group ""',
        {},
        Permanent,
        "forbidden",
    ),
    (403, "Forbidden", "an admission plugin with words of its own", {}, Permanent, "refused"),
    (404, "NotFound", "not found", {"name": "istiod"}, NotFound, "not-found"),
    (404, "NotFound", "the server could not find the requested resource", {}, Permanent, "not-served"),
    (409, "AlreadyExists", "exists", {}, Conflict, "already-exists"),
    (409, "Conflict", "the object has been modified", {}, Conflict, "conflict"),
    (
        409,
        "Conflict",
        "Precondition failed: UID in precondition: a, UID in object meta: b",
        {},
        Conflict,
        "precondition",
    ),
    (410, "Expired", "too old resource version", {}, Temporary, "expired"),
    (413, "RequestEntityTooLarge", "too large", {}, Permanent, "request-too-large"),
    (400, "BadRequest", "bad", {}, Permanent, "invalid"),
    (415, "UnsupportedMediaType", "bad", {}, Permanent, "invalid"),
    (422, "Invalid", "bad", {"causes": [{"field": "spec.replicas"}]}, Permanent, "invalid"),
    (429, "TooManyRequests", "slow down", {}, Temporary, "too-many-requests"),
    (500, "InternalError", "oops", {}, Temporary, "server-error"),
    (503, "ServiceUnavailable", "oops", {}, Temporary, "server-error"),
    (504, "Timeout", "oops", {}, Temporary, "server-timeout"),
    (400, "BadRequest", 'admission webhook "a.b.c" does not support dry run', {}, Permanent, "dry-run-unsupported"),
    (403, "Forbidden", 'admission webhook "a.b.c" denied the request: no', {}, Permanent, "admission-denied"),
]


@pytest.mark.parametrize(("code", "reason", "message", "details", "kind", "expected"), STATUS)
def test_each_answer_becomes_what_the_caller_can_do(
    code: int, reason: str, message: str, details: dict[str, Any], kind: type[KubeError], expected: str
) -> None:
    error = answer(code, reason, message, **details)
    assert (type(error), error.code) == (kind, expected)
    assert error.params["verb"] == "patch"
    assert error.params["resource"] == "deployments.apps"
    assert error.params["namespace"] == "istio-system"
    assert error.params["name"] == "istiod"
    assert error.evidence == message


@pytest.mark.parametrize(
    ("code", "page", "text"),
    [
        (301, "redirected", "redirected"),
        (400, "web-page", "bad-body"),
        (401, "web-page", "unauthorized"),
        (403, "web-page", "bad-body"),
        (404, "web-page", "not-served"),
        (409, "web-page", "bad-body"),
        (413, "web-page", "request-too-large"),
        (429, "too-many-requests", "too-many-requests"),
        (500, "web-page", "server-error"),
        (502, "web-page", "server-error"),
        (504, "web-page", "server-timeout"),
    ],
)
def test_what_a_proxy_says_is_never_quoted_and_proves_no_absence(code: int, page: str, text: str) -> None:
    for expected, body in ((page, b"\xef\xbb\xbf\n <html>internal.example</html>"), (text, b"internal.example")):
        error = from_response(code, {}, body, CALL)
        assert (error.code, error.evidence, isinstance(error, NotFound)) == (expected, "", False)
        assert isinstance(error, Temporary) == (code == 429 or code >= 500)
    assert from_response(code, {"content-type": "text/html; charset=utf-8"}, b"sign in", CALL).code == page


# Who refuses, with the status that API servers really give, their words, what of it is told, and what else is known of
# it.
REFUSALS: dict[str, tuple[int, str, str, str, dict[str, str]]] = {
    "quota": (
        403,
        'services "gw" is forbidden: exceeded quota: no-lb, requested: services.loadbalancers=1, used: '
        "services.loadbalancers=0",
        "quota-exceeded",
        "exceeded quota: no-lb, requested: services.loadbalancers=1, used: services.loadbalancers=0",
        {"quota": "no-lb"},
    ),
    "quota without limits": (
        403,
        'pods "gw" is forbidden: failed quota: compute: must specify limits.cpu for: istio-proxy',
        "quota-exceeded",
        "failed quota: compute: must specify limits.cpu for: istio-proxy",
        {"quota": "compute"},
    ),
    "limit range": (
        403,
        'pods "gw" is forbidden: [maximum cpu usage per Container is 500m, but limit is 2, minimum memory '
        "usage per Container is 1Gi]",
        "limit-range",
        "[maximum cpu usage per Container is 500m, but limit is 2, minimum memory usage per Container is 1Gi]",
        {},
    ),
    "webhook": (
        403,
        'admission webhook "repos.policy.example" denied the request: image <auto> comes from no allowed registry.',
        "admission-denied",
        "image <auto> comes from no allowed registry",
        {"webhook": "repos.policy.example"},
    ),
    "webhook with a status of its own": (
        500,
        'admission webhook "a.example" denied the request: exceeded quota: of ours, sorry',
        "admission-denied",
        "exceeded quota: of ours, sorry",
        {"webhook": "a.example"},
    ),
    "policy": (
        422,
        "deployments.apps \"gw\" is forbidden: ValidatingAdmissionPolicy 'limits' with binding 'limits-all' "
        "denied request: no limits",
        "policy-denied",
        "no limits",
        {"policy_kind": "ValidatingAdmissionPolicy", "policy": "limits", "binding": "limits-all"},
    ),
    "policy whose reason is Unauthorized": (
        401,
        "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: not you",
        "policy-denied",
        "not you",
        {"policy": "p"},
    ),
    "pod security": (
        403,
        'pods "gw" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
        "pod-security",
        'violates PodSecurity "restricted:latest": runAsNonRoot != true',
        {},
    ),
    "terminating": (
        403,
        'deployments.apps "gw" is forbidden: unable to create new content in namespace istio-system because '
        "it is being terminated",
        "namespace-terminating",
        "namespace istio-system because it is being terminated",
        {"namespace": "istio-system"},
    ),
    "dead webhook": (
        500,
        'Internal error occurred: failed calling webhook "v.example": no endpoints available for service "policy"',
        "webhook-down",
        'no endpoints available for service "policy"',
        {"webhook": "v.example"},
    ),
    "slow webhook": (
        504,
        'Timeout: failed calling webhook "v.example": failed to call webhook: Post '
        '"https://v.shop.svc:443/": context deadline exceeded',
        "webhook-down",
        'failed to call webhook: Post "https://v.shop.svc:443/": context deadline exceeded',
        {"webhook": "v.example"},
    ),
    "rbac": (
        403,
        'services "gw" is forbidden: User "me" cannot patch resource "services" in API group "" in the '
        'namespace "istio-system"',
        "forbidden",
        'cannot patch resource "services" in API group "" in the namespace "istio-system"',
        {},
    ),
    "too large for a ConfigMap": (
        422,
        'ConfigMap "istio" is invalid: []: Too long: may not be more than 1048576 bytes',
        "request-too-large",
        "Too long: may not be more than 1048576 bytes",
        {},
    ),
    "too large for etcd": (500, "etcdserver: request is too large", "request-too-large", "request is too large", {}),
}


@pytest.mark.parametrize(("status", "message", "code", "said", "names"), REFUSALS.values(), ids=REFUSALS)
def test_who_refuses_is_told_apart(status: int, message: str, code: str, said: str, names: dict[str, str]) -> None:
    error = answer(status, "", message)
    assert (error.code, error.said, error.evidence) == (code, said, message)
    assert names.items() <= error.params.items()
    assert isinstance(error, Temporary) == (code == "webhook-down")


def test_a_reason_holds_no_secret() -> None:
    message = f'admission webhook "{SECRET}" denied the request: {SECRET} is not known'
    error = from_response(403, {}, json.dumps({"kind": "Status", "message": message}).encode(), CALL, [SECRET])
    assert SECRET[:10] not in f"{error} {error.params} {error.violation()}"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429, 500, 502, 503, 504])
def test_no_sentence_about_an_answer_lacks_anything(status: int) -> None:
    """With a Status and without, with a reason and without, of one object, of a kind, and of a path."""
    for call in (CALL, Call("list", "pods"), Call("get", "version"), Call("get", "")):
        for body in (
            b"",
            b"<html>",
            *(json.dumps({"kind": "Status", "message": said}).encode() for said in ("", "why")),
        ):
            found = from_response(status, {}, body, call).violation()
            sentence = word(found.code, found.params)
            assert "(unknown)" not in sentence
            assert "?" not in sentence


@pytest.mark.parametrize(("status", "message", "code", "said"), [row[:4] for row in REFUSALS.values()], ids=REFUSALS)
def test_the_reason_is_in_the_sentence(status: int, message: str, code: str, said: str) -> None:
    found = answer(status, "", message).violation()
    sentence = word(found.code, found.params)
    native = {"rbac": "patch deployments.apps", "terminating": "is being terminated"}
    assert (said in sentence) or any(text in sentence for text in native.values())
    assert sentence.rstrip().endswith("retry.")


def test_every_code_that_is_raised_is_listed() -> None:
    source = "".join(path.read_text() for path in Path(kube.__file__).parent.glob("*.py"))
    raised = set(re.findall(r'(?:Temporary|Permanent|Conflict|NotFound)\(\s*"([a-z-]+)"', source))
    raised |= {code for code, _pattern in reasons._PATTERNS}
    assert raised <= CODES
    assert {expected for *_, expected in STATUS} <= CODES


def test_a_missing_namespace_of_a_write_is_named() -> None:
    assert answer(404, "NotFound", "", kind="namespaces", name="shop").params["missing"] == "shop"


def test_field_conflicts_are_data() -> None:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "field": ".spec.replicas",
            "message": 'conflict with "kubectl-edit" using apps/v1',
        },
        {"reason": "FieldManagerConflict", "field": ".spec.x", "message": "nonsense"},
        {"reason": "Other", "field": ".y"},
        "nonsense",
    ]
    error = answer(409, "Conflict", "Apply failed with 2 conflicts", causes=causes)
    assert isinstance(error, Conflict)
    assert error.causes == (FieldConflict(".spec.replicas", "kubectl-edit"), FieldConflict(".spec.x", ""))


def test_the_fields_of_an_invalid_object_are_data() -> None:
    error = answer(422, "Invalid", "", causes=[{"field": "spec.a"}, {"field": 3}, {}, None])
    assert error.params["fields"] == ["spec.a", "3"]


@pytest.mark.parametrize(
    "details", [None, [], "x", {"causes": "x"}, {"causes": {"a": 1}}, {"name": ["x"]}, {"retryAfterSeconds": "x"}]
)
@pytest.mark.parametrize("code", [404, 409, 422, 429, 500])
def test_details_of_any_shape_are_survived(code: int, details: Any) -> None:
    body = {"kind": "Status", "reason": 5, "message": ["x"], "details": details}
    assert isinstance(from_response(code, {}, json.dumps(body).encode(), CALL), KubeError)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("-5", 0.0),
        ("1000000000", 300.0),
        ("inf", 300.0),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("1e400", 300.0),
    ],
)
def test_retry_after_is_honoured_within_reason(header: str, seconds: float | None) -> None:
    assert answer(429, headers={"retry-after": header}).retry_after == seconds


def test_retry_after_can_be_a_date_or_in_the_details() -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    waited = answer(503, headers={"retry-after": moment}).retry_after
    assert waited is not None
    assert 50 < waited <= 60
    assert answer(500, retryAfterSeconds=4).retry_after == 4.0
    assert answer(500, retryAfterSeconds=10**400).retry_after == 300.0


def test_evidence_is_one_short_printable_line() -> None:
    shown = plain("a\r\nb\x1b[31m\0" + "x" * 1000)
    assert "\n" not in shown
    assert "\x1b" not in shown
    assert len(shown) == 300


SECRET = "s3cr3t-t0ken-value-which-is-long"


@pytest.mark.parametrize(
    "text",
    [
        f"header was Authorization: Bearer {SECRET}",
        f"got x={SECRET}y",
        f"began with {SECRET[:14]}",
        f"ended with {SECRET[-14:]}...",
        f"middle{SECRET[5:20]}middle",
        "x" * 11_990 + SECRET,
    ],
)
def test_no_part_of_a_known_secret_is_shown(text: str) -> None:
    shown = redact(text, [SECRET, ""])
    assert not any(SECRET[start : start + 10] in shown for start in range(len(SECRET) - 9))


@pytest.mark.parametrize(
    "text",
    [
        "token eyJhbGciOiJSUzI1NiIsImtpZCI6IiJ9.eyJpc3MiOiJrdWJlIn0.c2lnbmF0dXJl end",
        "Basic dXNlcjpwYXNz end",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY----- end",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQ",
        "data " + "QUJD" * 20 + " end",
    ],
)
def test_what_looks_like_a_credential_is_not_shown(text: str) -> None:
    shown = redact(text)
    assert "***" in shown
    for part in ("eyJ", "dXNl", "MIIE", "QUJD"):
        assert part not in shown


def test_names_of_objects_stay_readable() -> None:
    text = (
        'deployments.apps "eastwest-member-a-with-a-very-long-name-indeed-1" in '
        "istio-system-of-production.svc.cluster.local not found"
    )
    assert redact(text, [SECRET]) == text


def test_the_words_of_an_error_hold_code_parameters_and_evidence() -> None:
    error = answer(401, "Unauthorized", "no")
    assert str(error).startswith(
        "unauthorized (verb=patch, resource=deployments.apps, namespace=istio-system, name=istiod"
    )
    assert repr(error).startswith("Permanent('unauthorized")
