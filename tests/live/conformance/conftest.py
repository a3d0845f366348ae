"""The suite of `tests/kube/conformance` on real clusters, unchanged: on one of each kind, or on all of
MESHCONSOLE_LIVE.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kube.conformance.places import Installation, api, config, deployed, hub, namespace_of, nobody, space
from tests.live.conftest import DESCRIPTION
from tests.live.support.installation import Live

__all__ = ["api", "config", "deployed", "hub", "installation", "namespace_of", "nobody", "space"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cluster" in metafunc.fixturenames:
        metafunc.parametrize("cluster", clusters(every=metafunc.config.getoption("--every-cluster")), scope="session")


def clusters(*, every: bool) -> list[str]:
    """Names: the control plane's cluster, the one that istiod is configured in, and the first member.

    Or all of them.
    """
    if not DESCRIPTION:
        return []
    content = json.loads(Path(DESCRIPTION).read_text())
    if every:
        return [item["name"] for item in content["clusters"]]
    member = next(item["name"] for item in content["clusters"] if item["member"])
    return list(dict.fromkeys([content["control_plane_cluster"], content["config_cluster"], member]))


@pytest.fixture(scope="session")
def installation() -> Installation:
    return Installation(Path(DESCRIPTION))


@pytest.fixture(scope="module")
def connected(installation: Installation) -> Iterator[str]:
    """A replica of istiod to which a proxy is connected."""
    live = Live(Path(DESCRIPTION))
    replica = live.istiods()[0]
    with live.proxy(replica, installation.members[0]) as proxy:
        assert proxy.told()
        yield replica
