"""The names of things in the reader's language: written in English, translated by the product's own catalogue."""

from __future__ import annotations

from typing import Any

from django.utils import translation


class Words:
    def __init__(self, language: str = "en") -> None:
        self.language = language

    def __call__(self, text: str, **values: Any) -> str:
        """`text` is a message of the catalogue. Raises KeyError when this language has no other word for it."""
        with translation.override(self.language):
            said = translation.gettext(text)
        if said == text and self.language != "en":
            raise KeyError(f"no {self.language} message for {text!r}")
        return said % values if values else said
