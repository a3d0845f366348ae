"""The product's rows, kept in memory and stored again, so that a starting point for tests is created only once; and
tables that are emptied after tests that commit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, connections, transaction

APPS = ("interconnect", "audit")
# What a migration fills in by itself, and no test changes: to make it again after each test takes most of a flush.
OF_DJANGO = ("django_content_type", "auth_permission")


@dataclass(frozen=True)
class Table:
    """Rows as the database's driver returns and takes them."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


Rows = Mapping[str, Table]


def dump() -> Rows:
    """Return all rows of the product's own tables and of the audit, without people and their roles."""
    tables = [model._meta.db_table for app in APPS for model in apps.get_app_config(app).get_models()]
    found = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found[table] = Table([column[0] for column in cursor.description], cursor.fetchall())
    return found


def load(rows: Rows) -> None:
    """Store dumped rows in empty tables."""
    quoted = connection.ops.quote_name
    with transaction.atomic(), connection.cursor() as cursor:
        for name, table in rows.items():
            columns, values = ", ".join(map(quoted, table.columns)), ", ".join(["%s"] * len(table.columns))
            cursor.executemany(f"INSERT INTO {quoted(name)} ({columns}) VALUES ({values})", table.rows)


def clear(database: str) -> None:
    """Empty all tables of a database but those that a migration fills in."""
    emptied = connections[database]
    names = emptied.introspection.django_table_names(only_existing=True, include_views=False)
    statements = emptied.ops.sql_flush(no_style(), [name for name in names if name not in OF_DJANGO])
    emptied.ops.execute_sql_flush(statements)
