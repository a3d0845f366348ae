"""Fixtures and options of the whole suite."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import translation
from hypothesis import HealthCheck, settings

from meshconsole.access.models import Binding
from meshconsole.access.roles import Role
from tests.support.valkey import Valkey

settings.register_profile("default", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("default"), max_examples=500, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "default"))

# Its checks run on simulated clusters too, imported by other tests.
pytest.register_assert_rewrite("tests.live")

LEFT_OUT = pytest.StashKey[list[str]]()
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--only-database", action="store_true", help="run only the tests that use the database")
    parser.addoption("--leave-out", metavar="MARK", help="leave out the tests with this mark, and name them at the end")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    mark = config.getoption("--leave-out")
    left_out = [item for item in items if mark and item.get_closest_marker(mark)]
    config.stash[LEFT_OUT] = [item.nodeid for item in left_out]
    if config.getoption("--only-database"):
        left_out += [item for item in items if not uses_database(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name in config.stash.get(LEFT_OUT, []):
        terminalreporter.write_line(f"left out ({config.getoption('--leave-out')}): {name}")


def uses_database(item: pytest.Item) -> bool:
    return item.get_closest_marker("django_db") is not None or bool(DATABASE_FIXTURES & set(getattr(item, "fixturenames", ())))


def pytest_report_header(config: pytest.Config) -> str:
    from django.conf import settings as django_settings

    return f"database: {django_settings.DATABASES['default']['ENGINE'].rpartition('.')[2]}"


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Each test begins in English: a request in another language leaves it active in this thread."""
    with translation.override("en"):
        yield


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """A real server, one for the whole run: `valkey.url`; `stop()`, `start()` and `empty()` for who tests a loss."""
    with Valkey() as server:
        yield server


@pytest.fixture
def scope() -> str:
    """The scope on which the cast has its roles; a folder of tests may have its own."""
    return "somewhere"


def person(name: str, role: Role | None, scope: str) -> Any:
    user = get_user_model().objects.create_user(username=name, password=f"password of {name}")
    if role is not None:
        Binding.objects.create(user=user, role=role, scope=scope)
    return user


@pytest.fixture
def vera(db: None, scope: str) -> Any:
    """A viewer of `scope`."""
    return person("vera", Role.VIEWER, scope)


@pytest.fixture
def omar(db: None, scope: str) -> Any:
    """An operator of `scope`."""
    return person("omar", Role.OPERATOR, scope)


@pytest.fixture
def ada(db: None, scope: str) -> Any:
    """A mesh admin of `scope`."""
    return person("ada", Role.MESH_ADMIN, scope)


@pytest.fixture
def pia(db: None) -> Any:
    """A platform admin."""
    return person("pia", Role.PLATFORM_ADMIN, "")


@pytest.fixture
def mallory(db: None, scope: str) -> Any:
    """Has an account and no role anywhere."""
    return person("mallory", None, scope)
