"""Real Celery workers for a test: started, killed without warning, and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.process import child_environment

FAST = {
    "MESHCONSOLE_LEASE_SECONDS": "3",
    "MESHCONSOLE_CALL_DEADLINE_SECONDS": "2",
    "MESHCONSOLE_SWEEP_SECONDS": "0.5",
}


class Workers:
    """A context manager whose workers share the test's database and `redis_url`, and take these queues.

    `killed` counts the killed workers.
    """

    def __init__(self, redis_url: str, *, queues: str = "rollout", **environment: str) -> None:
        self._queues = queues
        self._environment = child_environment(REDIS_URL=redis_url, **(FAST | environment))
        self._folder = tempfile.TemporaryDirectory(prefix="workers-")
        self._host: subprocess.Popen[str] | None = None
        self.pids: list[int] = []
        self.killed = 0

    def __enter__(self) -> Self:
        self._log = (Path(self._folder.name) / "log").open("w+")
        schedule = str(Path(self._folder.name) / "schedule")
        command = [sys.executable, "-m", "tests.support.worker_host", schedule, self._queues]
        pipe = subprocess.PIPE
        self._host = subprocess.Popen(
            command, env=self._environment, stdin=pipe, stdout=pipe, stderr=self._log, text=True
        )
        self._answer()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        if self._host is not None:
            self._host.kill()
            self._host.wait()
        self._log.close()
        self._folder.cleanup()

    def start(self) -> int:
        """Start another worker and return its PID, which is also the ID of its process group."""
        assert self._host is not None
        assert self._host.stdin is not None
        self._host.stdin.write("start\n")
        self._host.stdin.flush()
        pid = int(self._answer())
        self.pids.append(pid)
        return pid

    def kill(self) -> None:
        """Kill all workers, and all that they have started, by SIGKILL."""
        for pid in self.pids:
            # Between fork and setsid, a worker doesn't have its own group yet.
            for end in (os.killpg, os.kill):
                with suppress(ProcessLookupError):
                    end(pid, signal.SIGKILL)
            self.killed += 1
        self.pids.clear()

    def said(self) -> str:
        """Return the last 4000 characters of the workers' log."""
        self._log.flush()
        return (Path(self._folder.name) / "log").read_text()[-4000:]

    def _answer(self) -> str:
        assert self._host is not None
        assert self._host.stdout is not None
        line = self._host.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"the host of the workers has ended: {self.said()}")
        return line
