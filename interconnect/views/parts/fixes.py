"""What fixes a finding: the dialog or page that does it, with the reason where the role is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from interconnect.domain.findings import SubjectKind
from interconnect.permissions import role_for_page
from interconnect.views.parts import menus
from interconnect.views.parts.access import why_not
from interconnect.views.parts.findings import about
from meshconsole.ui.tones import Action

if TYPE_CHECKING:
    from interconnect.domain.topology import Gateway, Topology
    from interconnect.models import Finding
    from interconnect.views.parts.access import Visit


@dataclass(frozen=True, slots=True)
class Place:
    """A finding, and the mesh in which it is."""

    visit: Visit
    topology: Topology
    row: Finding

    @property
    def kind(self) -> SubjectKind:
        return SubjectKind(self.row.subject_kind)

    @property
    def gateway(self) -> Gateway | None:
        found = self.topology.gateways.values() if self.kind is SubjectKind.GATEWAY else ()
        return next((each for each in found if str(each.key) == self.row.subject), None)

    @property
    def cluster(self) -> str:
        """The registered cluster that it is about; empty if it is about none."""
        gateway = self.gateway
        name = gateway.key.cluster if gateway else self.row.subject if self.kind is SubjectKind.CLUSTER else ""
        return name if name in self.topology.clusters else ""

    def action(self, label: str, url_name: str, query: Mapping[str, str] | None = None, **names: str) -> Action:
        url = reverse(url_name, kwargs={"name": self.visit.mesh.name, **names})
        why = why_not(self.visit.actor, role_for_page(url_name))
        return Action(label, f"{url}?{urlencode(query)}" if query else url, "", why, is_page=url_name in _PAGES)


# Those that open as pages; the others are dialogs.
_PAGES = frozenset({"addresses-update", "cluster-credential", "mesh-credential", "mesh-settings"})


def fix_of(place: Place) -> Action | None:
    """Return what fixes a finding, or leads to its object; None if that is nothing in the console."""
    made = _FIXES.get(place.row.code)
    return made(place) if made else None


def _restore(place: Place) -> Action:
    return place.action(_("Restore"), "restore")


def _credential(place: Place) -> Action | None:
    label = _("Replace credential")
    if place.kind is SubjectKind.CONTROL_PLANE:
        return place.action(label, "mesh-credential")
    return place.action(label, "cluster-credential", cluster=place.cluster) if place.cluster else None


def _address(place: Place) -> Action | None:
    group = place.topology.group_of(place.cluster) if place.cluster else None
    if group is None or not group.joined:
        return None
    return place.action(_("Update address"), "addresses-update", {"group": group.name})


def _restart(place: Place) -> Action | None:
    group = place.topology.group_of(place.cluster) if place.cluster else None
    if group is None:
        return None
    return menus.restart(place.visit.mesh, place.visit.actor, joined=group.joined, cluster=place.cluster)


def _restart_gateway(place: Place) -> Action | None:
    gateway = place.gateway
    group = place.topology.group_of(gateway.key.cluster) if gateway else None
    if gateway is None or group is None:
        return None
    return menus.restart_gateway(place.visit.mesh, place.visit.actor, gateway, joined=group.joined)


def _edit_gateway(place: Place) -> Action | None:
    gateway = place.gateway
    return place.action(_("Edit gateway"), "gateway-edit", gateway=gateway.id) if gateway else None


def _open_gateway(place: Place) -> Action:
    return _open(place, _("Open gateway"))


def _open_group(place: Place) -> Action:
    return _open(place, _("Open group"))


def _open(place: Place, label: str) -> Action:
    return Action(label, about(place.visit.mesh, place.row).url, is_page=True)


def _networks(place: Place) -> Action:
    # Everybody may open the page; who may change what on it, it says itself.
    url = reverse("mesh-settings", kwargs={"name": place.visit.mesh.name})
    return Action(_("Open settings"), url, is_page=True)


_FIXES: Mapping[str, Callable[[Place], Action | None]] = {
    "control-plane.refuses-us": _credential,
    "control-plane.wrong-cluster": _credential,
    "rule.missing": _restore,
    "rule.changed": _restore,
    "networks.changed": _restore,
    "networks.still-known": _restore,
    "networks.revision-lacks-groups": _restore,
    "networks.source-unknown": _networks,
    "group.not-in-effect": _open_group,
    "group.no-way-in": _open_group,
    "group.host-unresolved": _open_group,
    "cluster.wrong-cluster": _credential,
    "cluster.refuses-us": _credential,
    "cluster.network-label": _restore,
    "cluster.injection-path": _restore,
    "gateway.missing": _restore,
    "gateway.changed": _restore,
    "gateway.not-injected": _restart_gateway,
    "gateway.not-ready": _open_gateway,
    "gateway.degraded": _open_gateway,
    "gateway.address-changed": _address,
    "gateway.address-pending": _open_gateway,
    "gateway.budget-blocks": _edit_gateway,
    "gateway.autoscaler-at-limit": _edit_gateway,
    "pods.stale": _restart,
    "pods.unlabelled": _restart,
    "credential.ended": _credential,
    "credential.ends-soon": _credential,
}
