"""Two small programs that need only the standard library, run by path: they start before everything else and end last.

    guardian.py gate COMMAND…  becomes COMMAND when a byte arrives on standard input; ends if its starter is gone before
    guardian.py guard          reads `+GROUP`, `=GROUP` (one that the others need) and `-GROUP` (it has ended); when
                               standard input ends, ends the process groups that are left

Together they leave no process behind, however the supervisor ends: the guard knows a group before its gate opens.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

END_SECONDS = 10.0
# Without this folder, as on macOS, dead processes count as alive a little longer.
PROCESSES = Path("/proc")


def gate(command: list[str]) -> int:
    if not os.read(0, 1):
        return 0
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    try:
        os.execvp(command[0], command)  # noqa: S606  (a shell is what is to be avoided)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return 127


def guard() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, bool] = {}
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "-":
            groups.pop(group, None)
        else:
            groups[group] = line[0] == "="
    end([[group for group, needed in groups.items() if needed is wave] for wave in (False, True)])
    return 0


def end(waves: list[list[int]]) -> None:
    """End the groups one wave after the other; kill those that don't end in time."""
    until = time.monotonic() + END_SECONDS
    for wave in waves:
        for group in wave:
            tell(group, signal.SIGTERM)
        while any(runs(group) for group in wave) and time.monotonic() < until:
            time.sleep(0.02)
    for group in waves[0] + waves[1]:
        tell(group, signal.SIGKILL)


def runs(group: int) -> bool:
    """Return whether a process of the group still runs.

    Dead ones stay in the group until their adoptive parent reaps them, which can take long.
    """
    if not tell(group, 0):
        return False
    states = [_state(path) for path in PROCESSES.glob("[0-9]*/stat")]
    return not states or any(said[2:3] == [str(group)] and said[0] not in "ZX" for said in states)


def _state(path: Path) -> list[str]:
    """Return state, parent, group …; empty if the process is gone."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except OSError:
        return []


def tell(group: int, number: int) -> bool:
    """Send a signal to the group; return whether there was anyone to receive it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    raise SystemExit(gate(sys.argv[2:]) if sys.argv[1] == "gate" else guard())
