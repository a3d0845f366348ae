"""Fixtures and options of the whole suite."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import TransactionTestCase
from django.utils import translation
from hypothesis import HealthCheck, settings

from meshconsole.access.models import Binding
from meshconsole.access.roles import Role
from tests.support import rows
from tests.support.standing import make_way
from tests.support.valkey import Valkey

settings.register_profile("default", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("default"), max_examples=500, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "default"))

# Its checks run on simulated clusters too, imported by other tests.
pytest.register_assert_rewrite("tests.live")

# Django's own way runs all that follows a migration, after each test that commits.
TransactionTestCase._fixture_teardown = lambda case: rows.clear("default")  # type: ignore[attr-defined]

LEFT_OUT = pytest.StashKey[list[str]]()
FOR_SHIP = pytest.StashKey[int]()
# Whatever rests on a database's own behaviour runs on both: locks, constraints, isolation, compare-and-set, JSON, its
# clock, its text, and the queries of pages. The rest asks the same questions through the same code, and runs on SQLite
# alone.
ON_BOTH_DATABASES = (
    "tests/access/test_policy.py",
    "tests/history",
    "tests/models",
    "tests/platform/test_audit.py",
    "tests/platform/test_health.py",
    "tests/platform/test_rotate_credentials.py",
    "tests/rollouts/test_boundaries.py",
    "tests/rollouts/test_database.py",
    "tests/rollouts/test_kills.py::test_twenty_workers_are_killed_in_the_middle_of_writing_and_every_rollout_succeeds",
    "tests/rollouts/test_leases.py",
    "tests/rollouts/test_rollout.py",
    "tests/services/test_credentials.py",
    "tests/services/test_look_costs.py",
    "tests/services/test_watching.py",
    "tests/services/test_inquiries.py",
    "tests/services/test_registration.py",
    "tests/services/test_rollouts.py",
    "tests/state",
    "tests/steps/test_whole.py",
    "tests/views/test_bad_input.py::test_a_page_with_a_query_that_it_does_not_know_is_shown_all_the_same",
    "tests/views/test_bad_input.py::test_hostile_values_are_refused_and_change_nothing",
    "tests/views/test_members.py",
    "tests/views/test_pages.py",
    "tests/views/test_races.py",
    "tests/views/test_rollouts.py",
    "tests/views/test_stale_forms.py",
)

LONGEST = (
    "tests/e2e/test_procedure.py",
    "tests/e2e/test_interruptions.py",
    "tests/rollouts/test_kills.py",
    "tests/simulated/test_findings.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--on-both-databases", action="store_true", help="run only the tests that run on PostgreSQL too")
    parser.addoption("--ship", action="store_true", help="run also the tests that are too long for each change")
    parser.addoption(
        "--every-cluster", action="store_true", help="conformance on every real cluster, not on one of each kind"
    )
    parser.addoption("--leave-out", metavar="MARK", help="leave out the tests with this mark, and name them at the end")


def pytest_configure(config: pytest.Config) -> None:
    """What won't run needn't be imported."""
    if config.getoption("--on-both-databases") and config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        config.args = list(ON_BOTH_DATABASES)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    for item in items:
        if item.get_closest_marker("steps"):
            item.add_marker(pytest.mark.random_order(disabled=True))
    mark = config.getoption("--leave-out")
    left_out = [item for item in items if mark and item.get_closest_marker(mark)]
    config.stash[LEFT_OUT] = [item.nodeid for item in left_out]
    for_ship = [item for item in items if item.get_closest_marker("ship") and not config.getoption("--ship")]
    config.stash[FOR_SHIP] = len(for_ship)
    left_out += for_ship
    if config.getoption("--on-both-databases"):
        left_out += [item for item in items if not item.nodeid.startswith(ON_BOTH_DATABASES)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    yield
    # Of several processes none is left alone with a long file at the end.
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    make_way(item)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes tells the one that reports; what each has collected is the same."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["for_ship"] = session.config.stash.get(FOR_SHIP, 0)
        output["left_out"] = session.config.stash.get(LEFT_OUT, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A process that was killed has told nothing."""
    told = getattr(node, "workeroutput", {})
    if "for_ship" in told:
        node.config.stash[FOR_SHIP] = told["for_ship"]
        node.config.stash[LEFT_OUT] = told["left_out"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name in config.stash.get(LEFT_OUT, []):
        terminalreporter.write_line(f"left out ({config.getoption('--leave-out')}): {name}")
    if config.stash.get(FOR_SHIP, 0):
        tests = "1 test" if config.stash[FOR_SHIP] == 1 else f"{config.stash[FOR_SHIP]} tests"
        terminalreporter.write_line(f"left to make check-ship (or --ship): {tests}")


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
