from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.support import Shell
from tests.cli.support import shell as make_shell
from tests.support.worlds import empty, fleets, hasty, joined, no_address, prepared, world

if TYPE_CHECKING:
    from tests.support.world import World

__all__ = ["empty", "fleets", "hasty", "joined", "no_address", "prepared", "world"]


@pytest.fixture
def shell(empty: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Nothing is registered yet."""
    return make_shell(empty, tmp_path, capsys, monkeypatch)


@pytest.fixture
def at_work(
    joined: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    """blue, green and red are there, green is joined; the file says just that."""
    shell = make_shell(joined, tmp_path, capsys, monkeypatch)
    shell.content["groups"] = {
        "blue": {"clusters": ["member-a"], "gateways": {"member-a/1": {}}},
        "green": {"clusters": ["member-b"], "gateways": {"member-b/1": {}}, "joined": [{"gateway": "member-b/1"}]},
        "red": {"clusters": ["member-c"], "gateways": {"member-c/1": {}}},
    }
    return shell
