"""A process that answers lines of JSON on stdin with lines of JSON on stdout, and ends with its stdin."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self


class Process:
    """A context manager around `python -m MODULE ARGUMENTS`. `said` is what it says first, when it is ready."""

    def __init__(self, *command: str, environment: Mapping[str, str] | None = None) -> None:
        self._command, self._environment = [sys.executable, "-m", *command], environment
        self.said: Any = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.said = self._answer()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def ask(self, what: str, **words: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([what, words]) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self._command[2:])} has ended")
        return json.loads(line)


def answer(said: Any, answers: Mapping[str, Callable[..., Any]]) -> None:
    """Be the other side: say that all is ready, then answer each question by the function of its name."""
    print(json.dumps(said), flush=True)
    for line in sys.stdin:
        what, words = json.loads(line)
        print(json.dumps(answers[what](**words)), flush=True)
