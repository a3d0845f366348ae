"""The script that creates the console's account, run as it is shown, and a rollout with what it grants alone."""

from __future__ import annotations

import copy
import dataclasses
import os
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import pytest

from interconnect.domain.accounts import Place
from interconnect.kube import kubeconfig
from interconnect.kube.guard import DenyList
from tests.live.support import status as read
from tests.live.support.client import ApiError, Client
from tests.live.support.installation import kubectl
from tests.live.support.meshfile import CLUSTER, MESH, MeshFile, by_platform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.live.support.console import Console
    from tests.live.support.installation import Live, LiveCluster

GROUP = "green"
Result = TypeVar("Result")


class Administrator:
    """Somebody with the admin's kubeconfig of a cluster and a kubectl, in a folder of their own."""

    def __init__(self, console: Console, cluster: LiveCluster, place: Place, folder: Path) -> None:
        self.console, self.cluster, self.place, self.folder = console, cluster, place, folder
        path = f"{kubectl().parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {"PATH": path, "HOME": str(folder), "KUBECONFIG": str(cluster.kubeconfig)}

    def printed(self, *options: str) -> str:
        return self.console("account", self.place.value, *options).ended(0).out

    def run(self, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, input=text, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done

    def create_account(self, *options: str) -> LiveCluster:
        """Run the script, and return the cluster with the kubeconfig that it has written."""
        script = self.folder / f"{self.cluster.name}.sh"
        script.write_text(self.printed())
        written = self.folder / f"{self.cluster.name}.kubeconfig"
        said = self.run("sh", script.name, "--file", written.name, *options)
        assert stat.S_IMODE(written.stat().st_mode) == 0o600
        assert said.stdout == "" and written.name in said.stderr
        return dataclasses.replace(self.cluster, kubeconfig=written)

    def delete_account(self) -> None:
        self.run("kubectl", "delete", "--ignore-not-found", "-f", "-", text=self.printed("--yaml"))


@pytest.fixture(scope="module")
def administrators(
    live: Live, console: Console, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Administrator]]:
    """Of the member and of the control plane; their accounts go at the end."""
    hub = [(live.hub, Place.CONTROL_PLANE_AND_CONFIG)]
    split = [(live.hub, Place.CONTROL_PLANE), (live.config, Place.CONFIG)]
    places = [(live.clusters[CLUSTER[GROUP]], Place.MEMBER), *(split if live.split else hub)]
    folder = tmp_path_factory.mktemp("administrators")
    found = [Administrator(console, cluster, place, folder) for cluster, place in places]
    yield found
    at_once(Administrator.delete_account, found)


def at_once(do: Callable[[Administrator], Result], who: list[Administrator]) -> list[Result]:
    with ThreadPoolExecutor() as pool:
        return list(pool.map(do, who))


@pytest.fixture
def file(live: Live, console: Console, administrators: list[Administrator], tmp_path: Path) -> Iterator[MeshFile]:
    """The file of a mesh of one member, with the kubeconfigs that the scripts write; at the end the mesh is closed."""
    created = at_once(Administrator.create_account, administrators)
    theirs = copy.copy(live)
    theirs.clusters = live.clusters | {cluster.name: cluster for cluster in created}
    theirs.hub, theirs.config = theirs.clusters[live.hub.name], theirs.clusters[live.config.name]
    theirs.members = created[:1]
    file = MeshFile(theirs, tmp_path)
    yield file
    console.apply(file.write(enabled=False, restart="never"), "--allow-removal")


def test_what_the_scripts_grant_carries_out_a_join(live: Live, console: Console, file: MeshFile) -> None:
    before = live.istiods()
    # The other members aren't registered, so nothing is known of them that would let istiod restart.
    console.apply(file.write(GROUP, gateways=(GROUP,), joined=by_platform(GROUP)), "--guard", "force")
    assert not set(before) & set(live.istiods())
    assert console("check", MESH, "--json").json()["failure"] is None
    status = console("status", MESH, "--json").json()
    assert status["clusters"][CLUSTER[GROUP]]["state"]["code"] == "cluster.reachable"
    assert status["groups"][GROUP]["joined"]
    lacking = {code for code in read.codes(status) if "rights" in code or "not-checked" in code or "forbidden" in code}
    assert lacking == set()


def test_a_token_can_expire(live: Live, administrators: list[Administrator]) -> None:
    member = administrators[0].create_account("--token-hours", "1")
    reading = kubeconfig.read(member.kubeconfig.read_text(), deny=DenyList(()))
    assert isinstance(reading, kubeconfig.Reading)
    assert reading.credential.ends_at is not None
    with pytest.raises(ApiError, match="403"):
        Client(member.kubeconfig).get(f"/api/v1/namespaces/{live.system}/secrets")
