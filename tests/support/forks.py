"""`manage.py` by a process that has everything imported and forks for each command: a walk is some forty of them.

As a program it reads one command a line, `{"arguments": […], "stdin": path, "out": path, "err": path}`, and answers its
exit code.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from tests.live.support.console import Console, Outcome
from tests.live.support.installation import REPOSITORY

if TYPE_CHECKING:
    from typing import Self


class ForkingConsole(Console):
    """The same commands with the same folder and environment; only the interpreter is not started anew."""

    def __init__(self, folder: Path, **values: str) -> None:
        self._process: subprocess.Popen[str] | None = None
        super().__init__(folder, **values)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.communicate(timeout=20)

    def manage(self, *arguments: str, stdin: str | None = None, seconds: float = 900) -> Outcome:
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            files = {name: str(Path(folder) / name) for name in ("stdin", "out", "err")}
            Path(files["stdin"]).write_text(stdin or "")
            process.stdin.write(json.dumps({"arguments": arguments, **files}) + "\n")
            process.stdin.flush()
            code = int(process.stdout.readline())
            return Outcome(arguments, code, Path(files["out"]).read_text(), Path(files["err"]).read_text())

    def _start(self) -> subprocess.Popen[str]:
        environment = self.environment | {"PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, "-m", "tests.support.forks"]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, cwd=self.folder, stdin=pipe, stdout=pipe, text=True)


def serve() -> None:
    """Runs the commands that come in, one after the other, until there are no more."""
    import django
    from django.core.management import get_commands, load_command_class

    django.setup()
    load_command_class(get_commands()["interconnect"], "interconnect").create_parser("manage.py", "interconnect")
    for line in sys.stdin:
        child = os.fork()
        if not child:
            os._exit(_run(json.loads(line)))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(asked: dict[str, object]) -> int:
    from django.core.management import execute_from_command_line

    for number, (name, flags) in enumerate(
        (("stdin", os.O_RDONLY), ("out", os.O_WRONLY | os.O_CREAT), ("err", os.O_WRONLY | os.O_CREAT))
    ):
        os.dup2(os.open(str(asked[name]), flags), number)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))  # what the parent has read ahead is not this command's
    try:
        execute_from_command_line(["manage.py", *asked["arguments"]])  # type: ignore[misc]
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    serve()
