"""Help pages: Markdown files of `docs/LANGUAGE/findings`, rendered without raw HTML."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt

from interconnect.domain.helping import page_of

if TYPE_CHECKING:
    from pathlib import Path

FALLBACK = "en"


def address_of(code: str) -> str:
    """Return the URL of the page that explains a code; empty if none does."""
    return reverse("help-finding", kwargs={"code": page_of(code)}) if page_of(code) else ""


@lru_cache(maxsize=256)
def rendered(code: str, language: str) -> SafeString:
    """Return the help page of a code that has one, without its title, as HTML: in English if it has no other."""
    # SafeString: with `html` off, the renderer escapes whatever is not Markdown.
    text = _file(code, language).read_text(encoding="utf-8")
    return SafeString(MarkdownIt("commonmark", {"html": False}).render(text.partition("\n")[2]))


def _file(code: str, language: str) -> Path:
    """Files are named by the language alone: `zh` for Simplified Chinese too."""
    folders = (language.partition("-")[0], FALLBACK)
    places = [settings.BASE_DIR / "docs" / folder / "findings" / f"{code}.md" for folder in folders]
    return next(filter(lambda place: place.is_file(), places), places[-1])
