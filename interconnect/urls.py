"""The product's URLs; their table of roles is tests/access/test_matrix.py."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from interconnect.views import activity, basics, clusters, gateways, groups, joining, members, mesh, meshes, overview, rollouts, topology

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="meshes"), name="home"),
    path("meshes/", meshes.index, name="meshes"),
    path("meshes/<slug:name>/", overview.show, name="interconnect"),
    path("meshes/<slug:name>/status/", mesh.status, name="mesh-status"),
    path("meshes/<slug:name>/enable/", basics.enable, name="enable"),
    path("meshes/<slug:name>/disable/", basics.disable, name="disable"),
    path("meshes/<slug:name>/rule/", basics.rule, name="rule"),
    path("meshes/<slug:name>/groups/create/", groups.create, name="group-create"),
    path("meshes/<slug:name>/groups/<slug:group>/add-cluster/", groups.add_cluster, name="group-add-cluster"),
    path("meshes/<slug:name>/groups/<slug:group>/create-gateway/", gateways.create_in_group, name="group-create-gateway"),
    path("meshes/<slug:name>/groups/<slug:group>/delete/", groups.delete, name="group-delete"),
    path("meshes/<slug:name>/clusters/<slug:cluster>/create-gateway/", gateways.create_in_cluster, name="cluster-create-gateway"),
    path("meshes/<slug:name>/clusters/<slug:cluster>/edit-gateway/", gateways.edit_in_cluster, name="cluster-edit-gateway"),
    path("meshes/<slug:name>/clusters/<slug:cluster>/move/", groups.move_cluster, name="cluster-move"),
    path("meshes/<slug:name>/clusters/<slug:cluster>/remove-from-group/", groups.remove_cluster, name="cluster-remove-from-group"),
    path("meshes/<slug:name>/clusters/<slug:cluster>/remove/", clusters.unregister, name="cluster-unregister"),
    path("meshes/<slug:name>/clusters/<slug:cluster>/forget/", clusters.forget, name="cluster-forget"),
    path("meshes/<slug:name>/gateways/<uuid:gateway>/edit/", gateways.edit, name="gateway-edit"),
    path("meshes/<slug:name>/gateways/<uuid:gateway>/delete/", gateways.delete, name="gateway-delete"),
    path("meshes/<slug:name>/join/", joining.join, name="join"),
    path("meshes/<slug:name>/join/addresses/", joining.join_addresses, name="join-addresses"),
    path("meshes/<slug:name>/join/review/", joining.join_review, name="join-review"),
    path("meshes/<slug:name>/interconnect/addresses/", joining.update_addresses, name="addresses-update"),
    path("meshes/<slug:name>/interconnect/remove/", joining.remove, name="interconnect-remove"),
    path("meshes/<slug:name>/clusters/", clusters.index, name="clusters"),
    path("meshes/<slug:name>/rollouts/", rollouts.index, name="rollouts"),
    path("meshes/<slug:name>/rollouts/<uuid:rollout_id>/", rollouts.show, name="rollout"),
    path("meshes/<slug:name>/rollouts/<uuid:rollout_id>/retry/", rollouts.retry, name="rollout-retry"),
    path("meshes/<slug:name>/rollouts/<uuid:rollout_id>/cancel/", rollouts.cancel, name="rollout-cancel"),
    path("meshes/<slug:name>/rollouts/<uuid:rollout_id>/revert/", rollouts.revert, name="rollout-revert"),
    path("meshes/<slug:name>/rollouts/<uuid:rollout_id>/dismiss/", rollouts.dismiss, name="rollout-dismiss"),
    path("meshes/<slug:name>/activity/", activity.index, name="activity"),
    path("meshes/<slug:name>/members/", members.index, name="members"),
    path("meshes/<slug:name>/members/<int:binding_id>/remove/", members.remove, name="member-remove"),
    path("meshes/<slug:name>/topology/", topology.show, name="topology"),
    path("meshes/<slug:name>/settings/", mesh.settings, name="mesh-settings"),
]
