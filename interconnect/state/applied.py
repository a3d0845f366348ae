"""The applied state: the rows that say what was written where, loaded as the domain's values and saved from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interconnect.domain.entries import OF_THE_MESH, Admitted, Applied, AppliedState, Target
from interconnect.domain.preflight import lasting
from interconnect.models import AppliedEntry, Consent, Mesh, Publication, Rollout

if TYPE_CHECKING:
    from django.db.models import QuerySet

PLACE = ("cluster_uid", "api_version", "kind", "namespace", "name", "field")
_AS_AGAIN = ("state", "value", "admitted", "gateway", "object_uid", "rollout", "updated_at")
_AS_NEW = (*_AS_AGAIN, "found", "adopted", "archived")


def _place(target: Target) -> dict[str, str]:
    return dict(zip(PLACE, target, strict=True))


def target_of(row: AppliedEntry) -> Target:
    return Target(*(getattr(row, name) for name in PLACE))


def rows(mesh: Mesh, *, cluster_uid: str | None = None) -> dict[Target, Applied]:
    """Return everything written for a mesh that may still be there, or only what is on one cluster."""
    rows = AppliedEntry.objects.filter(mesh=mesh, archived=False)
    if cluster_uid is not None:
        rows = rows.filter(cluster_uid=cluster_uid)
    return {target_of(row): _applied(row) for row in rows}


def _applied(row: AppliedEntry) -> Applied:
    admitted = tuple(Admitted(tuple(path), value) for path, value in row.admitted)
    return Applied(row.value, AppliedState(row.state), row.found, row.object_uid, row.adopted, row.gateway, admitted)


def consents(mesh: Mesh) -> frozenset[str]:
    """Return the tokens of lasting consents: to fields taken over, objects adopted, and findings that stay true."""
    return lasting(Consent.objects.filter(mesh=mesh).values_list("token", flat=True))


@dataclass(frozen=True, slots=True)
class Intention:
    """What is about to be written at `target`, and what was `found` there before.

    `object_uid` is that of the object that is written to. It is empty if this write is to create the object, so that no
    row names one that is gone.
    """

    target: Target
    value: Any
    found: Any = None
    gateway: str = ""
    adopted: bool = False
    object_uid: str = ""


def intend(mesh: Mesh, intentions: Iterable[Intention], there: Collection[Target], *, rollout: Rollout | None) -> None:
    """Save that targets are about to be written.

    For those already `there`, as the applied state says, `found` is kept from the first time: what came later is ours,
    unless it is adopted now. Rows of a forgotten cluster give way.

    Must run in a transaction, and under the lease for writing to these clusters, held since `there` was read.
    """
    rows = {intention.target: _intended(mesh, intention, rollout) for intention in intentions}
    again = {target for target, row in rows.items() if target in there and not row.adopted}
    _upsert((row for target, row in rows.items() if target not in again), _AS_NEW)
    _upsert((row for target, row in rows.items() if target in again), _AS_AGAIN)


def _upsert(rows: Iterable[AppliedEntry], fields: Sequence[str]) -> None:
    AppliedEntry.objects.bulk_create(rows, update_conflicts=True, unique_fields=("mesh", *PLACE), update_fields=fields)


def _intended(mesh: Mesh, intention: Intention, rollout: Rollout | None) -> AppliedEntry:
    return AppliedEntry(
        mesh=mesh,
        **_place(intention.target),
        state=AppliedState.INTENDED,
        value=intention.value,
        found=intention.found,
        gateway=intention.gateway,
        adopted=intention.adopted,
        object_uid=intention.object_uid,
        rollout=rollout,
    )


def leave(mesh: Mesh, targets: Mapping[Target, str], *, rollout: Rollout | None) -> None:
    """Save that these targets are about to go, each from the object with this UID.

    This comes before the deletion, since nothing else may be deleted.
    """
    for target, uid in targets.items():
        rows = AppliedEntry.objects.filter(mesh=mesh, archived=False, **_place(target))
        rows.update(state=AppliedState.LEAVING, rollout=rollout, **({"object_uid": uid} if uid else {}))


def written(
    mesh: Mesh, targets: Mapping[Target, str], admitted: Mapping[Target, Iterable[Admitted]] | None = None
) -> None:
    """Save that these targets are there now, each in the object with this UID, and what the cluster made of them."""
    holders: dict[tuple[Target, str], list[str]] = {}
    for target, uid in targets.items():
        holders.setdefault((target._replace(field=""), uid), []).append(target.field)
    for (holder, uid), fields in holders.items():
        place = {**_place(holder), "field__in": fields}
        del place["field"]
        AppliedEntry.objects.filter(mesh=mesh, archived=False, **place).update(
            state=AppliedState.WRITTEN, object_uid=uid
        )
    note_admitted(mesh, {target: leaves for target, leaves in (admitted or {}).items() if leaves})


def note_admitted(mesh: Mesh, admitted: Mapping[Target, Iterable[Admitted]]) -> None:
    """Save what clusters make of what was written, by target, so that it isn't drift from now on."""
    for target, leaves in admitted.items():
        AppliedEntry.objects.filter(mesh=mesh, archived=False, **_place(target)).update(
            admitted=[[list(path), value] for path, value in leaves]
        )


def gone(mesh: Mesh, target: Target) -> None:
    AppliedEntry.objects.filter(mesh=mesh, archived=False, **_place(target)).delete()


def archive(mesh: Mesh, cluster_uid: str) -> int:
    """Archive the rows of a cluster that is being forgotten, in case it is registered again; return how many."""
    return of_members(mesh).filter(cluster_uid=cluster_uid).update(archived=True)


def of_members(mesh: Mesh) -> QuerySet[AppliedEntry]:
    """Return what may still be on members as such, not what the mesh has on one that is also its config cluster."""
    return AppliedEntry.objects.filter(mesh=mesh, archived=False).exclude(kind__in=OF_THE_MESH)


def unarchive(mesh: Mesh, cluster_uid: str) -> int:
    return AppliedEntry.objects.filter(mesh=mesh, cluster_uid=cluster_uid, archived=True).update(archived=False)


def published(mesh: Mesh) -> tuple[Mapping[str, frozenset[str]], Mapping[str, str]]:
    """Return, by istiod Deployment, the networks joined at its last restart and the digest verified on all replicas."""
    rows = list(Publication.objects.filter(mesh=mesh))
    return {row.deployment: frozenset(row.restarted_networks) for row in rows}, {
        row.deployment: row.verified_digest for row in rows
    }


def note_restart(mesh: Mesh, deployment: str, networks: Iterable[str]) -> None:
    Publication.objects.update_or_create(
        mesh=mesh, deployment=deployment, defaults={"restarted_networks": sorted(networks)}
    )


def note_verified(mesh: Mesh, deployment: str, digest: str) -> None:
    Publication.objects.update_or_create(mesh=mesh, deployment=deployment, defaults={"verified_digest": digest})


def drop_publications(mesh: Mesh, deployments: Iterable[str]) -> None:
    """Delete the publications of istiods that are gone: nothing is owed to them."""
    Publication.objects.filter(mesh=mesh, deployment__in=list(deployments)).delete()
