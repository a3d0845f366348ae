"""What `manage.py run` keeps of its processes' output: days, and never more than a disk holds."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from meshconsole.ops.run import child
from meshconsole.ops.run.child import Log


def kept(folder: Path) -> list[str]:
    return [gzip.decompress(path.read_bytes()).decode() for path in sorted(folder.glob("web-*.log.gz"))]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    monkeypatch.setattr(child, "LOG_BYTES", 100)
    return Log(tmp_path / "web.log")


def test_a_flood_of_lines_erases_nothing(log: Log, tmp_path: Path) -> None:
    for number in range(50):
        log.write(f"{number:02d} {'x' * 60}\n".encode())
    text = "".join(kept(tmp_path)) + (tmp_path / "web.log").read_text()
    assert [line[:2] for line in text.splitlines()] == [f"{number:02d}" for number in range(50)]
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


def test_a_file_that_was_moved_away_is_begun_anew(log: Log, tmp_path: Path) -> None:
    log.write(b"one\n")
    (tmp_path / "web.log").rename(tmp_path / "elsewhere")
    for _ in range(4):
        log.write(b"x" * 150 + b"\n")
    assert "x" in "".join(kept(tmp_path)) + (tmp_path / "web.log").read_text()


def test_logs_stop_at_their_share_of_the_disk(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "KEPT_BYTES", 300)
    for number in range(50):
        log.write(f"{number:02d} {'x' * 60}\n".encode())
    assert sum(path.stat().st_size for path in tmp_path.glob("*.gz")) <= 300
    assert kept(tmp_path)[-1].startswith(("46", "47", "48"))


def test_a_day_ends_a_file_and_two_weeks_end_it_for_good(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.write(b"yesterday\n")
    monkeypatch.setattr(child, "DAY_SECONDS", -1)
    log.write(b"today\n")
    assert kept(tmp_path) == ["yesterday\n"] and (tmp_path / "web.log").read_text() == "today\n"
    (old,) = tmp_path.glob("*.gz")
    os.utime(old, (0, 0))
    log.write(b"tomorrow\n")
    assert kept(tmp_path) == ["today\n"]
