from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from interconnect.scope import scope_of
from tests.support import shop

if TYPE_CHECKING:
    from interconnect.models import Mesh


@pytest.fixture
def mesh(db: None) -> Mesh:
    return shop.storefront()


@pytest.fixture
def scope(mesh: Mesh) -> str:
    return scope_of(mesh.id)


@pytest.fixture
def as_ada(client: Any, ada: Any) -> Any:
    """A browser of the mesh's admin."""
    client.force_login(ada)
    return client
