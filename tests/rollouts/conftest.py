from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from celery import current_app

from interconnect.models import Mesh
from interconnect.rollouts import bell
from meshconsole.broker import celery_url
from simulator import Fleet, Timing
from tests.support import console
from tests.support.worlds import fleets, restored

if TYPE_CHECKING:
    from tests.support.valkey import Valkey

__all__ = ["fleets"]


@dataclass
class World:
    """A fleet and the mesh that is registered on it; `found` is the fleet as it was before anything was done."""

    fleet: Fleet
    mesh: Mesh
    found: dict[str, dict[str, object]]

    def uid(self, name: str) -> str:
        return self.fleet.cluster(name).uid


@pytest.fixture
def world(transactional_db: None, fleets: Callable[..., Fleet]) -> World:
    quick = partial(fleets, timing=Timing(pod=0.005, load_balancer=0.005, reload=0.005))
    fleet = restored("registered, quick", quick, console.registered_mesh)
    return World(fleet, Mesh.objects.select_related("control_plane", "config").get(), fleet.snapshot())


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
