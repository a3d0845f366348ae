"""Other people's text, made safe to show.

On pages, in terminals and in logs, none of it moves the cursor, or hides or reverses text.
"""

from __future__ import annotations

import unicodedata

NAME_LIMIT = 253
"""Characters of the longest name that Kubernetes and DNS know."""
_PICTURES = 0x2400  # U+2400 … are pictures of the control characters
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")  # named as letters or marks, but show nothing


class _Symbols(dict[int, str]):
    """What each character is shown as, computed once."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        plain = (char.isprintable() or unicodedata.category(char) == "Zs") and char not in _FILLERS
        self[code] = char if plain else _symbol(code)
        return self[code]


def _symbol(code: int) -> str:
    if code < 0x20:
        return chr(_PICTURES + code)
    return "\N{SYMBOL FOR DELETE}" if code == 0x7F else f"⟨U+{code:04X}⟩"


_symbols = _Symbols()
_lines = _Symbols({ord("\n"): "\n", ord("\t"): "\t"})


def visible(text: str, *, lines: bool = False) -> str:
    """Return `text` with a symbol for each character that is invisible or changes how others are shown.

    With `lines`, line feeds and tabs are kept.
    """
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_lines if lines else _symbols)


def in_a_line(text: object, limit: int = NAME_LIMIT) -> str:
    """Return other people's text as one visible line of at most `limit` characters, without needless blanks."""
    return brief(" ".join(str(text)[: limit * 4].split()), limit)


def brief(text: str, limit: int = NAME_LIMIT) -> str:
    """Return other people's text visible, and cut after `limit` characters."""
    shown = visible(text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def shows_nothing(text: str) -> bool:
    """Whether a reader would see nothing of this text but blanks and symbols for what is invisible."""
    return not any(visible(char) == char and not char.isspace() for char in text)


def is_visible(text: str) -> bool:
    return visible(text, lines=True) == text
