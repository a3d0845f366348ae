"""The suite on simulated clusters; `tests/live/conformance` runs the same tests on real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interconnect.kube import debug, kinds
from simulator import Fleet, usual_mesh
from tests.kube.conformance.places import Installation, api, config, deployed, hub, namespace_of, nobody, space

if TYPE_CHECKING:
    from interconnect.kube.api import Api

__all__ = ["api", "cluster", "config", "deployed", "hub", "installation", "namespace_of", "nobody", "space"]


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("conformance")
    with Fleet([usual_mesh(members=("member-a",))]) as fleet:
        description = Path(folder, "live.json")
        description.write_text(json.dumps(fleet.describe(folder)))
        yield Installation(description)


@pytest.fixture(scope="session", params=["member-a"])
def cluster(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def connected(hub: Api, installation: Installation) -> str:
    """A replica of istiod to which a proxy is connected: those of simulated Pods are, by themselves."""
    pods = [pod["metadata"]["name"] for pod in hub.list(kinds.POD, installation.system, labels="app=istiod")]
    return str(next(pod for pod in pods if debug.proxies_of(debug.PodSource(hub, installation.system, pod))))
