"""Drafts of the join wizard. They change nothing of the mesh, so they are neither audited nor rolled out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from interconnect.domain.topology import Address, RestartPolicy, Topology
from interconnect.models import JoinDraft, Mesh

KEPT = timedelta(days=7)


def draft_of(*, mesh: Mesh, user_id: int) -> JoinDraft | None:
    """Return the user's draft for this mesh. Drafts that nobody has touched for a week are deleted."""
    JoinDraft.objects.filter(updated_at__lt=timezone.now() - KEPT).delete()
    return JoinDraft.objects.filter(mesh=mesh, user_id=user_id).first()


def draft_groups(*, mesh: Mesh, user_id: int, groups: Sequence[str]) -> JoinDraft:
    """Store step 1. Addresses chosen earlier are kept for groups that are still selected."""
    draft, _created = JoinDraft.objects.get_or_create(mesh=mesh, user_id=user_id)
    draft.groups = list(groups)
    draft.addresses = {name: chosen for name, chosen in draft.addresses.items() if name in groups}
    draft.save()
    return draft


def draft_narrow(*, draft: JoinDraft, groups: Sequence[str]) -> None:
    """Keep only these groups. The others have been reported as left out and aren't reported again."""
    JoinDraft.objects.filter(id=draft.id).update(groups=list(groups))


def draft_addresses(*, draft: JoinDraft, addresses: Mapping[str, Iterable[Address]], topology: Topology) -> None:
    """Store step 2."""
    ids = {key: gateway.id for key, gateway in topology.gateways.items()}
    kept = {
        name: [
            {"host": item.host, "port": item.port, "gateway": ids.get(item.gateway, "") if item.gateway else ""}
            for item in chosen
        ]
        for name, chosen in addresses.items()
    }
    _update(draft, addresses=kept)


def draft_restart(*, draft: JoinDraft, restart: RestartPolicy) -> None:
    draft.restart = restart
    _update(draft, restart=restart)


def _update(draft: JoinDraft, **values: Any) -> None:
    """Never saved as a whole: in another tab it may just have become a rollout, or been dropped, and would be back."""
    JoinDraft.objects.filter(id=draft.id).update(updated_at=timezone.now(), **values)


def draft_drop(*, draft: JoinDraft) -> None:
    JoinDraft.objects.filter(id=draft.id).delete()


def chosen_addresses(draft: JoinDraft, topology: Topology, group: str) -> tuple[Address, ...]:
    """Return the addresses that step 2 stored for a group, without those of gateways that no longer exist."""
    keys = {gateway.id: gateway.key for gateway in topology.gateways.values()}
    items: list[Mapping[str, Any]] = draft.addresses.get(group, [])
    return tuple(
        Address(item["host"], item["port"], keys.get(item["gateway"]))
        for item in items
        if not item["gateway"] or item["gateway"] in keys
    )
