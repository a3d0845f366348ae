"""Two small programs of the standard library alone, run by path: they are there before and after everything else.

    guardian.py gate COMMAND…   becomes COMMAND when a byte comes on standard input; ends when its starter is gone before
    guardian.py guard           reads `+GROUP` and `-GROUP`; when standard input ends, ends the process groups that are left

Between them no process is left behind, whatever ends the supervisor: a group is known to the guard before its gate opens.
"""

from __future__ import annotations

import os
import signal
import sys
import time

END_SECONDS = 10.0


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
    groups: list[int] = []
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.append(group)
        elif group in groups:
            groups.remove(group)
    end(groups)
    return 0


def end(groups: list[int]) -> None:
    """Newest first, as they need each other; who does not go in time is killed."""
    until = time.monotonic() + END_SECONDS
    for group in reversed(groups):
        tell(group, signal.SIGTERM)
        while tell(group, 0) and time.monotonic() < until:
            time.sleep(0.02)
    for group in groups:
        tell(group, signal.SIGKILL)


def tell(group: int, number: int) -> bool:
    """Whether there is anybody to be told."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    raise SystemExit(gate(sys.argv[2:]) if sys.argv[1] == "gate" else guard())
