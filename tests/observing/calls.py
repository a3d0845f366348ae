"""The requests that a simulated cluster has been sent, port-forwards included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.world import World


@dataclass
class Calls:
    """The requests that a cluster has been sent."""

    paths: list[str]

    @classmethod
    def to(cls, world: World, name: str) -> Calls:
        api, calls = world.fleet.cluster(name).api, cls([])
        authenticate = api.authenticate

        def counting(request: Any) -> Any:
            calls.paths.append(f"{request.method} {request.path}")
            return authenticate(request)

        api.authenticate = counting  # type: ignore[method-assign]
        return calls
