from tests.support.worlds import empty, fleets, hasty, joined, no_address, prepared, world

__all__ = ["empty", "fleets", "hasty", "joined", "no_address", "prepared", "world"]
