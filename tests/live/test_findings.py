"""What others break on a mesh that works is told alike by pages, `status` and the stored findings, until it is fixed.

A whole console runs, with its workers; nobody asks it to look. The tests are steps: a credential that is about to end
is stored in the first one, and has ended in the last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.browser.installation import ADMIN, PASSWORD, Installation
from tests.live.support.faults import Faults
from tests.live.support.meshfile import ALL, CLUSTER, MESH, SERVICE, Mesh, by_platform
from tests.live.support.surfaces import Surfaces
from tests.support.forks import ForkingConsole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.live.support.installation import Live

pytestmark = pytest.mark.steps

OFTEN = {"MESHCONSOLE_PROBE_SECONDS": "2"}
CRITICAL, WARNING, INFO = "critical", "warning", "info"
GREEN, RED, BLUE = CLUSTER["green"], CLUSTER["red"], CLUSTER["blue"]
PLANE = "Control plane"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("installation") / "data", **OFTEN) as running:
        running.page("/sign-in/")
        running.page("/sign-in/", login=ADMIN, password=PASSWORD)
        yield running


@pytest.fixture(scope="module")
def console(installation: Installation) -> Iterator[ForkingConsole]:
    with ForkingConsole(installation.data, **OFTEN) as console:
        yield console


@pytest.fixture(scope="module")
def faults(live: Live) -> Iterator[Faults]:
    faults = Faults(live)
    with faults.account("blue"):
        yield faults


@pytest.fixture(scope="module")
def surfaces(faults: Faults, installation: Installation, mesh: Mesh) -> Surfaces:
    return Surfaces(installation, mesh.console, MESH)


def credential(mesh: Mesh, folder: Path, text: str = "") -> None:
    """Replace the credential of blue's cluster, by default with the one that it had at first."""
    path = mesh.file.write(*ALL, gateways=("green", "red"), joined=by_platform("green", "red"))
    content = yaml.safe_load(path.read_text())
    if text:
        own = folder / "ending.yaml"
        own.write_text(text)
        content["clusters"][BLUE]["kubeconfig"] = str(own)
        path.write_text(yaml.safe_dump(content, sort_keys=False))
    mesh.console.apply(path)


def test_nothing_is_found_while_all_is_well(surfaces: Surfaces) -> None:
    told = surfaces.expect({})
    assert told.states["member", "green"] == told.states["member", "red"] == "In effect on 2 of 2 istiod replicas"
    assert {told.states["gateway", name] for name in SERVICE.values()} == {"Ready"}
    assert {told.states["cluster", name] for name in CLUSTER.values()} == {"Reachable"}
    assert told.states["rule", ""] == "In place"


def test_a_token_that_ends_soon_is_told(surfaces: Surfaces, mesh: Mesh, faults: Faults, tmp_path: Path) -> None:
    credential(mesh, tmp_path, faults.kubeconfig("blue"))
    surfaces.expect({("credential.ends-soon", BLUE): WARNING})


def test_what_others_do_to_gateways_and_webhooks_is_told(surfaces: Surfaces, faults: Faults) -> None:
    with (
        faults.scaled_to_nothing("green"),
        faults.new_tag("green"),
        faults.policy("red"),
        faults.another_address("red"),
        faults.rewritten_path("red"),
    ):
        told = surfaces.expect(
            {
                ("gateway.not-ready", SERVICE["green"]): CRITICAL,
                ("gateway.changed", SERVICE["green"]): WARNING,
                ("group.no-way-in", "green"): CRITICAL,
                ("cluster.injection-path", GREEN): CRITICAL,
                ("cluster.changed-by-admission", RED): INFO,
                ("gateway.address-changed", SERVICE["red"]): WARNING,
                ("group.no-way-in", "red"): CRITICAL,
                ("cluster.injection-path", RED): CRITICAL,
            },
            apart=(BLUE,),
        )
    assert told.states["member", "green"] == told.states["member", "red"] == "No way in"
    assert told.states["gateway", SERVICE["green"]] == "Not ready"
    assert told.states["gateway", SERVICE["red"]] == "Address changed"
    surfaces.expect({}, apart=(BLUE,))


def test_a_quota_and_a_labelled_service_are_told(surfaces: Surfaces, faults: Faults) -> None:
    with faults.quota("green"), faults.labelled("red"):
        told = surfaces.expect(
            {
                ("gateway.not-ready", SERVICE["green"]): CRITICAL,
                ("group.no-way-in", "green"): CRITICAL,
                ("group.others-decide", "red"): WARNING,
            },
            apart=(BLUE,),
        )
        assert "exceeded quota" in surfaces.console("status", MESH).said
    assert told.states["member", "red"] == "Others decide"
    surfaces.expect({}, apart=(BLUE,))


def test_emptied_networks_and_a_stopped_cluster_are_told(surfaces: Surfaces, faults: Faults) -> None:
    with faults.no_networks(), faults.stopped("red"):
        told = surfaces.expect(
            {
                ("networks.changed", PLANE): CRITICAL,
                ("group.not-in-effect", "green"): CRITICAL,
                ("group.not-in-effect", "red"): CRITICAL,
                ("cluster.no-answer", RED): CRITICAL,
            },
            apart=(BLUE,),
        )
    assert told.states["member", "green"] == told.states["member", "red"] == "Not in effect"
    assert told.states["cluster", RED] == "Doesn't answer"
    surfaces.expect({}, apart=(BLUE,))


def test_a_stopped_istiod_is_told(surfaces: Surfaces, faults: Faults) -> None:
    with faults.no_istiod():
        told = surfaces.expect({("control-plane.no-answer", PLANE): CRITICAL}, apart=(BLUE,))
    assert told.states["member", "green"] == told.states["member", "red"] == "Unknown"
    surfaces.expect({}, apart=(BLUE,))


def test_a_token_that_has_ended_is_told(surfaces: Surfaces, mesh: Mesh, faults: Faults, tmp_path: Path) -> None:
    with faults.ended("blue"):
        told = surfaces.expect({("credential.ended", BLUE): WARNING, ("cluster.refuses-us", BLUE): WARNING})
    assert told.states["cluster", BLUE] == "Refuses us"
    credential(mesh, tmp_path)
    surfaces.expect({})
