"""What the database is asked, by whichever thread asks it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

_CONTROL = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "COMMIT")
_WRITES = ("INSERT", "UPDATE", "DELETE")


@dataclass
class Statements:
    """The texts of statements in the order of their ends, and the number of commits that may have written something."""

    told: list[str] = field(default_factory=list)
    commits: int = 0

    def writes_of(self, table: str) -> list[str]:
        return [text for text in self.told if text.startswith(_WRITES) and f'"{table}"' in text.split("WHERE")[0]]


@contextmanager
def counted() -> Iterator[Statements]:
    """Count the statements of all connections, those included that are opened meanwhile, and their commits."""
    found, lock = Statements(), threading.Lock()

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        answer = execute(sql, params, many, context)
        if not sql.startswith(_CONTROL):
            with lock:
                found.told.append(sql)
                found.commits += sql.startswith(_WRITES) and not context["connection"].in_atomic_block
        return answer

    def watch(connection: BaseDatabaseWrapper, **_more: Any) -> None:
        if note not in connection.execute_wrappers:
            connection.execute_wrappers.append(note)

    commit = BaseDatabaseWrapper._commit

    def committing(self: BaseDatabaseWrapper) -> None:
        with lock:
            found.commits += 1
        commit(self)

    connection_created.connect(watch)
    watch(connection)
    try:
        with patch.object(BaseDatabaseWrapper, "_commit", committing):
            yield found
    finally:
        connection_created.disconnect(watch)
        connection.execute_wrappers.remove(note)
