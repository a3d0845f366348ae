"""Who may do what: the role that each change, each other deed and each page needs, decided only here.

Services use it to refuse, pages to decide who may open them, and buttons to explain why they are disabled.
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

# A kind of change to the topology, or a name; for anything audited, its name in the audit.
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
    "silence.add": Role.OPERATOR,
    "silence.end": Role.OPERATOR,
    "drift.restore": Role.OPERATOR,
    "drift.restore-shared": Role.MESH_ADMIN,  # what all groups share
    "workloads.restart": Role.OPERATOR,
    "workloads.restart-joined": Role.MESH_ADMIN,  # a joined group's workloads and gateways carry other groups' traffic
    # The minimum role. The rollout's changes and its consents may need a higher one.
    "rollout.cancel": Role.OPERATOR,
    "rollout.dismiss": Role.OPERATOR,
    "rollout.retry": Role.OPERATOR,
    "rollout.revert": Role.OPERATOR,
    "rollout.unreadable": Role.MESH_ADMIN,  # its changes come from a version that this one can't read
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

# What each page is for, by URL name. Anyone who isn't allowed to do that can't open the page.
PAGES: Mapping[str, Deed] = {
    "mesh-register": "mesh.register",
    "mesh-register-check": "mesh.register",
    "mesh-account-file": "mesh.register",
    "interconnect": "mesh.see",
    "mesh-status": "mesh.see",
    "topology": "mesh.see",
    "clusters": "mesh.see",
    "rollouts": "mesh.see",
    "rollout": "mesh.see",
    "checks": "mesh.see",
    "checks-csv": "mesh.see",
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
    "silence-add": "silence.add",
    "silence-end": "silence.end",
    "restore": "drift.restore",
    "restart-workloads": "workloads.restart",
    "gateway-restart": "workloads.restart",
    "rollout-retry": "rollout.retry",
    "rollout-cancel": "rollout.cancel",
    "rollout-revert": "rollout.revert",
    "rollout-dismiss": "rollout.dismiss",
    "cluster-register": "cluster.register",
    "cluster-register-check": "cluster.register",
    "account-file": "cluster.register",
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
# What submitting needs, for pages that more people may see.
SENT: Mapping[str, Deed] = {"members": "member.set", "mesh-settings": "mesh.restart-policy"}
# For anyone who is signed in: these pages show only what the person may see anyway.
OPEN = frozenset({"alerts-dismiss", "help-finding", "help-findings", "home", "meshes", "meshes-csv"})


def role_for(deed: Deed) -> Role:
    """Return the role that a kind of change or another deed needs. Raise KeyError if none has been decided."""
    return _ROLES[deed]


def role_for_all(changes: Iterable[Change], *, overriding: bool = False) -> Role:
    """Return the strictest role that several changes need together; `overriding`: they override a finding too.

    If nothing changes and nothing is overridden, return the role needed to restore.
    """
    deeds: list[Deed] = [type(change) for change in changes]
    return max(map(role_for, [*deeds, "finding.override"] if overriding else deeds), default=role_for("drift.restore"))


def role_to_restart(*, joined: bool) -> Role:
    """Return the role needed to restart workloads or a gateway; `joined`: some of that belongs to a joined group."""
    return role_for("workloads.restart-joined" if joined else "workloads.restart")


def role_for_page(url_name: str, *, sends: bool = True) -> Role:
    """Return the role needed to submit a page (`sends`) or to open it. Raise KeyError if it has no row in PAGES."""
    deed = PAGES[url_name]
    return role_for(SENT.get(url_name, deed) if sends else deed)
