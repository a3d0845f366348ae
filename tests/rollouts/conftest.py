from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from interconnect.simulator import Fleet, Timing
from tests.support import console

if TYPE_CHECKING:
    from interconnect.models import Mesh


@dataclass
class World:
    """A fleet and the mesh that is registered on it; `found` is the fleet as it was before anything was done."""

    fleet: Fleet
    mesh: Mesh
    found: dict[str, dict[str, object]]

    def uid(self, name: str) -> str:
        return self.fleet.cluster(name).uid


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with Fleet(timing=Timing(pod=0.005, load_balancer=0.005, reload=0.005)) as running:
        yield running
    console.forget_connections()


@pytest.fixture
def world(transactional_db: None, fleet: Fleet, settings: object) -> World:
    return World(fleet, console.registered_mesh(fleet), fleet.snapshot())
