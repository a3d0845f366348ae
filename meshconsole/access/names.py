"""When two user names look alike, and which names are made to look like others. Pure."""

from __future__ import annotations

import unicodedata

# Letters that look like others: Latin ones that decomposition leaves, and Cyrillic, Greek and Armenian ones.
_ALIKE = {
    "ıɩιіӏ1l|": "i",
    "0οоօ": "o",
    "аαɑ": "a",
    "ьв": "b",
    "сϲ": "c",
    "ԁ": "d",
    "еєҽ": "e",
    "ɡց": "g",
    "һհ": "h",
    "јϳ": "j",
    "кκ": "k",
    "м": "m",
    "пηո": "n",
    "рρ": "p",
    "ԛզ": "q",
    "гᴦ": "r",
    "ѕ": "s",
    "тτ": "t",
    "υսц": "u",
    "ѵν": "v",
    "ԝωѡա": "w",
    "хχ": "x",
    "уγүყ": "y",
    "ᴢ": "z",
    "øɵ": "o",
    "łƚ": "i",
    "đɖ": "d",
    "ħ": "h",
    "ŧ": "t",
}
_LETTER = {ord(letter): plain for letters, plain in _ALIKE.items() for letter in letters}
# Scripts that are written side by side. Others have letters that look like Latin ones.
_TOGETHER = frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO"})


def skeleton(name: str) -> str:
    """Return a text that is equal for all names that look alike.

    They may differ in case, width, accents, alphabets, or invisible characters.
    """
    folded = unicodedata.normalize("NFKC", name.strip()).casefold()
    seen = (
        char
        for char in unicodedata.normalize("NFKD", folded)
        if not unicodedata.category(char).startswith(("M", "C", "Z"))
    )
    return "".join(seen).translate(_LETTER).replace("rn", "m").replace("vv", "w")


def mixes_alphabets(name: str) -> bool:
    """Return whether the name mixes alphabets that nobody mixes in one word, such as `аdmin` with a Cyrillic а."""
    letters = (char for char in unicodedata.normalize("NFKC", name) if char.isalpha())
    scripts = {unicodedata.name(char, "UNKNOWN").split()[0] for char in letters}
    return len(scripts) > 1 and not scripts <= _TOGETHER
