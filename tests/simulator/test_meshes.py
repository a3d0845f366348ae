"""Several meshes in one fleet, what is wrong with their clusters, and both over a restart."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from simulator import Fleet
from simulator.plan import MemberPlan, MeshPlan
from simulator.remote import NotRunning, Refused, Remote

WORLD = {
    "meshes": [
        {"hub": "hub-one", "istiods": 1, "members": [{"name": "one", "pod_cidr": "10.1.0.0/16"}]},
        {"hub": "hub-two", "istiods": 1, "members": [{"name": "two", "pod_cidr": "10.2.0.0/16", "injects": "old"}]},
    ]
}


@contextmanager
def process(folder: Path) -> Iterator[Remote]:
    (folder / "world.json").write_text(json.dumps(WORLD))
    command = [sys.executable, "-m", "simulator", "--world", str(folder / "world.json"), "--dir", str(folder / "kept")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline().startswith("simulator: 4 clusters")
        yield Remote(folder / "kept")
        running.terminate()
        assert running.wait(20) == 0


def kept(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "kept" / "state.json").read_text())["clusters"])


def test_each_mesh_has_its_own_istiods_clusters_and_addresses() -> None:
    plans = [
        MeshPlan("hub-one", (MemberPlan("one", "10.1.0.0/16"),), istiods=1),
        MeshPlan("hub-two", (MemberPlan("two", "10.2.0.0/16"),)),
    ]
    with Fleet(plans) as fleet:
        first, second = fleet.meshes
        assert (first.members, second.members) == (("one",), ("two",))
        assert [len(mesh.replicas()) for mesh in fleet.meshes] == [1, 2]
        known = [{entry["id"] for entry in next(iter(mesh.istiods.values())).clusterz()} for mesh in fleet.meshes]
        assert known == [{"hub-one", "one"}, {"hub-two", "two"}]


def test_pods_carry_the_network_that_their_cluster_injects() -> None:
    with Fleet([MeshPlan("hub", (MemberPlan("m", "10.1.0.0/16", injects="old"),), istiods=1)]) as fleet:
        pods = fleet.cluster("m").list("Pod", "shop")
        assert {pod["metadata"]["labels"]["topology.istio.io/network"] for pod in pods} == {"old"}


def test_faults_failing_pods_and_the_port_outlive_the_process(tmp_path: Path) -> None:
    with process(tmp_path) as remote:
        assert remote.clusters() == ["hub-one", "hub-two", "one", "two"]
        remote.fault("one", "refuse")
        assert len(remote.fail_pods("two", "shop", "echo-")) == 2
        port = remote.port
    assert kept(tmp_path)["one"]["fault"]["kind"] == "refuse"
    with process(tmp_path) as remote:
        assert remote.port == port
        remote.fault("one", None)
    assert kept(tmp_path)["one"]["fault"] is None
    pods = [obj for obj in kept(tmp_path)["two"]["objects"] if obj["kind"] == "Pod"]
    assert [container["ready"] for pod in pods for container in pod["status"]["containerStatuses"]].count(False) >= 2


def test_a_cluster_or_a_fault_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with process(tmp_path) as remote:
        with pytest.raises(Refused, match="there are hub-one, hub-two, one, two"):
            remote.fault("three", "refuse")
        with pytest.raises(Refused, match="known are latency, refuse"):
            remote.fault("one", "magic")


def test_a_folder_without_a_simulator_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="no simulator has been started"):
        Remote(tmp_path)


def test_a_world_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text('{"meshes": [{}]}')
    command = [
        sys.executable,
        "-m",
        "simulator",
        "--world",
        str(tmp_path / "world.json"),
        "--dir",
        str(tmp_path / "kept"),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
