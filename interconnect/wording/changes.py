"""Changes of a topology, kinds of steps and their phases, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from interconnect.domain import changes
from interconnect.domain.steps import Phase, StepKind

if TYPE_CHECKING:
    from interconnect.domain.changes import Change

STEP_NAMES = {
    StepKind.RULE: gettext_lazy("Gateway rule"),
    StepKind.LABEL: gettext_lazy("Network label"),
    StepKind.INJECTION: gettext_lazy("Injection webhooks"),
    StepKind.GATEWAY: gettext_lazy("East-west gateway"),
    StepKind.ADDRESS: gettext_lazy("Load balancer address"),
    StepKind.STALE: gettext_lazy("Workloads on another network"),
    StepKind.PREFLIGHT: gettext_lazy("Preflight"),
    StepKind.NETWORKS: gettext_lazy("Network list"),
    StepKind.RESTART: gettext_lazy("Control plane restart"),
    StepKind.VERIFY: gettext_lazy("Verify"),
    StepKind.GATEWAY_DELETE: gettext_lazy("Delete east-west gateway"),
    StepKind.INJECTION_RESTORE: gettext_lazy("Put injection webhooks back"),
    StepKind.LABEL_RESTORE: gettext_lazy("Put network label back"),
    StepKind.RULE_DELETE: gettext_lazy("Delete gateway rule"),
    StepKind.WORKLOADS: gettext_lazy("Restart workloads"),
    StepKind.GATEWAY_RESTART: gettext_lazy("Restart gateway"),
}

PHASE_NAMES = {
    Phase.PREPARE: gettext_lazy("Prepare"),
    Phase.PREFLIGHT: gettext_lazy("Publish"),
    Phase.PUBLISH: gettext_lazy("Publish"),
    Phase.WITHDRAW: gettext_lazy("Withdraw"),
    Phase.CLOSE: gettext_lazy("Close"),
}


def describe(change: Change) -> str:
    """Return one change as a short sentence in the active language."""
    return _DESCRIBE[type(change)](change)


def sentences(several: Sequence[Change]) -> list[str]:
    """Return changes that are made together, one sentence each.

    A new group is described with the clusters that later changes bring into it.
    """
    return [describe(_whole(change, several)) for change in several]


def _whole(change: Change, several: Sequence[Change]) -> Change:
    if not isinstance(change, changes.CreateGroup):
        return change
    coming = (later for later in several if isinstance(later, changes.MoveCluster | changes.AddCluster))
    return replace(
        change, clusters=change.clusters.union(later.cluster for later in coming if later.group == change.group)
    )


def _create_group(change: changes.CreateGroup) -> str:
    if not change.clusters:
        return _("Create network group %(group)s") % {"group": change.group}
    names = {"group": change.group, "clusters": ", ".join(sorted(change.clusters))}
    return _("Create network group %(group)s with %(clusters)s") % names


_DESCRIBE: dict[type[Any], Callable[[Any], str]] = {
    changes.Enable: lambda _change: _("Enable multicloud interconnection"),
    changes.Disable: lambda _change: _("Disable multicloud interconnection"),
    changes.CreateGroup: _create_group,
    changes.DeleteGroup: lambda change: _("Delete network group %(group)s") % {"group": change.group},
    changes.AddCluster: lambda change: (
        _("Add cluster %(cluster)s to %(group)s") % {"cluster": change.cluster, "group": change.group}
    ),
    changes.MoveCluster: lambda change: (
        _("Move cluster %(cluster)s to %(group)s") % {"cluster": change.cluster, "group": change.group}
    ),
    changes.RemoveCluster: lambda change: _("Remove cluster %(cluster)s from its group") % {"cluster": change.cluster},
    changes.CreateGateway: lambda change: _("Create east-west gateway %(gateway)s") % {"gateway": change.key},
    changes.EditGateway: lambda change: _("Edit east-west gateway %(gateway)s") % {"gateway": change.key},
    changes.DeleteGateway: lambda change: _("Delete east-west gateway %(gateway)s") % {"gateway": change.key},
    changes.Join: lambda change: _("Join %(group)s") % {"group": change.group},
    changes.UpdateAddresses: lambda change: _("Update addresses of %(group)s") % {"group": change.group},
    changes.Remove: lambda change: _("Remove %(group)s from the interconnect") % {"group": change.group},
    changes.RegisterCluster: lambda change: _("Register cluster %(cluster)s") % {"cluster": change.cluster},
    changes.UnregisterCluster: lambda change: (
        _("Remove cluster %(cluster)s from the mesh") % {"cluster": change.cluster}
    ),
    changes.ForgetCluster: lambda change: _("Forget cluster %(cluster)s") % {"cluster": change.cluster},
}
