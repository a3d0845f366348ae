"""`manage.py rotate_credentials`: seal every stored credential again under the newest key."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from meshconsole import vault
from meshconsole.vault import registry

if TYPE_CHECKING:
    from django.db.models import Model

    from meshconsole.vault.registry import SealedColumn


class Command(BaseCommand):
    help = (
        "Encrypts every stored credential again under the first of MESHCONSOLE_CREDENTIAL_KEYS. "
        "Safe to repeat, and to run while the console runs. Afterwards, the older keys can be removed from the setting."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        total: Counter[str] = Counter()
        for column in registry.columns():
            total += self._rotate_column(column)
        self.stdout.write(
            f"{total['rotated']} rotated, {total['current']} under the newest key already, {total['failed']} failed"
        )
        if total["failed"]:
            raise CommandError(
                "Some credentials couldn't be opened. Keep the older keys, and replace these credentials."
            )

    def _rotate_column(self, column: SealedColumn) -> Counter[str]:
        rows = column.model._default_manager.exclude(**{column.field: ""}).exclude(**{f"{column.field}__isnull": True})
        return Counter(self._rotate_row(column, row) for row in rows.order_by("pk").iterator(chunk_size=100))

    def _rotate_row(self, column: SealedColumn, row: Model) -> str:
        token: str = getattr(row, column.field)
        if vault.is_current(token):
            return "current"
        try:
            rotated = vault.rotate(token, binding=column.binding_of(row))
        except vault.VaultError as error:
            self.stderr.write(f"{column.model._meta.label} {row}: {column.field} can't be opened ({error.code})")
            return "failed"
        # If somebody replaces a credential in the meantime, theirs stays; it is under the newest key anyway.
        changed = column.model._default_manager.filter(pk=row.pk, **{column.field: token}).update(
            **{column.field: rotated}
        )
        return "rotated" if changed else "current"
