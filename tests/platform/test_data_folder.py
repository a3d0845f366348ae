"""Who can read the folder of the database and the keys: its owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from meshconsole.env import closed_folder
from tests.platform.starting import Start, last_words

ELSEWHERE = Path(__file__)
FILES = (
    "meshconsole.sqlite3",
    "meshconsole.sqlite3-wal",
    "meshconsole.sqlite3-shm",
    "secret_key",
    "celerybeat-schedule",
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As an older version, or a person, has made it."""
    made = tmp_path / "data"
    made.mkdir()
    for name in FILES:
        (made / name).write_text("kept")
        (made / name).chmod(0o644)
    made.chmod(0o755)
    return made


def test_a_folder_that_others_can_read_is_closed_and_said(folder: Path, start: Start) -> None:
    process = start()
    assert process.returncode == 0, process.stderr
    assert (
        process.stderr == f"meshconsole: MESHCONSOLE_DATA: {folder} was open to others (mode 0755); closed to 0700.\n"
    )
    assert mode(folder) == 0o700
    assert {mode(folder / name) for name in FILES} == {0o600}


def test_a_closed_folder_is_not_spoken_of(folder: Path, start: Start) -> None:
    start()
    assert start().stderr == ""


def test_files_in_a_closed_folder_are_closed_too(folder: Path) -> None:
    folder.chmod(0o700)
    assert closed_folder(folder, program=ELSEWHERE) == ""
    assert {mode(folder / name) for name in FILES} == {0o600}


def test_what_is_in_the_files_stays(folder: Path) -> None:
    closed_folder(folder, program=ELSEWHERE)
    assert {(folder / name).read_text() for name in FILES} == {"kept"}


def test_a_folder_of_somebody_else_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(ImproperlyConfigured, match="belongs to somebody else"):
        closed_folder(folder, program=ELSEWHERE)
    assert mode(folder) == 0o755


def test_a_folder_that_everybody_uses_is_refused_and_left_open(folder: Path) -> None:
    folder.chmod(0o1777)
    with pytest.raises(ImproperlyConfigured, match="is used for other things too"):
        closed_folder(folder, program=ELSEWHERE)
    assert mode(folder) == 0o1777


@pytest.mark.parametrize("inside", ["program", "home"])
def test_a_folder_that_holds_more_than_data_is_left_open(
    folder: Path, inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder / "home" if inside == "home" else ELSEWHERE.parent))
    with pytest.raises(ImproperlyConfigured, match="is used for other things too"):
        closed_folder(folder, program=folder / "program" if inside == "program" else ELSEWHERE)
    assert mode(folder) == 0o755


def test_a_link_in_the_folder_does_not_close_what_it_leads_to(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("of somebody else")
    elsewhere.chmod(0o644)
    (folder / "link").symlink_to(elsewhere)
    closed_folder(folder, program=ELSEWHERE)
    assert mode(elsewhere) == 0o644


def test_the_command_line_says_in_one_line_why_it_cannot_use_a_folder(tmp_path: Path, start: Start) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o1777)
    process = start()
    assert last_words(process).startswith(f"MESHCONSOLE_DATA: {folder} is used for other things too")
