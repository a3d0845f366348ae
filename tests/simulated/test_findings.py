"""What others break is told alike everywhere, on simulated clusters."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from simulator.remote import Remote
from tests.live.support.faults import Faults, with_token
from tests.live.support.meshfile import CLUSTER
from tests.live.support.policy import LIMIT, limit
from tests.live.test_findings import *  # noqa: F403
from tests.support.tokens import jwt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.installation import Installation
    from tests.live.support.installation import Live


class SimulatedFaults(Faults):
    """Faults that simulated clusters have in ways of their own: policies, and tokens that nobody verifies."""

    seconds = 86400.0

    def __init__(self, live: Live, installation: Installation) -> None:
        super().__init__(live)
        self.database = installation.data / "meshconsole.sqlite3"

    @property
    def remote(self) -> Remote:
        return Remote(self.live.description.parent)

    @contextmanager
    def policy(self, group: str) -> Iterator[None]:
        before = limit(self._live_deployment(group))
        self.remote.policies(
            CLUSTER[group], {"resource": "deployments", "prefix": "eastwest-", "sets": {LIMIT: "250m"}}
        )
        try:
            assert limit(self._touched(group)) != before
            yield
        finally:
            self.remote.policies(CLUSTER[group])
            assert limit(self._put_back(group, before)) == before

    def kubeconfig(self, group: str) -> str:
        return with_token(self.live.clusters[CLUSTER[group]].kubeconfig, jwt(exp=int(time.time() + self.seconds)))

    @contextmanager
    def ended(self, group: str) -> Iterator[None]:
        """Nobody waits for a day: what is stored of the token says that it has ended."""
        self.remote.fault(CLUSTER[group], "401")
        with closing(sqlite3.connect(self.database, timeout=20)) as database, database:
            database.execute("UPDATE interconnect_connection SET ends_at = '2026-01-01' WHERE ends_at IS NOT NULL")
        try:
            yield
        finally:
            self.remote.fault(CLUSTER[group], None)


@pytest.fixture(scope="module")
def faults(live: Live, installation: Installation) -> SimulatedFaults:
    return SimulatedFaults(live, installation)
