from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from celery import current_app

from interconnect.rollouts import bell
from meshconsole.broker import celery_url
from simulator import Fleet, Timing
from tests.support import console

if TYPE_CHECKING:
    from interconnect.models import Mesh
    from tests.support.valkey import Valkey


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
def world(transactional_db: None, fleet: Fleet) -> World:
    return World(fleet, console.registered_mesh(fleet), fleet.snapshot())


@pytest.fixture
def broker(valkey: Valkey) -> Iterator[Valkey]:
    """The real broker, empty, for the workers of a test and for the bells that this process rings."""
    valkey.empty()
    before = current_app.conf.broker_url
    _ring_at(celery_url(valkey.url))
    yield valkey
    _ring_at(before)


def _ring_at(url: str) -> None:
    current_app.conf.broker_url = current_app.conf.broker_write_url = url
    current_app._pool = current_app.amqp._producer_pool = None
    bell._silent_until = 0.0


@pytest.fixture
def fast(settings: Any) -> None:
    """A cluster that refuses is given up soon.

    Whatever answers has all its time: a machine that stalls fails no test.
    """
    settings.MESHCONSOLE_UNREACHABLE_SECONDS = 0.5
    console.forget_connections()
