"""Markup as tests compare it: its content counts, not the layout of its template."""

from __future__ import annotations

import re


def flat(page: str) -> str:
    """Return `page` on one line, with one space between words and between attributes and none next to a tag."""
    return re.sub(r" ?([<>]) ?", r"\1", re.sub(r"\s+", " ", page))
