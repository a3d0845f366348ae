"""`manage.py run` as a person starts it, and which of its processes are left."""

from __future__ import annotations

import http.cookiejar
import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.ports import own_port

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 240.0


def environment(data: Path, **values: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "MESHCONSOLE_DATA": str(data), "MESHCONSOLE_DEMO": "0", **values}


def refusal(data: Path, **values: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "run"]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment(data, **values),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )


def processes_of(data: Path) -> dict[int, str]:
    """Command by process, of everything that was started with this folder: none of it hides from its environment."""
    mark = f"MESHCONSOLE_DATA={data}\0".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # What has only just begun to be a process of its own has its parent's environment, and may be gone when it
            # is read.
            if mark in folder.joinpath("environ").read_bytes() + b"\0":
                found[int(folder.name)] = folder.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return {number: command for number, command in found.items() if command and number != os.getpid()}


def until(met: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not met():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.05)


class Console:
    """A context manager; inside it the first page answers. `root` is the folder of the product that runs."""

    def __init__(self, data: Path, root: Path = ROOT, **values: str) -> None:
        self.data, self.root, self.port = data, root, own_port()
        self._output = data.parent / f"{data.name}.out"
        self.environment = environment(data, MESHCONSOLE_PORT=str(self.port), **values)
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def __enter__(self) -> Self:
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "run"], cwd=self.root, env=self.environment, stdout=output, stderr=output
            )
        until(lambda: "Address:" in self.said or self.process.poll() is not None, "the console does not start")
        assert self.process.poll() is None, self.said
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def said(self) -> str:
        return self._output.read_text()

    @property
    def password(self) -> str:
        found = re.search(r"Password: (\S+)   \(generated now", self.said)
        assert found, self.said
        return found[1]

    def end(self, number: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)

    def child(self, words: str) -> int:
        """The one process that the supervisor itself has started with these words in its command."""
        numbers = [
            number
            for number, command in processes_of(self.data).items()
            if words in command and parent(number) == self.process.pid
        ]
        assert len(numbers) == 1, processes_of(self.data)
        return numbers[0]

    def page(self, path: str, **form: str) -> tuple[int, str, str]:
        """(status, address after redirects, text)."""
        data = urllib.parse.urlencode({**form, "csrfmiddlewaretoken": self._token()}).encode() if form else None
        with self._opener.open(f"http://127.0.0.1:{self.port}{path}", data, timeout=PATIENCE_SECONDS) as response:
            return response.status, response.url, response.read().decode()

    def _token(self) -> str:
        return next((cookie.value or "" for cookie in self._cookies if cookie.name == "csrftoken"), "")


def parent(number: int) -> int:
    return int(Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])
