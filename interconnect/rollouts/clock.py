"""The database's clock, so that workers on hosts with different clocks agree on leases."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import DateTimeField, ExpressionWrapper, Value
from django.db.models.functions import Now

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable


def now_plus(seconds: float) -> Combinable:
    """Return the database's current time plus `seconds`, which may be negative."""
    return ExpressionWrapper(Now() + Value(timedelta(seconds=seconds)), output_field=DateTimeField())
