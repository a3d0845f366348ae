"""How a process of its own that loads the settings starts, or why it does not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

Start = Callable[..., subprocess.CompletedProcess[str]]


def last_words(process: subprocess.CompletedProcess[str]) -> str:
    assert process.returncode != 0
    return process.stderr.strip().splitlines()[-1].partition(": ")[2]
