"""The product's command line as a person or a pipeline would use it: a process, an exit code, and what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from interconnect.cli.codes import CRITICAL
from tests.live.support.installation import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

NOTHING, REFUSED, CHANGES, FAILED, PENDING = 0, 1, 2, 3, 4
TOKEN = re.compile(r"--accept[ =]([\w.:-]+)")
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Outcome:
    command: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return f"{self.out}\n{self.err}"

    def ended(self, code: int) -> Self:
        assert self.code == code, f"{' '.join(self.command)} ended {self.code} instead of {code}\n{self.said}"
        assert "Traceback" not in self.said, self.said
        return self

    def json(self) -> Any:
        return json.loads(self.out)

    def accepting(self) -> list[str]:
        """The flags that consent to everything that was offered."""
        return [argument for token in dict.fromkeys(TOKEN.findall(self.said)) for argument in ("--accept", token)]

    def events(self) -> list[Any]:
        """Of a command with `--json` that follows a rollout: one object a line."""
        return [json.loads(line) for line in self.out.splitlines() if line.strip()]


class Console:
    """`manage.py interconnect …` with a data folder of its own: SQLite, no broker, no worker but the command itself.

    `values` are settings besides.
    """

    def __init__(self, folder: Path, **values: str) -> None:
        self.folder = folder
        self.environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {
            "MESHCONSOLE_DATA": str(folder),
            "DJANGO_SETTINGS_MODULE": "meshconsole.settings",
            **values,
        }
        self.manage("migrate", "--noinput", "--verbosity", "0").ended(0)

    def manage(self, *arguments: str, stdin: str | None = None, seconds: float = 900) -> Outcome:
        done = subprocess.run(
            [sys.executable, str(REPOSITORY / "manage.py"), *arguments],
            env=self.environment,
            cwd=self.folder,
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        return Outcome(arguments, done.returncode, done.stdout, done.stderr)

    def __call__(self, *arguments: str, stdin: str | None = None) -> Outcome:
        return self.manage("interconnect", *arguments, stdin=stdin)

    def apply(self, file: Path, *flags: str, ends: int = NOTHING) -> Outcome:
        return self("apply", str(file), *flags).ended(ends)

    def plan(self, file: Path, *, ends: int) -> Outcome:
        return self("plan", str(file)).ended(ends)

    def status(self, mesh: str) -> Any:
        """What `status` says, whether or not something critical is open."""
        outcome = self("status", mesh, "--json")
        return outcome.ended(CRITICAL if outcome.code == CRITICAL else 0).json()
