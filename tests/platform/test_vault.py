from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from meshconsole import vault

CONTENT = b"apiVersion: v1\nkind: Config\n# do not tell\n"


@given(st.binary(max_size=2000), st.text(max_size=60))
def test_what_is_sealed_opens_under_its_binding(content: bytes, binding: str) -> None:
    assert vault.open_sealed(vault.seal(content, binding=binding), binding=binding) == content


def test_a_token_copied_to_another_row_does_not_open() -> None:
    token = vault.seal(CONTENT, binding="cluster:1")
    with pytest.raises(vault.VaultError) as caught:
        vault.open_sealed(token, binding="cluster:2")
    assert caught.value.code == "wrong-binding"


def test_a_binding_that_begins_like_the_right_one_does_not_open() -> None:
    token = vault.seal(CONTENT, binding="cluster:12")
    with pytest.raises(vault.VaultError):
        vault.open_sealed(token, binding="cluster:1")


@pytest.mark.parametrize("broken", ["", "nonsense", "ä", "gAAAAA" + "x" * 80])
def test_a_text_that_is_no_token_is_unreadable(broken: str) -> None:
    with pytest.raises(vault.VaultError) as caught:
        vault.open_sealed(broken, binding="cluster:1")
    assert caught.value.code == "unreadable"


def test_errors_hold_neither_content_nor_token() -> None:
    token = vault.seal(CONTENT, binding="cluster:1")
    with pytest.raises(vault.VaultError) as caught:
        vault.open_sealed(token, binding="cluster:2")
    assert caught.value.__cause__ is None
    assert "do not tell" not in repr(caught.value)
    assert token not in repr(caught.value)


def test_a_sealed_text_does_not_show_its_content() -> None:
    assert "do not tell" not in vault.seal(CONTENT, binding="cluster:1")


def test_an_older_key_still_opens_and_rotation_needs_it_no_more(settings) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.MESHCONSOLE_CREDENTIAL_KEYS = [old]
    token = vault.seal(CONTENT, binding="b")
    settings.MESHCONSOLE_CREDENTIAL_KEYS = [new, old]
    assert not vault.is_current(token)
    rotated = vault.rotate(token, binding="b")
    settings.MESHCONSOLE_CREDENTIAL_KEYS = [new]
    assert vault.is_current(rotated)
    assert vault.open_sealed(rotated, binding="b") == CONTENT
    with pytest.raises(vault.VaultError):
        vault.open_sealed(token, binding="b")


def test_a_key_taken_out_of_the_setting_opens_nothing(settings) -> None:
    token = vault.seal(CONTENT, binding="b")
    settings.MESHCONSOLE_CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(vault.VaultError) as caught:
        vault.open_sealed(token, binding="b")
    assert caught.value.code == "unreadable"
