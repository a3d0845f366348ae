"""A mesh's topology, loaded from its rows and saved to them; the one place that knows both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar
from uuid import UUID

from django.db.models import F

from interconnect.domain.findings import Subject, SubjectKind, about_gateway
from interconnect.domain.topology import (
    Address,
    Autoscaling,
    CidrSource,
    Cluster,
    Gateway,
    GatewayKey,
    GatewaySpec,
    Group,
    MeshKind,
    PodCidr,
    ServiceType,
    Topology,
)
from interconnect.models import Cluster as ClusterRow
from interconnect.models import ClusterObservation, Membership, MembershipAddress, Mesh, NetworkGroup
from interconnect.models import Gateway as GatewayRow
from interconnect.state.findings import end_findings

Found = TypeVar("Found")


class StaleMesh(Exception):
    """The mesh has changed since it was read."""


def load(mesh: Mesh) -> Topology:
    """Return the desired topology as it stands now, in six queries whatever its size."""
    return steady(mesh, lambda: read(mesh))


def steady(mesh: Mesh, reading: Callable[[], Found]) -> Found:
    """Return what `reading` finds while nobody changes the mesh, and bring `mesh` to the revision that was read.

    Each query of `reading` sees what has been committed by then. A change between two of them shows in the revision,
    and everything is read again.
    """
    while True:
        found = reading()
        now = Mesh.objects.filter(id=mesh.id).values_list("revision", "enabled").first()
        if now is None or now[0] == mesh.revision:
            return found
        mesh.revision, mesh.enabled = now


def read(
    mesh: Mesh, *, clusters: Iterable[ClusterRow] | None = None, gateways: Iterable[GatewayRow] | None = None
) -> Topology:
    """Return the topology, as part of a steady reading that covers more.

    A caller that has already read the rows passes them: clusters with `observation`, and their gateways.
    """
    rows = list(mesh.clusters.select_related("observation") if clusters is None else clusters)
    names = {row.id: row.name for row in rows}
    found = GatewayRow.objects.filter(cluster__mesh=mesh) if gateways is None else gateways
    # What came between two queries is left out: registering a cluster makes no new revision, and after any other change
    # all is read again.
    keys = {row.id: _gateway(row, names[row.cluster_id]) for row in found if row.cluster_id in names}
    return Topology(
        mesh=str(mesh.id),
        kind=MeshKind(mesh.kind),
        control_plane=mesh.control_plane.uid,
        config=mesh.config_uid,
        system_namespace=mesh.system_namespace,
        enabled=mesh.enabled,
        clusters={row.name: _cluster(row) for row in rows},
        groups=_groups(mesh, rows, keys),
        gateways={gateway.key: gateway for gateway in keys.values()},
    )


def load_member(mesh: Mesh, uid: str) -> Topology:
    """Return what the desired topology says about one cluster, in a few short queries whatever the size of the mesh.

    It holds the cluster, its gateways and its group, which also names the group's other clusters. It holds none of
    these when there is no such cluster.
    """
    row = mesh.clusters.select_related("group", "observation").filter(uid=uid).first()
    gateways = [_gateway(gateway, row.name) for gateway in GatewayRow.objects.filter(cluster=row)] if row else []
    group = _group(row.group) if row and row.group else None
    return Topology(
        mesh=str(mesh.id),
        kind=MeshKind(mesh.kind),
        control_plane=mesh.control_plane.uid,
        config=mesh.config_uid,
        system_namespace=mesh.system_namespace,
        enabled=mesh.enabled,
        clusters={row.name: _cluster(row)} if row else {},
        groups={group.name: group} if group else {},
        gateways={gateway.key: gateway for gateway in gateways},
    )


def load_addresses(mesh: Mesh) -> dict[str, Group]:
    """Return the joined groups with their known addresses, without their clusters."""
    found: dict[str, list[Address]] = {}
    rows = MembershipAddress.objects.filter(mesh=mesh).exclude(host="")
    for name, host, port in rows.values_list("membership__group__name", "host", "port"):
        found.setdefault(name, []).append(Address(host, port))
    return {name: Group(name, frozenset(), tuple(addresses)) for name, addresses in found.items()}


def _group(row: NetworkGroup) -> Group:
    clusters = frozenset(row.clusters.values_list("name", flat=True))
    addresses = tuple(
        Address(
            entry.host,
            entry.port,
            GatewayKey(entry.gateway.cluster.name, entry.gateway.number) if entry.gateway else None,
        )
        for entry in MembershipAddress.objects.filter(membership__group=row).select_related("gateway__cluster")
    )
    joined = bool(addresses) or Membership.objects.filter(group=row).exists()
    return Group(row.name, clusters, addresses if joined else None)


def _cluster(row: ClusterRow) -> Cluster:
    typed = [PodCidr(network, CidrSource.TYPED) for network in row.pod_cidrs]
    try:
        observed = row.observation.details.get("pod_cidrs", [])
    except ClusterObservation.DoesNotExist:
        observed = []
    seen = [PodCidr(cidr["network"], CidrSource(cidr["source"])) for cidr in observed]
    return Cluster(row.name, row.uid, tuple(typed or seen))


def _gateway(row: GatewayRow, cluster: str) -> Gateway:
    scaling = None
    if row.autoscaling_min is not None and row.autoscaling_max is not None:
        scaling = Autoscaling(row.autoscaling_min, row.autoscaling_max)
    spec = GatewaySpec(
        replicas=row.replicas,
        autoscaling=scaling,
        annotations=tuple(sorted(row.annotations.items())),
        load_balancer_ip=row.load_balancer_ip,
        service_type=ServiceType(row.service_type),
    )
    return Gateway(GatewayKey(cluster, row.number), str(row.id), row.name, spec)


def _groups(mesh: Mesh, clusters: Iterable[ClusterRow], gateways: Mapping[UUID, Gateway]) -> dict[str, Group]:
    addresses: dict[UUID, list[Address]] = {
        membership: [] for membership in Membership.objects.filter(group__mesh=mesh).values_list("group_id", flat=True)
    }
    found = MembershipAddress.objects.filter(mesh=mesh).values_list("membership_id", "host", "port", "gateway_id")
    for membership, host, port, gateway in found:
        if membership in addresses and (gateway is None or gateway in gateways):
            addresses[membership].append(Address(host, port, gateways[gateway].key if gateway else None))
    members: dict[UUID, set[str]] = {}
    for cluster in clusters:
        if cluster.group_id:
            members.setdefault(cluster.group_id, set()).add(cluster.name)
    return {
        name: Group(name, frozenset(members.get(group, ())), tuple(addresses[group]) if group in addresses else None)
        for group, name in NetworkGroup.objects.filter(mesh=mesh).values_list("id", "name")
    }


def save(mesh: Mesh, before: Topology, after: Topology, *, revision: int) -> int:
    """Write `after` over `before` and return the new revision. Raises StaleMesh if the mesh is no longer at `revision`.

    Must run in a transaction. Registered clusters are rows with credentials, so their own services add and remove them:
    here they only change group, or leave (forgotten with their group).
    """
    moved = Mesh.objects.filter(id=mesh.id, revision=revision).update(revision=F("revision") + 1, enabled=after.enabled)
    if not moved:
        raise StaleMesh
    rows = {row.name: row for row in ClusterRow.objects.filter(mesh=mesh)}
    _save_memberships_removed(mesh, before, after)
    groups = _save_groups(mesh, before, after, rows)
    _save_gateways(before, after, rows)
    _delete_groups(mesh, before, after)
    _save_memberships(mesh, before, after, groups)
    if gone := _subjects(before) - _subjects(after):
        # Nobody looks at what is no longer there, so nobody would end what was found about it.
        end_findings(mesh, gone)
    mesh.revision, mesh.enabled = revision + 1, after.enabled
    return revision + 1


def _subjects(topology: Topology) -> frozenset[Subject]:
    named = (
        *((SubjectKind.GROUP, name) for name in topology.groups),
        *((SubjectKind.CLUSTER, name) for name in topology.clusters),
        *(about_gateway(gateway.key) for gateway in topology.gateways.values()),
    )
    return frozenset(Subject(kind, name) for kind, name in named)


def _save_memberships_removed(mesh: Mesh, before: Topology, after: Topology) -> None:
    gone = [name for name, group in before.groups.items() if group.joined and not _joined(after, name)]
    Membership.objects.filter(group__mesh=mesh, group__name__in=gone).delete()


def _joined(topology: Topology, name: str) -> bool:
    group = topology.groups.get(name)
    return group is not None and group.joined


def _save_groups(
    mesh: Mesh, before: Topology, after: Topology, rows: Mapping[str, ClusterRow]
) -> dict[str, NetworkGroup]:
    NetworkGroup.objects.bulk_create(
        NetworkGroup(mesh=mesh, name=name) for name in after.groups if name not in before.groups
    )
    groups = {group.name: group for group in NetworkGroup.objects.filter(mesh=mesh)}
    changed = []
    for name, row in rows.items():
        group = after.group_of(name)
        wanted = groups[group.name].id if group else None
        if row.group_id != wanted:
            row.group_id = wanted
            changed.append(row)
    ClusterRow.objects.bulk_update(changed, ("group",))
    return groups


def _save_gateways(before: Topology, after: Topology, rows: Mapping[str, ClusterRow]) -> None:
    gone = [gateway.id for key, gateway in before.gateways.items() if after.gateways.get(key, None) is None]
    replaced = [
        gateway.id
        for key, gateway in before.gateways.items()
        if key in after.gateways and after.gateways[key].id != gateway.id
    ]
    GatewayRow.objects.filter(id__in=[*gone, *replaced]).delete()
    known = {gateway.id for gateway in before.gateways.values()} - set(gone) - set(replaced)
    changed = [gateway for key, gateway in after.gateways.items() if before.gateways.get(key) != gateway]
    GatewayRow.objects.bulk_create(_gateway_row(gateway, rows) for gateway in changed if gateway.id not in known)
    GatewayRow.objects.bulk_update(
        [_gateway_row(gateway, rows) for gateway in changed if gateway.id in known],
        ("name", "replicas", "autoscaling_min", "autoscaling_max", "annotations", "load_balancer_ip", "service_type"),
    )


def _gateway_row(gateway: Gateway, rows: Mapping[str, ClusterRow]) -> GatewayRow:
    spec, scaling = gateway.spec, gateway.spec.autoscaling
    return GatewayRow(
        id=UUID(gateway.id),
        cluster=rows[gateway.key.cluster],
        number=gateway.key.number,
        name=gateway.name,
        replicas=spec.replicas,
        autoscaling_min=scaling.min if scaling else None,
        autoscaling_max=scaling.max if scaling else None,
        annotations=dict(spec.annotations),
        load_balancer_ip=spec.load_balancer_ip,
        service_type=spec.service_type,
    )


def _delete_groups(mesh: Mesh, before: Topology, after: Topology) -> None:
    gone = [name for name in before.groups if name not in after.groups]
    NetworkGroup.objects.filter(mesh=mesh, name__in=gone).delete()


def _save_memberships(mesh: Mesh, before: Topology, after: Topology, groups: Mapping[str, NetworkGroup]) -> None:
    changed = {
        name: group.addresses
        for name, group in after.groups.items()
        if group.addresses is not None
        and (name not in before.groups or before.groups[name].addresses != group.addresses)
    }
    MembershipAddress.objects.filter(mesh=mesh, membership__group__name__in=changed).delete()
    new = [groups[name] for name in changed if not _joined(before, name)]
    Membership.objects.bulk_create(Membership(group=group) for group in new)
    MembershipAddress.objects.bulk_create(
        MembershipAddress(
            membership_id=groups[name].id,
            mesh=mesh,
            gateway_id=UUID(after.gateways[address.gateway].id) if address.gateway else None,
            host=address.host,
            port=address.port,
            position=position,
        )
        for name, addresses in changed.items()
        for position, address in enumerate(addresses)
    )
