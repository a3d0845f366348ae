"""The rotation command, on a table that stands in for a product's: a session's data is any text."""

from __future__ import annotations

from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.contrib.sessions.models import Session
from django.core.exceptions import FieldDoesNotExist
from django.core.management import CommandError, call_command
from django.utils import timezone

from meshconsole import vault
from meshconsole.vault import registry

pytestmark = pytest.mark.django_db
OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def binding_of(session: Session) -> str:
    return f"session:{session.session_key}"


@pytest.fixture
def column(monkeypatch: pytest.MonkeyPatch, settings) -> None:
    monkeypatch.setattr(registry, "_columns", {})
    registry.register(Session, "session_data", binding_of)
    settings.MESHCONSOLE_CREDENTIAL_KEYS = [OLD]


def sealed_row(key: str, content: bytes = b"kubeconfig") -> Session:
    token = vault.seal(content, binding=f"session:{key}")
    return Session.objects.create(session_key=key, session_data=token, expire_date=timezone.now())


def test_every_credential_opens_with_the_newest_key_alone_afterwards(column: None, settings) -> None:
    for key in ("one", "two"):
        sealed_row(key, key.encode())
    settings.MESHCONSOLE_CREDENTIAL_KEYS = [NEW, OLD]
    output = StringIO()
    call_command("rotate_credentials", stdout=output)
    assert output.getvalue().startswith("2 rotated, 0 under the newest key already, 0 failed")
    settings.MESHCONSOLE_CREDENTIAL_KEYS = [NEW]
    for row in Session.objects.all():
        assert vault.open_sealed(row.session_data, binding=binding_of(row)) == row.session_key.encode()


def test_a_second_rotation_changes_nothing(column: None, settings) -> None:
    sealed_row("one")
    settings.MESHCONSOLE_CREDENTIAL_KEYS = [NEW, OLD]
    call_command("rotate_credentials", stdout=StringIO())
    before = Session.objects.get().session_data
    output = StringIO()
    call_command("rotate_credentials", stdout=output)
    assert output.getvalue().startswith("0 rotated, 1 under the newest key already, 0 failed")
    assert Session.objects.get().session_data == before


def test_one_credential_that_does_not_open_is_named_and_stops_no_other(column: None, settings) -> None:
    sealed_row("good")
    Session.objects.create(session_key="bad", session_data="gAAAAAbroken", expire_date=timezone.now())
    settings.MESHCONSOLE_CREDENTIAL_KEYS = [NEW, OLD]
    output, errors = StringIO(), StringIO()
    with pytest.raises(CommandError):
        call_command("rotate_credentials", stdout=output, stderr=errors)
    assert output.getvalue().startswith("1 rotated, 0 under the newest key already, 1 failed")
    assert "bad: session_data can't be opened (unreadable)" in errors.getvalue()
    assert "gAAAAA" not in errors.getvalue()


def test_a_row_without_a_credential_is_left_alone(column: None) -> None:
    Session.objects.create(session_key="none", session_data="", expire_date=timezone.now())
    output = StringIO()
    call_command("rotate_credentials", stdout=output)
    assert output.getvalue().startswith("0 rotated")


def test_a_field_that_does_not_exist_cannot_be_registered(column: None) -> None:
    with pytest.raises(FieldDoesNotExist):
        registry.register(Session, "no_such_field", binding_of)
