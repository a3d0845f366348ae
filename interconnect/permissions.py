"""Who may do what: the role that each change, each other deed and each page needs, decided here alone.

Services refuse by it, pages open by it, and buttons say by it why they do nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from interconnect.domain.changes import (
    AddCluster,
    Change,
    CreateGateway,
    CreateGroup,
    DeleteGateway,
    DeleteGroup,
    Disable,
    EditGateway,
    Enable,
    ForgetCluster,
    Join,
    MoveCluster,
    RegisterCluster,
    Remove,
    RemoveCluster,
    UnregisterCluster,
    UpdateAddresses,
)
from meshconsole.access.roles import Role

# A kind of change of the topology, or a name: that of the audit, for what is audited.
Deed = type[Change] | str

_ROLES: Mapping[Deed, Role] = {
    "mesh.see": Role.VIEWER,
    AddCluster: Role.OPERATOR,
    CreateGateway: Role.OPERATOR,
    CreateGroup: Role.OPERATOR,
    DeleteGateway: Role.OPERATOR,
    EditGateway: Role.OPERATOR,
    MoveCluster: Role.OPERATOR,
    RemoveCluster: Role.OPERATOR,
    UpdateAddresses: Role.OPERATOR,
    DeleteGroup: Role.MESH_ADMIN,
    Disable: Role.MESH_ADMIN,
    Enable: Role.MESH_ADMIN,
    ForgetCluster: Role.MESH_ADMIN,
    Join: Role.MESH_ADMIN,
    RegisterCluster: Role.MESH_ADMIN,
    Remove: Role.MESH_ADMIN,
    UnregisterCluster: Role.MESH_ADMIN,
    "checks.run": Role.OPERATOR,
    "drift.restore": Role.OPERATOR,
    "drift.restore-shared": Role.MESH_ADMIN,  # what all groups share
    "workloads.restart": Role.OPERATOR,
    "workloads.restart-joined": Role.MESH_ADMIN,  # those of a joined group carry other groups' traffic
    # The least role: the one that its changes need, and what it consents to, comes on top.
    "rollout.cancel": Role.OPERATOR,
    "rollout.dismiss": Role.OPERATOR,
    "rollout.retry": Role.OPERATOR,
    "rollout.revert": Role.OPERATOR,
    "rollout.unreadable": Role.MESH_ADMIN,  # its changes are of a version that this one can't read
    "finding.override": Role.MESH_ADMIN,  # whatever the change
    "restart.force": Role.MESH_ADMIN,
    "cluster.forget": Role.MESH_ADMIN,
    "cluster.pod-cidrs": Role.MESH_ADMIN,
    "cluster.register": Role.MESH_ADMIN,
    "cluster.replace-credential": Role.MESH_ADMIN,
    "cluster.unregister": Role.MESH_ADMIN,
    "member.remove": Role.MESH_ADMIN,
    "member.set": Role.MESH_ADMIN,
    "mesh.networks-source": Role.MESH_ADMIN,
    "mesh.restart-policy": Role.MESH_ADMIN,
    "mesh.delete": Role.PLATFORM_ADMIN,
    "mesh.istiod-url": Role.PLATFORM_ADMIN,
    "mesh.register": Role.PLATFORM_ADMIN,
    "mesh.replace-credential": Role.PLATFORM_ADMIN,
    "kubeconfig.insecure": Role.PLATFORM_ADMIN,
}

# By URL name: what a page is for. Whoever may not do that does not get to see it.
PAGES: Mapping[str, Deed] = {
    "mesh-register": "mesh.register",
    "mesh-register-check": "mesh.register",
    "interconnect": "mesh.see",
    "mesh-status": "mesh.see",
    "topology": "mesh.see",
    "clusters": "mesh.see",
    "rollouts": "mesh.see",
    "rollout": "mesh.see",
    "checks": "mesh.see",
    "activity": "mesh.see",
    "members": "mesh.see",
    "mesh-settings": "mesh.see",
    "rule": "mesh.see",
    "look": "mesh.see",
    "enable": Enable,
    "disable": Disable,
    "group-create": CreateGroup,
    "group-add-cluster": AddCluster,
    "group-create-gateway": CreateGateway,
    "group-delete": DeleteGroup,
    "cluster-create-gateway": CreateGateway,
    "cluster-edit-gateway": EditGateway,
    "cluster-move": MoveCluster,
    "cluster-remove-from-group": RemoveCluster,
    "gateway-edit": EditGateway,
    "gateway-delete": DeleteGateway,
    "join": Join,
    "join-addresses": Join,
    "join-review": Join,
    "addresses-update": UpdateAddresses,
    "interconnect-remove": Remove,
    "checks-run": "checks.run",
    "restore": "drift.restore",
    "restart-workloads": "workloads.restart",
    "rollout-retry": "rollout.retry",
    "rollout-cancel": "rollout.cancel",
    "rollout-revert": "rollout.revert",
    "rollout-dismiss": "rollout.dismiss",
    "cluster-register": "cluster.register",
    "cluster-register-check": "cluster.register",
    "cluster-credential": "cluster.replace-credential",
    "cluster-credential-check": "cluster.replace-credential",
    "cluster-pod-cidrs": "cluster.pod-cidrs",
    "cluster-unregister": "cluster.unregister",
    "cluster-forget": "cluster.forget",
    "member-remove": "member.remove",
    "mesh-networks": "mesh.networks-source",
    "mesh-istiod-url": "mesh.istiod-url",
    "mesh-credential": "mesh.replace-credential",
    "mesh-credential-check": "mesh.replace-credential",
    "mesh-delete": "mesh.delete",
}
# What is sent from a page that more people see.
SENT: Mapping[str, Deed] = {"members": "member.set", "mesh-settings": "mesh.restart-policy"}
# For whoever is signed in: they show what somebody sees anyway.
OPEN = frozenset({"home", "meshes"})


def role_for(deed: Deed) -> Role:
    """The role that a kind of change or another deed needs. KeyError for one that nobody has decided on."""
    return _ROLES[deed]


def role_for_all(changes: Iterable[Change], *, overriding: bool = False) -> Role:
    """The role that several changes at once need: that of the strictest, and of overriding a finding if one is.

    What changes nothing restores.
    """
    deeds: list[Deed] = [type(change) for change in changes]
    return max(map(role_for, [*deeds, "finding.override"] if overriding else deeds), default=role_for("drift.restore"))


def role_to_restart(*, joined: bool) -> Role:
    """The role that a restart of workloads needs; `joined`: some of them are of a joined group."""
    return role_for("workloads.restart-joined" if joined else "workloads.restart")


def role_for_page(url_name: str, *, sends: bool = True) -> Role:
    """The role that a page needs, to open it or to send what is on it. KeyError for one without a row in PAGES."""
    deed = PAGES[url_name]
    return role_for(SENT.get(url_name, deed) if sends else deed)
