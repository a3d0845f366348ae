"""A list in the admin answers to the filters that it offers, and to no question about a column that it
does not show.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.urls import reverse

from interconnect.models import Connection
from meshconsole.vault import registry

if TYPE_CHECKING:
    from django.db.models import Model
    from django.test import Client

pytestmark = pytest.mark.django_db
SECRET_NAMES = {"password", "key", "session_data"}


def secret_paths(model: type[Model], depth: int = 2, prefix: str = "") -> Iterator[str]:
    """Every way from a model to a column that holds a secret."""
    sealed = {(column.model, column.field) for column in registry.columns()}
    for field in model._meta.get_fields():
        other = field.related_model
        if isinstance(other, type) and depth:
            name = (
                field.name
                if hasattr(field, "attname") or field.many_to_many
                else field.get_accessor_name() or field.name
            )  # type: ignore[union-attr]
            yield from secret_paths(other, depth - 1, f"{prefix}{name}__")
        elif (model, field.name) in sealed or field.name in SECRET_NAMES:
            yield f"{prefix}{field.name}"


def test_no_list_answers_questions_about_secrets(admin_client: Client) -> None:
    asked = 0
    for model, shown in admin.site._registry.items():
        request: Any = None
        for path in secret_paths(model):
            asked += 1
            for lookup in (path, f"{path}__startswith", f"{path}__regex"):
                assert not shown.lookup_allowed(lookup, "a", request), (model, lookup)
    assert asked > 10


def test_a_question_about_a_sealed_column_is_a_bad_request(admin_client: Client) -> None:
    Connection.objects.create(server="https://a.example", uid="1", sealed="gAAAAA", fingerprint="f")
    url = reverse("admin:interconnect_connection_changelist")
    for query in ("sealed__startswith=gAAAAA", "sealed=gAAAAA", "sealed__regex=^g", "uid__startswith=1"):
        assert admin_client.get(f"{url}?{query}").status_code == 400, query


def test_the_filters_of_a_list_still_work(admin_client: Client) -> None:
    for name, query in (
        ("interconnect_mesh", "enabled__exact=1&kind__exact=hosted"),
        ("interconnect_cluster", "mesh__id__exact=3f0a1f6e-3d6b-4b55-9b1c-0c1b3f1b2f11"),
        ("interconnect_rollout", "created_at__year=2026&created_at__month=11"),
        ("auth_user", "is_staff__exact=1&groups__id__exact=1"),
        ("access_binding", "role__exact=40&q=ada"),
        ("audit_entry", "outcome__exact=accepted&o=1"),
    ):
        answer = admin_client.get(f"{reverse(f'admin:{name}_changelist')}?{query}")
        assert answer.status_code == 200, (name, answer.headers)
