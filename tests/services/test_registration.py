"""Meshes and clusters come with an identity, once, by those who may; what leaves is kept note of."""

from __future__ import annotations

import pytest
from django.utils import timezone

from interconnect.domain.changes import DeleteGateway, Disable, Enable, Remove
from interconnect.domain.findings import Finding, Severity, Subject, SubjectKind, about_gateway
from interconnect.domain.refusal import Refused
from interconnect.domain.rights import ClusterRole
from interconnect.domain.topology import GatewayKey, MeshKind, RestartPolicy
from interconnect.models import AppliedEntry, Cluster, Connection, Mesh
from interconnect.observing.newcomer import credential_of, inspect_cluster
from interconnect.services import clusters, meshes
from interconnect.state import applied
from interconnect.state.findings import CHECKS, note_findings, open_rows
from meshconsole.access.actor import Actor
from meshconsole.access.roles import Role
from meshconsole.audit.models import Entry
from tests.support.world import ROOT, SYSTEM, A, World, refused

OPERATOR, ADMIN, PLATFORM = (Actor(role.slug, role) for role in (Role.OPERATOR, Role.MESH_ADMIN, Role.PLATFORM_ADMIN))


def entries() -> list[tuple[str, str, str]]:
    return [(entry.action, entry.subject, entry.outcome) for entry in Entry.objects.order_by("id")]


def test_a_registered_mesh_knows_its_istiods_and_the_clusters_that_they_serve(world: World) -> None:
    assert Mesh.objects.get().name == "prod"
    assert set(world.topology.clusters) == {"member-a", "member-b", "member-c"}
    assert entries() == [
        ("mesh.register", "prod", "accepted"),
        *(("cluster.register", f"member-{x}", "accepted") for x in "abc"),
    ]


def test_a_mesh_is_registered_once_by_name_and_by_control_plane(empty: World) -> None:
    empty.register(members=False)
    with refused("mesh.name-taken"):
        empty.register(members=False)
    with refused("mesh.control-plane-taken"):
        empty.register("other", members=False)
    assert [outcome for *_, outcome in entries()] == ["accepted", "refused", "refused"]


def test_only_a_platform_admin_registers_a_mesh(empty: World) -> None:
    with refused("role.missing"):
        empty.register(actor=ADMIN)
    assert entries() == [("mesh.register", "prod", "refused")]
    assert not Mesh.objects.exists()


@pytest.mark.parametrize("name", ["", "Prod", "a" * 64, "a_b", "-a"])
def test_a_mesh_has_a_name_that_fits_everywhere(empty: World, name: str) -> None:
    with refused("mesh.name"):
        empty.register(name, members=False)


def test_a_control_plane_that_does_not_answer_is_a_reason_and_no_traceback(empty: World) -> None:
    empty.fleet.fault("hub", "refuse")
    with refused("kube.unreachable"):
        empty.register()


def test_a_cluster_that_lies_is_refused_with_what_is_wrong(empty: World) -> None:
    for kind, code in (
        ("html", "kube.web-page"),
        ("broken", "kube.bad-body"),
        ("redirect", "kube.redirected"),
        ("401", "kube.unauthorized"),
    ):
        empty.fleet.fault("member-a", kind)
        with pytest.raises(Refused) as refusal:
            empty.look_at("member-a")
        assert refusal.value.violations[0].code == code


def test_a_cluster_is_known_by_its_identity_and_by_a_name_that_istiod_knows(world: World) -> None:
    Cluster.objects.filter(name="member-c").delete()
    with refused("cluster.name.unknown-to-istiod"):
        world.register_cluster("member-x", like="member-c")
    with refused("cluster.name.taken", "cluster.uid.taken"):
        world.register_cluster("member-a")
    with refused("cluster.uid.taken"):
        world.register_cluster("member-c", like="member-a")
    world.register_cluster("member-c")


def test_a_cluster_is_in_one_mesh_per_system_namespace(empty: World) -> None:
    empty.register()
    hub = empty.look_at("hub")
    other = Mesh.objects.create(
        name="other",
        control_plane=empty.mesh.control_plane,
        config=empty.mesh.config,
        config_uid="another",
        system_namespace=SYSTEM,
    )
    with refused("cluster.in-another-mesh"):
        clusters.cluster_register(actor=ROOT, mesh=other, name="member-a", report=empty.look_at("member-a"))
    clusters.cluster_register(actor=ROOT, mesh=other, name="hub", report=hub)


def test_only_a_mesh_admin_registers_clusters_and_touches_their_credentials(world: World) -> None:
    report, cluster = world.look_at("member-a"), world.row("member-a")
    for refuse in (
        lambda: clusters.cluster_register(actor=OPERATOR, mesh=world.mesh, name="x", report=report),
        lambda: clusters.cluster_credential_replace(actor=OPERATOR, cluster=cluster, report=report),
        lambda: clusters.cluster_pod_cidrs(actor=OPERATOR, cluster=cluster, pod_cidrs=("10.0.0.0/8",)),
        lambda: clusters.cluster_unregister(actor=OPERATOR, cluster=cluster),
        lambda: clusters.cluster_forget(actor=OPERATOR, cluster=cluster, confirmation="member-a"),
        lambda: meshes.mesh_restart_policy(actor=OPERATOR, mesh=world.mesh, restart=RestartPolicy.NEVER),
        lambda: meshes.mesh_delete(actor=ADMIN, mesh=world.mesh),
    ):
        count = Entry.objects.count()
        with refused("role.missing"):
            refuse()
        assert Entry.objects.count() == count + 1


def test_a_credential_is_replaced_by_one_of_the_same_cluster_only(world: World) -> None:
    cluster = world.row("member-a")
    with refused("cluster.other-identity"):
        clusters.cluster_credential_replace(actor=ADMIN, cluster=cluster, report=world.look_at("member-b"))
    Connection.objects.filter(id=cluster.connection_id).update(open_code="timeout")
    kubeconfig = world.fleet.kubeconfig("member-a").replace("127.0.0.1", "localhost")
    clusters.cluster_credential_replace(actor=ADMIN, cluster=cluster, report=world.look_at("member-a", kubeconfig))
    row = Connection.objects.get(id=cluster.connection_id)
    assert row.open_code == ""
    assert row.fingerprint == credential_of(kubeconfig).fingerprint
    assert entries()[-2:] == [
        ("cluster.replace-credential", "member-a", "refused"),
        ("cluster.replace-credential", "member-a", "accepted"),
    ]


def test_the_control_planes_credential_is_replaced_by_one_of_the_same_cluster_only(world: World) -> None:
    other = inspect_cluster(
        credential_of(world.fleet.kubeconfig("member-a")), role=ClusterRole.CONFIG, system_namespace=SYSTEM
    )
    report = world.look_at_mesh()
    wrong = type(report)(other, other, report.istiods, report.remote_clusters)
    with refused("cluster.other-identity"):
        meshes.mesh_credential_replace(actor=PLATFORM, mesh=world.mesh, report=wrong)
    meshes.mesh_credential_replace(actor=PLATFORM, mesh=world.mesh, report=report)


def test_a_cluster_in_a_group_cannot_be_removed_from_the_mesh(world: World) -> None:
    world.do(Enable(), *world.group(blue="member-a"))
    with refused("cluster.grouped", "cluster.occupied"):
        clusters.cluster_unregister(actor=ADMIN, cluster=world.row("member-a"))
    sealed = world.row("member-b").connection_id
    clusters.cluster_unregister(actor=ADMIN, cluster=world.row("member-b"))
    assert "member-b" not in world.topology.clusters
    assert not Connection.objects.filter(id=sealed).exists()


def test_what_was_found_about_a_cluster_that_leaves_ends_whoever_found_it(prepared: World) -> None:
    gone = (
        Subject(SubjectKind.CLUSTER, "member-c"),
        Subject(SubjectKind.GROUP, "red"),
        about_gateway(GatewayKey("member-c", 1)),
    )
    stays = Subject(SubjectKind.CLUSTER, "member-a")
    found = [Finding("preflight.labelled-service", Severity.CRITICAL, subject=subject) for subject in (*gone, stays)]
    note_findings(prepared.mesh, CHECKS, found, at=timezone.now())
    clusters.cluster_forget(actor=ADMIN, cluster=prepared.row("member-c"), confirmation="member-c")
    assert [row.subject for row in open_rows(prepared.mesh).filter(source=CHECKS)] == ["member-a"]


def test_a_joined_cluster_is_not_forgotten(joined: World) -> None:
    with refused("cluster.group.joined"):
        clusters.cluster_forget(actor=ADMIN, cluster=joined.row("member-b"), confirmation="member-b")


def test_to_forget_needs_the_name_typed(prepared: World) -> None:
    with refused("cluster.forget-confirmation"):
        clusters.cluster_forget(actor=ADMIN, cluster=prepared.row("member-a"), confirmation="member-b")


def test_what_a_forgotten_cluster_may_carry_is_listed_archived_and_back_when_it_returns(prepared: World) -> None:
    mesh, uid = prepared.mesh, prepared.row("member-a").uid
    rows = applied.rows(mesh, cluster_uid=uid)
    left = clusters.cluster_forget(actor=ADMIN, cluster=prepared.row("member-a"), confirmation="member-a")
    assert len(left) == len(rows) > 5
    assert "Deployment istio-system/eastwest-member-a-1" in left
    assert Entry.objects.get(action="cluster.forget").params["left"] == left
    assert "blue" not in prepared.topology.groups
    assert applied.rows(mesh, cluster_uid=uid) == {}
    assert mesh.forgotten == {uid: "member-a"}
    prepared.register_cluster("member-a")
    assert applied.rows(mesh, cluster_uid=uid) == rows
    assert mesh.forgotten == {}
    with refused("cluster.occupied"):
        clusters.cluster_unregister(actor=ADMIN, cluster=prepared.row("member-a"))
    prepared.restore()
    assert not AppliedEntry.objects.filter(mesh=mesh, cluster_uid=uid).exists()
    assert prepared.fleet.cluster("member-a").get("Deployment", "eastwest-member-a-1", SYSTEM) is None


def test_a_forgotten_cluster_that_is_dead_does_not_hold_the_restart(joined: World) -> None:
    joined.fleet.fault("member-a", "refuse")
    joined.fleet.mesh.members = ("member-a", "member-b", "member-c")
    clusters.cluster_forget(actor=ADMIN, cluster=joined.row("member-a"), confirmation="member-a")
    joined.do(Remove("green"))
    assert joined.networks == [set(), set()]


def test_nothing_is_forgotten_under_a_running_rollout(prepared: World) -> None:
    rollout = prepared.start(DeleteGateway(A))
    with pytest.raises(Refused) as refusal:
        clusters.cluster_forget(actor=ADMIN, cluster=prepared.row("member-a"), confirmation="member-a")
    violation = refusal.value.violations[0]
    assert (violation.code, violation.params["rollout"]) == ("rollout.running", str(rollout.id))


def test_a_mesh_goes_when_nothing_of_it_is_left(world: World) -> None:
    world.do(Enable())
    with refused("mesh.enabled"):
        meshes.mesh_delete(actor=PLATFORM, mesh=world.mesh)
    world.do(Disable())
    with refused("mesh.has-clusters"):
        meshes.mesh_delete(actor=PLATFORM, mesh=world.mesh)
    for name in ("member-a", "member-b", "member-c"):
        clusters.cluster_unregister(actor=PLATFORM, cluster=world.row(name))
    meshes.mesh_delete(actor=PLATFORM, mesh=world.mesh)
    assert not Mesh.objects.exists()
    assert not Connection.objects.exists()
    assert entries()[-1] == ("mesh.delete", "prod", "accepted")


def test_a_mesh_that_is_not_hosted_is_registered_and_cannot_be_enabled(empty: World) -> None:
    empty.register(kind=MeshKind.EXTERNAL)
    with refused("interconnect.not-hosted"):
        empty.start(Enable())
