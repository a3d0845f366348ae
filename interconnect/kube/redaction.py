"""What a cluster says, without the credential that it was sent: every answer passes here before anybody else sees it.

A cluster that means harm can repeat the token anywhere: as its version, in names, annotations or events, encoded or in
part.
"""

from __future__ import annotations

import base64
import json
import re
from functools import cached_property
from typing import Any
from urllib.parse import unquote

MASK = "[redacted credential]"
_WINDOW = 12
# A shorter secret is found within ordinary words, even within the names of fields: it is masked where it stands alone.
_WORD = 8
_SHORT_SECRET = 64
_RUN = re.compile(rf"[A-Za-z0-9+/=_.~%-]{{{_WINDOW},}}")
_ESCAPED = re.compile(rb"\\[u/]")
_ARMOR = re.compile(r"-----[^-]*-----")
# Every key of a kind begins alike, and certificates name the same algorithm: that part is no secret. (An Ed25519 key is
# shorter.)
_ALIKE, _SHORT_KEY = 50, 100


class Redactor:
    """Masks every word that holds a part of a secret, as it is or in base64, hexadecimal or percent-encoding.

    Of a long secret the parts begin at every twelfth character: what is shorter than two of them may stay, and proves
    nothing.
    """

    def __init__(self, *secrets: str) -> None:
        self._secrets = tuple(secret for secret in map(_own, secrets) if secret)

    def body(self, content: bytes) -> bytes:
        """An answer's body; JSON stays JSON, and one without a secret is the very same bytes."""
        text = content.decode("utf-8", "replace")
        if not self._holds(text) and not _ESCAPED.search(content):
            return content
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            return self.text(text).encode() if self._holds(text) else content
        # what is escaped in the JSON can only be seen when it has been read
        return json.dumps(self.value(value)).encode() if self._holds(json.dumps(value, ensure_ascii=False)) else content

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        return [self.value(item) for item in value] if isinstance(value, list) else value

    def text(self, text: str) -> str:
        if self._brief:
            text = self._brief.sub(MASK, text)
        return _RUN.sub(lambda run: MASK if self._is_secret(run[0]) else run[0], text)

    def _holds(self, text: str) -> bool:
        brief = self._brief is not None and self._brief.search(text) is not None
        return brief or any(self._is_secret(run) for run in set(_RUN.findall(text)))

    def _is_secret(self, run: str) -> bool:
        word, parts = unquote(run) if "%" in run else run, self._parts
        return any(word[start : start + _WINDOW] in parts for start in range(len(word) - _WINDOW + 1))

    @cached_property
    def _brief(self) -> re.Pattern[str] | None:
        """Secrets that are too short to have parts."""
        found = [secret for secret in self._secrets if len(secret) < _WINDOW]
        return re.compile("|".join(map(alone, found))) if found else None

    @cached_property
    def _parts(self) -> frozenset[str]:
        return frozenset(part for secret in self._secrets for form in _forms(secret) for part in _parts_of(form))


def alone(secret: str) -> str:
    """A pattern for `secret`; one of less than eight characters matches only where no letter or digit touches it."""
    escaped = re.escape(secret)
    return escaped if len(secret) >= _WORD else rf"(?<![A-Za-z0-9]){escaped}(?![A-Za-z0-9])"


def _own(secret: str) -> str:
    """Without what stands in keys and certificates of others too."""
    bare = _ARMOR.sub("", secret).strip()
    return bare[_ALIKE:] if bare != secret.strip() and len(bare) > _SHORT_KEY else bare


def _forms(secret: str) -> list[str]:
    """How a secret looks as it is, line by line, and inside something encoded."""
    raw = secret.encode()
    encoded = [base64.b64encode(b"\0" * shift + raw).decode()[4:-4] for shift in range(3)]
    urlsafe = [form.translate(str.maketrans("+/", "-_")) for form in encoded]
    return [*secret.splitlines(), *encoded, *urlsafe, raw.hex(), raw.hex().upper()]


def _parts_of(form: str) -> list[str]:
    step = _WINDOW if len(form) > _SHORT_SECRET else 1
    return [form[start : start + _WINDOW] for start in range(0, len(form) - _WINDOW + 1, step)]
