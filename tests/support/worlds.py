"""Fixtures around a World. A folder of tests imports those that it needs into its conftest.

Each stage is reached once per run and kept as the clusters' state and the rows. Later tests start from a copy of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone

from interconnect import clients
from interconnect.models import (
    ClusterObservation,
    GatewayObservation,
    Mesh,
    MeshObservation,
    ReplicaObservation,
)
from interconnect.rollouts.steps import gateway as gateway_steps
from interconnect.services.watching import look_surely
from simulator import Fleet
from tests.support import rows
from tests.support.ports import own_port
from tests.support.world import B, World


@dataclass(frozen=True)
class Kept:
    port: int
    state: str
    rows: rows.Rows


_kept: dict[str, Kept] = {}


def _registered(world: World) -> None:
    world.register()


def _prepared(world: World) -> None:
    world.register()
    world.prepared()


def _joined(world: World) -> None:
    world.register()
    world.prepared()
    world.do(world.join("green", B))


@pytest.fixture
def hasty(settings: Any) -> None:
    """Shorten waits of minutes to a moment."""
    settings.MESHCONSOLE_UNREACHABLE_SECONDS = 0.5
    settings.MESHCONSOLE_VERIFY_SECONDS = 1.5


@pytest.fixture
def no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the wait for an address, for tests in which a load balancer never reports one.

    Other tests wait as long as the product does.
    """
    monkeypatch.setattr(gateway_steps, "ADDRESS_SECONDS", 0.3)


@pytest.fixture
def fleets() -> Iterator[Callable[..., Fleet]]:
    """Yield a function that starts fleets. They end with the test."""
    with ExitStack() as stack:
        yield lambda *plans, **options: stack.enter_context(Fleet(plans, **options))
        forget_clients()


def forget_clients() -> None:
    """Drop all kept clients.

    The next test's clusters may have the same identities, and kept connections lead to those of the last test.
    """
    for _, transport in clients._cache.values():
        transport.close()
    clients._cache.clear()


@pytest.fixture
def empty(fleets: Callable[..., Fleet], hasty: None, transactional_db: None) -> World:
    """Return a world of clusters that the console doesn't know yet."""
    return World(fleets())


@pytest.fixture
def world(fleets: Callable[..., Fleet], hasty: None, transactional_db: None) -> World:
    """Return a world with the mesh `prod` and its three members, registered and not enabled."""
    return _at("registered", _registered, fleets)


@pytest.fixture
def prepared(fleets: Callable[..., Fleet], hasty: None, transactional_db: None) -> World:
    """Return a world with blue in member-a, green in member-b and red in member-c, each with a gateway, none joined."""
    return _at("prepared", _prepared, fleets)


@pytest.fixture
def joined(fleets: Callable[..., Fleet], hasty: None, transactional_db: None) -> World:
    """Return a world like `prepared`, with green joined."""
    return _at("joined", _joined, fleets)


def _at(stage: str, reach: Callable[[World], None], fleets: Callable[..., Fleet]) -> World:
    def reached(fleet: Fleet) -> None:
        world = World(fleet)
        reach(world)
        # As after every registration and rollout. Later looks of this hour leave out what changes rarely.
        look_surely(world.mesh)

    world = World(restored(stage, fleets, reached))
    world.mesh = Mesh.objects.select_related("control_plane", "config").get()
    return world


def _seen_now() -> None:
    """What was seen when the starting point was reached is as fresh as its clusters are."""
    now = timezone.now()
    for answering in (MeshObservation, ClusterObservation, ReplicaObservation):
        answering.objects.filter(answered_at__isnull=False).update(at=now, answered_at=now)
    ClusterObservation.objects.filter(details_at__isnull=False).update(details_at=now)
    GatewayObservation.objects.update(at=now)


def restored(stage: str, begin: Callable[..., Fleet], reach: Callable[[Fleet], object]) -> Fleet:
    """Return a fleet, begun with `begin(port=, state=)`, and the database at a stage that `reach` reaches from a new
    fleet.
    """
    kept = _kept.get(stage)
    if kept is not None:
        rows.load(kept.rows)
        _seen_now()
        return begin(port=kept.port, state=json.loads(kept.state))
    # Its credentials lead to this port, whenever it is started again.
    fleet = begin(port=own_port())
    reach(fleet)
    fleet.settle()
    _kept[stage] = Kept(fleet.server.port, json.dumps(fleet.dump()), rows.dump())
    return fleet
