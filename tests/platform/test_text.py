from __future__ import annotations

import pytest

from interconnect.kube.errors import plain
from interconnect.planning.excerpt import excerpt
from interconnect.wording import word
from meshconsole.text import brief, in_a_line, is_visible, shows_nothing, visible

HOSTILE = {
    "\x1b[31m": "␛[31m",
    "\x1b]8;;https://evil.example\x1b\\": "␛]8;;https://evil.example␛\\",
    "\x9b31m": "⟨U+009B⟩31m",
    "\x00\x07\x7f": "␀␇␡",
    "a\u202eb": "a⟨U+202E⟩b",
    "a\u2066b\u2069": "a⟨U+2066⟩b⟨U+2069⟩",
    "a\u200bb\ufeff": "a⟨U+200B⟩b⟨U+FEFF⟩",
    "a\u2028b\u2029c\x85": "a⟨U+2028⟩b⟨U+2029⟩c⟨U+0085⟩",
    "\U000e0041\ud800": "⟨U+E0041⟩⟨U+D800⟩",
    "\u3164": "⟨U+3164⟩",
}
HARMLESS = ("plain text", "中文\u3000空格", "naïve café", "emoji 🚀", "non\xa0breaking", "")


@pytest.mark.parametrize(("text", "shown"), HOSTILE.items(), ids=repr)
def test_what_shows_nothing_gets_a_symbol(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert is_visible(shown) and not is_visible(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_lines_stay_lines_only_where_asked() -> None:
    assert (visible("a\n\tb"), visible("a\n\tb\r", lines=True)) == ("a␊␉b", "a\n\tb␍")


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_sentences_evidence_and_differences_show_symbols(text: str) -> None:
    assert is_visible(word("mesh.name", {"name": text}))
    assert is_visible(word("cli.removal", {"changes": [text]}))
    assert is_visible(plain(text))
    if "\ud800" not in text:
        assert is_visible(excerpt({"a": text}, None)[0])


def test_text_of_any_length_is_cut_where_it_is_shown() -> None:
    assert brief("a" * 10, 10) == "a" * 10 and brief("a" * 65_000, 10) == "a" * 9 + "…"
    assert brief("\u202e" * 65_000, 20) == "⟨U+202E⟩⟨U+202E⟩⟨U+…"
    assert in_a_line(" a \n b ") == "a b"


@pytest.mark.parametrize("text", ["", "  ", "\u202e\u200b", "\u3164 \u2060", "\x00"], ids=repr)
def test_text_of_invisible_characters_shows_nothing(text: str) -> None:
    assert shows_nothing(text) and not shows_nothing(f"{text}a")
