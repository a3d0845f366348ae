"""The writes of one gateway's objects, in the order that keeps it serving, with the handover of its replica count.

When an autoscaler comes or goes, the owner of `replicas` changes. If one step dropped the field, it would fall to its
default of 1; if it were applied against the autoscaler's controller, it would conflict. So a separate manager holds the
current number in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interconnect.domain import agreement, manifests
from interconnect.domain.entries import HANDOVER_MANAGER, Absent, Applied, Live, Target, Unknown, Wanted
from interconnect.domain.json_types import Json
from interconnect.domain.writes import NO_CONSENTS, Verb, Write, decide

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_REPLICAS = ("spec", "replicas")
# The autoscaler's controller scales through the subresource under this name.
_SCALERS = frozenset({HANDOVER_MANAGER, "kube-controller-manager"})

_LEAVING = ("PodDisruptionBudget", "HorizontalPodAutoscaler", "Service", "Deployment", "ServiceAccount")
_COMING = ("ServiceAccount", "Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget")


def gateway_writes(
    gateway: str,
    wanted: Mapping[Target, Wanted],
    applied: Mapping[Target, Applied],
    live: Mapping[Target, Live],
    *,
    mesh: str,
    consents: frozenset[str] = NO_CONSENTS,
) -> tuple[Write, ...]:
    """Return the writes of the gateway with this UUID, in order; empty when everything agrees.

    The mappings may hold other targets too. Removals come first: a PodDisruptionBudget is removed before the replicas
    fall, an autoscaler before the number is set.
    """
    mine = {target: value for target, value in wanted.items() if value.gateway == gateway}
    rows = {target: row for target, row in applied.items() if row.gateway == gateway}

    def decided(target: Target) -> Iterator[Write]:
        decision = decide(
            target, mine.get(target), rows.get(target), live.get(target, Unknown()), mesh=mesh, consents=consents
        )
        if isinstance(decision, Write):
            yield decision

    leaving = sorted((target for target in rows if target not in mine), key=lambda target: _LEAVING.index(target.kind))
    coming = sorted(mine, key=lambda target: _COMING.index(target.kind))
    writes = [write for target in leaving for write in decided(target)]
    for target in coming:
        usual = tuple(decided(target))
        writes.extend(_handed_over(target, mine, live, usual, leaving) if target.kind == "Deployment" else usual)
    return _autoscaler_before_ours(tuple(writes))


def _handed_over(
    target: Target,
    wanted: Mapping[Target, Wanted],
    live: Mapping[Target, Live],
    usual: tuple[Write, ...],
    leaving: list[Target],
) -> tuple[Write, ...]:
    now = live.get(target, Unknown())
    if not usual or usual[0].verb is not Verb.APPLY or isinstance(now, (Absent, Unknown)):
        return usual
    replicas = wanted[target].value["spec"].get("replicas")
    if replicas is None:
        held = agreement.owns(now.object, "meshconsole", _REPLICAS)
        running = now.object.get("spec", {}).get("replicas", 1)
        return (_hold(target, running, force=False), *usual) if held else usual
    owners = frozenset(agreement.owners_of(now.object, _REPLICAS))
    scaled = any(item.kind == "HorizontalPodAutoscaler" for item in leaving)
    # Somebody who scaled by hand is asked; the autoscaler that we ourselves take away is not.
    if not owners or not (owners <= _SCALERS or scaled):
        return usual
    return (_hold(target, replicas, force=True), *usual, _release(target))


def _hold(target: Target, replicas: int, *, force: bool) -> Write:
    body = {**_identity(target), "spec": {"replicas": replicas}}
    return Write(target, Verb.APPLY, body=body, manager=HANDOVER_MANAGER, force=force)


def _release(target: Target) -> Write:
    # An empty apply gives up ownership; the field stays because the console owns it too by now.
    return Write(target, Verb.APPLY, body=_identity(target), manager=HANDOVER_MANAGER)


def _identity(target: Target) -> Json:
    metadata = {"name": target.name, "namespace": target.namespace}
    return {"apiVersion": target.api_version, "kind": target.kind, "metadata": metadata}


def _autoscaler_before_ours(writes: tuple[Write, ...]) -> tuple[Write, ...]:
    """Handing over to an autoscaler: hold the number, start the autoscaler, and only then let go of the number."""
    holding = next((index for index, write in enumerate(writes) if _holds_for_autoscaler(write)), None)
    if holding is None:
        return writes
    kind = manifests.AUTOSCALER[1]
    scaler = [write for write in writes if write.target.kind == kind]
    rest = [write for write in writes if write.target.kind != kind]
    place = rest.index(writes[holding]) + 1
    return (*rest[:place], *scaler, *rest[place:])


def _holds_for_autoscaler(write: Write) -> bool:
    return write.manager == HANDOVER_MANAGER and not write.force and write.body.get("spec") is not None
