"""Register meshes and change their settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from interconnect import observed
from interconnect.clients import seal_credential
from interconnect.domain.names import group_name_violation
from interconnect.models import Connection, Mesh
from interconnect.services.authority import audited, require
from interconnect.services.refusal import Refused
from meshconsole.access.roles import Role

if TYPE_CHECKING:
    from interconnect.domain.topology import MeshKind, RestartPolicy
    from interconnect.services.inspection import ClusterReport, MeshReport
    from meshconsole.access.actor import Actor


def mesh_register(*, actor: Actor, name: str, kind: MeshKind, report: MeshReport, system_namespace: str) -> Mesh:
    """Store a mesh whose control plane has been looked at (`inspect_mesh`)."""
    with audited(actor, "mesh.register", mesh=None, subject=name, params={"kind": kind}):
        require(actor, Role.PLATFORM_ADMIN)
        if group_name_violation(name):
            raise Refused.because("mesh.name", name=name)
        if Mesh.objects.filter(name=name).exists():
            raise Refused.because("mesh.name-taken", name=name)
        if Mesh.objects.filter(config_uid=report.config.uid, system_namespace=system_namespace).exists():
            raise Refused.because("mesh.control-plane-taken", namespace=system_namespace)
        try:
            with transaction.atomic():
                mesh = _store(name, kind, report, system_namespace)
        except IntegrityError:
            raise Refused.because("mesh.name-taken", name=name) from None
    return mesh


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
    return mesh


def new_connection(report: ClusterReport) -> Connection:
    row = Connection(uid=report.uid, insecure_allowed=report.credential.insecure)
    seal_credential(row, report.credential)
    row.save()
    return row


def mesh_credential_replace(*, actor: Actor, mesh: Mesh, report: MeshReport) -> None:
    """New credentials for the same control plane; another cluster's are refused."""
    with audited(actor, "mesh.replace-credential", mesh=mesh):
        require(actor, Role.PLATFORM_ADMIN)
        for row, seen in ((mesh.control_plane, report.control_plane), (mesh.config, report.config)):
            if row.uid != seen.uid:
                raise Refused.because("cluster.other-identity", name=mesh.name, uid=seen.uid, expected=row.uid)
        with transaction.atomic():
            for row, seen in ((mesh.control_plane, report.control_plane), (mesh.config, report.config)):
                seal_credential(row, seen.credential)
                row.save()


def mesh_restart_policy(*, actor: Actor, mesh: Mesh, restart: RestartPolicy) -> None:
    with audited(actor, "mesh.restart-policy", mesh=mesh, params={"restart": restart}):
        require(actor, Role.MESH_ADMIN)
        Mesh.objects.filter(id=mesh.id).update(restart=restart)
        mesh.restart = restart


def mesh_delete(*, actor: Actor, mesh: Mesh) -> None:
    """Only a mesh without interconnect, groups and clusters goes; nothing of ours is left anywhere then."""
    with audited(actor, "mesh.delete", mesh=mesh):
        require(actor, Role.PLATFORM_ADMIN)
        if mesh.enabled:
            raise Refused.because("mesh.enabled", name=mesh.name)
        if mesh.clusters.exists():
            raise Refused.because("mesh.has-clusters", name=mesh.name, clusters=sorted(mesh.clusters.values_list("name", flat=True)))
        if mesh.applied.filter(archived=False).exists():
            raise Refused.because("mesh.leftovers", name=mesh.name)
        with transaction.atomic():
            mesh.applied.all().delete()
            mesh.consents.all().delete()
            mesh.rollouts.all().delete()
            mesh.delete()
            Connection.objects.filter(id__in={mesh.control_plane_id, mesh.config_id}).delete()
