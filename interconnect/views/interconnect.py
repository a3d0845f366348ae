"""The *Interconnect* page: basic settings, network groups and the interconnect list."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from interconnect.domain import rules
from interconnect.domain.status import worst_first
from interconnect.state import pages
from interconnect.views.parts import menus, rows, states
from interconnect.views.parts.access import mesh_for
from interconnect.views.parts.frame import frame
from interconnect.wording import phrases
from meshconsole.htmx import page
from meshconsole.ui.tones import Badge, Tone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.http import HttpRequest, HttpResponse

    from interconnect.domain.status import Drift, Part
    from meshconsole.access.actor import Actor

CLUSTERS_PER_PAGE, MEMBERS_PER_PAGE = 25, 25
MOST_DRIFT = 5
ATTENTION, JOINED, APART, WITHOUT_GATEWAY = "attention", "joined", "apart", "no-gateway"


@require_GET
def show(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name)
    sight = pages.sight(visit.mesh)
    context = frame(visit, "interconnect", sight) | overview(sight, visit.actor, request.GET)
    return page(request, "interconnect/show.html", context, parts=("live",))


def overview(sight: pages.Sight, actor: Actor, wanted: Mapping[str, str]) -> dict[str, Any]:
    """Return the page's context. `wanted` holds the search (`q`), the groups' `state`, and the pages of both tables
    (`page`, `members`).
    """
    topology, search = sight.topology, wanted.get("q", "").strip()
    kinds = kinds_of_groups(sight)
    state = wanted.get("state", "")
    chosen = [name for name in rows.worst_groups(sight) if state not in kinds or name in kinds[state]]
    groups = Paginator(lines(sight, chosen, search), CLUSTERS_PER_PAGE).get_page(wanted.get("page"))
    joined = {name: sight.statuses.joined[name] for name in kinds[JOINED]}
    members = Paginator(worst_first(joined, joined), MEMBERS_PER_PAGE).get_page(wanted.get("members"))
    return {
        "groups": groups,
        "group_rows": [
            rows.group_row(
                sight, actor, topology.groups[name], [cluster for _group, cluster in found], searched=bool(search)
            )
            for name, found in groupby(groups, key=lambda line: line[0])
        ],
        "group_count": len(topology.groups),
        "filters": _filters(kinds, len(topology.groups)),
        "state_filter": state if state in kinds else "",
        "search": search,
        "members": [rows.member_row(sight, actor, topology.groups[name]) for name in members],
        "member_pages": members,
        "member_count": len(topology.joined),
        "apart": Badge(Tone.CALM, _("Not joined")),
        "buttons": menus.of_page(sight, actor),
        "stepper": (steps := stepper(sight)),
        "all_set": bool(steps) and all(place == "done" for _label, place in steps),
        "enabled": topology.enabled,
        "hosted": not any(rules.is_hosted(topology)),
        "rule_state": states.badge(sight.statuses.rule),
        "rule_reason": phrases.state_reason(sight.statuses.rule),
        "drift": drift(sight, actor),
        "expiring": [
            (_whose(part), states.badge(part.state).tone, phrases.reason(part.state.cause))
            for part in sight.statuses.credentials
            if part.state.cause
        ],
    }


def kinds_of_groups(sight: pages.Sight) -> dict[str, frozenset[str]]:
    """Return the names of the groups of each kind by which they can be filtered."""
    groups = sight.topology.groups
    with_gateway = {gateway.key.cluster for gateway in sight.topology.gateways.values()}
    return {
        ATTENTION: frozenset(name for name, part in sight.statuses.groups.items() if part.state.level.needs_attention),
        JOINED: frozenset(name for name, group in groups.items() if group.joined),
        APART: frozenset(name for name, group in groups.items() if not group.joined),
        WITHOUT_GATEWAY: frozenset(name for name, group in groups.items() if not group.clusters & with_gateway),
    }


def _filters(kinds: Mapping[str, frozenset[str]], total: int) -> list[tuple[str, str, int]]:
    """Return (key, label, number of groups) of each filter."""
    labels = {
        ATTENTION: _("Needs attention"),
        JOINED: _("Joined"),
        APART: _("Not joined"),
        WITHOUT_GATEWAY: _("Without gateway"),
    }
    return [("", _("All"), total), *((key, label, len(kinds[key])) for key, label in labels.items())]


def lines(sight: pages.Sight, groups: Iterable[str], search: str) -> list[tuple[str, str]]:
    """Return the (group, cluster) pairs in which either name, or that of a gateway there, matches, in the page's order.

    Pagination counts these, not groups: a group may hold one cluster or all of hundreds.
    """
    wanted = search.lower()
    gateways: dict[str, list[str]] = {}
    for gateway in sight.topology.gateways.values():
        gateways.setdefault(gateway.key.cluster, []).append(gateway.name)
    return [
        (group, cluster)
        for group in groups
        for cluster in rows.worst_clusters(sight, sight.topology.groups[group].clusters)
        if any(wanted in name.lower() for name in (group, cluster, *gateways.get(cluster, ())))
    ]


def stepper(sight: pages.Sight) -> list[tuple[str, str]]:
    """Return (label, `done`, `next` or `later`) for each step of the recommended flow; the first not done is next.

    Empty for a mesh whose interconnect can't be enabled.
    """
    topology = sight.topology
    if any(rules.is_hosted(topology)):
        return []
    reached = (
        (_("Enable"), topology.enabled),
        (_("Group clusters"), bool(topology.groups)),
        (_("Create gateways"), bool(topology.gateways)),
        (_("Join"), bool(topology.joined)),
    )
    first = next((index for index, (_label, done) in enumerate(reached) if not done), len(reached))
    return [
        (label, "done" if done else "next" if index == first else "later")
        for index, (label, done) in enumerate(reached)
    ]


def drift(sight: pages.Sight, actor: Actor) -> dict[str, Any] | None:
    """Return what differs from the desired state, as last seen, and the button that restores it.

    `by_others` is false if all of it is merely what no rollout has carried out yet. None if nothing is known to differ.
    """
    found = sight.statuses.drift
    if not found:
        return None
    shown = [_drift_line(each) for each in found[:MOST_DRIFT]]
    return {
        "lines": list(dict.fromkeys(shown)),
        "by_others": any(each.found.code not in phrases.UNAPPLIED for each in found),
        "more": len(found) - len(shown),
        "restore": menus.restore(sight, actor),
        "tone": states.tone(sight.statuses.drift_level),
        "at": sight.seen.control_plane.seen_at,
    }


def _drift_line(drift: Drift) -> str:
    text = phrases.reason(drift.found)
    if not drift.subject.name:
        return text
    return _("%(name)s: %(reason)s") % {"name": drift.subject.name, "reason": text}


def _whose(part: Part) -> str:
    names = {"control-plane": _("Control plane"), "config": _("Config cluster")}
    return part.subject.name or names.get(part.state.params["part"], "")
