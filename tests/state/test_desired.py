"""A topology and its rows say the same, whichever is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings

from interconnect.domain.changes import Change, CreateGateway, DeleteGateway, DeleteGroup, Join, Remove, apply_all
from interconnect.domain.diff import changes_between
from interconnect.domain.seen import MemberDetails
from interconnect.domain.topology import Address, CidrSource, GatewayKey, MeshKind, Topology
from interconnect.models import Cluster, Mesh, NetworkGroup
from interconnect.state import desired, observed
from tests.domain.meshes import grouped, joined, uuid
from tests.files.topologies import topologies
from tests.models.conftest import new_cluster, new_mesh


def register(mesh: Mesh, topology: Topology) -> Topology:
    """The clusters as rows; returns the topology with the identities that rows have."""
    for cluster in topology.clusters.values():
        typed = [cidr.network for cidr in cluster.pod_cidrs if cidr.source is CidrSource.TYPED]
        row = new_cluster(mesh, cluster.name, uid=cluster.uid, pod_cidrs=typed)
        if not typed:
            cidrs = tuple((cidr.network, cidr.source) for cidr in cluster.pod_cidrs)
            observed.note_details([observed.DetailsLook(row.id, MemberDetails(pod_cidrs=cidrs), timezone.now())])
    gateways = {
        key: replace(gateway, id=str(uuid5(NAMESPACE_URL, gateway.id))) for key, gateway in topology.gateways.items()
    }
    return replace(
        topology,
        mesh=str(mesh.id),
        kind=MeshKind(mesh.kind),
        control_plane=mesh.control_plane.uid,
        config=mesh.config_uid,
        gateways=gateways,
    )


def stored(mesh: Mesh, topology: Topology) -> Topology:
    """Saved over what there is, and loaded."""
    with transaction.atomic():
        desired.save(mesh, desired.load(mesh), topology, revision=mesh.revision)
    return desired.load(mesh)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(topology=topologies())
def test_what_is_saved_is_loaded_and_saved_over(one_database: None, topology: Topology) -> None:
    with transaction.atomic():
        mesh = new_mesh()
        wanted = register(mesh, topology)
        assert stored(mesh, wanted) == wanted
        emptied = replace(wanted, groups={}, gateways={}, enabled=False)
        assert stored(mesh, emptied) == emptied
        assert stored(mesh, wanted) == wanted
        transaction.set_rollback(True)


@pytest.fixture
def one_database(db: None) -> None:
    """One database for all examples; each takes its rows back."""


def test_one_gateway_is_awaited_on_several_ports(mesh: Mesh) -> None:
    on_rows(mesh, grouped())
    key = GatewayKey("member-b", 1)
    after(mesh, Join("green", (Address("", 443, key), Address("", 15443, key))))


def on_rows(mesh: Mesh, topology: Topology) -> Topology:
    return stored(mesh, register(mesh, topology))


def after(mesh: Mesh, *changes: Change) -> Topology:
    before = desired.load(mesh)
    wanted = apply_all(before, changes)
    assert isinstance(wanted, Topology), wanted
    with transaction.atomic():
        desired.save(mesh, before, wanted, revision=mesh.revision)
    assert desired.load(mesh) == wanted
    return wanted


def test_each_change_is_saved_as_the_domain_makes_it(mesh: Mesh) -> None:
    start = on_rows(mesh, joined())
    gateway = start.gateways[GatewayKey("member-a", 1)]
    after(mesh, Remove("green"))
    after(mesh, *changes_between(desired.load(mesh), start))
    after(mesh, DeleteGateway(gateway.key))
    after(mesh, CreateGateway(gateway.key, uuid(77), gateway.spec))
    after(mesh, Remove("green"), DeleteGroup("green"))
    assert set(NetworkGroup.objects.values_list("name", flat=True)) == {"blue"}


def test_an_address_can_pass_from_one_group_to_another_in_one_change(mesh: Mesh) -> None:
    start = on_rows(mesh, joined())
    addresses = start.groups["green"].addresses
    assert addresses is not None
    after(mesh, Remove("green"), Join("blue", addresses))


def test_a_gateway_that_is_made_anew_under_its_key_is_another_one(mesh: Mesh) -> None:
    start = on_rows(mesh, grouped())
    key = GatewayKey("member-b", 1)
    after(mesh, DeleteGateway(key), CreateGateway(key, uuid(99), start.gateways[key].spec))


def test_who_saves_over_a_newer_mesh_is_told_and_writes_nothing(mesh: Mesh) -> None:
    start = on_rows(mesh, grouped())
    revision = mesh.revision
    after(mesh, DeleteGateway(GatewayKey("member-a", 1)))
    with pytest.raises(desired.StaleMesh), transaction.atomic():
        desired.save(mesh, start, replace(start, groups={}, gateways={}), revision=revision)
    assert set(desired.load(mesh).groups) == {"blue", "green"}


def queries(mesh: Mesh) -> int:
    with CaptureQueriesContext(
        database,
    ) as captured:
        desired.load(mesh)
    return len(captured)


def test_loading_takes_as_many_queries_for_a_large_mesh_as_for_a_small_one(mesh: Mesh) -> None:
    on_rows(mesh, joined())
    small = queries(Mesh.objects.get(id=mesh.id))
    groups = NetworkGroup.objects.bulk_create(NetworkGroup(mesh=mesh, name=f"g{number}") for number in range(40))
    for number, group in enumerate(groups):
        new_cluster(mesh, f"c{number}", group=group)
    assert queries(Mesh.objects.get(id=mesh.id)) == small
    assert Cluster.objects.count() == 44


@pytest.mark.parametrize("number", range(6))
def test_a_change_that_is_committed_between_two_queries_is_read_whole(mesh: Mesh, number: int) -> None:
    on_rows(mesh, grouped())
    reader = Mesh.objects.select_related("control_plane", "config").get(id=mesh.id)
    key = GatewayKey("member-b", 2)
    gateway = CreateGateway(key, uuid(98), desired.load(mesh).gateways[GatewayKey("member-b", 1)].spec)
    asked = 0

    def overtaken(execute: Callable[..., Any], *args: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == number + 1:
            after(mesh, gateway, Join("green", (Address("203.0.113.9", 15443, key),)))
        return execute(*args)

    with database.execute_wrapper(overtaken):
        found = desired.load(reader)
    assert found == desired.load(mesh) and found.groups["green"].joined
    assert reader.revision == mesh.revision
