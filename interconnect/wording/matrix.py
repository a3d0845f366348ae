"""What the matrix of the groups says about a pair, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from interconnect.domain.checks import Reach, Told, Verdict

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

VERDICTS: Mapping[Verdict, StrPromise] = {
    Verdict.FAILS: _("Fails"),
    Verdict.PART: _("In part"),
    Verdict.UNKNOWN: _("Unknown"),
    Verdict.WORKS: _("Works"),
    Verdict.DIRECT: _("Not joined"),
}
# By `Told` or the `path` of an answer: why calls fail, and what to do about it.
CAUSES: Mapping[str, tuple[StrPromise, StrPromise]] = {
    Told.RAW: (
        _("istiod gives proxies of %(source)s the Pod IPs of %(target)s, which they can't reach."),
        _("Check that %(target)s is in effect on every istiod replica. Restart Pods that carry another network."),
    ),
    Told.MIXED: (
        _(
            "Some Pods of %(target)s still carry another network, so istiod sends their own IPs as well as the "
            "addresses of the gateways."
        ),
        _("Restart the workloads of %(target)s."),
    ),
    Told.ABSENT: (
        _("istiod gives proxies of %(source)s no address of %(target)s for this service."),
        _(
            "Check that the service's Pods in %(target)s are injected and ready, and that istiod is in sync with "
            "their cluster."
        ),
    ),
    "untrusted": (
        _("A gateway of %(target)s answered with a certificate that the mesh's root CA didn't issue."),
        _("Check that all clusters share one root CA, and that the address leads to this mesh's gateway."),
    ),
    "refused": (
        _("A gateway of %(target)s closed the connection: it knows no ready Pod of the service, or lacks the rule."),
        _("Check the gateway rule and that the service has ready, injected Pods with the network of %(target)s."),
    ),
    "not-tls": (
        _("What answers at an address of %(target)s isn't an east-west gateway."),
        _("Check the address, and that its load balancer passes TCP on without ending TLS."),
    ),
    "connected": (
        _("An address of %(target)s takes connections but never answered the TLS handshake."),
        _("Check that the load balancer has ready gateway Pods behind it."),
    ),
    "unreachable": (
        _("An address of %(target)s can't be reached from the console."),
        _("Check the load balancer, and the firewalls and routes between the console's network and the address."),
    ),
    "timeout": (
        _("An address of %(target)s didn't answer the console in time."),
        _("Check the load balancer, and the firewalls and routes between the console's network and the address."),
    ),
    "denied": (
        _("An address of %(target)s is in a network that the console isn't allowed to connect to."),
        _("Allow it in the console's settings, or test the path from a Pod."),
    ),
}
DISAGREE = _(
    "istiod and data path disagree. The console's network may differ from the Pods' network, or something in between "
    "blocks the gateway."
)


def answer_text(answer: Answer) -> str:
    """Return an answer in words: *203.0.113.7:15443 answered (spiffe://…)*."""
    said = " ".join(part for part in (answer.address, str(PATHS.get(answer.path, answer.path))) if part)
    return f"{said} ({answer.detail})" if answer.detail else said
