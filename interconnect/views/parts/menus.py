"""What can be done with a row.

An action that isn't allowed stays in its place and gives the reason, from the same rules that would refuse it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from interconnect.domain import rules
from interconnect.domain.changes import (
    Change,
    DeleteGateway,
    DeleteGroup,
    Enable,
    ForgetCluster,
    RemoveCluster,
    UnregisterCluster,
    violations,
)
from interconnect.permissions import role_for_page, role_to_restart
from interconnect.services.meshes import what_holds
from interconnect.views.parts.access import why_not
from interconnect.wording import phrases
from meshconsole.ui.tones import Action

if TYPE_CHECKING:
    from interconnect.domain.status import State
    from interconnect.domain.topology import Cluster, Gateway, Group, Topology
    from interconnect.domain.violations import Violation
    from interconnect.models import Mesh
    from interconnect.state import pages
    from meshconsole.access.actor import Actor


def _refusals(actor: Actor, url_name: str, found: Iterable[Violation] = ()) -> tuple[str, ...]:
    """Return why a page's button is disabled: the missing role, or else the reasons in `found`.

    Somebody who may never do it needs no other reason.
    """
    return why_not(actor, role_for_page(url_name)) or phrases.reasons(found)


def _of_change(sight: pages.Sight, actor: Actor, url_name: str, change: Change) -> tuple[str, ...]:
    return _refusals(actor, url_name, violations(sight.topology, change, facts=sight.facts))


def of_group(sight: pages.Sight, actor: Actor, group: Group) -> tuple[Action, ...]:
    link = partial(_url, sight, group=group.name)
    free = tuple(_group_is_free(sight.topology, group.name))
    ungrouped = _refusals(actor, "group-add-cluster", free) or _nobody_ungrouped(sight.topology)
    create = _refusals(actor, "group-create-gateway", free)
    return (
        Action(_("Add cluster"), link("group-add-cluster"), "plus", ungrouped),
        Action(_("Create east-west gateway"), link("group-create-gateway"), "router", create),
        Action(
            _("Delete network group"),
            link("group-delete"),
            "trash",
            _of_change(sight, actor, "group-delete", DeleteGroup(group.name)),
            danger=True,
        ),
    )


def _group_is_free(topology: Topology, group: str) -> Iterator[Violation]:
    yield from rules.is_enabled(topology)
    yield from rules.group_changes_freely(topology, group)


def _nobody_ungrouped(topology: Topology) -> tuple[str, ...]:
    if not topology.clusters:
        return (_("The mesh has no clusters yet. Register one first."),)
    grouped = {name for group in topology.groups.values() for name in group.clusters}
    return (_("Every cluster in the mesh is already in a group."),) if grouped >= set(topology.clusters) else ()


def of_cluster(sight: pages.Sight, actor: Actor, cluster: Cluster) -> tuple[Action, ...]:
    link = partial(_url, sight, cluster=cluster.name)
    free = tuple(_cluster_is_free(sight.topology, cluster.name))
    create = _refusals(actor, "cluster-create-gateway", free)
    edit = _refusals(actor, "cluster-edit-gateway", rules.is_enabled(sight.topology))
    none_there = not sight.topology.gateways_of_cluster(cluster.name)
    elsewhere = _refusals(actor, "cluster-move", free) or _no_other_group(sight.topology, cluster.name)
    return (
        Action(_("Create east-west gateway"), link("cluster-create-gateway"), "router", create),
        Action(
            _("Edit east-west gateway"), link("cluster-edit-gateway"), "edit", (edit or create) if none_there else edit
        ),
        Action(_("Move to another group"), link("cluster-move"), "arrows-exchange", elsewhere),
        Action(
            _("Remove from group"),
            link("cluster-remove-from-group"),
            "circle-minus",
            _of_change(sight, actor, "cluster-remove-from-group", RemoveCluster(cluster.name)),
            danger=True,
        ),
    )


def _cluster_is_free(topology: Topology, cluster: str) -> Iterator[Violation]:
    yield from rules.is_enabled(topology)
    yield from rules.cluster_changes_freely(topology, cluster)


def _no_other_group(topology: Topology, cluster: str) -> tuple[str, ...]:
    """Apply rule 7 for the menu, which doesn't know the target yet."""
    own = topology.group_of(cluster)
    if not any(group for group in topology.groups.values() if group is not own and not group.joined):
        return (_("There is no other group outside the interconnect to move it to."),)
    return phrases.reasons(rules.is_not_last(topology, cluster))


def leaving(
    mesh: Mesh, topology: Topology, actor: Actor, cluster: Cluster, occupied: frozenset[str]
) -> tuple[Action, ...]:
    """Return a row's actions on the clusters page, including the two ways out of the mesh (rule 15)."""
    removed = _refusals(
        actor, "cluster-unregister", violations(topology, UnregisterCluster(cluster.name), occupied=occupied)
    )
    forgotten = _refusals(actor, "cluster-forget", violations(topology, ForgetCluster(cluster.name)))
    names = {"name": mesh.name, "cluster": cluster.name}
    replace, cidrs = _refusals(actor, "cluster-credential"), _refusals(actor, "cluster-pod-cidrs")
    return (
        Action(_("Replace credential"), reverse("cluster-credential", kwargs=names), "key", replace, is_page=True),
        Action(_("Set Pod CIDRs"), reverse("cluster-pod-cidrs", kwargs=names), "edit", cidrs),
        Action(
            _("Remove from mesh"), reverse("cluster-unregister", kwargs=names), "circle-minus", removed, danger=True
        ),
        Action(_("Forget cluster"), reverse("cluster-forget", kwargs=names), "trash", forgotten, danger=True),
    )


def of_gateway(sight: pages.Sight, actor: Actor, gateway: Gateway) -> tuple[Action, ...]:
    link = partial(_url, sight, gateway=gateway.id)
    edit = _refusals(actor, "gateway-edit", rules.is_enabled(sight.topology))
    delete = _of_change(sight, actor, "gateway-delete", DeleteGateway(gateway.key))
    group = sight.topology.group_of(gateway.key.cluster)
    return (
        Action(_("Edit east-west gateway"), link("gateway-edit"), "edit", edit),
        restart_gateway(sight.mesh, actor, gateway, joined=group is not None and group.joined),
        Action(_("Delete east-west gateway"), link("gateway-delete"), "trash", delete, danger=True),
    )


def fix_of_cluster(mesh: Mesh, actor: Actor, cluster: str, state: State) -> Action | None:
    """Return what helps a cluster in this state; None if nothing on its row does."""
    if state.known.code not in ("cluster.refuses-us", "cluster.wrong-cluster"):
        return None
    url = reverse("cluster-credential", kwargs={"name": mesh.name, "cluster": cluster})
    return Action(_("Replace credential"), url, "key", _refusals(actor, "cluster-credential"), is_page=True)


def fix_of_gateway(sight: pages.Sight, actor: Actor, group: Group, gateway: Gateway, state: State) -> Action | None:
    """Return what helps a gateway in this state; None if nothing on its row does."""
    match state.known.code:
        case "gateway.address-changed":
            return update_address(sight, actor, group.name)
        case "gateway.not-injected":
            return restart_gateway(sight.mesh, actor, gateway, joined=group.joined)
    return None


def update_address(sight: pages.Sight, actor: Actor, group: str) -> Action:
    """Return the way to use what a group's load balancers report now."""
    url = f"{_url(sight, 'addresses-update')}?{urlencode({'group': group, 'reported': 1})}"
    return Action(_("Update address"), url, reasons=_refusals(actor, "addresses-update"), is_page=True)


def of_clusters(mesh: Mesh, actor: Actor) -> Action:
    why = _refusals(actor, "cluster-register")
    return Action(
        _("Register cluster"), reverse("cluster-register", kwargs={"name": mesh.name}), "plus", why, is_page=True
    )


def delete_mesh(mesh: Mesh, actor: Actor) -> Action:
    why = _refusals(actor, "mesh-delete", islice(what_holds(mesh), 1))
    return Action(_("Delete mesh"), reverse("mesh-delete", kwargs={"name": mesh.name}), "trash", why, danger=True)


def of_meshes(actor: Actor) -> Action:
    return Action(_("Register mesh"), reverse("mesh-register"), "plus", _refusals(actor, "mesh-register"), is_page=True)


def restore(sight: pages.Sight, actor: Actor) -> Action:
    return Action(_("Restore"), _url(sight, "restore"), "refresh", _refusals(actor, "restore"))


def restart(mesh: Mesh, actor: Actor, *, joined: bool, **whose: str) -> Action:
    """Return the action that restarts workloads. In a joined group they carry others' traffic: a mesh admin decides."""
    url = f"{reverse('restart-workloads', kwargs={'name': mesh.name})}?{urlencode(whose)}"
    return Action(_("Restart workloads"), url, "refresh", why_not(actor, role_to_restart(joined=joined)))


def restart_gateway(mesh: Mesh, actor: Actor, gateway: Gateway, *, joined: bool) -> Action:
    """Return the action that replaces a gateway's Pods; `joined`: its group is."""
    url = reverse("gateway-restart", kwargs={"name": mesh.name, "gateway": gateway.id})
    return Action(_("Restart gateway"), url, "refresh", why_not(actor, role_to_restart(joined=joined)))


def _url(sight: pages.Sight, url_name: str, **names: str) -> str:
    return reverse(url_name, kwargs={"name": sight.mesh.name, **names})


def of_page(sight: pages.Sight, actor: Actor) -> dict[str, Action]:
    """Return the buttons above the page's sections."""
    topology = sight.topology
    disabled = tuple(rules.is_enabled(topology))
    can_create = _refusals(actor, "group-create", disabled) or _nobody_ungrouped(topology)
    joinable = _refusals(actor, "join", disabled) or _nobody_can_join(topology)
    listed = () if topology.joined else (_("No group is joined."),)
    update = _refusals(actor, "addresses-update", disabled) or listed
    remove = _refusals(actor, "interconnect-remove", disabled) or listed
    switch = _refusals(actor, "disable") if topology.enabled else _of_change(sight, actor, "enable", Enable())
    return {
        "switch": Action(
            _("Multicloud interconnection"), _url(sight, "disable" if topology.enabled else "enable"), reasons=switch
        ),
        "create_group": Action(_("Create network group"), _url(sight, "group-create"), "plus", can_create),
        "join": Action(_("Join interconnection"), _url(sight, "join"), "link", joinable),
        "update": Action(_("Update east-west gateway address"), _url(sight, "addresses-update"), "refresh", update),
        "remove": Action(
            _("Remove interconnection"), _url(sight, "interconnect-remove"), "link-off", remove, danger=True
        ),
    }


def _nobody_can_join(topology: Topology) -> tuple[str, ...]:
    """Return why no group can join: the first group's reasons, or that there is none outside. Empty if one can."""
    outside = [name for name, group in topology.groups.items() if not group.joined]
    found = [phrases.reasons(rules.can_join(topology, name)) for name in outside]
    if not outside:
        return (_("Every group is joined.") if topology.groups else _("Create a network group first."),)
    return found[0] if all(found) else ()
