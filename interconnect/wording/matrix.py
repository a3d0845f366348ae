"""What the matrix of the groups says about a pair, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from interconnect.domain.checks import Reach, Told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_stubs_ext import StrPromise

    from interconnect.domain.checks import Answer

TOLD: Mapping[Told, StrPromise] = {
    Told.GATEWAY: _("Through gateways"),
    Told.RAW: _("By Pod IPs"),
    Told.MIXED: _("Through gateways and by Pod IPs"),
    Told.ABSENT: _("Not at all"),
    Told.UNKNOWN: _("Unknown"),
}
# By the `path` of an answer.
PATHS: Mapping[str, StrPromise] = {
    "served": _("answered"),
    "untrusted": _("untrusted certificate"),
    "refused": _("connection closed"),
    "not-tls": _("not a gateway"),
    "connected": _("connected"),
    "unreachable": _("unreachable"),
    "timeout": _("timed out"),
    "denied": _("in a denied network"),
}
REACH: Mapping[Reach, StrPromise] = {
    Reach.SERVED: _("Answered"),
    Reach.FAILED: _("Didn't answer"),
    Reach.UNTESTED: _("Not tested"),
}


def answer_text(answer: Answer) -> str:
    """Return an answer in words: *203.0.113.7:15443 answered (spiffe://…)*."""
    said = " ".join(part for part in (answer.address, str(PATHS.get(answer.path, answer.path))) if part)
    return f"{said} ({answer.detail})" if answer.detail else said
