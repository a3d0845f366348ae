"""One supervised process: its output in a file, its last output, and a process group that ends as a whole."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from meshconsole.ops.run import guardian

if TYPE_CHECKING:
    from meshconsole.ops.run.process import Process

DAY_SECONDS = 24 * 3600
LOG_BYTES = 20_000_000
# For one process, compressed: about a tenth of the original size.
KEPT_SECONDS, KEPT_BYTES = 14 * DAY_SECONDS, 100_000_000
LAST_WORDS = 15
SMALL_PYTHON = (sys.executable, "-I", "-S", guardian.__file__)


class Log:
    """A log file.

    Parts older than a day or larger than LOG_BYTES are kept beside it, compressed, for up to KEPT_SECONDS and
    KEPT_BYTES.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: deque[str] = deque(maxlen=LAST_WORDS)
        self._rest = b""
        self._file = self._open()
        self._begun = os.fstat(self._file.fileno()).st_mtime if self._file.tell() else time.time()

    @property
    def last_words(self) -> list[str]:
        return [*self._last, *([self._rest.decode("utf-8", "replace")] if self._rest else [])]

    def write(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        # An endless line would be kept whole.
        self._rest = self._rest[-10_000:]
        self._last.extend(line.decode("utf-8", "replace") for line in lines)
        with suppress(OSError):  # a full disk must not end the console
            if self._file.tell() > LOG_BYTES or time.time() - self._begun > DAY_SECONDS:
                self._put_aside()
            self._file.write(data)

    def close(self) -> None:
        self._file.close()

    def _put_aside(self) -> None:
        self._file.close()
        name = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        aside = self._path.with_name(f"{self._path.stem}-{name}-{time.time_ns() % 1_000_000_000:09d}.log.gz")
        try:
            with (
                self._path.open("rb") as read,
                os.fdopen(_private(aside), "wb") as file,
                gzip.GzipFile(fileobj=file, mode="wb") as written,
            ):
                shutil.copyfileobj(read, written)
        finally:
            # A file that couldn't be put aside must not grow forever.
            with suppress(OSError):  # moved away by somebody else, or can't be removed
                self._path.unlink()
            self._file, self._begun = self._open(), time.time()
        self._forget_the_oldest()

    def _forget_the_oldest(self) -> None:
        room = KEPT_BYTES
        for path in sorted(self._path.parent.glob(f"{self._path.stem}-*.log.gz"), reverse=True):
            found = path.stat()
            room -= found.st_size
            if room < 0 or time.time() - found.st_mtime > KEPT_SECONDS:
                path.unlink()

    def _open(self) -> BinaryIO:
        return os.fdopen(_private(self._path), "ab", buffering=0)


def _private(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


class Guard:
    """The process that ends the children's groups once this process is gone. It holds `held`, the lock, until then."""

    def __init__(self, held: int) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [*SMALL_PYTHON, "guard"],
            stdin=subprocess.PIPE,
            start_new_session=True,
            pass_fds=(held,),
            text=True,
            bufsize=1,
        )

    def add(self, group: int, *, needed: bool) -> None:
        """Add a group. One that others need (`needed`) is ended after them."""
        self._tell(f"{'=' if needed else '+'}{group}\n")

    def forget(self, group: int) -> None:
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """End every group that the guard still knows, then the guard itself."""
        with suppress(OSError):
            self._process.communicate(timeout=guardian.END_SECONDS + 5)

    def _tell(self, line: str) -> None:
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):  # somebody killed it; only its service is lost
                self._process.stdin.write(line)
                self._process.stdin.flush()


class Child:
    """A process that has been started at least once. `crashes` are the times at which it ended unexpectedly."""

    def __init__(self, process: Process, folder: Path) -> None:
        self.process, self.log = process, Log(folder / f"{process.name}.log")
        self.crashes: list[float] = []
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._running is not None

    @property
    def output(self) -> int:
        """The descriptor of its output; -1 while it isn't running."""
        return self._running.stdout.fileno() if self._running is not None and self._running.stdout is not None else -1

    def start(self, guard: Guard, directory: Path) -> None:
        self._running = subprocess.Popen(  # noqa: S603
            [*SMALL_PYTHON, "gate", *self.process.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=os.environ | dict(self.process.environment),
            pass_fds=self.process.descriptors,
            start_new_session=True,
        )
        if self._running.stdin is None or self._running.stdout is None:
            raise RuntimeError("a process without its pipes")
        guard.add(self._running.pid, needed=self.process.foundation)
        with suppress(BrokenPipeError):
            self._running.stdin.write(b"+")
            self._running.stdin.close()
        os.set_blocking(self._running.stdout.fileno(), False)

    def read(self) -> bool:
        """Read its output. Return False once the output has ended."""
        if self._running is None or self._running.stdout is None:
            return False
        with suppress(BlockingIOError):
            while data := os.read(self._running.stdout.fileno(), 65536):
                self.log.write(data)
            return False
        return True

    def signal(self, number: int) -> None:
        if self._running is not None and self._running.poll() is None:
            self._running.send_signal(number)

    def kill(self) -> None:
        """Kill the process and everything that it has started."""
        if self._running is not None:
            guardian.tell(self._running.pid, signal.SIGKILL)

    def ended(self, guard: Guard) -> int | None:
        """Return its exit code, once; None while it runs.

        Whatever it left behind is ended first, and its last output is read.
        """
        code = self._running.poll() if self._running is not None else None
        if self._running is None or code is None:
            return None
        self.kill()
        self.read()
        guard.forget(self._running.pid)
        if self._running.stdout is not None:
            self._running.stdout.close()
        self._running = None
        return code
