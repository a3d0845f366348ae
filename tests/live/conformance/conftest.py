"""The suite of `tests/kube/conformance` on every cluster of MESHCONSOLE_LIVE, unchanged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kube.conformance.places import Installation, api, config, deployed, hub, namespace_of, nobody, space
from tests.live.conftest import DESCRIPTION
from tests.live.support.installation import Live

__all__ = ["api", "cluster", "config", "deployed", "hub", "installation", "namespace_of", "nobody", "space"]

CLUSTERS = [item["name"] for item in json.loads(Path(DESCRIPTION).read_text())["clusters"]] if DESCRIPTION else []


@pytest.fixture(scope="session")
def installation() -> Installation:
    return Installation(Path(DESCRIPTION))


@pytest.fixture(scope="session", params=CLUSTERS)
def cluster(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def connected(installation: Installation) -> Iterator[str]:
    """A replica of istiod to which a proxy is connected."""
    live = Live(Path(DESCRIPTION))
    replica = live.istiods()[0]
    with live.proxy(replica, installation.members[0]) as proxy:
        assert proxy.told()
        yield replica
