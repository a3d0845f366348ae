"""Meshes, clusters and credentials from the browser: a worker looks at the clusters first, then what it found is stored.

Each is an inquiry. Its parameters: `name`, `kind`, `system_namespace`, `pod_cidrs` (what is to be stored), `context`,
`config_context`, `insecure` (how the kubeconfigs are read), `cluster` (id of the one whose credential is replaced), and
`conclude`: store at once what leaves nothing to decide. Its secret is JSON, `{"kubeconfig": text, "config": text}`.
Its result: `{"report": ..., "concluded": bool}`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from interconnect import observed
from interconnect.domain.facts import ConfigMapRef, Istiod, WebhookEntry
from interconnect.domain.topology import CidrSource, MeshKind, PodCidr
from interconnect.kube.errors import KubeError
from interconnect.kube.rights import ClusterRole
from interconnect.models import Cluster, Inquiry
from interconnect.rollouts.replicas import remote_clusters
from interconnect.scope import scope_of
from interconnect.services import clusters, meshes
from interconnect.services.inquiries import answers, secret_of
from interconnect.services.inspection import ClusterReport, MeshReport, credential_of, inspect_cluster, inspect_mesh
from interconnect.services.refusal import Refused
from meshconsole.access.actor import Actor
from meshconsole.access.roles import PLATFORM_SCOPE

if TYPE_CHECKING:
    from interconnect.kube.kubeconfig import Credential

Json = dict[str, Any]

MESH_REGISTER, MESH_CREDENTIAL = "mesh.register", "mesh.credential"
CLUSTER_REGISTER, CLUSTER_CREDENTIAL = "cluster.register", "cluster.credential"
# A kubeconfig that waits, sealed, until the rest of its form is right: nothing is asked.
KEPT = "kubeconfig.kept"


@answers(MESH_REGISTER, check=True)
@answers(MESH_CREDENTIAL, check=True)
@answers(CLUSTER_REGISTER, check=True)
@answers(CLUSTER_CREDENTIAL, check=True)
def look(inquiry: Inquiry) -> Json:
    """Ask the clusters who they are and what the credential may; refuse what could not be stored anyway."""
    report = _inspected(inquiry)
    _require_storable(inquiry, report)
    concluded = bool(inquiry.params.get("conclude")) and not undecided(report)
    if concluded:
        scope = scope_of(inquiry.mesh.id) if inquiry.mesh else PLATFORM_SCOPE
        _store(inquiry, report, Actor.for_user(inquiry.user, scope))
    return {"report": report_as_json(report), "concluded": concluded}


def conclude(*, inquiry: Inquiry, actor: Actor) -> None:
    """Store what an inquiry has found; Refused where something has come between."""
    _store(inquiry, _report_of(inquiry), actor)


def undecided(report: ClusterReport | MeshReport) -> bool:
    """Whether a person should see the report before anything is stored."""
    if isinstance(report, ClusterReport):
        return bool(report.missing)
    blind = not report.istiods or any(istiod.networks is None for istiod in report.istiods)
    return blind or bool(report.control_plane.missing or report.config.missing)


def _inspected(inquiry: Inquiry) -> ClusterReport | MeshReport:
    first, second = _credentials(inquiry)
    if inquiry.kind in (MESH_REGISTER, MESH_CREDENTIAL):
        return inspect_mesh(first, second, system_namespace=_namespace(inquiry))
    return inspect_cluster(first, role=ClusterRole.MEMBER, system_namespace=_namespace(inquiry))


def _namespace(inquiry: Inquiry) -> str:
    return inquiry.mesh.system_namespace if inquiry.mesh else str(inquiry.params["system_namespace"])


def _credentials(inquiry: Inquiry) -> tuple[Credential, Credential | None]:
    secret, params = json.loads(secret_of(inquiry)), inquiry.params
    insecure = bool(params.get("insecure"))
    first = credential_of(secret["kubeconfig"], context=params.get("context") or None, allow_insecure=insecure)
    if not secret.get("config"):
        return first, None
    return first, credential_of(secret["config"], context=params.get("config_context") or None, allow_insecure=insecure)


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
    if inquiry.kind == CLUSTER_CREDENTIAL:
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
    found = Cluster.objects.filter(mesh=inquiry.mesh, id=inquiry.params["cluster"]).select_related("connection", "mesh").first()
    if found is None:
        raise Refused.because("cluster.unknown", cluster=inquiry.params.get("name", ""))
    return found


def _store(inquiry: Inquiry, report: ClusterReport | MeshReport, actor: Actor) -> None:
    params, mesh = inquiry.params, inquiry.mesh
    if isinstance(report, MeshReport):
        if mesh is not None:
            meshes.mesh_credential_replace(actor=actor, mesh=mesh, report=report)
            return
        kind, namespace = MeshKind(params["kind"]), params["system_namespace"]
        meshes.mesh_register(actor=actor, name=params["name"], kind=kind, report=report, system_namespace=namespace)
    elif inquiry.kind == CLUSTER_CREDENTIAL:
        clusters.cluster_credential_replace(actor=actor, cluster=_cluster(inquiry), report=report)
    elif mesh is not None:
        typed = tuple(params.get("pod_cidrs", ()))
        clusters.cluster_register(actor=actor, mesh=mesh, name=params["name"], report=report, pod_cidrs=typed)


def report_as_json(report: ClusterReport | MeshReport) -> Json:
    """All but the credential, which stays in the sealed part."""
    if isinstance(report, MeshReport):
        return {
            "control_plane": report_as_json(report.control_plane),
            "config": report_as_json(report.config),
            "istiods": [asdict(istiod) for istiod in report.istiods],
            "remote_clusters": sorted(report.remote_clusters),
        }
    return {
        "uid": report.uid,
        "server": report.credential.server,
        "version": report.version,
        "missing": list(report.missing),
        "webhooks": observed.webhooks_as_json(report.webhooks),
        "pod_cidrs": [{"network": cidr.network, "source": cidr.source} for cidr in report.pod_cidrs],
    }


def _report_of(inquiry: Inquiry) -> ClusterReport | MeshReport:
    said = inquiry.result["report"]
    first, second = _credentials(inquiry)
    if "istiods" not in said:
        return _cluster_report(said, first)
    istiods = tuple(
        Istiod(**{**item, "networks": ConfigMapRef(**item["networks"]) if item["networks"] else None}) for item in said["istiods"]
    )
    hub, config = _cluster_report(said["control_plane"], first), _cluster_report(said["config"], second or first)
    return MeshReport(hub, config, istiods, frozenset(said["remote_clusters"]))


def _cluster_report(said: Json, credential: Credential) -> ClusterReport:
    return ClusterReport(
        credential,
        said["uid"],
        said["version"],
        tuple(said["missing"]),
        tuple(WebhookEntry(**entry) for entry in said["webhooks"]),
        tuple(PodCidr(cidr["network"], CidrSource(cidr["source"])) for cidr in said["pod_cidrs"]),
    )
