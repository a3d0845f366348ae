"""Environments for child processes of tests, such as workers and commands that share the test's database and keys."""

from __future__ import annotations

import os
from urllib.parse import quote

from django.conf import settings
from django.db import connection


def child_environment(**values: str) -> dict[str, str]:
    """Return this process's environment with the tests' settings and keys, and `values`.

    DATABASE_URL is the **test** database. Only for tests that commit their data (`django_db(transaction=True)`):
    another process sees nothing else.
    """
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": url_of_the_test_database(),
        "MESHCONSOLE_DATA": str(settings.MESHCONSOLE_DATA),
        **values,
    }


def url_of_the_test_database() -> str:
    """Return the URL of the database that the running test uses."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    credentials = quote(database["USER"], safe="") + (
        f":{quote(database['PASSWORD'], safe='')}" if database["PASSWORD"] else ""
    )
    port = f":{database['PORT']}" if database["PORT"] else ""
    return f"postgresql://{credentials}@{quote(database['HOST'], safe='')}{port}/{quote(database['NAME'], safe='')}"


def isolated_environment(**values: str) -> dict[str, str]:
    """Return the environment for a process with its own services: the product's settings and `values` only."""
    ours = ("DATABASE_URL", "REDIS_URL", "MESHCONSOLE_", "SECRET_KEY", "DJANGO_SETTINGS_MODULE")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    kept = {name: value for name, value in os.environ.items() if name.startswith("MESHCONSOLE_BENCH_")}
    return {
        **inherited,
        **kept,
        "DJANGO_SETTINGS_MODULE": "meshconsole.settings",
        **{k: v for k, v in values.items() if v},
    }
