"""`python -m tests.history.make COMMIT [sqlite|postgresql]` makes a commit's databases, and the clusters that belong to
them.

The product of that commit is really run, on SQLite and on PostgreSQL, and story.py tells what is done with it.
"""

from __future__ import annotations

import gzip
import io
import json
import socket
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.history import DATABASE, clusters_file, database_file
from tests.history.keeping import Database, PostgresDump, SqliteFile
from tests.history.story import VALUES, House, tell
from tests.run.consoles import ROOT, Console
from tests.support.postgres import Postgres


def main(arguments: list[str]) -> int:
    commit = git("rev-parse", "--short=7", arguments[0]).decode().strip()
    with tempfile.TemporaryDirectory(prefix="history-") as folder:
        root = Path(folder) / "product"
        with tarfile.open(fileobj=io.BytesIO(git("archive", commit))) as archive:
            archive.extractall(root, filter="data")
        for vendor in arguments[1:] or DATABASE:
            data = Path(folder) / vendor
            with opened(vendor, data) as database:
                make(commit, vendor, root, data, database)
    return 0


def git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=True).stdout


@contextmanager
def opened(vendor: str, data: Path) -> Iterator[Database]:
    if vendor == "sqlite":
        yield SqliteFile(data)
        return
    with Postgres() as server:
        yield PostgresDump(server)


def make(commit: str, vendor: str, root: Path, data: Path, database: Database) -> None:
    with Console(data, root, **VALUES, DATABASE_URL=database.url) as console:
        tell(House(root, console, database))
    state = json.loads((data / "simulator" / "state.json").read_text())
    # Its key is nobody's business: whoever restores the clusters gives them another.
    del state["authority"]
    said = json.dumps(state, separators=(",", ":")).encode()
    for file, content in ((database_file(commit, vendor), database.kept()), (clusters_file(commit, vendor), said)):
        for trace in (f"{socket.gethostname()}:", str(root.parent), tempfile.gettempdir(), str(ROOT)):
            assert trace.encode() not in content, f"{file.name} tells of this machine: {trace}"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(gzip.compress(content, mtime=0))
        print(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1024} kB", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
