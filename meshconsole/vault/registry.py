"""Which columns hold sealed texts: every app registers its own, so that one command rotates them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.models import Model


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A text field of a model; `binding_of` returns the binding under which a row's token was sealed.

    "" means that nothing is sealed.
    """

    model: type[Model]
    field: str
    binding_of: Callable[[Any], str]


_columns: dict[tuple[type[Model], str], SealedColumn] = {}


def register(model: type[Model], field: str, binding_of: Callable[[Any], str]) -> None:
    """Register a column. Call this in `AppConfig.ready`; the field must exist."""
    model._meta.get_field(field)
    _columns[model, field] = SealedColumn(model, field, binding_of)


def columns() -> Iterator[SealedColumn]:
    return iter(tuple(_columns.values()))
