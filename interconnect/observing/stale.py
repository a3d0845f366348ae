"""Count Pods that carry a network other than that of their cluster's group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interconnect.domain.stale import StaleCount, count
from interconnect.kube import kinds

if TYPE_CHECKING:
    from interconnect.kube.api import Api


def count_stale(api: Api, group: str) -> StaleCount:
    return count(api.list(kinds.POD, metadata_only=True), group or None)
