"""The live tier on simulated clusters: the same tests, without those that need the data path."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.conftest import mesh, undo
from tests.live.support.installation import REPOSITORY, Live
from tests.support.forks import ForkingConsole

__all__ = ["console", "live", "mesh", "undo"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if item.path.parent == HERE and item.get_closest_marker("data_path")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Three simulated members and their hub, in a process of its own; new for each file of tests."""
    folder = tmp_path_factory.mktemp("simulator")
    command = [sys.executable, "-m", "simulator", "--clusters", "3", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("simulator: ")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MESHCONSOLE_RIG", str(HERE / "rig.py"))
        patch.setenv("PYTHONPATH", str(REPOSITORY))
        yield Live(folder / "live.json")
    process.terminate()
    assert process.wait(20) == 0


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a console that nobody has used."""
    with ForkingConsole(tmp_path_factory.mktemp("migrated")) as console:
        return console.folder


@pytest.fixture(scope="module")
def console(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkingConsole]:
    """The product's command line with an empty database of its own, one per file of tests."""
    folder = tmp_path_factory.mktemp("console")
    shutil.copytree(migrated, folder, dirs_exist_ok=True)
    with ForkingConsole(folder) as console:
        yield console
