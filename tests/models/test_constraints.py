"""What the database holds by itself, whoever writes: two tabs, two workers, or a hand in the admin."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction
from django.db.models import ProtectedError

from interconnect.models import (
    AppliedEntry,
    Cluster,
    Consent,
    Gateway,
    Membership,
    MembershipAddress,
    Mesh,
    NetworkGroup,
    Publication,
    Rollout,
    Step,
)
from tests.models.conftest import connection, new_cluster, new_mesh


def refused(write: Callable[[], Any]) -> bool:
    try:
        with transaction.atomic():
            write()
    except IntegrityError:
        return True
    return False


def rollout(mesh: Mesh, **fields: Any) -> Rollout:
    return Rollout.objects.create(mesh=mesh, restart="always", actor="a", **fields)


def member(cluster: Cluster) -> Membership:
    return Membership.objects.get_or_create(group=cluster.group)[0]


def address(
    cluster: Cluster, host: str = "192.0.2.7", port: int = 15443, gateway: Gateway | None = None
) -> MembershipAddress:
    return MembershipAddress.objects.create(
        membership=member(cluster), mesh=cluster.mesh, host=host, port=port, gateway=gateway
    )


def test_a_mesh_has_a_name_of_its_own_and_one_config_cluster_per_system_namespace(mesh: Mesh) -> None:
    assert refused(lambda: new_mesh())
    assert refused(lambda: new_mesh("other", config_uid=mesh.config_uid))
    assert not refused(lambda: new_mesh("other", config_uid=mesh.config_uid, system_namespace="istio-canary"))


def test_only_a_hosted_mesh_is_enabled(mesh: Mesh) -> None:
    assert not refused(lambda: Mesh.objects.filter(id=mesh.id).update(enabled=True))
    assert refused(lambda: Mesh.objects.filter(id=mesh.id).update(kind="external"))


def test_a_cluster_has_a_name_of_its_own_and_is_in_one_mesh_per_system_namespace(mesh: Mesh, cluster: Cluster) -> None:
    other = new_mesh("other")
    assert refused(lambda: new_cluster(mesh))
    assert refused(lambda: new_cluster(other, uid=cluster.uid))
    assert not refused(lambda: new_cluster(new_mesh("third", system_namespace="istio-canary"), uid=cluster.uid))
    assert refused(lambda: new_cluster(mesh, "member-b", connection=cluster.connection))


def test_a_cluster_is_in_one_group_and_holds_it(cluster: Cluster) -> None:
    with pytest.raises(ProtectedError):
        NetworkGroup.objects.all().delete()
    assert isinstance(cluster.group, NetworkGroup)


def test_a_group_has_a_name_of_its_own_in_its_mesh(mesh: Mesh) -> None:
    NetworkGroup.objects.create(mesh=mesh, name="blue")
    assert refused(lambda: NetworkGroup.objects.create(mesh=mesh, name="blue"))
    assert not refused(lambda: NetworkGroup.objects.create(mesh=new_mesh("other"), name="blue"))


@pytest.mark.parametrize(
    "fields",
    [
        {"number": 1, "name": "another"},
        {"number": 2, "name": "eastwest-member-a-1"},
        {"number": 2, "name": "x", "replicas": 0},
        {"number": 2, "name": "x", "autoscaling_min": 2},
        {"number": 2, "name": "x", "autoscaling_max": 2},
        {"number": 2, "name": "x", "autoscaling_min": 0, "autoscaling_max": 2},
        {"number": 2, "name": "x", "autoscaling_min": 3, "autoscaling_max": 2},
    ],
)
def test_a_gateway_has_a_key_a_name_replicas_and_a_range_that_is_one(gateway: Gateway, fields: dict[str, Any]) -> None:
    assert refused(lambda: Gateway.objects.create(cluster=gateway.cluster, **fields))


def test_a_gateway_that_others_reach_cannot_be_deleted(gateway: Gateway) -> None:
    address(gateway.cluster, gateway=gateway)
    with pytest.raises(ProtectedError):
        gateway.delete()
    assert refused_delete_by_hand(gateway)


def refused_delete_by_hand(gateway: Gateway) -> bool:
    """Past Django, as somebody at the database would."""

    def delete() -> None:
        with transaction.get_connection().cursor() as cursor:
            cursor.execute(
                "DELETE FROM interconnect_gateway WHERE id = %s",
                [gateway.id.hex if cursor.db.vendor == "sqlite" else gateway.id],
            )
        transaction.get_connection().check_constraints()

    return refused(delete)


def test_a_joined_group_cannot_be_deleted(cluster: Cluster) -> None:
    member(cluster)
    Cluster.objects.filter(id=cluster.id).update(group=None)
    with pytest.raises(ProtectedError):
        NetworkGroup.objects.all().delete()


def test_an_address_belongs_to_one_network_of_a_mesh(mesh: Mesh, cluster: Cluster) -> None:
    green = new_cluster(mesh, "member-b", group=NetworkGroup.objects.create(mesh=mesh, name="green"))
    address(cluster)
    assert refused(lambda: address(green))
    assert not refused(lambda: address(green, port=443))


def test_an_address_is_typed_or_awaited_from_a_gateway_once_and_has_a_port(gateway: Gateway) -> None:
    cluster = gateway.cluster
    assert refused(lambda: address(cluster, host=""))
    assert not refused(lambda: address(cluster, host="", gateway=gateway))
    assert refused(lambda: address(cluster, host="", gateway=gateway))
    for port in (0, 65536):
        assert refused(lambda port=port: address(cluster, port=port))  # type: ignore[misc]


def test_a_group_is_listed_once(cluster: Cluster) -> None:
    member(cluster)
    assert refused(lambda: Membership.objects.create(group=cluster.group))


def test_what_was_written_where_is_recorded_once(mesh: Mesh) -> None:
    place = {"mesh": mesh, "cluster_uid": "u", "api_version": "v1", "kind": "Service", "namespace": "n", "name": "x"}
    AppliedEntry.objects.create(**place, state="intended")
    assert refused(lambda: AppliedEntry.objects.create(**place, state="written"))
    assert not refused(lambda: AppliedEntry.objects.create(**place, field="label:x", state="written"))


def test_consents_and_publications_are_there_once(mesh: Mesh) -> None:
    Consent.objects.create(mesh=mesh, token="t", actor="a")
    Publication.objects.create(mesh=mesh, deployment="istiod")
    assert refused(lambda: Consent.objects.create(mesh=mesh, token="t", actor="b"))
    assert refused(lambda: Publication.objects.create(mesh=mesh, deployment="istiod"))


def test_a_mesh_has_one_unfinished_rollout_beside_restarts_of_workloads(mesh: Mesh) -> None:
    rollout(mesh)
    assert refused(lambda: rollout(mesh))
    assert refused(lambda: rollout(mesh, status="running"))
    assert not refused(lambda: rollout(mesh, status="failed"))
    assert not refused(lambda: rollout(mesh, exclusive=False, kind="workloads"))
    assert not refused(lambda: rollout(new_mesh("other")))


def test_a_step_has_its_place(mesh: Mesh) -> None:
    place = {"rollout": rollout(mesh), "phase": 10, "chain": "u", "position": 1}
    Step.objects.create(**place, kind="label")
    assert refused(lambda: Step.objects.create(**place, kind="injection"))


def test_what_a_mesh_needs_is_not_deleted_under_it(mesh: Mesh, cluster: Cluster) -> None:
    for row in (mesh, mesh.control_plane, cluster.connection):
        with pytest.raises(ProtectedError):
            row.delete()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["rollout", "group", "address", "cluster"])
def test_of_two_that_write_the_same_at_once_one_succeeds(what: str) -> None:
    mesh = new_mesh()
    groups = [NetworkGroup.objects.create(mesh=mesh, name=name) for name in ("blue", "green")]
    members = [new_cluster(mesh, f"member-{group.name}", group=group) for group in groups]
    for each in members:
        member(each)
    uid, rows = "one-identity", [connection(), connection()]
    writes: dict[str, Callable[[int], Any]] = {
        "rollout": lambda _n: rollout(mesh),
        "group": lambda _n: NetworkGroup.objects.create(mesh=mesh, name="red"),
        "address": lambda n: address(members[n]),
        "cluster": lambda n: new_cluster(mesh, f"new-{n}", uid=uid, connection=rows[n]),
    }
    outcomes: list[str] = []
    gate = threading.Barrier(2)

    def attempt(number: int) -> None:
        gate.wait()
        try:
            with transaction.atomic():
                writes[what](number)
            outcomes.append("written")
        except DatabaseError as error:
            outcomes.append(type(error).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["IntegrityError", "written"]
