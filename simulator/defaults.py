"""The defaults that a real API server adds to written objects, so that merged results look the same here."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.quantities import canonical

if TYPE_CHECKING:
    from simulator.resources import Json

_POD_SPEC: Json = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
}
_CONTAINER: Json = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_PROBE: Json = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


def _fill(target: Json, values: Json) -> None:
    for key, value in values.items():
        if key not in target:
            target[key] = copy.deepcopy(value)


def pod_spec(spec: Json) -> None:
    _fill(spec, _POD_SPEC)
    if "serviceAccountName" in spec:
        _fill(spec, {"serviceAccount": spec["serviceAccountName"]})
    for container in [*spec.get("containers", ()), *spec.get("initContainers", ())]:
        _fill(container, _CONTAINER)
        image = str(container.get("image", ""))
        tag = image.rsplit("/", 1)[-1].partition("@")[0].partition(":")[2]
        _fill(
            container, {"imagePullPolicy": "Always" if tag in ("", "latest") and "@" not in image else "IfNotPresent"}
        )
        for port in container.get("ports", ()):
            _fill(port, {"protocol": "TCP"})
        for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
            if probe in container:
                _probe(container[probe])
        for env in container.get("env", ()):
            if "fieldRef" in env.get("valueFrom", {}):
                _fill(env["valueFrom"]["fieldRef"], {"apiVersion": "v1"})
        _canonical_resources(container["resources"])
        limits = container["resources"].get("limits")
        if limits:
            _fill(container["resources"], {"requests": {}})
            _fill(container["resources"]["requests"], limits)
    for volume in spec.get("volumes", ()):
        _volume(volume)


def _canonical_resources(resources: Json) -> None:
    for key in ("limits", "requests"):
        if isinstance(resources.get(key), dict):
            resources[key] = {name: canonical(value) for name, value in resources[key].items()}


def _probe(probe: Json) -> None:
    _fill(probe, _PROBE)
    if "httpGet" in probe:
        _fill(probe["httpGet"], {"path": "/", "scheme": "HTTP"})


def _volume(volume: Json) -> None:
    for kind in ("configMap", "secret", "projected", "downwardAPI"):
        if kind in volume:
            _fill(volume[kind], {"defaultMode": 420})


def _template(spec: Json) -> None:
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    pod_spec(template.setdefault("spec", {}))


def _deployment(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _fill(
        spec,
        {
            "replicas": 1,
            "strategy": {"type": "RollingUpdate"},
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        },
    )
    strategy = spec["strategy"]
    _fill(strategy, {"type": "RollingUpdate"})
    if strategy["type"] == "RollingUpdate":
        _fill(strategy, {"rollingUpdate": {}})
        _fill(strategy["rollingUpdate"], {"maxUnavailable": "25%", "maxSurge": "25%"})
    _template(spec)


def _replica_set(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, {"replicas": 1})
    _template(spec)


def _stateful_set(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    policy = {"whenDeleted": "Retain", "whenScaled": "Retain"}
    update = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    _fill(
        spec,
        {
            "replicas": 1,
            "podManagementPolicy": "OrderedReady",
            "revisionHistoryLimit": 10,
            "updateStrategy": update,
            "serviceName": "",
            "persistentVolumeClaimRetentionPolicy": policy,
        },
    )
    _template(spec)


def _daemon_set(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    update = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
    _fill(spec, {"revisionHistoryLimit": 10, "updateStrategy": update})
    _template(spec)


def _pod(obj: Json) -> None:
    pod_spec(obj.setdefault("spec", {}))
    _fill(
        obj["spec"],
        {
            "enableServiceLinks": True,
            "preemptionPolicy": "PreemptLowerPriority",
            "priority": 0,
            "serviceAccountName": "default",
        },
    )


def _service(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, {"type": "ClusterIP", "sessionAffinity": "None"})
    outside = spec["type"] in ("LoadBalancer", "NodePort")
    if spec["type"] == "ExternalName":
        return
    _fill(spec, {"internalTrafficPolicy": "Cluster"})
    if outside:
        _fill(spec, {"externalTrafficPolicy": "Cluster"})
    else:
        spec.pop("externalTrafficPolicy", None)
    if spec["type"] == "LoadBalancer":
        _fill(spec, {"allocateLoadBalancerNodePorts": True})
    else:
        spec.pop("allocateLoadBalancerNodePorts", None)
    for port in spec.get("ports", ()):
        _fill(port, {"protocol": "TCP"})
        _fill(port, {"targetPort": port.get("port")})
        if not outside:
            port.pop("nodePort", None)


def _autoscaler(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    target = {"type": "Utilization", "averageUtilization": 80}
    _fill(spec, {"minReplicas": 1, "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]})


def _webhooks(obj: Json) -> None:
    webhook: Json = {
        "namespaceSelector": {},
        "objectSelector": {},
        "matchPolicy": "Equivalent",
        "reinvocationPolicy": "Never",
        "timeoutSeconds": 10,
        "failurePolicy": "Fail",
    }
    for item in obj.get("webhooks", ()):
        _fill(item, webhook)
        service = item.get("clientConfig", {}).get("service")
        if service is not None:
            _fill(service, {"port": 443})
        for rule in item.get("rules", ()):
            _fill(rule, {"scope": "*"})


def _namespace(obj: Json) -> None:
    labels = obj["metadata"].setdefault("labels", {})
    labels["kubernetes.io/metadata.name"] = obj["metadata"]["name"]


def _event(obj: Json) -> None:
    _fill(obj, {"eventTime": None, "reportingComponent": "", "reportingInstance": "", "source": {}})


_KINDS: dict[str, Callable[[Any], None]] = {
    "Namespace": _namespace,
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Pod": _pod,
    "Service": _service,
    "HorizontalPodAutoscaler": _autoscaler,
    "MutatingWebhookConfiguration": _webhooks,
    "Event": _event,
}

_STATUS: dict[str, Json] = {
    "Deployment": {},
    "Service": {"loadBalancer": {}},
    "PodDisruptionBudget": {"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0},
    "HorizontalPodAutoscaler": {"currentMetrics": None, "desiredReplicas": 0},
    "ReplicaSet": {"replicas": 0},
    "StatefulSet": {"replicas": 0, "availableReplicas": 0},
    "Pod": {"phase": "Pending"},
    "Namespace": {"phase": "Active"},
}


def set_defaults(obj: Json) -> None:
    """Fill in the defaults of `obj` in place; it must be the caller's own copy."""
    fill = _KINDS.get(obj["kind"])
    if fill is not None:
        fill(obj)
    if "status" not in obj and obj["kind"] in _STATUS:
        obj["status"] = copy.deepcopy(_STATUS[obj["kind"]])
