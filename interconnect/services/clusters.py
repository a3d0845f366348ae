"""Register, unregister and forget member clusters, and replace their credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from interconnect.clients import seal_credential
from interconnect.domain.changes import Change, ForgetCluster, RegisterCluster, UnregisterCluster, apply_all
from interconnect.domain.refusal import Refused
from interconnect.domain.topology import Topology
from interconnect.models import Cluster, Mesh, Rollout
from interconnect.models.rollout import UNFINISHED
from interconnect.permissions import role_for
from interconnect.rollouts.bell import ring_look_on_commit
from interconnect.services.authority import audited, require
from interconnect.services.meshes import new_connection, nothing_more
from interconnect.state import applied, desired, observed, pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from interconnect.observing.newcomer import ClusterReport
    from meshconsole.access.actor import Actor


def cluster_register(
    *,
    actor: Actor,
    mesh: Mesh,
    name: str,
    report: ClusterReport,
    pod_cidrs: tuple[str, ...] = (),
    stored: Callable[[], None] = nothing_more,
) -> Cluster:
    """Store a member cluster that `inspect_cluster` has inspected; `stored` is called in the same transaction.

    Its name must be an ID that istiod knows.
    """
    with audited(actor, "cluster.register", mesh=mesh, subject=name, params={"uid": report.uid}):
        require(actor, role_for("cluster.register"))
        require_registrable(mesh, name, report)
        try:
            with transaction.atomic():
                cluster = Cluster.objects.create(
                    mesh=mesh,
                    name=name,
                    uid=report.uid,
                    system_namespace=mesh.system_namespace,
                    connection=new_connection(report),
                    pod_cidrs=list(pod_cidrs),
                )
                _note(cluster, report)
                applied.unarchive(mesh, report.uid)
                _remember_forgotten(mesh, report.uid, "")
                stored()
        except IntegrityError:
            code = "cluster.name.taken" if mesh.clusters.filter(name=name).exists() else "cluster.in-another-mesh"
            raise Refused.because(code, cluster=name, name=name) from None
    return cluster


def require_registrable(mesh: Mesh, name: str, report: ClusterReport) -> None:
    _checked(mesh, RegisterCluster(name, report.uid, report.pod_cidrs))
    if Cluster.objects.filter(uid=report.uid, system_namespace=mesh.system_namespace).exists():
        raise Refused.because("cluster.in-another-mesh", name=name)


def require_same_identity(cluster: Cluster, report: ClusterReport) -> None:
    if report.uid != cluster.uid:
        raise Refused.because("cluster.other-identity", name=cluster.name, uid=report.uid, expected=cluster.uid)


def _note(cluster: Cluster, report: ClusterReport) -> None:
    """Keep what the check has just read, and have the cluster looked at wholly at once."""
    observed.note_newcomer(cluster, report.details, report.webhooks)
    ring_look_on_commit(cluster.mesh_id, [cluster.name], slow=True)


def _checked(mesh: Mesh, change: Change) -> tuple[Topology, Topology]:
    before = desired.load(mesh)
    after = apply_all(before, [change], facts=observed.facts(mesh), occupied=pages.occupied(mesh, before))
    if not isinstance(after, Topology):
        raise Refused(after)
    return before, after


def cluster_credential_replace(
    *, actor: Actor, cluster: Cluster, report: ClusterReport, stored: Callable[[], None] = nothing_more
) -> None:
    """Store a new credential for the same cluster; one for another cluster is refused. `stored` is called in the same
    transaction.
    """
    with audited(actor, "cluster.replace-credential", mesh=cluster.mesh, subject=cluster.name):
        require(actor, role_for("cluster.replace-credential"))
        require_same_identity(cluster, report)
        with transaction.atomic():
            row = cluster.connection
            seal_credential(row, report.credential)
            row.open_since, row.open_code = None, ""
            row.save()
            _note(cluster, report)
            stored()


def cluster_pod_cidrs(*, actor: Actor, cluster: Cluster, pod_cidrs: tuple[str, ...]) -> None:
    """Set the Pod CIDRs of a cluster by hand. They take precedence over those from IP pools or nodes."""
    with audited(
        actor, "cluster.pod-cidrs", mesh=cluster.mesh, subject=cluster.name, params={"pod_cidrs": list(pod_cidrs)}
    ):
        require(actor, role_for("cluster.pod-cidrs"))
        Cluster.objects.filter(id=cluster.id).update(pod_cidrs=list(pod_cidrs))


def cluster_unregister(*, actor: Actor, cluster: Cluster) -> None:
    """Remove a cluster from the mesh; it must be in no group, and no object of the console may be left on it."""
    mesh = cluster.mesh
    with audited(actor, "cluster.unregister", mesh=mesh, subject=cluster.name):
        require(actor, role_for("cluster.unregister"))
        before, after = _checked(mesh, UnregisterCluster(cluster.name))
        _leave(mesh, cluster, before, after)


def cluster_forget(*, actor: Actor, cluster: Cluster, confirmation: str) -> list[str]:
    """Remove a cluster from the mesh although objects of the console may still be on it; return their names, which are
    also recorded.
    """
    mesh = cluster.mesh
    with audited(actor, "cluster.forget", mesh=mesh, subject=cluster.name) as request:
        require(actor, role_for("cluster.forget"))
        if confirmation != cluster.name:
            raise Refused.because("cluster.forget-confirmation", name=cluster.name)
        before, after = _checked(mesh, ForgetCluster(cluster.name))
        left = [
            f"{target.kind} {target.namespace}/{target.name} {target.field}".strip().replace(" /", " ")
            for target in map(applied.target_of, applied.of_members(mesh).filter(cluster_uid=cluster.uid))
        ]
        request.params["left"] = left
        _leave(mesh, cluster, before, after)
        _remember_forgotten(mesh, cluster.uid, cluster.name)
    return left


def _remember_forgotten(mesh: Mesh, uid: str, name: str) -> None:
    """The restart guard ignores what was forgotten; an empty name: it is registered again."""
    mesh.refresh_from_db(fields=("forgotten",))
    mesh.forgotten = {key: value for key, value in mesh.forgotten.items() if key != uid} | ({uid: name} if name else {})
    mesh.save(update_fields=("forgotten",))


def _leave(mesh: Mesh, cluster: Cluster, before: Topology, after: Topology) -> None:
    revision = mesh.revision
    try:
        with transaction.atomic():
            desired.save(mesh, before, after, revision=revision)
            _require_no_rollout(mesh, cluster)
            applied.archive(mesh, cluster.uid)
            connection = cluster.connection
            Cluster.objects.filter(id=cluster.id).delete()
            connection.delete()
    except desired.StaleMesh:
        raise Refused.because("mesh.moved-on", seen=revision, revision=revision + 1) from None


def _require_no_rollout(mesh: Mesh, cluster: Cluster) -> None:
    """The steps of an unfinished rollout name the cluster: it must not go under their feet."""
    unfinished = Rollout.objects.filter(mesh=mesh, status__in=UNFINISHED)
    running = unfinished.filter(exclusive=True).first() or unfinished.filter(steps__chain=cluster.uid).first()
    if running:
        raise Refused.because("rollout.running", rollout=str(running.id), actor=running.actor)
