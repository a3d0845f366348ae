"""The demo: what is made on the simulated clusters, once, and what is left alone afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command

from interconnect.cli import demo
from interconnect.cli.demo import seeding
from interconnect.domain.changes import Enable, violations
from interconnect.models import Cluster, GatewayObservation, Mesh, Rollout, RolloutStatus
from interconnect.rollouts.steps import gateway
from interconnect.services import meshes
from interconnect.state.desired import load
from meshconsole.ops.processes import processes_of_apps
from simulator.remote import Remote

if TYPE_CHECKING:
    from interconnect.domain.topology import Topology

pytestmark = pytest.mark.django_db(transaction=True)
SAID: list[str] = []


class Simulator:
    def __init__(self, folder: Path) -> None:
        world = json.loads((demo.FOLDER / "world.json").read_text()) | {"timing": {}}
        self.folder = folder
        folder.mkdir(parents=True)
        (folder / "world.json").write_text(json.dumps(world))
        self.start()

    def start(self, *arguments: str) -> None:
        command = [
            sys.executable,
            "-m",
            "simulator",
            "--world",
            str(self.folder / "world.json"),
            "--dir",
            str(self.folder),
        ]
        self.process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("simulator: 17 clusters")

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=30)


@pytest.fixture
def simulator(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    settings.MESHCONSOLE_DATA = tmp_path
    monkeypatch.setattr(gateway, "ADDRESS_SECONDS", 0.5)
    running = Simulator(demo.simulator_folder())
    yield running
    running.stop()


def topology(name: str) -> Topology:
    return load(Mesh.objects.get(name=name))


def test_three_meshes_are_made_as_they_are_in_real_life(simulator: Simulator) -> None:
    seeding.seed(SAID.append)
    assert list(Mesh.objects.filter(simulated=True).values_list("name", "kind", "enabled")) == [
        ("legacy", "dedicated", False),
        ("playground", "hosted", False),
        ("storefront", "hosted", True),
    ]
    playground, storefront = topology("playground"), topology("storefront")
    assert len(playground.clusters) == 6
    assert playground.clusters["virginia-1"].pod_cidrs == playground.clusters["osaka-1"].pod_cidrs
    assert [group.name for group in storefront.joined] == ["america", "asia", "europe"]
    assert violations(topology("legacy"), Enable())
    assert Rollout.objects.get().status == RolloutStatus.SUCCEEDED
    seen = {row.gateway.name: row.facts for row in GatewayObservation.objects.select_related("gateway")}
    assert seen["eastwest-us-east-2-1"]["available"] == 0
    assert seen["eastwest-asia-1-2"]["addresses"] == [] and "quota" in seen["eastwest-asia-1-2"]["address_reason"]
    assert Cluster.objects.get(name="asia-2").observation.error_code == "unreachable"
    assert Cluster.objects.get(name="eu-west-2").observation.facts["stale"]["stale"] == 2

    # What a person has done to it since is not undone, wherever the clusters are by then.
    meshes.mesh_restart_policy(actor=seeding.ACTOR, mesh=Mesh.objects.get(name="playground"), restart="never")
    call_command("simulator", "fault", "asia-2", "none")
    simulator.stop()
    (simulator.folder / "control.json").unlink()
    simulator.start()
    seeding.seed(SAID.append)
    assert Mesh.objects.get(name="playground").restart == "never"
    assert Rollout.objects.count() == 1
    port = Remote(simulator.folder).port
    assert all(f":{port}/" in cluster.connection.server for cluster in Cluster.objects.select_related("connection"))


def test_a_run_that_was_ended_halfway_is_taken_up_where_it_was(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeding, "MESHES", ("storefront",))
    with monkeypatch.context() as broken:
        broken.setattr(seeding, "drive", ended)
        with pytest.raises(InterruptedError):
            seeding.seed(SAID.append)
    assert Rollout.objects.get().status == RolloutStatus.QUEUED
    seeding.seed(SAID.append)
    assert Rollout.objects.get().status == RolloutStatus.SUCCEEDED
    assert seeding.made() == ["storefront"]


def ended(*_args: object, **_options: object) -> None:
    raise InterruptedError


def test_the_demo_can_be_left_out(settings: Any) -> None:
    assert [process.name for process in processes_of_apps()] == ["simulator", "demo"]
    settings.MESHCONSOLE_DEMO = False
    assert processes_of_apps() == []


@pytest.mark.parametrize(
    "command", [("simulator", "--dir", "somewhere"), ("simulator", "fault", "a", "refuse"), ("demo",)]
)
def test_production_refuses_simulated_clusters(settings: Any, command: tuple[str, ...]) -> None:
    settings.PRODUCTION = True
    with pytest.raises(SystemExit, match="not for production"):
        call_command(*command)


def test_a_fault_without_a_simulator_or_half_a_fault_is_one_sentence(settings: Any, tmp_path: Path) -> None:
    settings.MESHCONSOLE_DATA = tmp_path
    with pytest.raises(SystemExit, match="no simulator has been started"):
        call_command("simulator", "fault", "asia-2", "refuse")
    with pytest.raises(SystemExit, match="simulator fault CLUSTER KIND"):
        call_command("simulator", "fault", "asia-2")
    with pytest.raises(SystemExit, match="--dir must name"):
        call_command("simulator")
