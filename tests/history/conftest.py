from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.history import COMMITS, CREDENTIAL_KEYS
from tests.history.restored import Restored, restored


@pytest.fixture(scope="module", params=COMMITS)
def old(
    request: pytest.FixtureRequest,
    django_db_setup: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Restored]:
    """The database of an earlier commit, of the kind that these tests run on, migrated: in the place
    of the tests' own.
    """
    with django_db_blocker.unblock(), restored(request.param, tmp_path_factory.mktemp("history")) as found:
        yield found


@pytest.fixture(autouse=True)
def old_keys(settings: Any) -> None:
    settings.MESHCONSOLE_CREDENTIAL_KEYS = [CREDENTIAL_KEYS]
