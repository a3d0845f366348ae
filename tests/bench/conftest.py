from __future__ import annotations

from tests.rollouts.conftest import broker, fleet, world

__all__ = ["broker", "fleet", "world"]
