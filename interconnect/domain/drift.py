"""What on a cluster differs from what the console wrote there, judged from objects that have been read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from interconnect.domain import agreement
from interconnect.domain.entries import Absent, Admitted, Applied, Live, Present, Rendered, Target, Unknown, Wanted
from interconnect.domain.gateway_writes import gateway_writes
from interconnect.domain.violations import Violation
from interconnect.domain.writes import NO_CONSENTS, Agree, Verb, Write, arrived, decide, note_of, owners

if TYPE_CHECKING:
    from interconnect.domain.json_types import Json

CODES = ("drift.missing", "drift.overwritten", "drift.not-applied")


def writes_owed(
    targets: Iterable[Target],
    rendered: Rendered,
    applied: Mapping[Target, Applied],
    live: Mapping[Target, Live],
    *,
    mesh: str,
    consents: frozenset[str] = NO_CONSENTS,
) -> list[Write]:
    """Return the writes that bring these targets to what is rendered, those of a gateway's objects together."""
    targets = list(targets)
    found: list[Write] = []
    gateways: dict[str, None] = {}
    for target in targets:
        wanted, row = rendered.get(target), applied.get(target)
        gateway = (wanted.gateway if wanted else "") or (row.gateway if row else "")
        if gateway:
            gateways[gateway] = None
            continue
        decision = decide(target, wanted, row, live.get(target, Unknown()), mesh=mesh, consents=consents)
        if not isinstance(decision, Agree):
            found.append(decision)
    here = {target: rendered[target] for target in targets if target in rendered}
    rows = {target: applied[target] for target in targets if target in applied}
    for gateway in gateways:
        found += gateway_writes(gateway, here, rows, live, mesh=mesh, consents=consents)
    return found


def is_as_admitted(
    target: Target, wanted: Wanted | None, row: Applied | None, live: Live, admitted: tuple[Admitted, ...], *, mesh: str
) -> bool:
    """Whether nothing is owed to a target once it is known what its cluster makes of what is sent."""
    if row is None or not admitted:
        return False
    return isinstance(decide(target, wanted, replace(row, admitted=admitted), live, mesh=mesh), Agree)


def admitted_among(
    owed: Iterable[Write],
    rendered: Rendered,
    applied: Mapping[Target, Applied],
    live: Mapping[Target, Live],
    dry_run: Callable[[Write], Json | None],
    *,
    mesh: str,
    known: Iterable[Violation] = (),
) -> tuple[dict[Target, tuple[Admitted, ...]], frozenset[Target]]:
    """Return the targets of these writes that are as their clusters make them of what was sent, so that they are no
    drift, and the leaves that admission changes: to be kept, so that no look has to try this again. Return also those
    that couldn't be tried.

    `dry_run` returns the answer to a dry run of a write, nothing if others own what differs, None if it can't be tried.
    Only objects that were written and
    differ now are tried, and each change of one once: `known` is the drift that an earlier look has told.
    """
    tried = {_mark(drift.params) for drift in known}
    found: dict[Target, tuple[Admitted, ...]] = {}
    untried: set[Target] = set()
    for write in owed:
        target, now = write.target, live.get(write.target)
        written = write.verb is Verb.APPLY and not target.field and write.note == "writes.note.overwritten"
        if not written or not isinstance(now, Present) or _mark(_about(write, now)) in tried:
            continue
        answer = dry_run(write)
        if answer is None:
            untried.add(target)
            continue
        leaves = arrived(write, rendered.get(target), answer) if answer else ()
        if not isinstance(leaves, Violation) and is_as_admitted(
            target, rendered.get(target), applied.get(target), now, leaves, mesh=mesh
        ):
            found[target] = leaves
    return found, frozenset(untried)


def notes_of(applied: Mapping[Target, Applied], live: Mapping[Target, Live]) -> tuple[Violation, ...]:
    """Return what clusters have made of what was written and is still so, one note for each leaf."""
    return tuple(
        note_of(target, leaf)
        for target, row in applied.items()
        for leaf in row.admitted
        if _still_admitted(live.get(target, Unknown()), leaf)
    )


def _still_admitted(live: Live, leaf: Admitted) -> bool:
    """What couldn't be read is as it was."""
    if isinstance(live, Present):
        return agreement.still_admitted(live.object, leaf)
    return isinstance(live, Unknown)


def drift_of(
    writes: Iterable[Write], live: Mapping[Target, Live], *, untried: Collection[Target] = ()
) -> tuple[Violation, ...]:
    """Return the differences that these writes would end, one per target, without what wasn't read. Of those `untried`
    the next look tries again whether admission makes them.
    """
    found = {write.target: _difference(write, live) for write in writes if write.verb is not Verb.LOOK}
    return tuple(
        replace(each, params={**each.params, "change": ""}) if target in untried else each
        for target, each in found.items()
    )


def _difference(write: Write, live: Mapping[Target, Live]) -> Violation:
    target, now = write.target, live.get(write.target, Unknown())
    params = _about(write, now)
    sent = Wanted(write.body) if write.verb is Verb.APPLY else None
    blamed = list(owners(target, sent, None, now.object)) if isinstance(now, Present) else []
    if write.violation is not None:
        # Of an object it is the violation that knows which of its fields, and whose that is.
        said = {key: value for key, value in write.violation.params.items() if key != "cluster"}
        field, owner = said.get("field") or target.field, said.get("owner")
        known = {"field": field, "owners": [owner] if owner else blamed}
        return Violation(write.violation.code, {**said, **params, **known}, write.violation.token)
    changed = write.note == "writes.note.overwritten"
    if changed and isinstance(now, Absent):
        return Violation("drift.missing", params)
    return Violation("drift.overwritten" if changed else "drift.not-applied", params | {"owners": blamed})


def _about(write: Write, now: Live) -> Json:
    """What differs: the target's place, a digest of its differing leaves, which another change changes, and whether
    traffic depends on them (`needed`).
    """
    target, change, needed = write.target, "", False
    if write.verb is Verb.APPLY and not target.field and isinstance(now, Present):
        paths = agreement.differences(write.body, now.object)
        leaves = [[list(path), agreement.value_at(now.object, path)] for path in paths]
        needed = agreement.breaks_traffic(target.kind, paths)
        change = hashlib.sha256(json.dumps(leaves, sort_keys=True).encode()).hexdigest()[:16]
    place = {"kind": target.kind, "name": target.name, "namespace": target.namespace, "field": target.field}
    return place | {"change": change, "needed": needed}


def _mark(params: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(params.get(key, "")) for key in ("kind", "name", "namespace", "change"))
