"""Findings as rows: one open row per source, code and subject, ended by the same source's later look."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from interconnect.domain.diagnosis import standstill
from interconnect.domain.findings import GRAVE, OF_SILENT, SILENT, Finding, Severity, Subject, SubjectKind
from interconnect.domain.seen import stale_after
from interconnect.models import Dismissal, Mesh, Silence
from interconnect.models import Finding as FindingRow
from meshconsole.text import in_a_line

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

LOOK, CHECKS = "look", "checks"
_Key = tuple[str, Subject, str]


def note_findings(
    mesh: Mesh,
    source: str,
    found: Iterable[Finding],
    *,
    at: datetime,
    held: Collection[Subject] = (),
    keeps: Callable[[Finding], bool] = lambda _finding: False,
) -> None:
    """Store what one source finds now: new ones open, known ones are seen again, and those no longer found end, unless
    `keeps` says that nobody knows.

    Findings about `held` subjects stay as they are. Two workers may do this at once: one waits for the other.
    """
    wanted = {each.key: each for each in found if each.subject not in held}
    with transaction.atomic(savepoint=False):
        # The second of two workers sees the rows of the first.
        Mesh.objects.select_for_update().get(id=mesh.id)
        known = {_key(row): row for row in open_rows(mesh).filter(source=source)}
        gone = [row for key, row in known.items() if key not in wanted and key[1] not in held]
        ended = [row.pk for row in gone if not keeps(finding_of(row))]
        FindingRow.objects.filter(pk__in=ended).update(ended_at=at)
        again = [_seen_again(row, wanted[key]) for key, row in known.items() if key in wanted]
        FindingRow.objects.bulk_update(
            [row for row, changed in again if changed], ["severity", "params", "evidence", "token"]
        )
        FindingRow.objects.filter(pk__in=[row.pk for row, _changed in again]).update(last_seen=at)
        FindingRow.objects.bulk_create(_row(mesh, source, wanted[key], at) for key in wanted if key not in known)


def end_findings(mesh: Mesh, subjects: Collection[Subject], *, codes: Collection[str] | None = None) -> None:
    """End the open findings about subjects that are gone, or these `codes` of theirs, which a step has just put right
    and verified.
    """
    about = Q(pk__in=())
    for subject in subjects:
        about |= Q(subject_kind=subject.kind, subject=subject.name)
    rows = open_rows(mesh).filter(about)
    rows = rows if codes is None else rows.filter(code__in=codes)
    rows.update(ended_at=timezone.now())


def open_rows(mesh: Mesh) -> QuerySet[FindingRow]:
    return FindingRow.objects.filter(mesh=mesh, ended_at__isnull=True)


def open_now(meshes: Collection[Mesh], now: datetime) -> list[FindingRow]:
    """Return the open findings of these meshes, and where nothing is being checked that too, as a row that isn't
    stored: nobody could store it then. What is only said because a cluster doesn't answer, which is a finding already,
    is left out. Two queries.
    """
    rows = list(FindingRow.objects.filter(mesh__in=meshes, ended_at__isnull=True))
    silent = {(row.mesh_id, row.subject_kind, row.subject) for row in rows if row.code in SILENT}
    told = [
        row for row in rows if not (row.code in OF_SILENT and (row.mesh_id, row.subject_kind, row.subject) in silent)
    ]
    return [*told, *_standing_still(meshes, now)]


def _standing_still(meshes: Collection[Mesh], now: datetime) -> Iterator[FindingRow]:
    looked = Mesh.objects.filter(id__in=[mesh.id for mesh in meshes]).order_by()
    newest = looked.values_list("id", "observation__at", Max("clusters__observation__at"))
    times = {mesh: max(filter(None, found), default=None) for mesh, *found in newest}
    period = timedelta(seconds=settings.MESHCONSOLE_PROBE_SECONDS)
    for mesh in meshes:
        found = standstill(times.get(mesh.id), now, period)
        if found is not None:
            yield _row(mesh, LOOK, found, times[mesh.id] or now)


def ended_since(mesh: Mesh, since: datetime) -> QuerySet[FindingRow]:
    return FindingRow.objects.filter(mesh=mesh, ended_at__gte=since)


def finding_of(row: FindingRow) -> Finding:
    return Finding(
        row.code,
        Severity(row.severity),
        row.params,
        row.token,
        row.evidence,
        Subject(SubjectKind(row.subject_kind), row.subject),
    )


def subjects_by_mesh(meshes: Sequence[Mesh], codes: Collection[str]) -> dict[Mesh, int]:
    """Return of how many subjects these codes are open in each mesh."""
    rows = FindingRow.objects.filter(mesh__in=meshes, code__in=codes, ended_at__isnull=True)
    counted = Counter(rows.order_by().values_list("mesh_id", flat=True))
    return {mesh: counted[mesh.id] for mesh in meshes}


def silences(meshes: Collection[Mesh], now: datetime) -> list[Silence]:
    """Return the silences in force."""
    return list(Silence.objects.filter(mesh__in=meshes, ended_at__isnull=True, until__gt=now))


def silence_of(mesh: Mesh, silence_id: int) -> Silence | None:
    return Silence.objects.filter(mesh=mesh, id=silence_id).select_related("mesh").first()


def name_of(row: FindingRow) -> str:
    """Return what a finding is about as people call it: a gateway by the name of its objects, visible."""
    of_gateway = row.params.get("gateway") if row.subject_kind == SubjectKind.GATEWAY else None
    return in_a_line(of_gateway if isinstance(of_gateway, str) else row.subject)


def subject_of(row: FindingRow) -> str:
    """Return the subject as a silence names it: `kind/name`."""
    return f"{row.subject_kind}/{row.subject}"


def is_silenced(row: FindingRow, in_force: Iterable[Silence]) -> bool:
    return silenced_until(row, in_force) is not None


def silenced_until(row: FindingRow, in_force: Iterable[Silence]) -> datetime | None:
    """Return when the last of the silences of a finding ends; None if it has none."""
    own = subject_of(row)
    found = (
        each.until
        for each in in_force
        if each.mesh_id == row.mesh_id and each.code == row.code and (not each.subjects or own in each.subjects)
    )
    return max(found, default=None)


def is_held(row: FindingRow, now: datetime) -> bool:
    """Whether an open finding was seen too long ago to be known: it stays open until somebody sees that it is gone."""
    if row.ended_at is not None or row.subject_kind == SubjectKind.CONSOLE:
        return False
    return now - row.last_seen > stale_after(timedelta(seconds=settings.MESHCONSOLE_PROBE_SECONDS))


def forget_old() -> None:
    """Delete findings that ended long ago."""
    before = timezone.now() - timedelta(days=settings.MESHCONSOLE_FINDING_DAYS)
    # By mesh, as they are indexed. What this names has no other row that depends on it: it is one statement.
    FindingRow.objects.filter(mesh__in=Mesh.objects.order_by(), ended_at__lt=before).delete()


def alarming(meshes: Collection[Mesh], now: datetime) -> dict[UUID, list[FindingRow]]:
    """Return the open critical findings that nobody has silenced, oldest first, by mesh; in three queries."""
    grave = FindingRow.objects.filter(mesh__in=meshes, ended_at__isnull=True, severity__in=GRAVE)
    rows = [*grave, *(row for row in _standing_still(meshes, now) if row.severity in GRAVE)]
    in_force = silences(meshes, now)
    found: dict[UUID, list[FindingRow]] = {mesh.id: [] for mesh in meshes}
    for row in sorted(rows, key=lambda row: (row.first_seen, row.code, row.subject)):
        if not is_silenced(row, in_force):
            found[row.mesh_id].append(row)
    return found


def digest_of(rows: Iterable[FindingRow]) -> str:
    """Return a text that changes with the set of findings, when one of them is there again, and with who caused it."""
    told = (
        [row.code, subject_of(row), row.detail, row.first_seen.isoformat(), row.params.get("owners", [])]
        for row in rows
    )
    return sha256(json.dumps(sorted(told, key=str)).encode()).hexdigest()


def dismissed(user_id: int, meshes: Collection[Mesh]) -> dict[UUID, str]:
    """Return by mesh the digest of the critical findings that this person has put away."""
    return dict(Dismissal.objects.filter(user_id=user_id, mesh__in=meshes).values_list("mesh_id", "digest"))


def _key(row: FindingRow) -> _Key:
    return row.code, Subject(SubjectKind(row.subject_kind), row.subject), row.detail


def _seen_again(row: FindingRow, found: Finding) -> tuple[FindingRow, bool]:
    """Return the row as it is now, and whether anything but its time has changed."""
    now = (str(found.severity), dict(found.params), dict(found.evidence), found.token)
    changed = now != (row.severity, row.params, row.evidence, row.token)
    row.severity, row.params, row.evidence, row.token = now
    return row, changed


def _row(mesh: Mesh, source: str, found: Finding, at: datetime) -> FindingRow:
    return FindingRow(
        mesh=mesh,
        source=source,
        code=found.code,
        subject_kind=found.subject.kind,
        subject=found.subject.name,
        detail=found.detail,
        severity=found.severity,
        params=dict(found.params),
        evidence=dict(found.evidence),
        token=found.token,
        first_seen=at,
        last_seen=at,
    )
