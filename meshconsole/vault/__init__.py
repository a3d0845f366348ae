"""Encryption of credentials at rest, under keys that aren't in the database.

A sealed text is a Fernet token (AES-128-CBC, HMAC-SHA-256) under the newest of `MESHCONSOLE_CREDENTIAL_KEYS`; any of
them opens it. The binding (such as `cluster:<uuid>`) is sealed in with the content, so that a token copied into another
row doesn't open there.
"""

from __future__ import annotations

import hmac
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

LENGTH_BYTES = 4


class VaultError(Exception):
    """A sealed text can't be opened.

    `code` is `unreadable` or `wrong-binding`; content and token are never included.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def seal(plaintext: bytes, *, binding: str) -> str:
    """Return a token that `open_sealed` opens under the same binding."""
    owner = binding.encode()
    return _fernet().encrypt(len(owner).to_bytes(LENGTH_BYTES, "big") + owner + plaintext).decode("ascii")


def open_sealed(token: str, *, binding: str) -> bytes:
    """Return what was sealed.

    Raise `VaultError` if no key opens it, if it was changed, or if it belongs to another binding.
    """
    content = _decrypted(token)
    end = LENGTH_BYTES + int.from_bytes(content[:LENGTH_BYTES], "big")
    if not hmac.compare_digest(content[LENGTH_BYTES:end], binding.encode()):
        raise VaultError("wrong-binding")
    return content[end:]


def rotate(token: str, *, binding: str) -> str:
    """Return the same content sealed under the newest key. Raise `VaultError` as `open_sealed` does."""
    return seal(open_sealed(token, binding=binding), binding=binding)


def is_current(token: str) -> bool:
    """Return whether the newest key opens the token, so that rotating it changes nothing."""
    try:
        Fernet(settings.MESHCONSOLE_CREDENTIAL_KEYS[0]).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def _decrypted(token: str) -> bytes:
    try:
        return _fernet().decrypt(token.encode())
    except InvalidToken:
        raise VaultError("unreadable") from None


def _fernet() -> MultiFernet:
    return _fernet_of(tuple(settings.MESHCONSOLE_CREDENTIAL_KEYS))


@lru_cache(maxsize=4)
def _fernet_of(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
