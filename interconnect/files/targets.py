"""From a document to the topology it describes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from interconnect.domain.addressing import canonical, parse_host
from interconnect.domain.gateways import normalised_spec
from interconnect.domain.names import gateway_name
from interconnect.domain.topology import (
    Address,
    CidrSource,
    Cluster,
    Gateway,
    GatewayKey,
    GatewaySpec,
    Group,
    PodCidr,
    Topology,
)
from interconnect.files.errors import in_order

if TYPE_CHECKING:
    from interconnect.files.document import Document, FileAddress, FileGroup
    from interconnect.files.errors import FileError

KnownAddresses = Mapping[GatewayKey, tuple[str, ...]]


def desired(
    document: Document, topology: Topology, *, new_id: Callable[[], str], known_addresses: KnownAddresses | None = None
) -> Topology | list[FileError]:
    """Return the topology that `document` describes for the mesh whose current topology is `topology`, or the errors.

    Clusters that the file registers must be in `topology` already, under the UID that their credential showed.
    `new_id` returns the UUID for a new gateway. `known_addresses` holds the addresses that the gateways' load
    balancers last reported.
    """
    errors = [
        *_control_plane_errors(document, topology),
        *_cluster_errors(document, topology),
        *_group_errors(document, topology),
    ]
    if errors:
        return in_order(errors)
    known = known_addresses or {}
    return replace(
        topology,
        enabled=document.enabled,
        clusters={name: _cluster(document, cluster) for name, cluster in topology.clusters.items()},
        groups={name: _group(name, group, topology, known) for name, group in document.groups.items()},
        gateways={gateway.key: gateway for gateway in _gateways(document, topology, new_id)},
    )


def revision_error(document: Document, revision: int) -> FileError | None:
    """Return an error if the file names a revision and the mesh is no longer at it."""
    if document.revision in (None, revision):
        return None
    return document.error("file.revision", "revision", file=document.revision, mesh=revision)


def _control_plane_errors(document: Document, topology: Topology) -> list[FileError]:
    plane = document.control_plane
    if plane is None:
        return []
    stored = {"kind": topology.kind.value, "system_namespace": topology.system_namespace}
    said = {"kind": plane.kind.value if plane.kind else "", "system_namespace": plane.system_namespace}
    return [
        document.error("file.control-plane", "control_plane", key, key=key, file=said[key], mesh=stored[key])
        for key in stored
        if said[key] and said[key] != stored[key]
    ]


def _cluster_errors(document: Document, topology: Topology) -> list[FileError]:
    errors: list[FileError] = []
    for name, entry in document.clusters.items():
        stored = topology.clusters.get(name)
        twin = topology.cluster_by_uid(entry.uid) if entry.uid else None
        if twin and twin.name != name:
            errors.append(document.error("file.cluster-renamed", "clusters", name, cluster=name, stored=twin.name))
        elif stored is None:
            errors.append(document.error("file.cluster-unknown", "clusters", name, cluster=name))
        elif entry.uid and entry.uid != stored.uid:
            errors.append(
                document.error(
                    "file.cluster-identity", "clusters", name, "uid", cluster=name, file=entry.uid, stored=stored.uid
                )
            )
    return errors


def _group_errors(document: Document, topology: Topology) -> list[FileError]:
    return [
        document.error("file.cluster-unknown", "groups", group, "clusters", name, cluster=name)
        for group, entry in document.groups.items()
        for name in sorted(entry.clusters)
        if name not in topology.clusters and name not in document.clusters
    ]


def _cluster(document: Document, cluster: Cluster) -> Cluster:
    """Return the cluster with the file's CIDRs.

    The file decides on typed CIDRs only. Observed ones are hidden by typed ones and otherwise stay.
    """
    entry = document.clusters.get(cluster.name)
    if entry is None:
        return cluster
    if entry.pod_cidrs:
        return replace(cluster, pod_cidrs=tuple(PodCidr(network, CidrSource.TYPED) for network in entry.pod_cidrs))
    return replace(cluster, pod_cidrs=tuple(cidr for cidr in cluster.pod_cidrs if cidr.source != CidrSource.TYPED))


def _gateways(document: Document, topology: Topology, new_id: Callable[[], str]) -> list[Gateway]:
    wanted = {key: normalised_spec(spec) for group in document.groups.values() for key, spec in group.gateways.items()}
    stored = topology.gateways
    return [
        _edited(stored[key], spec) if key in stored else Gateway(key, new_id(), gateway_name(key), spec)
        for key, spec in sorted(wanted.items())
    ]


def _edited(gateway: Gateway, spec: GatewaySpec) -> Gateway:
    """Return the gateway with the file's spec.

    With an autoscaler, the file gives no replicas. The stored number then means nothing and must not look like a
    change.
    """
    return replace(gateway, spec=replace(spec, replicas=gateway.spec.replicas) if spec.autoscaling else spec)


def _group(name: str, entry: FileGroup, topology: Topology, known: KnownAddresses) -> Group:
    if entry.joined is None:
        return Group(name, entry.clusters)
    stored = (topology.groups[name].addresses if name in topology.groups else None) or ()
    wanted = canonical({address for said in entry.joined for address in _addresses(said, stored, known)})
    # A mere change of order must not look like a change.
    return Group(name, entry.clusters, stored if set(stored) == set(wanted) else wanted)


def _addresses(said: FileAddress, stored: tuple[Address, ...], known: KnownAddresses) -> list[Address]:
    """Return the addresses of an entry of `joined`.

    If a person chose some of a gateway's addresses, those stay as long as the load balancer still reports them.
    """
    if said.gateway is None:
        return [Address(said.address, said.port)]
    observed = [host for host in map(parse_host, known.get(said.gateway, ())) if isinstance(host, str)]
    chosen = [
        address
        for address in stored
        if address.gateway == said.gateway and address.port == said.port and not address.awaited
    ]
    kept = [address for address in chosen if not observed or address.host in observed]
    return (
        kept or [Address(host, said.port, said.gateway) for host in observed] or [Address("", said.port, said.gateway)]
    )
