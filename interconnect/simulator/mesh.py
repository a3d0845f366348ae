"""One mesh of a fleet: which clusters it has, and the controllers and istiods that live in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interconnect.simulator.fleet import Fleet


class Mesh:
    def __init__(self, fleet: Fleet, hub: str, config: str, members: Sequence[str]) -> None:
        self.fleet, self.hub, self.config, self.members = fleet, hub, config, tuple(members)

    def wake(self) -> None:
        """Something about the clusters' reachability has changed."""
