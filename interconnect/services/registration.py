"""Meshes, clusters and credentials from the browser: a worker looks at the clusters first, then what it found is
stored.

Each is an inquiry. Its parameters: `name`, `kind`, `system_namespace`, `pod_cidrs` (what is to be stored), `context`,
`config_context`, `insecure` (how the kubeconfigs are read), `cluster` (id of the one whose credential is replaced), and
`conclude`: store at once what leaves nothing to decide. Its secret is JSON, `{"kubeconfig": text, "config": text}`.
Its result is a `RegistrationReport`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from interconnect.domain.credentials import GRAVE, moment
from interconnect.domain.json_types import Json
from interconnect.domain.refusal import Refused
from interconnect.domain.reports import ClusterSummary, MeshSummary, RegistrationReport
from interconnect.domain.rights import ClusterRole
from interconnect.domain.topology import MeshKind
from interconnect.kube.errors import KubeError
from interconnect.models import Cluster, Inquiry
from interconnect.observing.istiods import remote_clusters
from interconnect.observing.newcomer import (
    ClusterReport,
    MeshReport,
    as_read,
    inspect_cluster,
    inspect_mesh,
    reading_of,
)
from interconnect.scope import scope_of
from interconnect.services import clusters, meshes
from interconnect.services.inquiries import Kind, secret_of
from interconnect.state import observed
from meshconsole.access.actor import Actor
from meshconsole.access.roles import PLATFORM_SCOPE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from interconnect.domain.violations import Violation
    from interconnect.kube.kubeconfig import Reading

MESH_REGISTER, MESH_CREDENTIAL = Kind("mesh.register", check=True), Kind("mesh.credential", check=True)
CLUSTER_REGISTER, CLUSTER_CREDENTIAL = Kind("cluster.register", check=True), Kind("cluster.credential", check=True)
# A kubeconfig that waits, sealed, until the rest of its form is right: nothing is asked.
KEPT = "kubeconfig.kept"


def look(inquiry: Inquiry) -> Json:
    """Ask the clusters for their identity and for the credential's permissions; refuse what couldn't be stored
    anyway.
    """
    if is_concluded(inquiry):
        # by a worker that died before it could say so
        return dict(inquiry.result)
    report = _inspected(inquiry)
    _require_storable(inquiry, report)
    concluded = bool(inquiry.params.get("conclude")) and not undecided(inquiry, report)
    if concluded:
        scope = scope_of(inquiry.mesh.id) if inquiry.mesh else PLATFORM_SCOPE
        _store(inquiry, report, Actor.for_user(inquiry.user, scope))
    return RegistrationReport(_summary(report, _name(inquiry)), concluded).to_json()


def conclude(*, inquiry: Inquiry, actor: Actor) -> None:
    """Store what an inquiry has found, only once even if asked repeatedly. Raises Refused when something has changed
    since.
    """
    inquiry.refresh_from_db(fields=("result",))
    if not is_concluded(inquiry):
        _store(inquiry, _as_inspected(inquiry), actor)


def report_of(inquiry: Inquiry) -> ClusterSummary | MeshSummary | None:
    """What the check has found; None while it has not, and for a kubeconfig that is only kept."""
    return RegistrationReport.from_json(inquiry.result).of if "report" in inquiry.result else None


def is_concluded(inquiry: Inquiry) -> bool:
    """Whether the inquiry's result has been stored. Known from that moment on, even if the process that stored
    it dies.
    """
    return bool(inquiry.result.get("concluded"))


def _conclude(inquiry: Inquiry, report: ClusterReport | MeshReport) -> None:
    """In the transaction that stores."""
    inquiry.result = RegistrationReport(_summary(report, _name(inquiry)), concluded=True).to_json()
    Inquiry.objects.filter(id=inquiry.id).update(result=inquiry.result)


def _name(inquiry: Inquiry) -> str:
    """The cluster's, as typed or registered; a control plane has none."""
    return str(inquiry.params["name"]) if inquiry.kind in (CLUSTER_REGISTER.name, CLUSTER_CREDENTIAL.name) else ""


def undecided(inquiry: Inquiry, report: ClusterReport | MeshReport) -> bool:
    """Whether a person should see the report before anything is stored."""
    if isinstance(report, ClusterReport):
        return bool(report.missing) or _is_grave(report.notes(_name(inquiry)))
    blind = not report.istiods or any(istiod.networks is None for istiod in report.istiods)
    return blind or bool(report.control_plane.missing or report.config.missing) or _is_grave(report.notes())


def _is_grave(notes: Iterable[Violation]) -> bool:
    return any(note.code in GRAVE for note in notes)


def _inspected(inquiry: Inquiry) -> ClusterReport | MeshReport:
    first, second = _readings(inquiry)
    if inquiry.kind in (MESH_REGISTER.name, MESH_CREDENTIAL.name):
        report = inspect_mesh(
            first.credential, second.credential if second else None, system_namespace=_namespace(inquiry)
        )
        hub, config = as_read(report.control_plane, first), as_read(report.config, second or first)
        return replace(report, control_plane=hub, config=config)
    return as_read(
        inspect_cluster(first.credential, role=ClusterRole.MEMBER, system_namespace=_namespace(inquiry)), first
    )


def _namespace(inquiry: Inquiry) -> str:
    return inquiry.mesh.system_namespace if inquiry.mesh else str(inquiry.params["system_namespace"])


def _readings(inquiry: Inquiry) -> tuple[Reading, Reading | None]:
    secret, params = json.loads(secret_of(inquiry)), inquiry.params
    insecure = bool(params.get("insecure"))
    first = reading_of(secret["kubeconfig"], context=params.get("context") or None, allow_insecure=insecure)
    if not secret.get("config"):
        return first, None
    return first, reading_of(secret["config"], context=params.get("config_context") or None, allow_insecure=insecure)


def _require_storable(inquiry: Inquiry, report: ClusterReport | MeshReport) -> None:
    params, mesh = inquiry.params, inquiry.mesh
    if isinstance(report, MeshReport):
        if mesh is None:
            meshes.require_registrable(params["name"], report, params["system_namespace"])
        else:
            meshes.require_same_identity(mesh, report)
        return
    if mesh is None:
        raise LookupError("a cluster is registered in a mesh")
    if inquiry.kind == CLUSTER_CREDENTIAL.name:
        clusters.require_same_identity(_cluster(inquiry), report)
        return
    _ask_istiod_again(inquiry)
    clusters.require_registrable(mesh, params["name"], report)


def _ask_istiod_again(inquiry: Inquiry) -> None:
    """A cluster that has just been added to Istio is known to istiod now, and not since the last look."""
    mesh = inquiry.mesh
    if mesh is None:
        return
    try:
        if known := remote_clusters(mesh, observed.facts(mesh).istiods):
            observed.note_remote_clusters(mesh, known)
    except KubeError:
        # What it said last is what counts then.
        return


def _cluster(inquiry: Inquiry) -> Cluster:
    found = (
        Cluster.objects.filter(mesh=inquiry.mesh, id=inquiry.params["cluster"])
        .select_related("connection", "mesh")
        .first()
    )
    if found is None:
        raise Refused.because("cluster.unknown", cluster=inquiry.params.get("name", ""))
    return found


def _store(inquiry: Inquiry, report: ClusterReport | MeshReport, actor: Actor) -> None:
    params, mesh = inquiry.params, inquiry.mesh

    def stored() -> None:
        _conclude(inquiry, report)

    if isinstance(report, MeshReport):
        if mesh is not None:
            meshes.mesh_credential_replace(actor=actor, mesh=mesh, report=report, stored=stored)
            return
        kind, namespace = MeshKind(params["kind"]), params["system_namespace"]
        meshes.mesh_register(
            actor=actor, name=params["name"], kind=kind, report=report, system_namespace=namespace, stored=stored
        )
    elif inquiry.kind == CLUSTER_CREDENTIAL.name:
        clusters.cluster_credential_replace(actor=actor, cluster=_cluster(inquiry), report=report, stored=stored)
    elif mesh is not None:
        typed = tuple(params.get("pod_cidrs", ()))
        clusters.cluster_register(
            actor=actor, mesh=mesh, name=params["name"], report=report, pod_cidrs=typed, stored=stored
        )


def _summary(report: ClusterReport | MeshReport, name: str) -> ClusterSummary | MeshSummary:
    """The report without the credential, which stays in the sealed part; `name` is what the cluster will be called."""
    if isinstance(report, ClusterReport):
        return _of_cluster(report, name)
    hub, config = _of_cluster(report.control_plane), _of_cluster(report.config)
    return MeshSummary(hub, config, report.istiods, tuple(sorted(report.remote_clusters)))


def _of_cluster(report: ClusterReport, name: str = "") -> ClusterSummary:
    return ClusterSummary(
        uid=report.uid,
        server=report.credential.server,
        version=report.version,
        missing=report.missing,
        optional=report.optional,
        context=report.context,
        reads_secrets=report.reads_secrets,
        ends_at=moment(report.credential.ends_at) if report.credential.ends_at else "",
        notes=report.notes(name),
        webhooks=report.webhooks,
        pod_cidrs=report.pod_cidrs,
    )


def _as_inspected(inquiry: Inquiry) -> ClusterReport | MeshReport:
    """What was found before, with the credential that it was found with."""
    found = RegistrationReport.from_json(inquiry.result).of
    first, second = _readings(inquiry)
    if isinstance(found, ClusterSummary):
        return _with_credential(found, first)
    hub, config = _with_credential(found.control_plane, first), _with_credential(found.config, second or first)
    return MeshReport(hub, config, found.istiods, frozenset(found.remote_clusters))


def _with_credential(found: ClusterSummary, reading: Reading) -> ClusterReport:
    report = ClusterReport(
        reading.credential,
        found.uid,
        found.version,
        found.missing,
        found.optional,
        found.webhooks,
        found.pod_cidrs,
        found.reads_secrets,
    )
    return as_read(report, reading)
