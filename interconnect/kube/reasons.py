"""Who in a cluster refused a request: read from the words of its API server, since most refusals share the status 403.

The words are those of Kubernetes' own packages (admission plugins, webhook and policy dispatchers, the authorizer).
Other messages are judged by their status.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Refusal(NamedTuple):
    """`code` says who refuses, `said` is the cluster's own reason without its preamble, `names` are parameters."""

    code: str
    said: str
    names: dict[str, str]


# The first that fits decides: a webhook may say of itself anything that a later one looks for. `said` begins at the
# group of that name, or where the pattern does.
_PATTERNS = tuple(
    (code, re.compile(pattern, re.DOTALL))
    for code, pattern in (
        ("dry-run-unsupported", r'admission webhook "(?P<webhook>[^"]*)" does not support dry run'),
        (
            "admission-denied",
            r'admission webhook "(?P<webhook>[^"]*)" denied the request(?: without explanation|: (?P<said>.*))?',
        ),
        (
            "policy-denied",
            r"(?P<policy_kind>(?:Validating|Mutating)AdmissionPolicy) '(?P<policy>[^']*)' with binding "
            r"'(?P<binding>[^']*)' "
            r"denied request(?:: (?P<said>.*))?",
        ),
        ("webhook-down", r'failed calling (?:admission )?webhook "(?P<webhook>[^"]*)": (?P<said>.*)'),
        ("webhook-down", r"conversion webhook for (?P<webhook>.*?) failed: (?P<said>.*)"),
        ("namespace-terminating", r"(?:in|namespace) (?P<namespace>\S+) because it is being terminated"),
        ("quota-exceeded", r"(?:exceeded|failed) quota: (?P<quota>[^,:]*)[,:]"),
        ("quota-exceeded", r"(?:status unknown for quota: (?P<quota>[^,]*),|insufficient quota )"),
        ("limit-range", r"\[?(?:maximum|minimum) \S+ usage per |\[?\S+ max limit to request ratio per "),
        (
            "pod-security",
            r"violates PodSecurity|unable to validate against any security context constraint|unable to admit pod",
        ),
        # The object as a whole, not one of its fields: what is invalid about a field is told with its name.
        (
            "request-too-large",
            r"request is too large|[Rr]equest entity too large|(?<=\[\]: )Too long: .*\d{6}|trying to send "
            r"message larger than max",
        ),
        ("forbidden", r"cannot (?:\S+) (?:resource|path) "),
    )
)


def refusal_in(message: str) -> Refusal | None:
    """Return who refused, by the first pattern that matches the message; None when none does."""
    for code, pattern in _PATTERNS:
        found = pattern.search(message)
        if found:
            names = {name: text for name, text in found.groupdict().items() if text and name != "said"}
            has_own = "said" in pattern.groupindex
            said = (found.group("said") or "") if has_own else message[found.start() :]
            return Refusal(code, said, names)
    return None
