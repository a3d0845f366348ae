"""Reads objects of clusters without trusting their shape: missing values, or values of another type, read as empty."""

from __future__ import annotations

from typing import Any

from interconnect.domain.json_types import Json


def mapping(value: Any, *path: str) -> Json:
    found = _walk(value, path)
    return found if isinstance(found, dict) else {}


def items(value: Any, *path: str) -> list[Json]:
    """Return the objects of a list; other entries are left out."""
    found = _walk(value, path)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def text(value: Any, *path: str) -> str:
    found = _walk(value, path)
    return found if isinstance(found, str) else ""


def number(value: Any, *path: str) -> int:
    found = _walk(value, path)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def _walk(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
