"""Register meshes and change their settings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction

from interconnect import clients
from interconnect.clients import seal_credential
from interconnect.domain.names import group_name_violation
from interconnect.domain.refusal import Refused
from interconnect.domain.rules import can_delete_mesh
from interconnect.domain.violations import Violation
from interconnect.models import Connection, Mesh
from interconnect.observing.istiods import placed
from interconnect.permissions import role_for
from interconnect.rollouts.bell import ring_look_on_commit
from interconnect.scope import scope_of
from interconnect.services.authority import audited, require
from interconnect.state import desired, observed
from meshconsole.access.models import Binding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from interconnect.domain.topology import MeshKind, RestartPolicy
    from interconnect.observing.newcomer import ClusterReport, MeshReport
    from meshconsole.access.actor import Actor

_OBJECT_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
_HOST = re.compile(r"[A-Za-z0-9_.:-]{1,253}")


def nothing_more() -> None:
    """The default for `stored`: storing a registration has no further effect."""


def mesh_register(
    *,
    actor: Actor,
    name: str,
    kind: MeshKind,
    report: MeshReport,
    system_namespace: str,
    stored: Callable[[], None] = nothing_more,
) -> Mesh:
    """Store a mesh whose control plane `inspect_mesh` has inspected; `stored` is called in the same transaction."""
    with audited(actor, "mesh.register", mesh=None, subject=name, params={"kind": kind}):
        require(actor, role_for("mesh.register"))
        require_registrable(name, report, system_namespace)
        try:
            with transaction.atomic():
                mesh = _store(name, kind, report, system_namespace)
                stored()
        except IntegrityError:
            raise Refused.because("mesh.name-taken", name=name) from None
    return mesh


def require_name(name: str) -> None:
    if group_name_violation(name):
        raise Refused.because("mesh.name", name=name)
    if Mesh.objects.filter(name=name).exists():
        raise Refused.because("mesh.name-taken", name=name)


def require_registrable(name: str, report: MeshReport, system_namespace: str) -> None:
    require_name(name)
    if Mesh.objects.filter(config_uid=report.config.uid, system_namespace=system_namespace).exists():
        raise Refused.because("mesh.control-plane-taken", namespace=system_namespace)


def _store(name: str, kind: MeshKind, report: MeshReport, system_namespace: str) -> Mesh:
    hub = new_connection(report.control_plane)
    conf = hub if report.config.uid == report.control_plane.uid else new_connection(report.config)
    mesh = Mesh.objects.create(
        name=name,
        kind=kind,
        control_plane=hub,
        config=conf,
        config_uid=report.config.uid,
        system_namespace=system_namespace,
        simulated=report.simulated,
    )
    observed.note_istiods(mesh, report.istiods, remote_clusters=report.remote_clusters)
    ring_look_on_commit(mesh.id, ())
    return mesh


def new_connection(report: ClusterReport) -> Connection:
    row = Connection(uid=report.uid, insecure_allowed=report.credential.insecure)
    seal_credential(row, report.credential)
    row.save()
    return row


def mesh_credential_replace(
    *, actor: Actor, mesh: Mesh, report: MeshReport, stored: Callable[[], None] = nothing_more
) -> None:
    """Store new credentials for the same control plane; those for another cluster are refused.

    `stored` is called in the same transaction.
    """
    with audited(actor, "mesh.replace-credential", mesh=mesh):
        require(actor, role_for("mesh.replace-credential"))
        require_same_identity(mesh, report)
        with transaction.atomic():
            for row, seen in ((mesh.control_plane, report.control_plane), (mesh.config, report.config)):
                seal_credential(row, seen.credential)
                row.save()
            ring_look_on_commit(mesh.id, ())
            stored()


def require_same_identity(mesh: Mesh, report: MeshReport) -> None:
    pairs = (("", mesh.control_plane, report.control_plane), ("config", mesh.config, report.config))
    for part, row, seen in pairs:
        if row.uid != seen.uid:
            raise Refused.because("cluster.other-identity", name=mesh.name, uid=seen.uid, expected=row.uid, part=part)


def mesh_networks_source(*, actor: Actor, mesh: Mesh, cluster_uid: str, config_map: str) -> None:
    """Set where istiod reads meshNetworks, for when its Deployment doesn't show it. Empty values mean that it is found
    automatically.
    """
    with audited(actor, "mesh.networks-source", mesh=mesh, params={"cluster": cluster_uid, "config_map": config_map}):
        require(actor, role_for("mesh.networks-source"))
        if config_map and not _OBJECT_NAME.fullmatch(config_map):
            raise Refused.because("mesh.config-map", name=config_map)
        if cluster_uid not in ("", mesh.config_uid, mesh.control_plane.uid):
            raise Refused.because("mesh.networks-cluster", uid=cluster_uid)
        mesh.networks_cluster, mesh.networks_config_map = cluster_uid if config_map else "", config_map
        mesh.save(update_fields=("networks_cluster", "networks_config_map"))
        if config_map:
            # What is known of the istiods says so from now on; Automatic is found out by the next look.
            observed.note_istiods(mesh, [placed(mesh, istiod) for istiod in observed.facts(mesh).istiods])


def mesh_istiod_url(*, actor: Actor, mesh: Mesh, url: str) -> None:
    """Set the direct URL of istiod's debug interface, `http(s)://host:port`. Empty: each replica is asked through a
    port-forward.
    """
    with audited(actor, "mesh.istiod-url", mesh=mesh, params={"url": url}):
        require(actor, role_for("mesh.istiod-url"))
        if url and not _is_base_url(url):
            raise Refused.because("mesh.istiod-url")
        mesh.istiod_url = url
        mesh.save(update_fields=("istiod_url",))


def _is_base_url(url: str) -> bool:
    """Scheme, host and perhaps a port: no credential, no path, and no address that the operator has forbidden."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host) or port == 0:
        return False
    if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        return False
    return not clients.deny_list().denies_host(host)


def mesh_restart_policy(*, actor: Actor, mesh: Mesh, restart: RestartPolicy) -> None:
    with audited(actor, "mesh.restart-policy", mesh=mesh, params={"restart": restart}):
        require(actor, role_for("mesh.restart-policy"))
        Mesh.objects.filter(id=mesh.id).update(restart=restart)
        mesh.restart = restart


def what_holds(mesh: Mesh) -> Iterator[Violation]:
    """Yield why a mesh can't be deleted yet (rule 15), in the order in which to resolve it."""
    yield from can_delete_mesh(desired.load(mesh))
    clusters = sorted(mesh.clusters.values_list("name", flat=True))
    if clusters:
        yield Violation("mesh.has-clusters", {"name": mesh.name, "clusters": clusters})
    elif mesh.applied.filter(archived=False).exists():
        yield Violation("mesh.leftovers", {"name": mesh.name})


def mesh_delete(*, actor: Actor, mesh: Mesh) -> None:
    """Delete a mesh that has no interconnect, no groups and no clusters, so that no object of ours is left. Its roles
    go too.
    """
    with audited(actor, "mesh.delete", mesh=mesh):
        require(actor, role_for("mesh.delete"))
        held = next(what_holds(mesh), None)
        if held:
            raise Refused([held])
        with transaction.atomic():
            Binding.objects.filter(scope=scope_of(mesh.id)).delete()
            mesh.applied.all().delete()
            mesh.consents.all().delete()
            mesh.rollouts.all().delete()
            mesh.delete()
            Connection.objects.filter(id__in={mesh.control_plane_id, mesh.config_id}).delete()
