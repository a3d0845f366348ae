"""Clusters that should be alike and aren't: which belong together, and which minor versions they run."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

KUBERNETES_MINORS = 3  # how far apart the API servers of one mesh may be


def apart(values: Mapping[str, Hashable]) -> list[list[str]]:
    """Return the clusters by equal value, the largest set first."""
    sets: dict[Hashable, list[str]] = {}
    for name, value in sorted(values.items()):
        sets.setdefault(value, []).append(name)
    return sorted(sets.values(), key=lambda names: (-len(names), names))


def minor_of(version: str) -> str:
    """Return `1.31` of `v1.31.2`; empty when it is no version."""
    parts = version.lstrip("v").split(".")
    return ".".join(parts[:2]) if len(parts) >= 2 and all(part.isdecimal() for part in parts[:2]) else ""


def minors_of(versions: Mapping[str, str]) -> dict[str, str]:
    """Return the minor version by cluster, without what is no version."""
    return {name: minor for name, version in versions.items() if (minor := minor_of(version))}


def too_far_apart(minors: Mapping[str, str], most: int) -> list[str]:
    """Return the minor versions in order if the newest is more than `most` above the oldest; empty otherwise."""
    ordered = in_order(minors)
    return ordered if ordered and _number(ordered[-1]) - _number(ordered[0]) > most else []


def in_order(minors: Mapping[str, str]) -> list[str]:
    """Return the minor versions without repetition, oldest first."""
    return sorted(set(minors.values()), key=_number)


def _number(minor: str) -> int:
    return int(minor.split(".")[1])
