"""The console's own Kubernetes and Istio objects, as sent by server-side apply.

Constraints: the mesh's gateway rule is read only in the config cluster. A gateway's selectors are only its UUID,
because selectors are immutable and a gateway follows its cluster from group to group. Its Service never carries the
network label, because Istio would then use the gateway without any list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interconnect.domain.entries import (
    FIELD_MANAGER,
    GATEWAY_LABEL,
    MANAGED_BY_LABEL,
    MESH_LABEL,
    NETWORK_LABEL,
    REVISION_LABEL,
    Target,
)
from interconnect.domain.json_types import Json
from interconnect.domain.topology import GATEWAY_PORT, Autoscaling, Gateway, GatewaySpec, ServiceType

if TYPE_CHECKING:
    from collections.abc import Iterator

GATEWAY_SELECTOR = {"istio": "eastwestgateway"}
STATUS_PORT = 15021
NODE_SELECTOR_ANNOTATION = "traffic.istio.io/nodeSelector"
CPU_UTILIZATION_PERCENT = 80

SERVICE_ACCOUNT = ("v1", "ServiceAccount")
DEPLOYMENT = ("apps/v1", "Deployment")
SERVICE = ("v1", "Service")
DISRUPTION_BUDGET = ("policy/v1", "PodDisruptionBudget")
AUTOSCALER = ("autoscaling/v2", "HorizontalPodAutoscaler")
RULE = ("networking.istio.io/v1", "Gateway")


def manifest_of(target: Target, labels: Json, body: Json) -> Json:
    """Return the whole manifest of the object at `target`: `body` plus identity and labels."""
    metadata = {"name": target.name, "namespace": target.namespace, "labels": labels, **body.pop("metadata", {})}
    return {"apiVersion": target.api_version, "kind": target.kind, "metadata": metadata, **body}


def gateway_rule(target: Target, mesh: str, cluster_domain: str) -> Json:
    """Return the Istio Gateway that opens 15443 with AUTO_PASSTHROUGH on every east-west gateway of the mesh."""
    hosts = "*.local" if cluster_domain.rstrip(".").endswith(".local") else f"*.{cluster_domain.rstrip('.')}"
    server = {
        "port": {"number": GATEWAY_PORT, "name": "tls", "protocol": "TLS"},
        "tls": {"mode": "AUTO_PASSTHROUGH"},
        "hosts": [hosts],
    }
    return manifest_of(target, mesh_labels(mesh), {"spec": {"selector": dict(GATEWAY_SELECTOR), "servers": [server]}})


def mesh_labels(mesh: str) -> Json:
    return {MANAGED_BY_LABEL: FIELD_MANAGER, MESH_LABEL: mesh}


def gateway_manifests(
    gateway: Gateway, *, mesh: str, network: str, cluster: str, namespace: str, revision: str
) -> Iterator[tuple[Target, Json]]:
    """Return every object of one gateway with its target, in the order of creation.

    `cluster` is the `kube-system` UID, `network` the group's name, `revision` empty when the default revision injects.
    """
    labels = {**mesh_labels(mesh), GATEWAY_LABEL: gateway.id}
    selector = {GATEWAY_LABEL: gateway.id}
    bodies: list[tuple[tuple[str, str], Json]] = [
        (SERVICE_ACCOUNT, {}),
        (DEPLOYMENT, _deployment(gateway, network, revision)),
        (SERVICE, _service(gateway.spec, selector)),
    ]
    if gateway.spec.autoscaling is not None:
        bodies.append((AUTOSCALER, _autoscaler(gateway.name, gateway.spec.autoscaling)))
    if _least_replicas(gateway.spec) >= 2:
        bodies.append((DISRUPTION_BUDGET, {"spec": {"minAvailable": 1, "selector": {"matchLabels": selector}}}))
    for (api_version, kind), body in bodies:
        target = Target(cluster, api_version, kind, namespace, gateway.name)
        yield target, manifest_of(target, dict(labels), body)


def _least_replicas(spec: GatewaySpec) -> int:
    return spec.autoscaling.min if spec.autoscaling else spec.replicas


def _deployment(gateway: Gateway, network: str, revision: str) -> Json:
    selector = {GATEWAY_LABEL: gateway.id}
    labels = {
        **selector,
        **GATEWAY_SELECTOR,
        "app.kubernetes.io/name": gateway.name,
        "istio.io/dataplane-mode": "none",
        "sidecar.istio.io/inject": "true",
        NETWORK_LABEL: network,
    }
    if revision:
        labels[REVISION_LABEL] = revision
    annotations = {
        "inject.istio.io/templates": "gateway",
        "sidecar.istio.io/inject": "true",
        "prometheus.io/port": "15020",
        "prometheus.io/scrape": "true",
        "prometheus.io/path": "/stats/prometheus",
    }
    template = {"metadata": {"annotations": annotations, "labels": labels}, "spec": _pod(gateway, network)}
    spec: Json = {"selector": {"matchLabels": selector}, "template": template}
    # An autoscaler owns the number: applied beside it, `replicas` conflicts at the next scale.
    if gateway.spec.autoscaling is None:
        spec["replicas"] = gateway.spec.replicas
    return {"spec": spec}


def _pod(gateway: Gateway, network: str) -> Json:
    spread = {
        "weight": 100,
        "podAffinityTerm": {
            "labelSelector": {"matchLabels": {GATEWAY_LABEL: gateway.id}},
            "topologyKey": "kubernetes.io/hostname",
        },
    }
    return {
        "serviceAccountName": gateway.name,
        "terminationGracePeriodSeconds": 30,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [spread]}},
        "containers": [_proxy(network)],
    }


def _proxy(network: str) -> Json:
    return {
        "name": "istio-proxy",  # the injector merges its container by this name
        "image": "auto",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        },
        # Without this view the gateway would forward into third networks.
        "env": [{"name": "ISTIO_META_REQUESTED_NETWORK_VIEW", "value": network}],
        "ports": [
            {"name": "tls", "containerPort": GATEWAY_PORT, "protocol": "TCP"},
            {"name": "status-port", "containerPort": STATUS_PORT, "protocol": "TCP"},
            {"name": "http-envoy-prom", "containerPort": 15090, "protocol": "TCP"},
        ],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "2", "memory": "1Gi"}},
    }


def _service(spec: GatewaySpec, selector: Json) -> Json:
    annotations = dict(spec.annotations)
    if spec.service_type is ServiceType.NODE_PORT:
        annotations.setdefault(NODE_SELECTOR_ANNOTATION, "{}")
    body: Json = {
        "type": spec.service_type.value,
        "selector": dict(selector),
        # `protocol` is part of the list's merge key: server-side apply needs it said.
        "ports": [
            {"name": "status-port", "port": STATUS_PORT, "targetPort": STATUS_PORT, "protocol": "TCP"},
            {"name": "tls", "port": GATEWAY_PORT, "targetPort": GATEWAY_PORT, "protocol": "TCP"},
        ],
    }
    if spec.load_balancer_ip:
        body["loadBalancerIP"] = spec.load_balancer_ip
    return {"metadata": {"annotations": annotations} if annotations else {}, "spec": body}


def _autoscaler(name: str, scaling: Autoscaling) -> Json:
    utilization = {"type": "Utilization", "averageUtilization": CPU_UTILIZATION_PERCENT}
    return {
        "spec": {
            "scaleTargetRef": {"apiVersion": DEPLOYMENT[0], "kind": DEPLOYMENT[1], "name": name},
            "minReplicas": scaling.min,
            "maxReplicas": scaling.max,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": utilization}}],
        }
    }
