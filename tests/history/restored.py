"""A kept database in the place of the tests' own, as it is after today's migrations.

And its clusters, running again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections

from interconnect.clients import seal_credential
from interconnect.models import Connection
from interconnect.observing.newcomer import credential_of
from simulator import Fleet, Timing
from simulator.tls import Authority
from tests import history
from tests.support import console
from tests.support.process import url_of_the_test_database

SWIFT = Timing(pod=0.005, load_balancer=0.005, reload=0.005)


@dataclass
class Restored:
    """`before` counts the rows of each table as they were kept."""

    commit: str
    before: dict[str, int]


@contextmanager
def restored(commit: str, folder: Path) -> Iterator[Restored]:
    """Within it every connection of this process leads to the database of the commit."""
    with _made(commit, folder) as name, _instead(name):
        found = Restored(commit, rows_by_table())
        call_command("migrate", interactive=False, verbosity=0)
        yield found


def rows_by_table() -> dict[str, int]:
    with connection.cursor() as cursor:
        counts = {}
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")
            counts[table] = cursor.fetchone()[0]
    return counts


@contextmanager
def _made(commit: str, folder: Path) -> Iterator[str]:
    """The name of a database of this kind with what was kept in it."""
    content = history.database(commit, connection.vendor)
    if connection.vendor == "sqlite":
        path = folder / f"{commit}.sqlite3"
        path.write_bytes(content)
        yield str(path)
        return
    name, url = f"{connection.settings_dict['NAME']}_{commit}", url_of_the_test_database()
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
        try:
            with psycopg.connect(url, dbname=name, autocommit=True) as fresh:
                fresh.execute(content)
            yield name
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@contextmanager
def _instead(name: str) -> Iterator[None]:
    # All threads' connections look into this one dictionary when they open.
    places = (connection.settings_dict, settings.DATABASES["default"])
    before = connection.settings_dict["NAME"]
    connection.close()
    for place in places:
        place["NAME"] = name
    try:
        yield
    finally:
        connections.close_all()
        for place in places:
            place["NAME"] = before


@contextmanager
def clusters_of(commit: str) -> Iterator[Fleet]:
    """The simulated clusters as they were kept, well again, at a new address, which every stored
    credential is given.
    """
    certificate, key = Authority().dump()
    state = history.clusters(commit, connection.vendor)
    state["authority"] = [certificate.decode(), key.decode()]
    for saved in state["clusters"].values():
        saved["fault"] = None
    with Fleet(timing=SWIFT, state=state) as fleet:
        for row in Connection.objects.all():
            seal_credential(row, credential_of(fleet.kubeconfig(row.server.rpartition("/")[2])))
            row.save()
        try:
            yield fleet
        finally:
            console.forget_connections()
