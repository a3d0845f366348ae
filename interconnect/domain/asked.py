"""What an object would be if its cluster accepted a write exactly as sent, to show a write whose dry run was
refused.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from interconnect.domain import agreement
from interconnect.domain.writes import Verb

if TYPE_CHECKING:
    from interconnect.domain.json_types import Json
    from interconnect.domain.writes import Write


def asked_for(write: Write, live: Json | None) -> Json | None:
    """Return the object after `write`, without what the server would add; None when the write deletes it."""
    if write.verb is Verb.DELETE:
        return None
    if write.verb is Verb.APPLY:
        return agreement.applied_over(write.body, live or {}, write.manager)
    if write.verb is Verb.MERGE_PATCH:
        return dict(_merged(live or {}, write.body))
    if write.verb is Verb.JSON_PATCH:
        return _patched(live or {}, write.body)
    return dict(write.body) if write.verb is Verb.PUT else live


def _merged(live: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    kept = {
        key: value
        for key, value in (live if isinstance(live, dict) else {}).items()
        if patch.get(key, value) is not None
    }
    return kept | {key: _merged(kept.get(key), value) for key, value in patch.items() if value is not None}


def _patched(live: Json, operations: list[Json]) -> Json:
    """RFC 6902 with the operations that the console sends: what exists is tested and given another value."""
    found = copy.deepcopy(live)
    for operation in operations:
        if operation["op"] not in ("add", "replace"):
            continue
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        holder: Any = found
        for part in parents:
            holder = holder[int(part)] if isinstance(holder, list) else holder[part]
        holder[int(last) if isinstance(holder, list) else last] = operation["value"]
    return found
