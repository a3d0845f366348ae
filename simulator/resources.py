"""The kinds that a simulated cluster serves, and how their lists and maps merge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Names = tuple[str, ...]


@dataclass(frozen=True)
class Resource:
    """One kind as the API names it. `subresources` exist beside the object itself, such as `status` and `scale`."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    short: str = ""
    custom: bool = False

    def __hash__(self) -> int:
        return hash(self.plural)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """The name as it appears in errors: `deployments.apps`, `services`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


_STATUS = ("status",)
_SCALE = ("status", "scale")

RESOURCES: tuple[Resource, ...] = (
    Resource("", "v1", "namespaces", "Namespace", False, _STATUS),
    Resource("", "v1", "nodes", "Node", False, _STATUS),
    Resource("", "v1", "pods", "Pod", True, ("status", "portforward")),
    Resource("", "v1", "services", "Service", True, _STATUS),
    Resource("", "v1", "configmaps", "ConfigMap"),
    Resource("", "v1", "secrets", "Secret"),
    Resource("", "v1", "events", "Event"),
    Resource("", "v1", "serviceaccounts", "ServiceAccount"),
    Resource("", "v1", "resourcequotas", "ResourceQuota", True, _STATUS),
    Resource("apps", "v1", "deployments", "Deployment", True, _SCALE),
    Resource("apps", "v1", "replicasets", "ReplicaSet", True, _SCALE),
    Resource("apps", "v1", "statefulsets", "StatefulSet", True, _SCALE),
    Resource("apps", "v1", "daemonsets", "DaemonSet", True, _STATUS),
    Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", True, _STATUS),
    Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", True, _STATUS),
    Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", False),
    Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", False),
    Resource("rbac.authorization.k8s.io", "v1", "roles", "Role"),
    Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"),
    Resource(
        "admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", False
    ),
    Resource("networking.istio.io", "v1", "gateways", "Gateway", True, _STATUS, custom=True),
)

BY_PLURAL: Mapping[tuple[str, str], Resource] = {(item.api_version, item.plural): item for item in RESOURCES}
BY_KIND: Mapping[tuple[str, str], Resource] = {(item.api_version, item.kind): item for item in RESOURCES}


@dataclass(frozen=True, slots=True)
class Rule:
    """How a list or map merges.

    As one value (no keys, not a set), as a set of values, or item by item under its keys. `defaults` are the values of
    keys that an item may leave out.
    """

    keys: tuple[str, ...] = ()
    unique: bool = False
    defaults: tuple[tuple[str, Any], ...] = ()

    @property
    def atomic(self) -> bool:
        return not self.keys and not self.unique


ATOMIC = Rule()
_SET = Rule(unique=True)
_NAME, _TYPE = Rule(("name",)), Rule(("type",))
_TCP = (("protocol", "TCP"),)

_CONTAINER: Mapping[str, Rule] = {
    "env": _NAME,
    "env.valueFrom.configMapKeyRef": ATOMIC,
    "env.valueFrom.secretKeyRef": ATOMIC,
    "env.valueFrom.fieldRef": ATOMIC,
    "env.valueFrom.resourceFieldRef": ATOMIC,
    "ports": Rule(("containerPort", "protocol"), defaults=_TCP),
    "volumeMounts": Rule(("mountPath",)),
    "volumeDevices": Rule(("devicePath",)),
    "resources.claims": _NAME,
}
_POD: Mapping[str, Rule] = {
    "volumes": _NAME,
    "imagePullSecrets": _NAME,
    "hostAliases": Rule(("ip",)),
    "topologySpreadConstraints": Rule(("topologyKey", "whenUnsatisfiable")),
    "topologySpreadConstraints.labelSelector": ATOMIC,
    "nodeSelector": ATOMIC,
    "schedulingGates": _NAME,
    "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution": ATOMIC,
    **{f"{kind}": _NAME for kind in ("containers", "initContainers", "ephemeralContainers")},
    **{
        f"{kind}.{path}": rule
        for kind in ("containers", "initContainers", "ephemeralContainers")
        for path, rule in _CONTAINER.items()
    },
}
_META: Mapping[str, Rule] = {"finalizers": _SET, "ownerReferences": Rule(("uid",))}
_CONDITIONS: Mapping[str, Rule] = {"status.conditions": _TYPE}
_WORKLOAD: Mapping[str, Rule] = {
    "spec.selector": ATOMIC,
    **_CONDITIONS,
    **{f"spec.template.metadata.{path}": rule for path, rule in _META.items()},
    **{f"spec.template.spec.{path}": rule for path, rule in _POD.items()},
}
_KINDS: Mapping[str, Mapping[str, Rule]] = {
    "Service": {
        "spec.ports": Rule(("port", "protocol"), defaults=_TCP),
        "spec.selector": ATOMIC,
        "status.loadBalancer.ingress": ATOMIC,
        **_CONDITIONS,
    },
    "Pod": {**{f"spec.{path}": rule for path, rule in _POD.items()}, **_CONDITIONS, "status.podIPs": Rule(("ip",))},
    "ServiceAccount": {"secrets": _NAME},
    "PodDisruptionBudget": {"spec.selector": ATOMIC, **_CONDITIONS},
    "HorizontalPodAutoscaler": _CONDITIONS,
    "Namespace": _CONDITIONS,
    "Node": {"spec.podCIDRs": _SET, "spec.taints": ATOMIC, "status.conditions": _TYPE, "status.addresses": _TYPE},
    "MutatingWebhookConfiguration": {
        "webhooks": _NAME,
        "webhooks.namespaceSelector": ATOMIC,
        "webhooks.objectSelector": ATOMIC,
    },
    **dict.fromkeys(("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"), _WORKLOAD),
}


def _rules(kind: str) -> Mapping[Names, Rule]:
    own = {**{f"metadata.{path}": rule for path, rule in _META.items()}, **_KINDS.get(kind, {})}
    return {tuple(path.split(".")): rule for path, rule in own.items()}


RULES: Mapping[str, Mapping[Names, Rule]] = {item.kind: _rules(item.kind) for item in RESOURCES}
