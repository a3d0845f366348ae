from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from interconnect.scope import scope_of
from tests.support.standing import around, standing

if TYPE_CHECKING:
    from interconnect.models import Mesh


__all__ = ["around", "standing"]


@pytest.fixture
def mesh(standing: Mesh) -> Mesh:
    return standing


@pytest.fixture
def scope(mesh: Mesh) -> str:
    return scope_of(mesh.id)


@pytest.fixture
def as_ada(client: Any, ada: Any) -> Any:
    """A browser of the mesh's admin."""
    client.force_login(ada)
    return client
