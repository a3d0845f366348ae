"""`shop.storefront()` created once per test file. A conftest imports the fixture that its tests need as their mesh.

No test sees what another one did to the mesh: `standing` is created in a transaction around those of the tests, and
`resurrected`, for tests that commit, is loaded from rows each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction

from interconnect.models import Mesh
from tests.support import rows, shop

if TYPE_CHECKING:
    from uuid import UUID

COMMITS = {"transactional_db", "live_server", "django_db_reset_sequences"}


class Around:
    """The transaction around the tests of one file. Their own transactions become savepoints in it."""

    now: Around | None = None

    def __init__(self, blocker: Any) -> None:
        self._blocker, self._atomic = blocker, transaction.atomic()
        with blocker.unblock():
            self._atomic.__enter__()
            self.mesh_id: UUID = shop.storefront().id
        Around.now = self

    def end(self) -> None:
        if Around.now is self:
            Around.now = None
            with self._blocker.unblock():
                transaction.set_rollback(True)
                self._atomic.__exit__(None, None, None)


def make_way(item: pytest.Item) -> None:
    """End the surrounding transaction before a test that commits. To be called before each test."""
    marker = item.get_closest_marker("django_db")
    if Around.now and (
        COMMITS & set(getattr(item, "fixturenames", ())) or (marker and marker.kwargs.get("transaction"))
    ):
        Around.now.end()


@pytest.fixture(scope="module")
def around(django_db_setup: None, django_db_blocker: Any) -> Iterator[Around]:
    made = Around(django_db_blocker)
    yield made
    made.end()


@pytest.fixture
def standing(around: Around, db: None) -> Mesh:
    """Return the mesh, created again if a test that commits ran in between. That happens only in random order."""
    return Mesh.objects.get(id=around.mesh_id) if Around.now is around else shop.storefront()


@pytest.fixture(scope="module")
def storefront_rows() -> dict[str, rows.Rows]:
    """Return the dumped rows, which the first test that needs them fills in."""
    return {}


@pytest.fixture
def resurrected(storefront_rows: dict[str, rows.Rows], transactional_db: None) -> Mesh:
    if not storefront_rows:
        made = shop.storefront()
        storefront_rows["storefront"] = rows.dump()
        return made
    rows.load(storefront_rows["storefront"])
    return Mesh.objects.get()
