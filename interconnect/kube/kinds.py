"""The kinds of objects that the console reads or writes, and how to address them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from interconnect.domain.entries import Target


class Kind(NamedTuple):
    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    @property
    def resource(self) -> str:
        """The resource as RBAC and messages write it, such as `deployments.apps` or `services`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of a collection or an object; an empty namespace means all namespaces."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        parts = [root]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name:
            # RBAC names such as system:node keep their colon; a slash or a dot segment must not leave the collection
            parts.append("%2E" * len(name) if name in (".", "..") else quote(name, safe=":"))
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


NAMESPACE = Kind("v1", "Namespace", "namespaces", namespaced=False)
NODE = Kind("v1", "Node", "nodes", namespaced=False)
POD = Kind("v1", "Pod", "pods")
SERVICE = Kind("v1", "Service", "services")
SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
EVENT = Kind("v1", "Event", "events")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
REPLICA_SET = Kind("apps/v1", "ReplicaSet", "replicasets")
STATEFUL_SET = Kind("apps/v1", "StatefulSet", "statefulsets")
DAEMON_SET = Kind("apps/v1", "DaemonSet", "daemonsets")
DISRUPTION_BUDGET = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
AUTOSCALER = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
GATEWAY = Kind("networking.istio.io/v1", "Gateway", "gateways")
MUTATING_WEBHOOK = Kind(
    "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", namespaced=False
)
ACCESS_REVIEW = Kind("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False)
RULES_REVIEW = Kind("authorization.k8s.io/v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", namespaced=False)
CALICO_POOL = Kind("crd.projectcalico.org/v1", "IPPool", "ippools", namespaced=False)
CILIUM_POOL = Kind("cilium.io/v2alpha1", "CiliumPodIPPool", "ciliumpodippools", namespaced=False)

ALL = (
    NAMESPACE,
    NODE,
    POD,
    SERVICE,
    SERVICE_ACCOUNT,
    CONFIG_MAP,
    EVENT,
    DEPLOYMENT,
    REPLICA_SET,
    STATEFUL_SET,
    DAEMON_SET,
    DISRUPTION_BUDGET,
    AUTOSCALER,
    GATEWAY,
    MUTATING_WEBHOOK,
    ACCESS_REVIEW,
    RULES_REVIEW,
    CALICO_POOL,
    CILIUM_POOL,
)
_BY_NAME = {(kind.api_version, kind.kind): kind for kind in ALL}


def of(api_version: str, kind: str) -> Kind:
    """Return the known kind of that name. Raises LookupError for one that the console doesn't use."""
    try:
        return _BY_NAME[api_version, kind]
    except KeyError:
        raise LookupError(f"{api_version} {kind} is no kind that the console handles") from None


def of_target(target: Target) -> Kind:
    return of(target.api_version, target.kind)
