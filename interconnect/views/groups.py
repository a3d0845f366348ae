"""Network groups: create, delete, and the clusters in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from interconnect.domain.changes import AddCluster, CreateGroup, DeleteGroup, MoveCluster, RemoveCluster
from interconnect.forms.base import version_of
from interconnect.forms.groups import AddClusterForm, ConfirmForm, GroupForm, MoveClusterForm
from interconnect.views.parts.access import mesh_for
from interconnect.views.parts.changing import current, deleted_with, group_of, submit, warned
from interconnect.views.parts.dialogs import Dialog, chosen, posted

if TYPE_CHECKING:
    from interconnect.domain.topology import Cluster, Topology

GROUP_FIELDS = {"group.name": "name", "group.": "clusters", "cluster.": "clusters"}


def reach_note() -> str:
    return _(
        "Clusters in one group must be able to reach each other's Pods directly. Their CNI plugins "
        "don't matter. The console can't measure this."
    )


def _free_clusters(topology: Topology) -> list[tuple[str, str]]:
    grouped = {name for group in topology.groups.values() for name in group.clusters}
    return [(name, _label(cluster)) for name, cluster in topology.clusters.items() if name not in grouped]


def _label(cluster: Cluster) -> str:
    return cluster.name


def cluster_of(topology: Topology, name: str) -> Cluster:
    if name not in topology.clusters:
        raise Http404
    return topology.clusters[name]


@require_http_methods(["GET", "POST"])
def create(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name)
    topology, facts = current(visit)
    free = _free_clusters(topology)
    form = GroupForm(posted(request), clusters=free)
    ticked = chosen(request, "clusters", free)
    warnings = warned(topology, facts, CreateGroup(_("the new group"), frozenset(ticked)))
    dialog = Dialog(
        _("Create network group"),
        _("OK"),
        form,
        intro=(reach_note(),),
        warnings=warnings,
        fields=GROUP_FIELDS,
        follows_choice=True,
    )

    def changes() -> list[CreateGroup]:
        return [CreateGroup(form.cleaned_data["name"], frozenset(form.cleaned_data["clusters"]))]

    return submit(request, visit, dialog, changes)


@require_http_methods(["GET", "POST"])
def add_cluster(request: HttpRequest, name: str, group: str) -> HttpResponse:
    visit = mesh_for(request, name)
    topology, facts = current(visit)
    target = group_of(topology, group)
    free = _free_clusters(topology)
    form = AddClusterForm(posted(request), clusters=free, version=version_of(target))
    intro = (_("Adds clusters to group %(group)s.") % {"group": group}, reach_note())
    warnings = warned(topology, facts, *(AddCluster(group, cluster) for cluster in chosen(request, "clusters", free)))
    dialog = Dialog(
        _("Add cluster"), _("OK"), form, intro=intro, warnings=warnings, fields=GROUP_FIELDS, follows_choice=True
    )
    return submit(
        request,
        visit,
        dialog,
        lambda: [AddCluster(group, cluster) for cluster in sorted(form.cleaned_data["clusters"])],
    )


@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, name: str, group: str) -> HttpResponse:
    visit = mesh_for(request, name)
    topology, facts = current(visit)
    target = group_of(topology, group)
    gateways = topology.gateways_of_group(group)
    change = DeleteGroup(group)
    intro = (
        _(
            "This deletes group %(group)s and puts the network label and injection path of its "
            "clusters back as they were: %(clusters)s."
        )
        % {"group": group, "clusters": ", ".join(sorted(target.clusters))},
        _("The clusters stay registered. Their Pods keep the network they were started with until they are restarted."),
    )
    form = ConfirmForm(posted(request), version=version_of(target, gateways))
    dialog = Dialog(
        _("Delete network group"), _("Delete"), form, intro=intro, warnings=warned(topology, facts, change), danger=True
    )
    dialog.deletes = deleted_with(visit, gateways)
    return submit(request, visit, dialog, lambda: [change])


@require_http_methods(["GET", "POST"])
def move_cluster(request: HttpRequest, name: str, cluster: str) -> HttpResponse:
    visit = mesh_for(request, name)
    topology, facts = current(visit)
    own = topology.group_of(cluster_of(topology, cluster).name)
    targets = [(group.name, group.name) for group in topology.groups.values() if group is not own and not group.joined]
    form = MoveClusterForm(posted(request), groups=targets, version=version_of(own))
    intro = (
        _("%(cluster)s moves with its gateways. Its Pods keep their old network until they are restarted.")
        % {"cluster": cluster},
        reach_note(),
    )
    wanted = chosen(request, "group", targets) or [target for target, _label in targets[:1]]
    warnings = warned(topology, facts, *(MoveCluster(cluster, target) for target in wanted))
    fields = {"group.": "group", "cluster.": "group"}
    dialog = Dialog(
        _("Move to another group"), _("OK"), form, intro=intro, warnings=warnings, fields=fields, follows_choice=True
    )
    return submit(request, visit, dialog, lambda: [MoveCluster(cluster, form.cleaned_data["group"])])


@require_http_methods(["GET", "POST"])
def remove_cluster(request: HttpRequest, name: str, cluster: str) -> HttpResponse:
    visit = mesh_for(request, name)
    topology, facts = current(visit)
    own = topology.group_of(cluster_of(topology, cluster).name)
    change = RemoveCluster(cluster)
    group = own.name if own else ""
    intro = (
        _("This removes %(cluster)s from group %(group)s. It stays registered.") % {"cluster": cluster, "group": group},
        _("Its network label and injection path are put back as they were."),
    )
    gateways = topology.gateways_of_cluster(cluster)
    form = ConfirmForm(posted(request), version=version_of(own, gateways))
    dialog = Dialog(
        _("Remove from group"), _("OK"), form, intro=intro, warnings=warned(topology, facts, change), danger=True
    )
    dialog.deletes = deleted_with(visit, gateways)
    return submit(request, visit, dialog, lambda: [change])
