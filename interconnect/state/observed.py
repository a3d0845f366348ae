"""What clusters last said, converted between its rows and the domain's values.

The shapes of the JSON columns are here and nowhere else.

MeshObservation.facts        {"istiods": [Istiod], "foreign_networks": {network: [[host, port]]},
                             "remote_clusters": [ID], "cluster_domain": str, "restarting_since": time,
                             "rule_noted_at": time, "details": `ControlPlaneDetails`, "details_at": time}
                             and `ControlPlaneSeen`
ReplicaObservation.facts     `ReplicaSeen`
ClusterObservation.facts     `MemberSeen`; .details `MemberDetails`
GatewayObservation.facts     `GatewaySeen`
ChecksObservation.result     `ChecksResult`
*.standing                   `Steady`: `answers`, `failing`, or the code of a refusal; of a gateway a `Readiness`
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from interconnect.domain.checks import ChecksResult
from interconnect.domain.facts import Facts, Istiod, WebhookEntry
from interconnect.domain.json_types import Json
from interconnect.domain.seen import (
    PODS,
    ControlPlane,
    ControlPlaneDetails,
    ControlPlaneSeen,
    GatewayKnown,
    GatewaySeen,
    Member,
    MemberDetails,
    MemberSeen,
    Readiness,
    ReplicaKnown,
    ReplicaSeen,
    RuleSeen,
    misses,
)
from interconnect.domain.status import AT_ONCE
from interconnect.domain.steady import Steady, settle
from interconnect.domain.topology import GatewayKey
from interconnect.domain.violations import Violation
from interconnect.models import (
    ChecksObservation,
    Cluster,
    ClusterObservation,
    Gateway,
    GatewayObservation,
    Mesh,
    MeshObservation,
    ReplicaObservation,
)

if TYPE_CHECKING:
    from django.db.models import Manager

    from interconnect.domain.stale import StaleCount
    from interconnect.domain.summary import Summary
    from interconnect.models.observation import Observation

ANSWERS, FAILING = "answers", "failing"
_TOLD, _GATEWAY_TOLD = ("error_code", "error_params", "standing", "facts"), ("standing", "facts")
_TIMES = ("at", "answered_at", "lease_owner", "lease_until")
_Row = TypeVar("_Row", ClusterObservation, GatewayObservation)


def facts(mesh: Mesh, *, cluster_uid: str | None = None) -> Facts:
    """Return all that is known of a mesh, or only of its control plane and one cluster, in two queries."""
    row = MeshObservation.objects.filter(mesh=mesh).first()
    clusters = ClusterObservation.objects.filter(cluster__mesh=mesh)
    if cluster_uid is not None:
        clusters = clusters.filter(cluster__uid=cluster_uid)
    return facts_of(row, clusters.values_list("cluster__uid", "facts"))


def facts_of(row: MeshObservation | None, clusters: Iterable[tuple[str, Json]]) -> Facts:
    """Return the facts from rows that were read already: the mesh's observation, and each cluster's UID and facts."""
    said: Json = row.facts if row else {}
    webhooks = {
        uid: tuple(map(WebhookEntry.from_json, seen["webhooks"])) for uid, seen in clusters if "webhooks" in seen
    }
    return Facts(
        istiods=tuple(Istiod.from_json(item) for item in said.get("istiods", ())),
        webhooks=webhooks,
        foreign_networks={
            name: frozenset((host, port) for host, port in pairs)
            for name, pairs in said.get("foreign_networks", {}).items()
        },
        remote_clusters=frozenset(said.get("remote_clusters", ())),
        cluster_domain=said.get("cluster_domain", "cluster.local"),
    )


def known_addresses(mesh: Mesh) -> dict[GatewayKey, tuple[str, ...]]:
    """Return what each gateway's load balancer last said: hosts by gateway."""
    rows = GatewayObservation.objects.filter(gateway__cluster__mesh=mesh).values_list(
        "gateway__cluster__name", "gateway__number", "facts"
    )
    return {GatewayKey(cluster, number): tuple(seen.get("addresses") or ()) for cluster, number, seen in rows}


def note_istiods(
    mesh: Mesh,
    istiods: Iterable[Istiod],
    *,
    foreign: Mapping[str, Iterable[tuple[str, int]]] | None = None,
    remote_clusters: Iterable[str] | None = None,
) -> None:
    """Remember the control plane; what is None wasn't asked for and stays as it was."""
    _note_mesh(mesh, _of_istiods(istiods, foreign, remote_clusters))


def _of_istiods(
    istiods: Iterable[Istiod],
    foreign: Mapping[str, Iterable[tuple[str, int]]] | None,
    remote_clusters: Iterable[str] | None,
) -> Json:
    said: Json = {"istiods": [istiod.to_json() for istiod in istiods]}
    if foreign is not None:
        said["foreign_networks"] = {
            name: sorted([host, port] for host, port in pairs) for name, pairs in foreign.items()
        }
    if remote_clusters is not None:
        said["remote_clusters"] = sorted(remote_clusters)
    return said


def note_remote_clusters(mesh: Mesh, names: Iterable[str]) -> None:
    """Remember the cluster IDs that istiod knows now."""
    _note_mesh(mesh, {"remote_clusters": sorted(names)})


def _note_mesh(mesh: Mesh, said: Json) -> None:
    with transaction.atomic():
        row = MeshObservation.objects.select_for_update().filter(mesh=mesh).first()
        MeshObservation.objects.update_or_create(mesh=mesh, defaults={"facts": {**(row.facts if row else {}), **said}})


def note_control_plane(
    mesh: Mesh,
    seen: ControlPlaneSeen,
    *,
    at: datetime,
    foreign: Mapping[str, Iterable[tuple[str, int]]] | None = None,
) -> bool:
    """Store one look at the control plane, which began `at` a time, whole; return whether a second one should follow
    soon. Of one that began before what is known already, nothing is stored.
    """
    with transaction.atomic():
        row = MeshObservation.objects.select_for_update().get_or_create(mesh=mesh)[0]
        if _is_late(row, at):
            return True
        doubtful = _settle(row, seen.failure, at)
        if seen.failure is None:
            known = {name for replica in seen.replicas for name in replica.clusters}
            whole = seen.after(ControlPlaneSeen.from_json(row.facts), at)
            since = row.facts.get("restarting_since") or at.isoformat()
            row.facts |= whole.to_json() | _of_istiods(whole.istiods, foreign, known or None)
            row.facts |= {"restarting_since": since if whole.restarting else None}
            if not misses(seen.unread, PODS):
                doubtful |= _note_replicas(mesh, seen.replicas, at)
        row.save(update_fields=["at", "answered_at", "error_code", "error_params", "standing", "facts"])
    return doubtful


def note_plane_details(mesh: Mesh, details: ControlPlaneDetails, *, at: datetime) -> None:
    """Store a slow look at the control plane, which began `at` a time."""
    _note_mesh(mesh, {"details": details.to_json(), "details_at": at.isoformat()})


def known_plane(mesh: Mesh) -> ControlPlane:
    """Return what is known of the control plane but for its replicas and the ends of its credentials."""
    return control_plane_of(MeshObservation.objects.filter(mesh=mesh).first(), (), {})


def note_rule(mesh: Mesh) -> None:
    """Remember that a step has just seen the gateway rule as it wrote it. Nothing else there has been looked at."""
    at = timezone.now()
    with transaction.atomic():
        row = MeshObservation.objects.select_for_update().get_or_create(mesh=mesh)[0]
        row.noted_at = at
        row.facts |= {"rule": RuleSeen(present=True).to_json(), "rule_noted_at": at.isoformat()}
        row.save(update_fields=["noted_at", "facts"])


def note_replicas(mesh: Mesh, replicas: Iterable[ReplicaSeen]) -> None:
    """Remember what a step has verified on every replica there is; it counts at once."""
    at, known = timezone.now(), dict(ReplicaObservation.objects.filter(mesh=mesh).values_list("name", "facts"))
    seen = [replace(each, clusters=known.get(each.name, {}).get("clusters", {})) for each in replicas]
    with transaction.atomic():
        row = MeshObservation.objects.select_for_update().get_or_create(mesh=mesh)[0]
        row.noted_at = at
        row.facts |= {"drift": _without(row.facts, {"ConfigMap"})}
        row.save(update_fields=["noted_at", "facts"])
        _note_replicas(mesh, seen, at)
        ReplicaObservation.objects.filter(mesh=mesh).update(standing=Steady(ANSWERS, at).to_json())


def note_work(mesh_id: UUID, cluster_uids: Iterable[str]) -> None:
    """Remember that a rollout has just ended on these clusters: only looks that begin from now on see what it left.

    Must run in a transaction.
    """
    at, rows = timezone.now(), ClusterObservation.objects.filter(cluster__mesh=mesh_id, cluster__uid__in=cluster_uids)
    # In order, so that two who note the same clusters wait for each other.
    ids = list(rows.select_for_update(of=("self",)).order_by("cluster").values_list("cluster", flat=True))
    ClusterObservation.objects.filter(cluster__in=ids).update(noted_at=at)
    MeshObservation.objects.filter(mesh=mesh_id).update(noted_at=at)


def _is_late(row: Observation, at: datetime) -> bool:
    """Whether what a look saw that began `at` a time has been overtaken by another look or a step."""
    return any(known is not None and known > at for known in (row.at, row.noted_at))


def _without(facts: Json, kinds: Collection[str]) -> list[Json]:
    """Return what differs, in the shape of the column, without objects of these kinds."""
    return [each for each in facts.get("drift", ()) if Violation.from_json(each).params.get("kind") not in kinds]


def note_summary(mesh: Mesh, summary: Summary, *, at: datetime, after: datetime | None) -> bool:
    """Store what the list of meshes shows; return whether it follows the summary of the time `after`: if somebody else
    has stored one since, nothing is stored.
    """
    rows = MeshObservation.objects.filter(mesh=mesh, summarized_at=after)
    return bool(rows.update(summary=summary.to_json(), summarized_at=at))


def _note_replicas(mesh: Mesh, replicas: Iterable[ReplicaSeen], at: datetime) -> bool:
    """Store what replicas said; one that doesn't answer keeps what it said last. Those that are gone go, but the last
    ones stay as silent: a moment without any is no answer either, and counts as such once a second look agrees.
    """
    known = {row.name: row for row in ReplicaObservation.objects.filter(mesh=mesh)}
    replicas = tuple(replicas) or tuple(
        replace(ReplicaSeen.from_json(row.facts), answers=False) for row in known.values()
    )
    # While others answer, a new one is only starting; where none did, it is as silent as the one before it.
    answered = any(row.standing.get("value") == ANSWERS for row in known.values())
    rows = [
        _replica(known.get(seen.name) or _newcomer(mesh, seen, at, starting=answered), seen, at) for seen in replicas
    ]
    ReplicaObservation.objects.filter(mesh=mesh, name__in=known.keys() - {row.name for row in rows}).delete()
    ReplicaObservation.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["mesh", "name"],
        update_fields=["at", "answered_at", "standing", "facts"],
    )
    return any(_doubtful(row.standing) for row in rows)


def _newcomer(mesh: Mesh, seen: ReplicaSeen, at: datetime, *, starting: bool) -> ReplicaObservation:
    standing = Steady(ANSWERS, at).to_json() if starting else {}
    return ReplicaObservation(mesh=mesh, name=seen.name, standing=standing)


def _replica(row: ReplicaObservation, seen: ReplicaSeen, at: datetime) -> ReplicaObservation:
    row.at = at
    row.standing = settle(Steady.from_json(row.standing), ANSWERS if seen.answers else FAILING, at).to_json()
    if seen.answers or not row.facts:
        row.facts = seen.to_json()
    else:
        row.facts |= {"failure": seen.failure.to_json() if seen.failure else None}
    if seen.answers:
        row.answered_at = at
    return row


def _settle(row: Observation, failure: Violation | None, at: datetime) -> bool:
    """Put into a row whether it answers now; return whether a second look should follow soon.

    A refusal is an answer: it counts at once and so does its end, but for a silence, which needs its second look.
    """
    before, value = Steady.from_json(row.standing), _value_of(failure)
    refused = before is not None and before.value not in (ANSWERS, FAILING)
    changes = before is None or value != before.value
    at_once = changes and value != FAILING and (refused or value != ANSWERS)
    standing = Steady(value, at) if at_once else settle(before, value, at)
    row.at, row.standing = at, standing.to_json()
    if failure is None:
        row.answered_at = at
        if standing.value == ANSWERS:
            row.error_code, row.error_params = "", {}
    elif not refused or standing.value == value:
        row.error_code, row.error_params = failure.code.removeprefix("kube."), dict(failure.params)
    return standing.doubtful


def _value_of(failure: Violation | None) -> str:
    """How an answer counts: as one, as none, or as a refusal, each of which is a value of its own."""
    if failure is None:
        return ANSWERS
    return failure.code if failure.code in AT_ONCE else FAILING


def _doubtful(standing: Json) -> bool:
    steady = Steady.from_json(standing)
    return steady is not None and steady.doubtful


class MemberLook(NamedTuple):
    """What one fast look at a cluster, by the ID of its row, saw `at` a time."""

    cluster: UUID
    seen: MemberSeen
    at: datetime


def note_members(looks: Iterable[MemberLook], *, owner: str = "") -> frozenset[UUID]:
    """Store fast looks at clusters, each whole and all in one transaction; return the clusters about which a second
    look should follow soon.

    `owner` is the lease under which they were asked: of a cluster without it any more, which another look has taken
    over, nothing is stored, nor of one that another look or a step has overtaken. Of a row in which nothing but the
    time is new, nothing but the time is written. At most six statements, however many clusters there are.
    """
    by_id = {each.cluster: each for each in looks}
    with transaction.atomic():
        # In order, so that two who note the same clusters wait for each other.
        rows = ClusterObservation.objects.select_for_update().filter(cluster__in=by_id).order_by("cluster")
        known = {row.cluster_id: row for row in (rows.filter(lease_owner=owner) if owner else rows)}
        kept = [known.get(each) or ClusterObservation(cluster_id=each) for each in by_id if each in known or not owner]
        asked = {row.cluster_id: by_id[row.cluster_id] for row in kept}
        own = {row.cluster_id: asked[row.cluster_id] for row in kept if not _is_late(row, asked[row.cluster_id].at)}
        before = {row.cluster_id: _told(row) for row in kept}
        doubtful = {row.cluster_id for row in kept if _note_member(row, asked[row.cluster_id])}
        changed = {row.cluster_id for row in kept if _told(row) != before[row.cluster_id]}
        _upsert(ClusterObservation.objects, kept, changed, key="cluster", told=_TOLD, times=_TIMES)
        return frozenset(doubtful | _note_gateways(own))


def _told(row: ClusterObservation | GatewayObservation) -> str:
    """All that a row says but its times, as it is stored."""
    names = _TOLD if isinstance(row, ClusterObservation) else _GATEWAY_TOLD
    return json.dumps([getattr(row, name) for name in names], sort_keys=True)


def _upsert(
    manager: Manager[_Row],
    rows: Iterable[_Row],
    changed: Collection[UUID],
    *,
    key: str,
    told: Sequence[str],
    times: Sequence[str],
) -> None:
    """Store rows, `key` being their primary key: those that changed whole, of the others the times; two statements."""
    groups: dict[bool, list[_Row]] = {True: [], False: []}
    for row in sorted(rows, key=lambda row: str(row.pk)):
        groups[row.pk in changed].append(row)
    for whole, found in groups.items():
        if found:
            fields = [*told, *times] if whole else list(times)
            manager.bulk_create(found, update_conflicts=True, unique_fields=[key], update_fields=fields)


def _note_member(row: ClusterObservation, look: MemberLook) -> bool:
    """Put a look into a row; return whether a second one should follow soon."""
    row.lease_owner, row.lease_until = "", None
    if _is_late(row, look.at):
        return True
    doubtful = _settle(row, look.seen.failure, look.at)
    if look.seen.failure is None:
        row.facts = look.seen.after(MemberSeen.from_json(row.facts), look.at).to_json()
    return doubtful


def _note_gateways(looks: Mapping[UUID, MemberLook]) -> set[UUID]:
    """Store the gateways that these looks saw, as far as they are still there; return the doubtful ones' clusters."""
    asked = [cluster for cluster, look in looks.items() if look.seen.gateways]
    found = Gateway.objects.filter(cluster__in=asked).select_related("observation") if asked else ()
    rows, changed, doubtful = [], set(), set()
    for gateway in found:
        look = looks[gateway.cluster_id]
        seen = look.seen.gateways.get(str(gateway.id))
        row = gateway.observation if hasattr(gateway, "observation") else GatewayObservation(gateway_id=gateway.id)
        if seen is None or (row.at is not None and row.at > look.at):
            continue
        before = _told(row)
        before_it = GatewaySeen.from_json(row.facts)
        whole = seen.after(before_it, look.seen.unread)
        standing = settle(Steady.from_json(row.standing), seen.readiness, look.at)
        # What isn't counted yet isn't told in numbers either.
        told = whole.with_numbers_of(before_it) if standing.doubtful else whole
        row.at, row.facts, row.standing = look.at, told.to_json(), standing.to_json()
        rows.append(row)
        changed |= {gateway.id} if _told(row) != before else set()
        doubtful |= {gateway.cluster_id} if _doubtful(row.standing) else set()
    _save_gateways(rows, changed)
    return doubtful


def _save_gateways(rows: Iterable[GatewayObservation], changed: Collection[UUID]) -> None:
    _upsert(GatewayObservation.objects, rows, changed, key="gateway", told=_GATEWAY_TOLD, times=("at",))


class DetailsLook(NamedTuple):
    """What one slow look at a cluster, by the ID of its row, saw `at` a time."""

    cluster: UUID
    details: MemberDetails
    at: datetime


def note_details(looks: Iterable[DetailsLook]) -> None:
    """Store slow looks at clusters in one statement."""
    rows = [ClusterObservation(cluster_id=id_, details=found.to_json(), details_at=at) for id_, found, at in looks]
    ClusterObservation.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["cluster"], update_fields=["details", "details_at"]
    )


def note_newcomer(cluster: Cluster, details: MemberDetails, webhooks: Iterable[WebhookEntry]) -> None:
    """Remember what the check of a credential read before it was stored."""
    note_details([DetailsLook(cluster.id, details, timezone.now())])
    note_webhooks(cluster, webhooks)


def note_webhooks(cluster: Cluster, entries: Iterable[WebhookEntry]) -> None:
    """Remember the injection webhooks that a step or a check has just read."""
    _note_cluster(cluster, lambda _facts: {"webhooks": [entry.to_json() for entry in entries]})


def note_put_right(cluster: Cluster, kind: str) -> None:
    """Remember that a step has just seen its fields of objects of a kind as they should be."""
    _note_cluster(cluster, lambda facts: {"drift": _without(facts, {kind})})


def note_stale(cluster: Cluster, counted: StaleCount) -> None:
    """Remember the Pods of other networks that somebody has just counted, and those without a network."""
    with transaction.atomic():
        row = ClusterObservation.objects.select_for_update().get_or_create(cluster=cluster)[0]
        row.facts |= {"stale": counted.without_unlabelled().to_json()}
        row.details |= {"unlabelled": counted.only_unlabelled().to_json()}
        row.save(update_fields=["facts", "details"])


def _note_cluster(cluster: Cluster, said: Callable[[Json], Json]) -> None:
    """Remember what a step or a check read of its own objects, and that the cluster answers: the look that follows
    reads the whole. What else was seen stays as old as it is.
    """
    at = timezone.now()
    with transaction.atomic():
        row = ClusterObservation.objects.select_for_update().get_or_create(cluster=cluster)[0]
        if row.answered_at is None:
            # So far there is nothing else that was seen.
            row.at = row.answered_at = at
        row.noted_at = at
        row.standing, row.error_code, row.error_params = Steady(ANSWERS, at).to_json(), "", {}
        row.facts |= said(row.facts)
        row.save(update_fields=["facts", "at", "answered_at", "noted_at", "standing", "error_code", "error_params"])


def note_gateway(gateway: UUID, **said: Any) -> None:
    """Remember what a step read of its gateway, field by field of `GatewaySeen`. What it saw counts at once; the time
    is that of the Deployment, so it stays where that wasn't read.
    """
    at = timezone.now()
    with transaction.atomic():
        row = GatewayObservation.objects.select_for_update().filter(gateway_id=gateway).first()
        row = row or GatewayObservation(gateway_id=gateway)
        seen = GatewaySeen.from_json({**row.facts, **said})
        row.facts = seen.to_json()
        if "present" in said or row.at is None:
            row.at = at
        if said.get("present"):
            row.standing = Steady(seen.readiness, at).to_json()
        _save_gateways([row], {gateway})


def member_of(row: ClusterObservation | None, ends_at: datetime | None = None) -> Member:
    """Return what is known of a cluster from its row; gateways have rows of their own."""
    if row is None:
        return Member(ends_at=ends_at)
    failure, since = _failure(row)
    return Member(
        seen=MemberSeen.from_json(row.facts),
        seen_at=row.answered_at,
        looked_at=row.at,
        failure=failure,
        since=since,
        details=MemberDetails.from_json(row.details),
        details_at=row.details_at,
        ends_at=ends_at,
        noted_at=row.noted_at,
    )


def _failure(row: Observation) -> tuple[Violation | None, datetime | None]:
    standing = Steady.from_json(row.standing)
    if standing is None or standing.value == ANSWERS or not row.error_code:
        return None, None
    return Violation(f"kube.{row.error_code}", row.error_params), standing.since


def gateway_of(row: GatewayObservation) -> GatewayKnown:
    seen, standing = GatewaySeen.from_json(row.facts), Steady.from_json(row.standing)
    readiness = Readiness(standing.value) if standing else seen.readiness
    return GatewayKnown(seen, row.at, readiness, standing.since if standing else row.at)


def control_plane_of(
    row: MeshObservation | None, replicas: Iterable[ReplicaObservation], ends: Mapping[str, datetime]
) -> ControlPlane:
    if row is None:
        return ControlPlane(ends=ends)
    failure, since = _failure(row)
    times = ("details_at", "restarting_since", "rule_noted_at")
    details_at, restarting, noted = (
        datetime.fromisoformat(row.facts[name]) if row.facts.get(name) else None for name in times
    )
    return ControlPlane(
        seen=ControlPlaneSeen.from_json(row.facts),
        seen_at=row.answered_at,
        looked_at=row.at,
        failure=failure,
        since=since,
        replicas=tuple(_known(each) for each in replicas),
        ends=ends,
        details=ControlPlaneDetails.from_json(row.facts.get("details", {})),
        details_at=details_at,
        restarting_since=restarting,
        noted_at=row.noted_at,
        rule_noted_at=noted,
    )


def _known(row: ReplicaObservation) -> ReplicaKnown:
    standing = Steady.from_json(row.standing)
    silent = standing.since if standing is not None and standing.value == FAILING else None
    return ReplicaKnown(ReplicaSeen.from_json(row.facts), row.answered_at, silent, row.at)


def asked_since(mesh: Mesh, moment: datetime) -> tuple[int, int]:
    """Return how many clusters have been asked since a moment, and how many there are."""
    rows = Cluster.objects.filter(mesh=mesh).values_list("observation__at", flat=True)
    return sum(1 for at in rows if at and at >= moment), len(rows)


def checks_of(mesh: Mesh) -> ChecksResult:
    """Return what *Run checks* last found; without a time if nobody has run them."""
    row = ChecksObservation.objects.filter(mesh=mesh).first()
    return ChecksResult.from_json(row.result if row else {})


def note_checks(mesh: Mesh, found: ChecksResult) -> None:
    at = found.at or timezone.now()
    ChecksObservation.objects.update_or_create(mesh=mesh, defaults={"at": at, "result": found.to_json()})
