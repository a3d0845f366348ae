"""The live tier: real clusters, described by the JSON file that MESHCONSOLE_LIVE names.

Without it the tier says so in one line; with CI set that is an error.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import leave_out_without_chromium, say_what_is_missing
from tests.live.support.console import Console
from tests.live.support.installation import Live
from tests.live.support.meshfile import Mesh, by_platform

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from tests.live.support.installation import Undo

FAILED = pytest.StashKey[str]()
DESCRIPTION = os.environ.get("MESHCONSOLE_LIVE", "")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    return True if collection_path.suffix == ".py" and not DESCRIPTION and not os.environ.get("CI") else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not DESCRIPTION:
        terminalreporter.write_line("live tier: not run, MESHCONSOLE_LIVE names no clusters")
    else:
        say_what_is_missing(terminalreporter)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    leave_out_without_chromium(Path(__file__).with_name("test_pages.py"), config, items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and item.get_closest_marker("steps") and item.parent is not None:
        item.parent.stash.setdefault(FAILED, item.name)
    return report


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("steps") and item.parent is not None and (failed := item.parent.stash.get(FAILED, "")):
        pytest.fail(f"not tried: {failed} has failed", pytrace=False)


@pytest.fixture(scope="session")
def live() -> Live:
    if not DESCRIPTION:
        pytest.fail("MESHCONSOLE_LIVE must name the description of an installation", pytrace=False)
    return Live(Path(DESCRIPTION))


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Console:
    """The product's command line with an empty database of its own, one per file of tests."""
    return Console(tmp_path_factory.mktemp("console"))


@pytest.fixture
def undo() -> Iterator[Undo]:
    """`undo(action)`: done after the test, the last one first, whatever the test came to."""
    actions: list[Callable[[], object]] = []
    yield actions.append
    for action in reversed(actions):
        action()


@pytest.fixture(scope="module")
def mesh(live: Live, console: Console, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """All groups, with green and red joined by one file; afterwards nothing of it is left."""
    mesh = Mesh(live, console, tmp_path_factory.mktemp("mesh"))
    try:
        mesh.apply(by_platform("green", "red"))
        yield mesh
    finally:
        closed = mesh.close()
    closed.ended(0)
    mesh.expect_no_trace()
