from tests.support.worlds import empty, fleets, hasty, joined, prepared, world

__all__ = ["empty", "fleets", "hasty", "joined", "prepared", "world"]
