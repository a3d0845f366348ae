"""A gateway as its cluster shows it, from objects that have been read: one rule for looks and steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from interconnect.domain.entries import GATEWAY_LABEL
from interconnect.domain.injection import count_unfit, earlier, newest_not_injected, not_injected, obstacle
from interconnect.domain.json_types import Json
from interconnect.domain.results import GatewayPods
from interconnect.domain.seen import GatewaySeen
from interconnect.domain.violations import Violation
from interconnect.kube import kinds, probe
from interconnect.kube.reading import items, mapping, number, text

if TYPE_CHECKING:
    from interconnect.kube.api import Api


def gateway_seen(
    deployment: Json | None,
    pods: Iterable[Json] | None,
    network: str,
    hinders: Callable[[Mapping[str, str]], Violation | None] | None = None,
) -> GatewaySeen:
    """Return a gateway from its Deployment (None: there is none) and its Pods (None: not read). `hinders` says why Pods
    with the labels of its template would be made without injection.

    Whether it is injected is unknown while Pods are being replaced or none runs.
    """
    if deployment is None:
        return GatewaySeen(present=False)
    now = probe.deployment_status(deployment)
    running = None if pods is None else [pod for pod in pods if not mapping(pod, "metadata").get("deletionTimestamp")]
    short = now.available < now.desired
    seen = GatewaySeen(
        present=True,
        replicas=now.desired,
        available=now.available,
        reason=(now.message or _unavailable(deployment)) if short else "",
    )
    if not running:
        return seen
    # During a rolling update the Pods made last say what the next ones will be.
    fault = not_injected(running, network) if now.settled else newest_not_injected(running, network)
    if not now.settled and fault != "image":
        return seen
    return replace(seen, injected=not fault, uninjected=_cause(deployment, network, fault, hinders) if fault else None)


def _cause(
    deployment: Json, network: str, fault: str, hinders: Callable[[Mapping[str, str]], Violation | None] | None
) -> Violation | None:
    if fault == "network":
        return Violation("gateway.other-network", {"gateway": text(deployment, "metadata", "name"), "network": network})
    return (hinders(template_labels(deployment)) or earlier()) if hinders else None


def with_service(seen: GatewaySeen, service: Json | None, reason: str = "") -> GatewaySeen:
    addresses = probe.service_addresses(service or {})
    local = text(service, "spec", "externalTrafficPolicy") == "Local"
    return replace(seen, addresses=addresses, address_reason="" if addresses else reason, local_only=local)


def with_budget(seen: GatewaySeen, budget: Json | None) -> GatewaySeen:
    """A PodDisruptionBudget that allows no disruption although all replicas serve holds up every drain of a node."""
    if budget is None or seen.available < seen.replicas or not seen.replicas:
        return seen
    status = mapping(budget, "status")
    known = number(status, "observedGeneration") >= number(budget, "metadata", "generation")
    return replace(seen, blocked=known and "disruptionsAllowed" in status and not number(status, "disruptionsAllowed"))


def with_autoscaler(seen: GatewaySeen, autoscaler: Json | None) -> GatewaySeen:
    """An autoscaler that says `ScalingLimited` for its maximum wants more replicas than it may make."""
    conditions = items(autoscaler, "status", "conditions")
    limited = any(
        (text(each, "type"), text(each, "status"), text(each, "reason"))
        == ("ScalingLimited", "True", "TooManyReplicas")
        for each in conditions
    )
    return replace(seen, at_limit=limited)


def hindrance(api: Api, namespace: str, labels: Mapping[str, str]) -> Violation | None:
    """Return why Pods with these labels would be made without injection now. Raises KubeError where that can't be read:
    nobody knows then what a restart would do.
    """
    found = api.get(kinds.NAMESPACE, namespace, metadata_only=True)
    return obstacle(found or {}, labels, api.list(kinds.MUTATING_WEBHOOK))


def pods_of_gateway(api: Api, namespace: str, name: str, gateway: str, network: str) -> GatewayPods | None:
    """Return what a restart of the gateway with this name and UUID would replace; None without its Deployment."""
    deployment = api.get(kinds.DEPLOYMENT, name, namespace)
    if deployment is None:
        return None
    pods = api.list(kinds.POD, namespace, labels=f"{GATEWAY_LABEL}={gateway}")
    return GatewayPods(
        total=sum(1 for pod in pods if not mapping(pod, "metadata").get("deletionTimestamp")),
        unfit=count_unfit(pods, network),
        hindrance=hindrance(api, namespace, template_labels(deployment)),
    )


def template_labels(deployment: Json) -> dict[str, str]:
    """Return the labels that a Deployment gives its Pods."""
    return dict(mapping(deployment, "spec", "template", "metadata", "labels"))


def of_gateway(objects: Sequence[Json], gateway: str) -> list[Json]:
    """Return those that carry the label of the gateway with this UUID."""
    return [obj for obj in objects if mapping(obj, "metadata", "labels").get(GATEWAY_LABEL) == gateway]


def _unavailable(deployment: Json) -> str:
    conditions = items(deployment, "status", "conditions")
    found = (
        text(each, "message") for each in conditions if (text(each, "type"), text(each, "status")) == _NOT_AVAILABLE
    )
    return next(found, "")


_NOT_AVAILABLE = ("Available", "False")
