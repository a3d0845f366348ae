"""East-west gateways: create, edit, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from interconnect.domain.changes import CreateGateway, DeleteGateway, EditGateway, violations
from interconnect.domain.gateways import valid_spec
from interconnect.domain.names import next_gateway_key
from interconnect.forms.base import version_of
from interconnect.forms.gateways import GatewayForm, PickGatewayForm, initial_of
from interconnect.forms.groups import ConfirmForm
from interconnect.views.groups import cluster_of
from interconnect.views.parts import dialogs
from interconnect.views.parts.access import Visit, mesh_for
from interconnect.views.parts.changing import current, deleted_with, group_of, submit, warned
from interconnect.views.parts.dialogs import Dialog, posted

if TYPE_CHECKING:
    from interconnect.domain.topology import Gateway, Topology

GATEWAY_FIELDS = {
    "gateway.replicas": "replicas",
    "gateway.autoscaling": "autoscaling_min",
    "gateway.annotations": "annotations",
    "gateway.load-balancer-ip": "load_balancer_ip",
    "cluster.": "cluster",
}


def _gateway(topology: Topology, gateway_id: UUID) -> Gateway:
    found = next((gateway for gateway in topology.gateways.values() if gateway.id == str(gateway_id)), None)
    if found is None:
        raise Http404
    return found


@require_http_methods(["GET", "POST"])
def create_in_group(request: HttpRequest, name: str, group: str) -> HttpResponse:
    visit = mesh_for(request, name)
    topology, _facts = current(visit)
    clusters = sorted(group_of(topology, group).clusters)
    form = GatewayForm(posted(request), clusters=[(cluster, cluster) for cluster in clusters], new_id=str(uuid4()))
    intro = (
        _("Creates a Deployment and a Service that carry the traffic of group %(group)s on port 15443.")
        % {"group": group},
    )
    return _create(request, visit, topology, form, intro)


@require_http_methods(["GET", "POST"])
def create_in_cluster(request: HttpRequest, name: str, cluster: str) -> HttpResponse:
    visit = mesh_for(request, name)
    topology, _facts = current(visit)
    return _create_in(request, visit, topology, cluster_of(topology, cluster).name)


def _create_in(request: HttpRequest, visit: Visit, topology: Topology, cluster: str) -> HttpResponse:
    form = GatewayForm(posted(request), new_id=str(uuid4()))
    intro = (
        _("Creates a Deployment and a Service in cluster %(cluster)s that carry traffic on port 15443.")
        % {"cluster": cluster},
    )
    return _create(request, visit, topology, form, intro, cluster)


def _create(
    request: HttpRequest, visit: Visit, topology: Topology, form: GatewayForm, intro: tuple[str, ...], cluster: str = ""
) -> HttpResponse:
    dialog = Dialog(_("Create east-west gateway"), _("OK"), form, intro=intro, fields=GATEWAY_FIELDS)
    if request.method == "POST" and any(gateway.id == request.POST.get("id") for gateway in topology.gateways.values()):
        return dialogs.done(request, visit.mesh, _("This gateway has already been created."))

    def change(chosen: str) -> CreateGateway:
        return CreateGateway(
            next_gateway_key(topology, chosen), form.cleaned_data.get("id") or str(uuid4()), form.spec()
        )

    if form.is_bound and not form.is_valid():
        chosen = cluster or form.cleaned_data.get("cluster", "")
        dialogs.judge(dialog, violations(topology, change(chosen)) if chosen else valid_spec(form.spec()))
    return submit(request, visit, dialog, lambda: [change(cluster or form.cleaned_data["cluster"])])


@require_http_methods(["GET", "POST"])
def edit_in_cluster(request: HttpRequest, name: str, cluster: str) -> HttpResponse:
    """Edit the cluster's only gateway. If there are several, ask which first; if there is none, offer to create one."""
    visit = mesh_for(request, name)
    topology, _facts = current(visit)
    gateways = topology.gateways_of_cluster(cluster_of(topology, cluster).name)
    # The form to create one does so, or says why not, even if somebody else has created one since it was opened.
    if not gateways or "id" in request.POST:
        return _create_in(request, visit, topology, cluster)
    chosen = request.GET.get("gateway", gateways[0].id if len(gateways) == 1 else "")
    found = next((gateway for gateway in gateways if gateway.id == chosen), None)
    if found is not None:
        return _edit(request, visit, topology, found)
    form = PickGatewayForm(gateways=[(gateway.id, gateway.name) for gateway in gateways])
    dialog = Dialog(_("Edit east-west gateway"), _("Next"), form, extra={"method": "get"})
    return dialogs.show(request, visit, dialog)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, name: str, gateway: UUID) -> HttpResponse:
    visit = mesh_for(request, name)
    topology, _facts = current(visit)
    return _edit(request, visit, topology, _gateway(topology, gateway))


def _edit(request: HttpRequest, visit: Visit, topology: Topology, gateway: Gateway) -> HttpResponse:
    group = topology.group_of(gateway.key.cluster)
    frozen = group is not None and group.joined
    form = GatewayForm(
        posted(request), initial=initial_of(gateway.spec), frozen=frozen, version=version_of(gateway, frozen)
    )
    intro = [gateway.name]
    if frozen:
        intro.append(
            _(
                "The group is joined, so only replicas and autoscaling can change. To change anything "
                "else, remove the group from the interconnect first."
            )
        )
    dialog = Dialog(_("Edit east-west gateway"), _("OK"), form, intro=tuple(intro), fields=GATEWAY_FIELDS)
    if form.is_bound and not form.is_valid():
        dialogs.judge(dialog, violations(topology, EditGateway(gateway.key, form.spec())))
    return submit(request, visit, dialog, lambda: [EditGateway(gateway.key, form.spec())])


@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, name: str, gateway: UUID) -> HttpResponse:
    visit = mesh_for(request, name)
    topology, facts = current(visit)
    found = _gateway(topology, gateway)
    change = DeleteGateway(found.key)
    form = ConfirmForm(posted(request), version=version_of(found))
    intro = (
        _(
            "This deletes %(gateway)s and its load balancer. An address that the load balancer assigned "
            "can't be recovered."
        )
        % {"gateway": found.name},
    )
    dialog = Dialog(
        _("Delete east-west gateway"),
        _("Delete"),
        form,
        intro=intro,
        warnings=warned(topology, facts, change),
        danger=True,
    )
    dialog.deletes = deleted_with(visit, [found])
    return submit(request, visit, dialog, lambda: [change])
