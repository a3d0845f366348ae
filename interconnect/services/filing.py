"""Files: the difference between a mesh and what a document asks for, and the changes that lead there."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from interconnect.domain.changes import REMOVALS, Change, RegisterCluster, apply_all
from interconnect.domain.diff import changes_between
from interconnect.domain.facts import Facts
from interconnect.domain.refusal import Refused
from interconnect.domain.rights import ClusterRole
from interconnect.domain.topology import CidrSource, Gateway, GatewayKey, MeshKind, PodCidr, RestartPolicy, Topology
from interconnect.files import targets
from interconnect.files.errors import FileError
from interconnect.files.kubeconfigs import KubeconfigFile, Kubeconfigs, read_kubeconfigs
from interconnect.files.targets import revision_error
from interconnect.kube import kinds, probe
from interconnect.kube.errors import KubeError
from interconnect.models import Cluster, Mesh
from interconnect.observing.istiods import read_istiods, remote_clusters, side_by_side
from interconnect.observing.newcomer import (
    ClusterReport,
    MeshReport,
    api_for,
    as_read,
    inspect_cluster,
    inspect_mesh,
    reading_of,
)
from interconnect.planning.preview import Preview, Scene, preview, scene_of
from interconnect.services import clusters, meshes
from interconnect.state import desired, observed

if TYPE_CHECKING:
    from interconnect.domain.violations import Violation
    from interconnect.files.document import Document
    from interconnect.kube.api import Api
    from interconnect.kube.kubeconfig import Reading
    from meshconsole.access.actor import Actor


class FileRefused(Exception):
    """The document can't be carried out; each error has its line and column."""

    def __init__(self, errors: list[FileError]) -> None:
        self.errors = errors
        super().__init__(", ".join(error.code for error in errors))


@dataclass(frozen=True, slots=True)
class Reports:
    """What the clusters reported for which the document has a kubeconfig that differs from the stored one.

    `control_plane` is None when it is as stored; `new` and `replaced` are keyed by the cluster's name.
    """

    control_plane: MeshReport | None
    new: Mapping[str, ClusterReport]
    replaced: Mapping[str, ClusterReport]

    @property
    def members(self) -> tuple[ClusterReport, ...]:
        return (*self.new.values(), *self.replaced.values())

    def apis(self) -> dict[str, Api]:
        """Return clients for the kubeconfigs, by UID. A member's client also serves a control plane in the same
        cluster.
        """
        found = {seen.uid: api_for(seen.credential) for seen in self.members}
        if self.control_plane:
            for seen in (self.control_plane.config, self.control_plane.control_plane):
                found.setdefault(seen.uid, api_for(seen.credential))
        return found


@dataclass(frozen=True)
class Filing:
    """What applying a document would do.

    `mesh` is None while the document registers it; `refusals` forbid the changes.
    """

    document: Document
    mesh: Mesh | None
    reports: Reports
    before: Topology
    after: Topology
    changes: tuple[Change, ...]
    typed_cidrs: Mapping[str, tuple[str, ...]]
    preview: Preview
    refusals: tuple[Violation, ...] = ()
    policy: RestartPolicy | None = None
    remote_clusters: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        said = self.reports.members or self.reports.control_plane
        stored = self.mesh is not None and not (said or self.typed_cidrs or self.policy)
        return stored and not self.changes and self.preview.empty

    @property
    def notes(self) -> tuple[tuple[str, Violation], ...]:
        """Notes about the credentials, each with the name of its cluster (empty for the control plane)."""
        reports = sorted({**self.reports.new, **self.reports.replaced}.items())
        of_mesh = self.reports.control_plane.notes() if self.reports.control_plane else ()
        return (
            *(("", note) for note in of_mesh),
            *((name, note) for name, seen in reports for note in seen.notes(name)),
        )

    @property
    def removals(self) -> tuple[Change, ...]:
        """The changes that remove something and need an explicit confirmation."""
        return tuple(change for change in self.changes if isinstance(change, REMOVALS))


def consider(document: Document, folder: Path, *, accept: frozenset[str] = frozenset()) -> Filing:
    """Inspect everything that the document names; store nothing.

    Raises FileRefused or Refused when the document can't be carried out.
    """
    files = read_kubeconfigs(document, folder)
    if not isinstance(files, Kubeconfigs):
        raise FileRefused(files)
    mesh = Mesh.objects.select_related("control_plane", "config").filter(name=document.mesh).first()
    if mesh and (stale := revision_error(document, mesh.revision)):
        raise FileRefused([stale])
    report = _mesh_report(document, files, mesh)
    if mesh is None and report is None:
        raise FileRefused([document.error("file.mesh-unknown", "mesh", mesh=document.mesh)])
    stored = desired.load(mesh) if mesh else _new_topology(document, report)
    new, replaced = _cluster_reports(document, files, mesh, stored.system_namespace)
    return _filing(document, mesh, stored, Reports(report, new, replaced), accept)


def _filing(
    document: Document, mesh: Mesh | None, stored: Topology, reports: Reports, accept: frozenset[str]
) -> Filing:
    typed = _typed_cidrs(document, mesh, reports.new)
    remote = _remote_clusters(mesh, reports)
    before = _with_cidrs(_registered(document, stored, reports.new, remote), typed)
    scene = _scene(mesh, reports, accept)
    wanted = [entry.gateway for group in document.groups.values() for entry in group.joined or () if entry.gateway]
    known = _addresses_now(before, scene, wanted, observed.known_addresses(mesh) if mesh else {})
    after = targets.desired(document, before, new_id=lambda: str(uuid.uuid4()), known_addresses=known)
    if not isinstance(after, Topology):
        raise FileRefused(after)
    changes = changes_between(before, after)
    reached = apply_all(before, changes, facts=scene.facts, overrides=accept)
    refusals = () if isinstance(reached, Topology) else reached
    shown = preview(reached if isinstance(reached, Topology) else before, scene)
    stored_policy = RestartPolicy(mesh.restart) if mesh else RestartPolicy.ALWAYS
    policy = document.restart if document.restart and document.restart != stored_policy else None
    return Filing(
        document,
        mesh,
        reports,
        before,
        after,
        changes,
        typed_cidrs=typed,
        preview=shown,
        refusals=refusals,
        policy=policy,
        remote_clusters=remote,
    )


def _mesh_report(document: Document, files: Kubeconfigs, mesh: Mesh | None) -> MeshReport | None:
    """What the control plane of the file says, where the file names one; it must be the stored mesh's."""
    if files.control_plane is None:
        return None
    plane = document.control_plane
    namespace = (plane.system_namespace if plane else "") or (mesh.system_namespace if mesh else "istio-system")
    first = _reading(document, files.control_plane)
    second = _reading(document, files.config) if files.config else None
    hub, config = first.credential, second.credential if second else None

    def look() -> MeshReport:
        report = inspect_mesh(hub, config, system_namespace=namespace)
        return replace(
            report, control_plane=as_read(report.control_plane, first), config=as_read(report.config, second or first)
        )

    if mesh is None:
        return look()
    changed = [
        (key, row, credential)
        for key, row, credential in (
            ("kubeconfig", mesh.control_plane, hub),
            ("config_kubeconfig", mesh.config, config or hub),
        )
        if row.fingerprint != credential.fingerprint
    ]
    for key, row, credential in changed:
        uid = inspect_cluster(credential, role=ClusterRole.CONTROL_PLANE, system_namespace=namespace).uid
        if uid != row.uid:
            raise FileRefused(
                [document.error("file.control-plane-identity", "control_plane", key, stored=row.uid, file=uid)]
            )
    return look() if changed else None


def _reading(document: Document, file: KubeconfigFile) -> Reading:
    try:
        return reading_of(file.content, context=file.context or None)
    except Refused as refusal:
        raise FileRefused(
            [document.error(each.code, *file.keys, **each.params) for each in refusal.violations]
        ) from None


def _new_topology(document: Document, report: MeshReport | None) -> Topology:
    if report is None:
        raise FileRefused([document.error("file.mesh-unknown", "mesh", mesh=document.mesh)])
    plane = document.control_plane
    return Topology(
        mesh=str(uuid.uuid4()),
        kind=(plane.kind if plane else None) or MeshKind.HOSTED,
        control_plane=report.control_plane.uid,
        config=report.config.uid,
        system_namespace=(plane.system_namespace if plane else "") or "istio-system",
    )


def _cluster_reports(
    document: Document, files: Kubeconfigs, mesh: Mesh | None, namespace: str
) -> tuple[dict[str, ClusterReport], dict[str, ClusterReport]]:
    """Reports of clusters that are new, and of those whose credential differs from the stored one."""
    stored = {row.name: row for row in Cluster.objects.filter(mesh=mesh).select_related("connection")} if mesh else {}
    readings = {name: _reading(document, file) for name, file in files.clusters.items()}
    changed = {
        name: reading
        for name, reading in readings.items()
        if name not in stored or stored[name].connection.fingerprint != reading.credential.fingerprint
    }

    def look(item: tuple[str, Reading]) -> ClusterReport | FileError:
        try:
            return as_read(
                inspect_cluster(item[1].credential, role=ClusterRole.MEMBER, system_namespace=namespace), item[1]
            )
        except Refused as refusal:
            first = refusal.violations[0]
            return document.error(first.code, "clusters", item[0], "kubeconfig", **first.params)

    looked = dict(zip(changed, side_by_side(look, changed.items()), strict=True))
    errors = [seen for seen in looked.values() if isinstance(seen, FileError)]
    reports = {name: seen for name, seen in looked.items() if isinstance(seen, ClusterReport)}
    for name, seen in reports.items():
        expected = document.clusters[name].uid or (stored[name].uid if name in stored else "")
        if expected and seen.uid != expected:
            errors.append(
                document.error(
                    "file.cluster-identity",
                    "clusters",
                    name,
                    "kubeconfig",
                    cluster=name,
                    file=seen.uid,
                    stored=expected,
                )
            )
    if errors:
        raise FileRefused(errors)
    return {name: seen for name, seen in reports.items() if name not in stored}, {
        name: seen for name, seen in reports.items() if name in stored
    }


def _typed_cidrs(document: Document, mesh: Mesh | None, new: Mapping[str, ClusterReport]) -> dict[str, tuple[str, ...]]:
    """Pod CIDRs of stored clusters that the file says otherwise."""
    stored = dict(mesh.clusters.values_list("name", "pod_cidrs")) if mesh else {}
    return {
        name: entry.pod_cidrs
        for name, entry in document.clusters.items()
        if name in stored and name not in new and list(entry.pod_cidrs) != stored[name]
    }


def _with_cidrs(topology: Topology, typed: Mapping[str, tuple[str, ...]]) -> Topology:
    """As the rules will see the clusters once the file's Pod CIDRs are stored.

    Without any, what was observed counts.
    """
    said = {
        name: tuple(PodCidr(network, CidrSource.TYPED) for network in networks)
        for name, networks in typed.items()
        if networks
    }
    clusters = {
        name: replace(cluster, pod_cidrs=said.get(name, cluster.pod_cidrs))
        for name, cluster in topology.clusters.items()
    }
    return replace(topology, clusters=clusters)


def _remote_clusters(mesh: Mesh | None, reports: Reports) -> frozenset[str]:
    """The cluster IDs that istiod knows: asked now where clusters are to be registered, since they come later than the
    mesh.
    """
    if reports.control_plane:
        return reports.control_plane.remote_clusters
    if mesh is None:
        return frozenset()
    known = observed.facts(mesh).remote_clusters
    if not reports.new:
        return known
    try:
        return remote_clusters(mesh, read_istiods(mesh)[0]) or known
    except KubeError:
        return known


def _registered(
    document: Document, stored: Topology, new: Mapping[str, ClusterReport], known: frozenset[str]
) -> Topology:
    """The stored topology with the clusters that the file registers, under the rules of registration."""
    topology, errors = stored, []
    for name, seen in new.items():
        typed = tuple(PodCidr(network, CidrSource.TYPED) for network in document.clusters[name].pod_cidrs)
        result = apply_all(
            topology, [RegisterCluster(name, seen.uid, typed or seen.pod_cidrs)], facts=Facts(remote_clusters=known)
        )
        if isinstance(result, Topology):
            topology = result
        else:
            errors += [document.error(each.code, "clusters", name, **each.params) for each in result]
    if errors:
        raise FileRefused(errors)
    return topology


def _scene(mesh: Mesh | None, reports: Reports, accept: frozenset[str]) -> Scene:
    webhooks = {seen.uid: seen.webhooks for seen in reports.members}
    report, apis = reports.control_plane, reports.apis()
    if mesh:
        scene = scene_of(mesh, consents=accept, extra=apis)
        try:
            istiods, foreign = read_istiods(mesh)
        except KubeError:
            istiods, foreign = report.istiods if report else scene.facts.istiods, dict(scene.facts.foreign_networks)
        known = replace(
            scene.facts, istiods=istiods, foreign_networks=foreign, webhooks={**scene.facts.webhooks, **webhooks}
        )
        return replace(scene, facts=known)
    if report is None:
        raise LookupError("a mesh that is not stored needs a report of its control plane")
    facts = Facts(istiods=report.istiods, webhooks=webhooks, remote_clusters=report.remote_clusters)
    return Scene(facts, {}, {}, {}, apis.__getitem__, accept)


def _addresses_now(
    topology: Topology, scene: Scene, keys: list[GatewayKey], stored: Mapping[GatewayKey, tuple[str, ...]]
) -> dict[GatewayKey, tuple[str, ...]]:
    """What the load balancers of these gateways say now; what was last seen where a cluster does not answer."""

    def look(gateway: Gateway) -> tuple[str, ...]:
        try:
            service = scene.api(topology.clusters[gateway.key.cluster].uid).get(
                kinds.SERVICE, gateway.name, topology.system_namespace
            )
        except KubeError:
            return stored.get(gateway.key, ())
        return probe.service_addresses(service or {}) or stored.get(gateway.key, ())

    gateways = [topology.gateways[key] for key in dict.fromkeys(keys) if key in topology.gateways]
    return dict(zip([gateway.key for gateway in gateways], side_by_side(look, gateways), strict=True))


def register(filing: Filing, *, actor: Actor) -> Mesh:
    """Store what the document registers: the mesh, its clusters, new credentials, the restart policy
    and typed CIDRs.
    """
    mesh = filing.mesh
    if mesh is None:
        mesh = _register_mesh(filing, actor)
    elif filing.reports.control_plane:
        meshes.mesh_credential_replace(actor=actor, mesh=mesh, report=filing.reports.control_plane)
    if filing.policy:
        meshes.mesh_restart_policy(actor=actor, mesh=mesh, restart=filing.policy)
    if filing.reports.new and filing.remote_clusters:
        observed.note_remote_clusters(mesh, filing.remote_clusters)
    for name, seen in filing.reports.new.items():
        cidrs = filing.document.clusters[name].pod_cidrs
        clusters.cluster_register(actor=actor, mesh=mesh, name=name, report=seen, pod_cidrs=cidrs)
    for name, seen in filing.reports.replaced.items():
        clusters.cluster_credential_replace(actor=actor, cluster=mesh.clusters.get(name=name), report=seen)
    for name, cidrs in filing.typed_cidrs.items():
        clusters.cluster_pod_cidrs(actor=actor, cluster=mesh.clusters.get(name=name), pod_cidrs=cidrs)
    return mesh


def _register_mesh(filing: Filing, actor: Actor) -> Mesh:
    report = filing.reports.control_plane
    if report is None:
        raise LookupError("a mesh that is not stored needs a report of its control plane")
    return meshes.mesh_register(
        actor=actor,
        name=filing.document.mesh,
        kind=filing.before.kind,
        report=report,
        system_namespace=filing.before.system_namespace,
    )
