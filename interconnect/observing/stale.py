"""Count Pods that carry a network other than that of their cluster's group, or none.

The selectors match almost nothing in a cluster where all is well. Where they match much, Pods are counted page by page,
and none is kept.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from interconnect.domain.entries import NETWORK_LABEL
from interconnect.domain.stale import INJECTED_LABEL, StaleCount, count
from interconnect.kube import kinds
from interconnect.kube.api import LIST_DEADLINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interconnect.domain.json_types import Json
    from interconnect.kube.api import Api


def count_stale(api: Api, group: str) -> StaleCount:
    """Return the Pods of other networks and, in a group, the injected ones without a network, in two calls."""
    return count(chain(of_other_networks(api, group), unlabelled(api, group)), group or None)


def of_other_networks(api: Api, group: str, *, deadline: float = LIST_DEADLINE) -> Iterator[Json]:
    """Yield the metadata of Pods that carry another network than that of this group; in no group, any network."""
    others = f"{NETWORK_LABEL},{NETWORK_LABEL}!={group}" if group else NETWORK_LABEL
    return api.each(kinds.POD, labels=others, metadata_only=True, deadline=deadline)


def unlabelled(api: Api, group: str, *, deadline: float = LIST_DEADLINE) -> Iterator[Json]:
    """Yield the metadata of injected Pods without a network; none in no group, where they need none."""
    if not group:
        return iter(())
    return api.each(kinds.POD, labels=f"!{NETWORK_LABEL},{INJECTED_LABEL}", metadata_only=True, deadline=deadline)
