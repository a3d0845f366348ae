"""The alert *Critical findings* above every page of a mesh and on *Meshes*."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from interconnect.permissions import role_for_page
from interconnect.scope import scope_of
from interconnect.state.findings import alarming, digest_of, dismissed
from interconnect.views.parts.access import why_not
from interconnect.views.parts.findings import names_of, sentence_of, title_of
from interconnect.wording import phrases
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
    """A critical finding of a mesh with all its subjects. `sentence` is the evidence of the oldest."""

    mesh: Mesh
    title: str
    names: str
    sentence: str
    since: datetime
    url: str


@dataclass(frozen=True, slots=True)
class Alerts:
    """`seen` names what *Dismiss* puts away, `MESH:DIGEST` each; `silence` is a button for each mesh."""

    lines: tuple[Line, ...]
    seen: tuple[str, ...]
    silence: tuple[tuple[str, Action], ...]
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
    return Alerts(
        tuple(line for mesh, rows in loud.items() for line in _lines(mesh, rows)),
        tuple(f"{mesh.name}:{digest_of(rows)}" for mesh, rows in loud.items()),
        tuple((mesh.name if len(loud) > 1 else "", _silence(mesh, actors[mesh])) for mesh in loud),
        several,
    )


def _lines(mesh: Mesh, rows: Iterable[Finding]) -> list[Line]:
    codes: dict[str, list[Finding]] = {}
    for row in rows:
        codes.setdefault(row.code, []).append(row)
    checks = reverse("checks", kwargs={"name": mesh.name})
    return [
        Line(
            mesh=mesh,
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
