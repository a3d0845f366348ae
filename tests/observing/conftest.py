from tests.rollouts.conftest import broker
from tests.support.worlds import empty, fleets, hasty, joined, no_address, prepared, world

__all__ = ["broker", "empty", "fleets", "hasty", "joined", "no_address", "prepared", "world"]
