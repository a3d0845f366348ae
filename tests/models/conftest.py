from __future__ import annotations

import uuid

import pytest

from interconnect.models import Cluster, Connection, Gateway, Mesh, NetworkGroup


def connection() -> Connection:
    return Connection.objects.create(uid=str(uuid.uuid4()), server="https://192.0.2.1:6443", sealed="", fingerprint="f")


def new_mesh(name: str = "prod", **fields: object) -> Mesh:
    row = connection()
    values = {"control_plane": row, "config": row, "config_uid": row.uid, "system_namespace": "istio-system", **fields}
    return Mesh.objects.create(name=name, **values)


def new_cluster(mesh: Mesh, name: str = "member-a", **fields: object) -> Cluster:
    row = connection()
    values = {"uid": row.uid, "system_namespace": mesh.system_namespace, "connection": row, **fields}
    return Cluster.objects.create(mesh=mesh, name=name, **values)


@pytest.fixture
def mesh(db: None) -> Mesh:
    return new_mesh()


@pytest.fixture
def cluster(mesh: Mesh) -> Cluster:
    """member-a, in the group blue."""
    return new_cluster(mesh, group=NetworkGroup.objects.create(mesh=mesh, name="blue"))


@pytest.fixture
def gateway(cluster: Cluster) -> Gateway:
    return Gateway.objects.create(cluster=cluster, number=1, name="eastwest-member-a-1")
