"""The objects of a gateway: applied until it is available, its address awaited, and all of them deleted again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from django.db import IntegrityError, transaction

from interconnect.domain.changes import Join, violations
from interconnect.domain.entries import GATEWAY_LABEL, Applied, AppliedState, Live, Present, Rendered, Target
from interconnect.domain.findings import about_gateway
from interconnect.domain.gateway_writes import gateway_writes
from interconnect.domain.injection import (
    newest_not_injected,
    not_injected,
    overruled,
    prevents_restart,
    relabelled,
)
from interconnect.domain.json_types import Json
from interconnect.domain.manifests import DEPLOYMENT
from interconnect.domain.names import gateway_name
from interconnect.domain.topology import Gateway, GatewayKey, Group, ServiceType, Topology
from interconnect.domain.writes import Verb, pod_label_changed
from interconnect.kube import kinds, probe
from interconnect.kube.errors import Permanent
from interconnect.kube.reading import mapping, text
from interconnect.models import Gateway as GatewayRow
from interconnect.models import MembershipAddress, Rollout
from interconnect.observing.gateways import gateway_seen, hindrance, template_labels
from interconnect.rollouts.outcome import Done, StepFailed, Wait
from interconnect.rollouts.steps.control_plane import RESTARTED_AT
from interconnect.rollouts.work import Work, described, read_live, refusal, removal_evidence
from interconnect.state import applied, desired, observed
from interconnect.state.findings import end_findings

if TYPE_CHECKING:
    from interconnect.domain.writes import Write

AVAILABLE_SECONDS = 300
LOOK_SECONDS = 2
ADDRESS_SECONDS = 30
DELETION_SECONDS = 120
# What is found no longer once the gateway's objects are as written and all its replicas serve.
PUT_RIGHT = frozenset(
    {"gateway.missing", "gateway.changed", "gateway.not-injected", "gateway.not-ready", "gateway.degraded"}
)
NAME_IN_USE = frozenset({"writes.not-ours", "writes.name-taken", "writes.terminating"})


def apply(work: Work) -> Done | Wait:
    """Apply the objects; succeed when the desired replicas are available and injected."""
    gateway = _gateway(work)
    if gateway is None:
        return Done(skipped=True)
    if not work.step.evidence.get("written"):
        try:
            waiting = _leaving(work, _write(work))
        except StepFailed as failure:
            if failure.code not in NAME_IN_USE or not _rename(work, gateway):
                raise
            return Wait(0, {"renamed_from": gateway.name})
        if waiting is not None:
            return waiting
    return _availability(work, gateway)


def restart(work: Work) -> Done | Wait:
    """Have the gateway's Deployment replace its Pods; succeed when the new ones are available and injected.

    Raises StepFailed without replacing any while new ones would be made without injection.
    """
    gateway = _gateway(work)
    if gateway is None:
        return Done(skipped=True)
    if not work.step.evidence.get("written"):
        deployment = work.member.get(kinds.DEPLOYMENT, gateway.name, work.mesh.system_namespace)
        if deployment is None:
            raise StepFailed("gateway.no-deployment", {"gateway": gateway.name, "cluster": gateway.key.cluster})
        cause = hindrance(work.member, work.mesh.system_namespace, template_labels(deployment))
        if cause is not None:
            raise refusal(prevents_restart(gateway.name, cause))
        _restart(work, deployment)
    return _availability(work, gateway)


def delete(work: Work) -> Done | Wait:
    """Delete the objects; drop their record only once they are gone."""
    made = _write(work)
    waiting = _leaving(work, made)
    evidence = removal_evidence(made, work.step.evidence)
    if waiting is not None:
        return replace(waiting, evidence=evidence | waiting.evidence)
    return Done(evidence, skipped=not made)


def _leaving(work: Work, made: list[Write]) -> Wait | None:
    """None once everything that was deleted has been seen gone, so that its record goes too, which is added to what was
    `made`.
    """
    deleted = {write.target: write.uid for write in made if write.verb is Verb.DELETE}
    left = read_live(work.member, deleted)
    there = {
        target: live for target, live in left.items() if isinstance(live, Present) and _uid(live) == deleted[target]
    }
    present = sorted(described(target) for target in there)
    if not present:
        if left:
            made += _write(work)
        return None
    finalizers = sorted({name for live in there.values() for name in _finalizers(live)})
    evidence = {"present": present, "finalizers": finalizers}
    if work.waited() > DELETION_SECONDS:
        raise StepFailed("gateway.not-deleted", {"objects": present, "finalizers": finalizers}, evidence)
    return Wait(None, evidence)


def _uid(live: Present) -> str:
    return str(live.object.get("metadata", {}).get("uid", ""))


def _finalizers(live: Present) -> list[str]:
    return [str(name) for name in live.object.get("metadata", {}).get("finalizers") or ()]


def _write(work: Work) -> list[Write]:
    subject = work.step.subject

    def choose(rendered: Rendered, rows: Mapping[Target, Applied]) -> Iterable[Target]:
        yield from (target for target, wanted in rendered.items() if wanted.gateway == subject)
        yield from (target for target, row in rows.items() if row.gateway == subject)

    def decisions(rendered: Rendered, rows: Mapping[Target, Applied], live: Mapping[Target, Live]) -> Sequence[Write]:
        return gateway_writes(subject, rendered, rows, live, mesh=str(work.mesh.id), consents=work.consents)

    return work.write(work.member, choose, decisions, cluster_uid=work.step.chain)


def _gateway(work: Work) -> Gateway | None:
    return next((gateway for gateway in work.topology.gateways.values() if gateway.id == work.step.subject), None)


def _rename(work: Work, gateway: Gateway) -> bool:
    """The next name, as long as nothing of this gateway has been written under the one that is taken."""
    rows = applied.rows(work.mesh, cluster_uid=work.step.chain).values()
    if any(row.gateway == gateway.id and row.state is AppliedState.WRITTEN for row in rows):
        return False
    base = gateway_name(GatewayKey(gateway.key.cluster, 0)).removesuffix("0")
    used = {other.name for other in work.topology.gateways_of_cluster(gateway.key.cluster)}
    number = int(gateway.name.rpartition("-")[2]) + 1
    while f"{base}{number}" in used:
        number += 1
    return bool(GatewayRow.objects.filter(id=UUID(gateway.id), name=gateway.name).update(name=f"{base}{number}"))


def _availability(work: Work, gateway: Gateway) -> Done | Wait:
    group = work.topology.group_of(gateway.key.cluster)
    network = group.name if group else ""
    namespace = work.mesh.system_namespace
    deployment = work.member.get(kinds.DEPLOYMENT, gateway.name, namespace)
    now = probe.deployment_status(deployment or {})
    # Pods without a proxy may never become ready, so what takes long is looked into.
    looked = now.settled or (now.seen and now.updated > 0 and work.waited() > LOOK_SECONDS)
    pods = work.member.list(kinds.POD, namespace, labels=f"{GATEWAY_LABEL}={gateway.id}") if looked else []
    fault = not_injected(pods, network) if now.settled else newest_not_injected(pods, network)
    changed = relabelled(pods, template_labels(deployment or {}))
    seen = gateway_seen(deployment, pods if now.settled else None, network)
    observed.note_gateway(
        UUID(gateway.id),
        **{name: getattr(seen, name) for name in ("present", "replicas", "available", "reason", "injected")},
        uninjected=seen.uninjected.to_json() if seen.uninjected else None,
    )
    # `written` spares the next look five reads: what was written is only waited for from here on.
    evidence = {
        "written": True,
        "replicas": now.desired,
        "updated": now.updated,
        "available": now.available,
        "said": now.message,
        "notes": work.notes(),
    }
    if fault or (now.settled and changed):
        return _made_anew(work, deployment or {}, _Unfit(gateway.name, network, fault, changed), evidence)
    if now.settled:
        end_findings(work.mesh, {about_gateway(gateway.key)}, codes=PUT_RIGHT)
        return Done(evidence)
    if now.failure == "ProgressDeadlineExceeded" or work.waited() > AVAILABLE_SECONDS:
        params = {
            "gateway": gateway.name,
            "available": now.available,
            "replicas": now.desired,
            "said": now.message or now.failure,
        }
        raise StepFailed("gateway.not-available", params, evidence)
    return Wait(None, evidence)


class _Unfit(NamedTuple):
    """What is wrong with a gateway's Pods: `fault` as `not_injected` says, and a Pod with a label that was changed."""

    gateway: str
    network: str
    fault: str
    changed: tuple[Json, str] | None


def _made_anew(work: Work, deployment: Json, unfit: _Unfit, evidence: Json) -> Wait:
    """Replace Pods that were made without injection: once in each try, once nothing is known to stand in the way. They
    serve nobody, so a restart costs nothing where that can't be read.

    Raises StepFailed with the cause if that would change nothing, or has changed nothing.
    """
    labels, unread = template_labels(deployment), None
    try:
        cause = hindrance(work.member, work.mesh.system_namespace, labels) if unfit.fault else None
    except Permanent as error:
        cause, unread = None, error
    if cause is None and _restart(work, deployment):
        return Wait(None, evidence)
    if cause is None and unfit.changed is not None:
        pod, key = unfit.changed
        changed = pod_label_changed(work.step.chain, pod, key, labels[key])
        raise StepFailed(changed.code, dict(changed.params), evidence)
    if cause is None and unfit.fault == "network":
        params = {"gateway": unfit.gateway, "network": unfit.network}
        raise StepFailed("gateway.other-network", params, evidence)
    if unread is not None:
        raise unread
    cause = cause or overruled()
    observed.note_gateway(UUID(work.step.subject), injected=False, uninjected=cause.to_json())
    params = {**cause.params, "gateway": unfit.gateway, "violation": cause.code}
    raise StepFailed("gateway.made-without-injection", params, evidence)


def _restart(work: Work, deployment: Json) -> bool:
    """Have the Deployment replace its Pods one by one. False if that was done in this try."""
    asked = work.step.params.get("restarted_at")
    annotations = mapping(deployment, "spec", "template", "metadata", "annotations")
    if not asked or annotations.get(RESTARTED_AT) == asked:
        return False
    target = Target(work.step.chain, *DEPLOYMENT, work.mesh.system_namespace, text(deployment, "metadata", "name"))
    work.lease.hold()
    work.member.strategic_patch(target, {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: asked}}}}})
    return True


def address(work: Work) -> Done | Wait:
    """Read the address that the load balancer assigns, for 30 seconds; then the rollout continues with the address
    pending.
    """
    gateway = _gateway(work)
    if gateway is None or gateway.spec.service_type is not ServiceType.LOAD_BALANCER:
        return Done(skipped=True)
    service = work.member.get(kinds.SERVICE, gateway.name, work.mesh.system_namespace) or {}
    hosts = probe.service_addresses(service)
    if hosts:
        observed.note_gateway(UUID(gateway.id), addresses=list(hosts), address_reason="")
        _fill_awaited(work, gateway, hosts[0])
        return Done({"addresses": list(hosts)})
    reason = _reason(work, gateway.name)
    observed.note_gateway(UUID(gateway.id), addresses=[], address_reason=reason)
    if work.waited() > ADDRESS_SECONDS:
        Rollout.objects.filter(id=work.rollout.id).update(address_pending=True)
        return Done({"pending": True, "reason": reason})
    return Wait(None, {"pending": True, "reason": reason})


def _reason(work: Work, name: str) -> str:
    """The newest warning about the Service; what may not be read is no reason to fail."""
    fields = f"involvedObject.kind=Service,involvedObject.name={name}"
    try:
        return probe.newest_reason(work.member.list(kinds.EVENT, work.mesh.system_namespace, fields=fields), name)
    except Permanent:
        return ""


def _with_all_addresses(work: Work, group: Group) -> Topology:
    """What the rules of a join look at, with the group outside: the whole mesh only where gateways of other clusters
    are named.
    """
    clusters = {entry.gateway.cluster for entry in group.addresses or () if entry.gateway}
    outside = replace(group, addresses=None)
    if not clusters <= work.topology.clusters.keys():
        return desired.load(work.mesh).with_group(outside)
    return replace(work.topology, groups={**desired.load_addresses(work.mesh), group.name: outside})


def _fill_awaited(work: Work, gateway: Gateway, host: str) -> None:
    """The awaited addresses of this gateway become what the platform assigned, if the rules still allow them."""
    group = work.topology.group_of(gateway.key.cluster)
    if group is None or not any(entry.awaited and entry.gateway == gateway.key for entry in group.addresses or ()):
        return
    filled = tuple(
        replace(entry, host=host) if entry.awaited and entry.gateway == gateway.key else entry
        for entry in group.addresses or ()
    )
    before = _with_all_addresses(work, group)
    refused = violations(before, Join(group.name, filled), facts=work.facts)
    if refused:
        raise StepFailed(refused[0].code, dict(refused[0].params))
    try:
        with transaction.atomic():
            MembershipAddress.objects.filter(mesh=work.mesh, gateway_id=UUID(gateway.id), host="").update(host=host)
    except IntegrityError:
        raise StepFailed("address.in-use", {"host": host, "gateway": gateway.name}) from None
