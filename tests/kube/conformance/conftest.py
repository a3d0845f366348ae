"""The suite on simulated clusters; `tests/live/conformance` runs the same tests on real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from interconnect.simulator import Fleet
from tests.kube.conformance.places import Installation, api, config, deployed, hub, namespace_of, nobody, space

__all__ = ["api", "cluster", "config", "deployed", "hub", "installation", "namespace_of", "nobody", "space"]


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("conformance")
    with Fleet(members=("member-a",)) as fleet:
        description = Path(folder, "live.json")
        description.write_text(json.dumps(fleet.describe(folder)))
        yield Installation(description)


@pytest.fixture(scope="session", params=["member-a"])
def cluster(request: pytest.FixtureRequest) -> str:
    return str(request.param)
