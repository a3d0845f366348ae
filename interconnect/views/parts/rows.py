"""Groups, clusters and gateways as rows: a state, the reason if there is one, and what can be done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from interconnect.domain.findings import Subject, SubjectKind
from interconnect.domain.names import natural
from interconnect.domain.status import Level, worst_first
from interconnect.domain.summary import REACHABLE, tally
from interconnect.views.parts import menus, states
from interconnect.wording import phrases
from meshconsole.text import in_a_line
from meshconsole.ui.tones import Action, Badge, Tone

if TYPE_CHECKING:
    from interconnect.domain.status import State
    from interconnect.domain.summary import Tally
    from interconnect.domain.topology import Address, Cluster, Gateway, Group
    from interconnect.state import pages
    from meshconsole.access.actor import Actor

MOST_ADDRESSES = 8
"""Addresses of one load balancer that are shown. What it reports is its cluster's word, however much that is."""
FOLD_FROM = 9
"""Clusters in groups from which on a mesh folds what is fine; a smaller one is seen at a glance."""


@dataclass(frozen=True, slots=True)
class GatewayRow:
    id: str
    name: str
    state: Badge
    reason: str
    addresses: tuple[str, ...]
    in_use: str
    fix: Action | None
    replicas: str
    seen_at: datetime | None
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """`restarts` says which workloads need a restart; `restart` is the button for it."""

    id: UUID
    name: str
    version: str
    state: Badge
    reason: str
    fix: Action | None
    cidrs: tuple[str, ...]
    restarts: tuple[str, ...]
    restart: Action | None
    seen_at: datetime | None
    gateways: tuple[GatewayRow, ...]
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """Clusters with nothing wrong, which one row stands for until somebody opens it."""

    names: str
    state: Badge
    clusters: tuple[ClusterRow, ...]


@dataclass(frozen=True, slots=True)
class GroupRow:
    """`is_open` is how the row starts. `lacking` are the istiod replicas on which the group isn't in effect, `silent`
    says that not all of its clusters answer.
    """

    id: UUID
    name: str
    state: Badge
    reason: str
    joined: bool
    joined_at: datetime | None
    in_effect: Badge | None
    lacking: str
    addresses: tuple[str, ...]
    reachable: str
    silent: bool
    shown: str
    seen_at: datetime | None
    is_open: bool
    clusters: tuple[ClusterRow, ...]
    fold: Fold | None
    restart: Action | None
    actions: tuple[Action, ...]

    @property
    def closed(self) -> bool:
        return not self.is_open

    @property
    def edge(self) -> str:
        return states.edge(self.state)


@dataclass(frozen=True, slots=True)
class Glance:
    """A group in the picture of the mesh."""

    name: str
    state: Badge
    reason: str
    joined: bool
    clusters: tuple[str, ...]
    gateway_count: int


@dataclass(frozen=True, slots=True)
class MemberAddress:
    """An address in use. `now` is what its load balancer reports instead, `update` the way to take that over."""

    text: str
    origin: str
    now: str
    update: Action | None


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A joined group in the interconnect list."""

    name: str
    addresses: tuple[MemberAddress, ...]
    state: Badge
    reason: str
    joined_at: datetime | None


def group_row(
    sight: pages.Sight, actor: Actor, group: Group, clusters: Collection[str], *, searched: bool = False
) -> GroupRow:
    """Return a group's row. It covers all of the group's clusters, but only those in `clusters` get their own rows.

    What a search has found isn't folded.
    """
    part, joined = sight.statuses.groups[group.name], sight.statuses.joined.get(group.name)
    reachable = tally((sight.statuses.clusters[name] for name in group.clusters), REACHABLE)
    rows = {name: cluster_row(sight, actor, sight.topology.clusters[name]) for name in clusters}
    folds = not searched and sum(len(each.clusters) for each in sight.topology.groups.values()) >= FOLD_FROM
    fine = [name for name in rows if folds and sight.statuses.worst_on(name) is Level.GOOD and not rows[name].restart]
    all_fine = len(fine) == len(rows)
    stale = len(group.clusters) > 1 and any(stale_texts(sight, name) for name in group.clusters)
    return GroupRow(
        id=sight.group_ids[group.name],
        name=group.name,
        state=states.part_badge(part.state),
        reason=phrases.part_reason(part, Subject(SubjectKind.GROUP, group.name)),
        joined=group.joined,
        joined_at=sight.joined_at.get(group.name),
        in_effect=states.in_effect(joined) if joined else None,
        lacking=_lacking(joined),
        addresses=tuple(_text(address) for address in group.addresses or () if not address.awaited),
        reachable=_reachable(reachable),
        silent=reachable.good < reachable.total,
        shown=_shown(len(clusters), len(group.clusters)),
        seen_at=newest(sight.clusters[name].member.seen_at for name in group.clusters),
        is_open=not (folds and all_fine),
        clusters=tuple(row for name, row in rows.items() if all_fine or name not in fine),
        fold=_fold([rows[name] for name in fine]) if fine and not all_fine else None,
        restart=menus.restart(sight.mesh, actor, joined=group.joined, group=group.name) if stale else None,
        actions=menus.of_group(sight, actor, group),
    )


def _lacking(joined: State | None) -> str:
    """Return the replicas on which a group isn't in effect, where it is on others."""
    said = joined.known.params if joined else {}
    return phrases.listed(said.get("lacking", ())) if said.get("listing") else ""


def _reachable(found: Tally) -> str:
    text = _("%(good)s of %(total)s reachable") % {"good": found.good, "total": found.total}
    return text if found.known else f"{text} · {_('last known')}"


def _shown(shown: int, total: int) -> str:
    """Return how many of a group's clusters a page shows; empty for all."""
    if shown == total:
        return ""
    return _("%(shown)s of %(total)s clusters shown here") % {"shown": shown, "total": total}


def _fold(rows: Collection[ClusterRow]) -> Fold:
    gateways = sum(len(row.gateways) for row in rows)
    parts = [ngettext("%(count)s cluster", "%(count)s clusters", len(rows)) % {"count": len(rows)}]
    if gateways:
        parts.append(ngettext("%(count)s gateway", "%(count)s gateways", gateways) % {"count": gateways})
    text = _("%(what)s, nothing wrong") % {"what": _(", ").join(parts)}
    return Fold(phrases.listed([row.name for row in rows]), Badge(Tone.GOOD, text), tuple(rows))


def newest(times: Iterable[datetime | None]) -> datetime | None:
    return max((at for at in times if at is not None), default=None)


def glances(sight: pages.Sight) -> list[Glance]:
    """Return every group without its actions: for hundreds of groups, those would be most of the work."""
    gateways: dict[str, list[Gateway]] = {}
    for gateway in sight.topology.gateways.values():
        gateways.setdefault(gateway.key.cluster, []).append(gateway)
    found = []
    for name in worst_groups(sight):
        group, part = sight.topology.groups[name], sight.statuses.groups[name]
        own = sum(len(gateways.get(cluster, ())) for cluster in group.clusters)
        reason = phrases.part_reason(part, Subject(SubjectKind.GROUP, name))
        clusters = tuple(sorted(group.clusters, key=natural))
        found.append(Glance(name, states.part_badge(part.state), reason, group.joined, clusters, own))
    return found


def worst_groups(sight: pages.Sight) -> list[str]:
    """Return the names of all groups, those that need attention most first."""
    return worst_first(sight.topology.groups, {name: part.state for name, part in sight.statuses.groups.items()})


def worst_clusters(sight: pages.Sight, names: Iterable[str]) -> list[str]:
    """Return these clusters in the order in which they, or anything on them, need attention."""
    return sorted(names, key=lambda name: (sight.statuses.worst_on(name).rank, natural(name)))


def cluster_row(sight: pages.Sight, actor: Actor, cluster: Cluster) -> ClusterRow:
    seen, state = sight.clusters[cluster.name], sight.statuses.of_cluster(cluster.name)
    group, restarts = sight.topology.group_of(cluster.name), stale_texts(sight, cluster.name)
    restart = menus.restart(sight.mesh, actor, joined=group is not None and group.joined, cluster=cluster.name)
    return ClusterRow(
        id=seen.row.id,
        name=cluster.name,
        version=seen.member.details.version,
        state=states.badge(state),
        reason=phrases.state_reason(state),
        fix=menus.fix_of_cluster(sight.mesh, actor, cluster.name, state),
        cidrs=tuple(cidr.network for cidr in cluster.pod_cidrs),
        restarts=restarts,
        restart=restart if restarts else None,
        seen_at=seen.member.seen_at,
        gateways=tuple(
            gateway_row(sight, actor, gateway) for gateway in sight.topology.gateways_of_cluster(cluster.name)
        ),
        actions=menus.of_cluster(sight, actor, cluster),
    )


def stale_texts(sight: pages.Sight, cluster: str) -> tuple[str, ...]:
    """Return how many workloads a restart would bring up to date, in words: those on another network, and those
    without one.
    """
    stale, unlabelled = sight.statuses.workloads(cluster)
    return workload_texts(len(stale.stale) if stale else 0, len(unlabelled.unlabelled) if unlabelled else 0)


def workload_texts(stale: int, unlabelled: int) -> tuple[str, ...]:
    """Return numbers of workloads in words, without those that are none."""
    on_another = ngettext("%(count)s workload on another network", "%(count)s workloads on another network", stale)
    without = ngettext("%(count)s workload without a network", "%(count)s workloads without a network", unlabelled)
    return tuple(text % {"count": count} for text, count in ((on_another, stale), (without, unlabelled)) if count)


def gateway_row(sight: pages.Sight, actor: Actor, gateway: Gateway) -> GatewayRow:
    state, known = sight.statuses.gateways[gateway.key], sight.seen.gateways.get(gateway.key)
    hosts = (known.seen.addresses or ()) if known else ()
    group = sight.topology.group_of(gateway.key.cluster)
    used = [each for each in (group.addresses if group else None) or () if each.gateway == gateway.key]
    return GatewayRow(
        id=gateway.id,
        name=gateway.name,
        state=states.badge(state),
        reason=phrases.state_reason(state),
        addresses=_hosts(hosts, 15443),
        in_use=_in_use(sight, used),
        fix=menus.fix_of_gateway(sight, actor, group, gateway, state) if group else None,
        replicas=_replicas(gateway, state, sight),
        seen_at=known.at if known else None,
        actions=menus.of_gateway(sight, actor, gateway),
    )


def _in_use(sight: pages.Sight, used: Collection[Address]) -> str:
    """Return whether others reach a group through this gateway, and where if that isn't what its cluster reports."""
    elsewhere = [_text(each) for each in used if sight.statuses.has_moved(each)]
    if elsewhere:
        return _("in use: %(addresses)s") % {"addresses": _(", ").join(elsewhere)}
    return _("in use") if any(not each.awaited for each in used) else ""


def _replicas(gateway: Gateway, state: State, sight: pages.Sight) -> str:
    known, scaling = sight.seen.gateways.get(gateway.key), gateway.spec.autoscaling
    if known is None or not known.seen.present or state.code == "gateway.not-created":
        wanted = f"{scaling.min}–{scaling.max}" if scaling else str(gateway.spec.replicas)
        return _("%(wanted)s desired") % {"wanted": wanted}
    return _("%(ready)s of %(total)s ready") % {"ready": known.seen.available, "total": known.seen.replicas}


def _hosts(hosts: Sequence[str], port: int) -> tuple[str, ...]:
    """Return what a load balancer reports, as addresses."""
    shown = tuple(_with_port(host, port) for host in hosts[:MOST_ADDRESSES])
    rest = len(hosts) - len(shown)
    more = ngettext("%(count)s more", "%(count)s more", rest) % {"count": rest}
    return (*shown, more) if rest else shown


def _with_port(host: str, port: int) -> str:
    text = in_a_line(host)
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"


def _text(address: Address) -> str:
    return _with_port(address.host, address.port)


def member_row(sight: pages.Sight, actor: Actor, group: Group) -> MemberRow:
    state = sight.statuses.joined[group.name]
    return MemberRow(
        name=group.name,
        addresses=tuple(_member_address(sight, actor, group, address) for address in group.addresses or ()),
        state=states.badge(state),
        reason=phrases.state_reason(state),
        joined_at=sight.joined_at.get(group.name),
    )


def _member_address(sight: pages.Sight, actor: Actor, group: Group, address: Address) -> MemberAddress:
    if address.awaited:
        gateway = sight.topology.gateways.get(address.gateway) if address.gateway else None
        return MemberAddress(
            _("awaited"), _("from gateway %(name)s") % {"name": gateway.name if gateway else ""}, "", None
        )
    if address.gateway is None:
        return MemberAddress(_text(address), _("added by hand"), "", None)
    origin, known = _("assigned by the platform"), sight.seen.gateways.get(address.gateway)
    hosts = (known.seen.addresses or ()) if known else ()
    if not hosts or not sight.statuses.has_moved(address):
        return MemberAddress(_text(address), origin, "", None)
    now = _(", ").join(_hosts(hosts, address.port))
    return MemberAddress(_text(address), origin, now, menus.update_address(sight, actor, group.name))
