"""The alert *Critical findings* above every page of a mesh and on *Meshes*."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from interconnect.domain.findings import SubjectKind
from interconnect.permissions import role_for_page
from interconnect.scope import scope_of
from interconnect.state.findings import alarming, digest_of, dismissed
from interconnect.views.parts.access import why_not
from interconnect.views.parts.findings import names_of, sentence_of, title_of
from interconnect.views.parts.manual import address_of
from interconnect.wording import phrases
from interconnect.wording.diagnosis import SUBJECTS
from meshconsole.access.actor import Actor
from meshconsole.access.policy import roles_in
from meshconsole.ui.tones import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from interconnect.models import Finding, Mesh
    from interconnect.views.parts.access import Visit


@dataclass(frozen=True, slots=True)
class Line:
    """A critical finding of a mesh with all its subjects, or one of the console itself with all its meshes.

    `sentence` is the evidence of the oldest. `silence` is set on the first line of each of several meshes.
    """

    meshes: tuple[Mesh, ...]
    title: str
    names: str
    sentence: str
    since: datetime
    url: str
    silence: Action | None = None


@dataclass(frozen=True, slots=True)
class Alerts:
    """`seen` names what *Dismiss* puts away, `MESH:DIGEST` each; `silence` is the button of the only mesh, `several`
    says that lines name their meshes.
    """

    lines: tuple[Line, ...]
    seen: tuple[str, ...]
    silence: Action | None
    several: bool


def of_mesh(visit: Visit) -> dict[str, Any]:
    """Return the context of templates/meshes/alerts.html on a page of a mesh, and the number beside the tab *Checks*.

    Four queries.
    """
    found = alarming([visit.mesh], timezone.now())
    alerts = _alerts([visit.mesh], found, {visit.mesh: visit.actor}, several=False)
    pip = len({row.code for row in found[visit.mesh.id]})
    return {"alerts": alerts, "critical_count": len(alerts.lines) if alerts else 0, "critical_pip": pip}


def of_meshes(user: Any, meshes: list[Mesh]) -> dict[str, Any]:
    """Return the context of templates/meshes/alerts.html for several meshes. Five queries, however many."""
    found = alarming(meshes, timezone.now())
    roles = roles_in(user, [scope_of(mesh.id) for mesh in meshes if found[mesh.id]])
    actors = {mesh: Actor(user.get_username(), roles[scope_of(mesh.id)], user.pk) for mesh in meshes if found[mesh.id]}
    alerts = _alerts(meshes, found, actors, several=True)
    return {"alerts": alerts, "alerts_full": True, "critical_count": len(alerts.lines) if alerts else 0}


def _alerts(
    meshes: list[Mesh], found: Mapping[Any, list[Finding]], actors: Mapping[Mesh, Actor], *, several: bool
) -> Alerts | None:
    """Return what this person hasn't put away; None if that is nothing."""
    user_id = next((actor.user_id for actor in actors.values()), None)
    away = dismissed(user_id or 0, meshes)
    loud = {mesh: rows for mesh in meshes if (rows := found[mesh.id]) and digest_of(rows) != away.get(mesh.id)}
    if not loud:
        return None
    silence = {mesh: _silence(mesh, actors[mesh]) for mesh in loud}
    return Alerts(
        tuple(_of_several(loud, silence) if len(loud) > 1 else _lines(*next(iter(loud.items())))),
        tuple(f"{mesh.name}:{digest_of(rows)}" for mesh, rows in loud.items()),
        next(iter(silence.values())) if len(silence) == 1 else None,
        several,
    )


def _of_several(loud: Mapping[Mesh, list[Finding]], silence: Mapping[Mesh, Action]) -> list[Line]:
    """Return the lines of several meshes. A fault of the console itself, which all of them suffer, is told once."""
    common: dict[str, dict[Mesh, Finding]] = {}
    for mesh, rows in loud.items():
        for row in rows:
            if row.subject_kind == SubjectKind.CONSOLE:
                common.setdefault(row.code, {})[mesh] = row
    told = [_of_the_console(code, rows) for code, rows in common.items()]
    for mesh, rows in loud.items():
        lines = _lines(mesh, (row for row in rows if row.subject_kind != SubjectKind.CONSOLE))
        told += [replace(lines[0], silence=silence[mesh]), *lines[1:]] if lines else []
    return told


def _of_the_console(code: str, rows: Mapping[Mesh, Finding]) -> Line:
    return Line(
        meshes=tuple(rows),
        title=title_of(code),
        names=str(SUBJECTS[SubjectKind.CONSOLE]),
        sentence=sentence_of(next(iter(rows.values()))) if len(rows) == 1 else "",
        since=min(row.first_seen for row in rows.values()),
        url=address_of(code),
    )


def _lines(mesh: Mesh, rows: Iterable[Finding]) -> list[Line]:
    codes: dict[str, list[Finding]] = {}
    for row in rows:
        codes.setdefault(row.code, []).append(row)
    checks = reverse("checks", kwargs={"name": mesh.name})
    return [
        Line(
            meshes=(mesh,),
            title=title_of(code),
            names=phrases.listed(names_of(of_code)),
            sentence=sentence_of(of_code[0]),
            since=of_code[0].first_seen,
            url=f"{checks}?{urlencode({'code': code})}",
        )
        for code, of_code in codes.items()
    ]


def _silence(mesh: Mesh, actor: Actor) -> Action:
    url = reverse("silence-add", kwargs={"name": mesh.name})
    return Action(_("Silence"), url, "", why_not(actor, role_for_page("silence-add")))
