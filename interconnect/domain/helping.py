"""Which findings have a help page of their own (`docs/LANGUAGE/findings/CODE.md`), and which share one."""

from __future__ import annotations

from collections.abc import Mapping

from interconnect.domain import diagnosis

OF_CHECKS = (
    "preflight.networks.rendered",
    "preflight.cluster-name",
    "preflight.address-taken",
    "preflight.name-taken",
    "preflight.registry-taken",
    "preflight.labelled-service",
    "preflight.pods-elsewhere",
    "preflight.services-unlisted",
    "preflight.config-map-managed",
    "preflight.guard",
    "preflight.recreate",
    "preflight.not-checked",
)
"""Codes that only *Run checks* finds."""

SAME: Mapping[str, str] = {
    "preflight.networks.there": "networks.invalid",
    "preflight.no-answer": "cluster.no-answer",
    "preflight.system-namespace": "cluster.namespace-missing",
    "preflight.root-ca": "trust.root-ca",
    "preflight.trust-domain": "trust.domain",
    "preflight.gateway-not-ready": "gateway.not-ready",
    "preflight.gateway-not-injected": "gateway.not-injected",
    "preflight.stale-pods": "pods.stale",
    "preflight.unlabelled-pods": "pods.unlabelled",
    "preflight.istio-skew": "versions.istio-skew",
    "preflight.kubernetes-skew": "versions.kubernetes-skew",
    "verify.missing": "group.in-effect-partly",
    "verify.unexpected": "networks.still-known",
    "verify.unresolved": "group.host-unresolved",
    "verify.registered-by-label": "group.others-decide",
    "verify.no-answer": "control-plane.replicas-silent",
    "guard.not-synced": "preflight.guard",
    "guard.not-answering": "preflight.guard",
    "guard.unverifiable": "preflight.guard",
    "guard.no-answer": "preflight.guard",
}
"""Codes that say of a join, or of one replica, what another code says of the mesh."""

PAGES: tuple[str, ...] = (*diagnosis.CODES, *OF_CHECKS)


def page_of(code: str) -> str:
    """Return the code whose help page explains this one; empty if none does."""
    own = SAME.get(code, code)
    return own if own in PAGES else ""
