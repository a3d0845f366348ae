"""What the default installation takes while nothing happens: memory and processor of every process."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from pathlib import Path

from tests.bench.table import Table
from tests.run.consoles import Console, parent, processes_of, until

SETTLE_SECONDS = 10.0
IDLE_SECONDS = 60.0  # a whole turn of everything that comes back


def test_the_default_installation_is_measured_at_rest(tmp_path: Path) -> None:
    with Console(tmp_path / "data", MESHCONSOLE_DEMO="1") as console:
        until(lambda: len(_processes(console.process.pid)) > 3 and not _seeding(console.data), "the demo is not there")
        time.sleep(SETTLE_SECONDS)
        before, began = {pid: _ticks(pid) for pid in _processes(console.process.pid)}, time.monotonic()
        time.sleep(IDLE_SECONDS)
        passed = time.monotonic() - began
        columns = ("process", "PSS MB", "processor %")
        table = Table("footprint", "The default installation at rest (aim: 400 MB, 2 % of a core)", columns)
        total = [0.0, 0.0]
        for pid, command in _processes(console.process.pid).items():
            memory, busy = (
                _pss(pid) / 1024,
                100 * (_ticks(pid) - before.get(pid, 0)) / os.sysconf("SC_CLK_TCK") / passed,
            )
            table.add(_short(command), f"{memory:.1f}", f"{busy:.2f}")
            total = [total[0] + memory, total[1] + busy]
        table.add("all", f"{total[0]:.1f}", f"{total[1]:.2f}")
        table.print()


def _seeding(data: Path) -> bool:
    return any("manage.py demo" in command for command in processes_of(data).values())


def _processes(supervisor: int) -> dict[int, str]:
    """Command by process: it and what descends from it.

    A broker writes its title over its environment, which tells nothing then.
    """
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents[int(folder.name)] = parent(int(folder.name))
    found, waiting = {}, [supervisor]
    while waiting:
        pid = waiting.pop()
        found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        waiting += [child for child, its_parent in parents.items() if its_parent == pid]
    return found


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _pss(pid: int) -> int:
    """Kilobytes, with shared pages divided among those who share them."""
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def _short(command: str) -> str:
    for words, name in (
        ("gunicorn", "web"),
        ("celery", "worker with beat"),
        ("valkey", "broker"),
        ("guardian", "guardian"),
        ("supervise", "supervisor"),
    ):
        if words in command:
            return name
    return "simulated clusters (demo)" if "simulator" in command else command[-40:].strip()
