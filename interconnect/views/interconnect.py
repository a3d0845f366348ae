"""The *Interconnect* page: basic settings, network groups and the interconnect list."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from interconnect.domain import rules
from interconnect.domain.entries import RULE_NAME
from interconnect.state import observed, pages
from interconnect.views.parts import menus, rows
from interconnect.views.parts.access import mesh_for
from interconnect.views.parts.frame import frame
from interconnect.wording import phrases
from meshconsole.htmx import page
from meshconsole.ui.tones import Badge, Tone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse

    from interconnect.domain.findings import Alert
    from interconnect.domain.topology import Topology
    from meshconsole.access.actor import Actor

CLUSTERS_PER_PAGE, MEMBERS_PER_PAGE = 25, 25
MOST_DRIFT = 5
# What the console itself still has to do: nobody has changed anything.
NOT_YET_APPLIED = frozenset({"drift.not-applied", "networks.revision-lacks-groups"})


@require_GET
def show(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name)
    sight = pages.sight(visit.mesh)
    context = frame(visit, "interconnect") | overview(sight, visit.actor, request.GET)
    return page(request, "interconnect/show.html", context, parts=("live",))


def overview(sight: pages.Sight, actor: Actor, wanted: Mapping[str, str]) -> dict[str, Any]:
    """Return the page's context. `wanted` holds the search (`q`) and the pages of both tables (`page`, `members`)."""
    topology, search = sight.topology, wanted.get("q", "").strip()
    groups = Paginator(lines(topology, search), CLUSTERS_PER_PAGE).get_page(wanted.get("page"))
    members = Paginator(topology.joined, MEMBERS_PER_PAGE).get_page(wanted.get("members"))
    return {
        "groups": groups,
        "group_rows": [
            rows.group_row(sight, actor, topology.groups[name], [cluster for _group, cluster in found])
            for name, found in groupby(groups, key=lambda line: line[0])
        ],
        "group_count": len(topology.groups),
        "search": search,
        "members": [rows.member_row(sight, group) for group in members],
        "member_pages": members,
        "member_count": len(topology.joined),
        "buttons": menus.of_page(sight, actor),
        "stepper": stepper(sight),
        "enabled": topology.enabled,
        "hosted": not any(rules.is_hosted(topology)),
        "rule_state": rule_state(sight),
        "drift": drift(sight, actor),
        "expiring": rows.expiring(sight),
        "cluster_count": len(topology.clusters),
        "reachable_count": sum(1 for seen in sight.clusters.values() if seen.answered_at and not seen.silent_code),
    }


def lines(topology: Topology, search: str) -> list[tuple[str, str]]:
    """Return the (group, cluster) pairs in which either name matches, in the page's order.

    Pagination counts these, not groups: a group may hold one cluster or all of hundreds.
    """
    wanted = search.lower()
    return [
        (group.name, cluster)
        for group in topology.groups.values()
        for cluster in sorted(group.clusters)
        if wanted in group.name.lower() or wanted in cluster.lower()
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
    found = _drifted(sight)
    if not found:
        return None
    shown = phrases.reasons(found[:MOST_DRIFT])
    return {
        "lines": list(dict.fromkeys(shown)),
        "by_others": any(alert.code not in NOT_YET_APPLIED for alert in found),
        "more": len(found) - len(shown),
        "restore": menus.restore(sight, actor),
        "at": sight.mesh.observation.at,
    }


def _drifted(sight: pages.Sight) -> list[Alert]:
    """Return the drift among the findings of the last look at the mesh."""
    return [alert for alert in observed.alerts_of(getattr(sight.mesh, "observation", None)) if is_drift(alert)]


def is_drift(alert: Alert) -> bool:
    return (
        alert.grave
        and alert.code.startswith(("drift.", "writes.", "networks."))
        and alert.code != "networks.source-unknown"
    )


def rule_state(sight: pages.Sight) -> Badge:
    if not sight.topology.enabled:
        return Badge(Tone.CALM, _("Being deleted")) if sight.rule else Badge(Tone.CALM, _("Not created"))
    if pages.rule_is_in_place(sight.rule):
        return Badge(Tone.BAD, _("Changed by others")) if _rule_was_changed(sight) else Badge(Tone.GOOD, _("In place"))
    return Badge(Tone.WARN, _("Not written yet"))


def _rule_was_changed(sight: pages.Sight) -> bool:
    named = [(alert.params.get("kind"), alert.params.get("name")) for alert in _drifted(sight)]
    return ("Gateway", RULE_NAME) in named
