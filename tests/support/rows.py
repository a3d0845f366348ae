"""The product's rows, dumped as text and loaded again, so that a starting point for tests is created only once."""

from __future__ import annotations

from django.apps import apps
from django.core import serializers
from django.db import transaction

APPS = ("interconnect", "audit")


def dump() -> str:
    """Return all rows of the product's own tables and of the audit, without people and their roles."""
    models = [model for app in APPS for model in apps.get_app_config(app).get_models()]
    return serializers.serialize("json", [row for model in models for row in model._default_manager.all()])


def load(rows: str) -> None:
    """Load dumped rows into empty tables."""
    with transaction.atomic():
        for row in serializers.deserialize("json", rows):
            row.save()
