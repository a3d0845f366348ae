"""A whole console as its users have it, web, worker and broker in processes of their own, and clusters to register in
it.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from simulator.remote import Remote
from tests.live.support.installation import Live
from tests.run.consoles import PATIENCE_SECONDS, ROOT, Console, until

ADMIN, PASSWORD = "admin", "chosen for the tests"
# What is a matter of a minute in a console at rest takes seconds here; no deadline is shorter than a cluster needs.
BRISK = {
    "MESHCONSOLE_LEASE_SECONDS": "10",
    "MESHCONSOLE_CALL_DEADLINE_SECONDS": "8",
    "MESHCONSOLE_SWEEP_SECONDS": "1",
    "MESHCONSOLE_PROBE_SECONDS": "10",
    "MESHCONSOLE_WORKER_THREADS": "8",
    "MESHCONSOLE_POLL_SECONDS": "0.5",
}


class SimulatedClusters:
    """Members of one hosted mesh and its `hub`, in a process of their own. A context manager; within it they answer."""

    def __init__(self, folder: Path, *members: str) -> None:
        self.folder, self.members = folder, members

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "simulator", "--clusters", ",".join(self.members), "--dir", str(self.folder)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().startswith("simulator: ")
        self.live = Live(self.folder / "live.json")
        self.remote = Remote(self.folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate(timeout=30)

    def kubeconfigs(self) -> Mapping[str, Path]:
        return {name: cluster.kubeconfig for name, cluster in self.live.clusters.items()}


class Installation(Console):
    """A context manager; within it the worker listens too."""

    def __init__(self, data: Path, **values: str) -> None:
        super().__init__(data, MESHCONSOLE_ADMIN_PASSWORD=PASSWORD, **(BRISK | values))

    def __enter__(self) -> Self:
        super().__enter__()
        until(lambda: self._worker_listens() or self.process.poll() is not None, "the worker does not start")
        assert self.process.poll() is None, self.said
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill_worker(self) -> None:
        """Without warning; the supervisor starts it again by itself."""
        os.kill(self.child("celery"), signal.SIGKILL)

    def end_leases(self) -> None:
        """Let what a worker that is gone had begun be taken up at once, as after the time of its lease."""
        file = self.data / "meshconsole.sqlite3"
        with closing(sqlite3.connect(file, timeout=PATIENCE_SECONDS)) as database, database:
            for table in ("interconnect_step", "interconnect_inquiry"):
                database.execute(f"UPDATE {table} SET lease_until = '2000-01-01' WHERE lease_until IS NOT NULL")

    def manage(self, *arguments: str) -> str:
        """What a command of the console says, on its own data. It must end well."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def add_admin(self, name: str, password: str) -> None:
        """One more who may do everything, made as the one who runs the console does it."""
        command = [
            sys.executable,
            "manage.py",
            "createsuperuser",
            "--noinput",
            "--username",
            name,
            "--email",
            f"{name}@example.org",
        ]
        environment = self.environment | {"DJANGO_SUPERUSER_PASSWORD": password}
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=PATIENCE_SECONDS)

    def _worker_listens(self) -> bool:
        log = self.data / "logs" / "worker.log"
        return log.exists() and " ready." in log.read_text()
