"""Checks of accounts. They read the database: `manage.py check --database default`, and `migrate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connection

from meshconsole.access.users import alike_names

if TYPE_CHECKING:
    from django.apps import AppConfig


@register(Tags.database)
def names_are_told_apart(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """W002: accounts whose names look alike, created before such names were refused."""
    if not databases or get_user_model()._meta.db_table not in connection.introspection.table_names():
        return []
    return [
        Warning(
            f"The user names {', '.join(names)} look alike: one can be taken for the other. Rename or delete "
            f"all but one.",
            id="meshconsole.W002",
        )
        for names in alike_names()
    ]
