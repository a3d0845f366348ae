"""Groups, clusters and gateways as rows: a state, the reason if there is one, and what can be done."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from interconnect.domain.credentials import ENDED, expiry
from interconnect.domain.topology import Cluster, Gateway, Group, ServiceType
from interconnect.state import observed
from interconnect.views.parts import menus
from interconnect.wording import phrases
from meshconsole.ui.tones import Action, Badge, Tone

if TYPE_CHECKING:
    from interconnect.domain.stale import StaleCount
    from interconnect.models import Connection
    from interconnect.state import pages
    from meshconsole.access.actor import Actor


@dataclass(frozen=True, slots=True)
class GatewayRow:
    id: str
    name: str
    state: Badge
    reason: str
    addresses: tuple[str, ...]
    replicas: str
    seen_at: datetime | None
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class ClusterRow:
    id: UUID
    name: str
    version: str
    state: Badge
    reason: str
    cidrs: tuple[str, ...]
    stale: str
    restart: Action | None
    gateways: tuple[GatewayRow, ...]
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class GroupRow:
    id: UUID
    name: str
    state: Badge
    joined: bool
    joined_at: datetime | None
    summary: str
    clusters: tuple[ClusterRow, ...]
    restart: Action | None
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Glance:
    """A group in the picture of the mesh."""

    name: str
    state: Badge
    joined: bool
    clusters: tuple[str, ...]
    gateway_count: int


@dataclass(frozen=True, slots=True)
class MemberAddress:
    text: str
    origin: str
    now: str


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A joined group in the interconnect list."""

    name: str
    addresses: tuple[MemberAddress, ...]
    state: Badge
    joined_at: datetime | None


def group_row(sight: pages.Sight, actor: Actor, group: Group, clusters: Collection[str]) -> GroupRow:
    """Return a group's row. It covers all of the group's clusters, but only those in `clusters` get their own rows."""
    total, gateways = len(group.clusters), sight.topology.gateways_of_group(group.name)
    parts = [
        ngettext("%(count)s cluster", "%(count)s clusters", total) % {"count": total},
        ngettext("%(count)s gateway", "%(count)s gateways", len(gateways)) % {"count": len(gateways)},
    ]
    if len(clusters) < total:
        parts[0] = _("%(shown)s of %(total)s clusters shown here") % {"shown": len(clusters), "total": total}
    stale = any(stale_text(observed.stale_of(sight.clusters[name].said)) for name in group.clusters)
    return GroupRow(
        id=sight.group_ids[group.name],
        name=group.name,
        state=_group_state(sight, group, gateways),
        joined=group.joined,
        joined_at=sight.joined_at.get(group.name),
        summary=" · ".join(parts),
        clusters=tuple(cluster_row(sight, actor, sight.topology.clusters[name]) for name in clusters),
        restart=_restart(sight, actor, group, stale and total > 1, group=group.name),
        actions=menus.of_group(sight, actor, group),
    )


def glances(sight: pages.Sight) -> list[Glance]:
    """Return every group without its actions: for hundreds of groups, those would be most of the work."""
    gateways: dict[str, list[Gateway]] = {}
    for gateway in sight.topology.gateways.values():
        gateways.setdefault(gateway.key.cluster, []).append(gateway)
    found = []
    for group in sight.topology.groups.values():
        names = tuple(sorted(group.clusters))
        own = [gateway for name in names for gateway in gateways.get(name, ())]
        found.append(Glance(group.name, _group_state(sight, group, own), group.joined, names, len(own)))
    return found


def _group_state(sight: pages.Sight, group: Group, gateways: Collection[Gateway]) -> Badge:
    """Return the number of problems in the group or, without any, its worst state.

    A group without a gateway isn't healthy but unfinished.
    """
    states = [cluster_state(sight.clusters[name])[0] for name in sorted(group.clusters)]
    states += [gateway_state(gateway, _said_of(sight, gateway))[0] for gateway in gateways]
    bad = [state for state in states if state.tone is Tone.BAD]
    if bad:
        return Badge(Tone.BAD, ngettext("%(count)s problem", "%(count)s problems", len(bad)) % {"count": len(bad)})
    worst = next((state for state in states if state.tone is Tone.WARN), None)
    if worst:
        return worst
    if not gateways:
        return Badge(Tone.CALM, _("No gateway yet"))
    return next((state for state in states if state.tone is Tone.CALM), Badge(Tone.GOOD, _("Healthy")))


def cluster_row(sight: pages.Sight, actor: Actor, cluster: Cluster) -> ClusterRow:
    seen = sight.clusters[cluster.name]
    state, reason = cluster_state(seen)
    stale = stale_text(observed.stale_of(seen.said))
    return ClusterRow(
        id=seen.row.id,
        name=cluster.name,
        version=str(seen.said.get("version", "")),
        state=state,
        reason=reason,
        cidrs=tuple(cidr.network for cidr in cluster.pod_cidrs),
        stale=stale,
        restart=_restart(sight, actor, sight.topology.group_of(cluster.name), bool(stale), cluster=cluster.name),
        gateways=tuple(
            gateway_row(sight, actor, gateway) for gateway in sight.topology.gateways_of_cluster(cluster.name)
        ),
        actions=menus.of_cluster(sight, actor, cluster),
    )


def _restart(sight: pages.Sight, actor: Actor, of: Group | None, stale: bool, **whose: str) -> Action | None:
    return menus.restart(sight.mesh, actor, joined=of is not None and of.joined, **whose) if stale else None


def cluster_state(seen: pages.ClusterSight) -> tuple[Badge, str]:
    if seen.silent_code:
        params = seen.observation.error_params if seen.observation else {}
        return Badge(Tone.BAD, _("Doesn't answer")), phrases.cluster_error(seen.silent_code, params)
    if seen.answered_at is None:
        return Badge(Tone.CALM, _("Not contacted yet")), ""
    return Badge(Tone.GOOD, _("Reachable")), ""


def expiry_badge(connection: Connection) -> Badge | None:
    """Return a badge that the credential has expired or soon will; None if that is far off or never happens."""
    found = expiry(connection.ends_at, timezone.now())
    return ending(found.code, phrases.reason(found)) if found else None


def ending(code: str, text: str) -> Badge:
    """Return the badge for a credential's expiry; one that has already expired is no longer just a warning."""
    return Badge(Tone.BAD if code == ENDED else Tone.WARN, text)


def expiring(sight: pages.Sight) -> list[tuple[str, Badge]]:
    """Return (whose, badge) for each credential that has expired or soon will, the earliest first."""
    rows = [(_("Control plane"), sight.mesh.control_plane)]
    rows += [(_("Config cluster"), sight.mesh.config)] if sight.mesh.config_id != sight.mesh.control_plane_id else []
    rows += [(name, seen.row.connection) for name, seen in sight.clusters.items()]
    found = [(row.ends_at, label, badge) for label, row in rows if row.ends_at and (badge := expiry_badge(row))]
    return [(label, badge) for _end, label, badge in sorted(found, key=lambda each: each[:2])]


def stale_text(counted: StaleCount) -> str:
    """Return how many workloads have Pods that still carry another network, in words; empty for none."""
    count = len(counted.workloads)
    if not count:
        return ""
    return ngettext("%(count)s workload needs a restart", "%(count)s workloads need a restart", count) % {
        "count": count
    }


def gateway_row(sight: pages.Sight, actor: Actor, gateway: Gateway) -> GatewayRow:
    observation, said = sight.gateways.get(gateway.key), _said_of(sight, gateway)
    state, reason = gateway_state(gateway, said)
    addresses = tuple(f"{_bracketed(host)}:15443" for host in said.get("addresses", ()))
    return GatewayRow(
        id=gateway.id,
        name=gateway.name,
        state=state,
        reason=reason,
        addresses=addresses,
        replicas=_replicas(gateway, said),
        seen_at=observation.at if observation else None,
        actions=menus.of_gateway(sight, actor, gateway),
    )


def _said_of(sight: pages.Sight, gateway: Gateway) -> Mapping[str, Any]:
    observation = sight.gateways.get(gateway.key)
    return observation.facts if observation else {}


def gateway_state(gateway: Gateway, said: Mapping[str, Any]) -> tuple[Badge, str]:
    if "ready" not in said and "addresses" not in said:
        return Badge(Tone.CALM, _("Not created yet")), ""
    if said.get("replicas", 0) and not said.get("injected", True) and said.get("ready", 0):
        return Badge(Tone.BAD, _("Not injected")), str(said.get("reason") or _("Its Pods have no Istio proxy."))
    if said.get("ready", 0) < max(1, said.get("replicas", 1)):
        return Badge(Tone.WARN, _("Not ready")), str(said.get("reason", ""))
    if gateway.spec.service_type is ServiceType.LOAD_BALANCER and not said.get("addresses"):
        return Badge(Tone.WARN, _("Address pending")), str(
            said.get("address_reason") or _("The load balancer hasn't assigned an address yet.")
        )
    return Badge(Tone.GOOD, _("Ready")), ""


def _replicas(gateway: Gateway, said: Mapping[str, Any]) -> str:
    scaling = gateway.spec.autoscaling
    if "ready" not in said:
        wanted = f"{scaling.min}–{scaling.max}" if scaling else str(gateway.spec.replicas)
        return _("%(wanted)s desired") % {"wanted": wanted}
    total = said.get("replicas", gateway.spec.replicas)
    return ngettext("%(ready)s of %(total)s replica", "%(ready)s of %(total)s replicas", total) % {
        "ready": said["ready"],
        "total": total,
    }


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def member_row(sight: pages.Sight, group: Group) -> MemberRow:
    return MemberRow(
        name=group.name,
        addresses=tuple(_member_address(sight, address) for address in group.addresses or ()),
        state=_member_state(sight, group),
        joined_at=sight.joined_at.get(group.name),
    )


def _member_address(sight: pages.Sight, address: Any) -> MemberAddress:
    if address.awaited:
        return MemberAddress(
            _("awaited"), _("from gateway %(name)s") % {"name": sight.topology.gateways[address.gateway].name}, ""
        )
    text = f"{_bracketed(address.host)}:{address.port}"
    if address.gateway is None:
        return MemberAddress(text, _("added by hand"), "")
    observation = sight.gateways.get(address.gateway)
    hosts = observation.facts.get("addresses", []) if observation else []
    changed = bool(hosts) and address.host not in hosts
    return MemberAddress(text, _("assigned by the platform"), ", ".join(hosts) if changed else "")


def _member_state(sight: pages.Sight, group: Group) -> Badge:
    if all(address.awaited for address in group.addresses or ()):
        return Badge(Tone.WARN, _("Address pending"))
    if not sight.facts.istiods:
        return Badge(Tone.CALM, _("Control plane not observed yet"))
    if sight.unverified:
        return Badge(Tone.WARN, _("Not verified on %(names)s") % {"names": phrases.listed(sight.unverified)})
    replicas = sum(istiod.replicas for istiod in sight.facts.istiods)
    return Badge(
        Tone.GOOD,
        ngettext("In effect on %(count)s istiod replica", "In effect on all %(count)s istiod replicas", replicas)
        % {"count": replicas},
    )
