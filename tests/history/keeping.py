"""The databases of the two kinds while a story is told in them, and what is kept of them afterwards."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import psycopg

from tests.support.postgres import Postgres, find_programs

# A worker's name begins with its host's.
HOST_AWAY = "UPDATE interconnect_step SET lease_owner = replace(lease_owner, %s, 'worker')"
# What only psql understands, and what a server of an earlier release does not know.
NOT_FOR_ALL = (b"\\restrict ", b"\\unrestrict ", b"SET transaction_timeout ")


class Database(Protocol):
    @property
    def url(self) -> str: ...

    def rows(self, sql: str) -> list[tuple[Any, ...]]: ...

    def kept(self) -> bytes:
        """The whole database in one piece, small and without this machine's name. Nothing else may use it any more."""
        ...


class SqliteFile:
    url = ""

    def __init__(self, data: Path) -> None:
        self._path = data / "meshconsole.sqlite3"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._path, timeout=20)) as connection:
            return connection.execute(sql).fetchall()

    def kept(self) -> bytes:
        # Each statement by itself: VACUUM is refused in a transaction.
        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            connection.execute(HOST_AWAY.replace("%s", "?"), (socket.gethostname(),))
            # What was overwritten may still be in free pages.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("VACUUM")
        return self._path.read_bytes()


class PostgresDump:
    def __init__(self, server: Postgres) -> None:
        self.url = server.url

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql.encode()).fetchall()

    def kept(self) -> bytes:
        with psycopg.connect(self.url) as connection:
            connection.execute(HOST_AWAY, (socket.gethostname(),))
        command = [str(find_programs() / "pg_dump"), "--no-owner", "--no-privileges", "--rows-per-insert=200", self.url]
        dump = subprocess.run(command, capture_output=True, check=True).stdout
        return b"".join(line for line in dump.splitlines(keepends=True) if not line.startswith(NOT_FOR_ALL))
