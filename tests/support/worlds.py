"""Fixtures around a World; a folder of tests imports those that it needs into its conftest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from interconnect.rollouts.steps import gateway as gateway_steps
from interconnect.simulator import Fleet
from tests.support.world import World


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with Fleet() as running:
        yield running


@pytest.fixture
def hasty(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that are a matter of minutes take a moment."""
    settings.MESHCONSOLE_UNREACHABLE_SECONDS = 0.5
    settings.MESHCONSOLE_VERIFY_SECONDS = 1.5
    monkeypatch.setattr(gateway_steps, "ADDRESS_SECONDS", 0.3)


@pytest.fixture
def world(fleet: Fleet, hasty: None, transactional_db: None) -> World:
    """A mesh `prod` with its three members, registered and not enabled."""
    world = World(fleet)
    world.register()
    return world
