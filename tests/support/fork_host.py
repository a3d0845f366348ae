"""Python code in a process that forks from one which has imported what it needs: of a short program imports are most.

As a program, `python -m tests.support.fork_host CODE` runs CODE, reads one order a line (`Order` as JSON), and answers
the exit code of each.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TypedDict


class Order(TypedDict):
    """`stdin`, `out` and `err` are paths; without an `environment` it is that of the process that forks."""

    code: str
    environment: dict[str, str] | None
    stdin: str
    out: str
    err: str


class ForkHost:
    """A context manager; within it, `run` runs code. The process that forks is started by the first run.

    It runs in `folder` and with `environment`, and has run `prepared`.
    """

    def __init__(self, prepared: str, *, folder: Path, environment: Mapping[str, str]) -> None:
        self._prepared, self._folder, self._environment = prepared, folder, environment
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.communicate(timeout=20)

    def run(
        self, code: str, *, stdin: str = "", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Return how the code ended as a program of its own would have, and what it said."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            said, out, err = (Path(folder) / name for name in ("stdin", "out", "err"))
            said.write_text(stdin)
            order = Order(
                code=code,
                environment=None if environment is None else dict(environment),
                stdin=str(said),
                out=str(out),
                err=str(err),
            )
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            ended = int(process.stdout.readline())
            return subprocess.CompletedProcess(code, ended, out.read_text(), err.read_text())

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.support.fork_host", self._prepared]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=self._environment, cwd=self._folder, stdin=pipe, stdout=pipe, text=True)


def serve(prepared: str) -> None:
    """Carry out what comes in, one order after the other, until there are no more."""
    exec(prepared, {})
    for line in sys.stdin:
        child = os.fork()
        if not child:
            os._exit(_carried_out(json.loads(line)))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _carried_out(order: Order) -> int:
    files = (
        (order["stdin"], os.O_RDONLY),
        (order["out"], os.O_WRONLY | os.O_CREAT),
        (order["err"], os.O_WRONLY | os.O_CREAT),
    )
    for number, (path, flags) in enumerate(files):
        os.dup2(os.open(path, flags), number)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))  # what the parent has read ahead is not this one's
    if order["environment"] is not None:
        os.environ.clear()
        os.environ.update(order["environment"])
    code = _run(order["code"])
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _run(code: str) -> int:
    scope: dict[str, Any] = {"__name__": "__main__"}
    try:
        exec(code, scope)
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])
