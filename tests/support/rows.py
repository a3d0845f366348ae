"""The rows of the product, taken as text and put back: what tests begin with is made once."""

from __future__ import annotations

from django.apps import apps
from django.core import serializers
from django.db import transaction

APPS = ("interconnect", "audit")


def dump() -> str:
    """All rows of the product's own tables and of the audit; people and their roles are not among them."""
    models = [model for app in APPS for model in apps.get_app_config(app).get_models()]
    return serializers.serialize("json", [row for model in models for row in model._default_manager.all()])


def load(rows: str) -> None:
    """Into tables that are empty."""
    with transaction.atomic():
        for row in serializers.deserialize("json", rows):
            row.save()
