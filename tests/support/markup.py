"""Markup as tests compare it: what is in it counts, not how its template is laid out."""

from __future__ import annotations

import re


def flat(page: str) -> str:
    """`page` in one line: a blank between words and between attributes, none beside a tag."""
    return re.sub(r" ?([<>]) ?", r"\1", re.sub(r"\s+", " ", page))
