"""What is asked of an API server, step by step, to see how it treats ownership, merging, preconditions
and bad input.
"""

from __future__ import annotations

from typing import Any

from interconnect.domain.json_types import Json

NAMESPACE = "recorded"
SPACES = ("recorded-other", "recorded-made", "recorded-dry")

APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
STRATEGIC, JSON_PATCH = "application/strategic-merge-patch+json", "application/json-patch+json"

_ROOTS = {
    "ConfigMap": "/api/v1",
    "Service": "/api/v1",
    "ServiceAccount": "/api/v1",
    "Namespace": "/api/v1",
    "Deployment": "/apis/apps/v1",
}
_ROOTS |= {"PodDisruptionBudget": "/apis/policy/v1", "HorizontalPodAutoscaler": "/apis/autoscaling/v2"}
_ROOTS |= {
    "Gateway": "/apis/networking.istio.io/v1",
    "MutatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1",
}
_GLOBAL = ("Namespace", "MutatingWebhookConfiguration")


def _path(kind: str, name: str = "") -> str:
    space = "" if kind in _GLOBAL else f"/namespaces/{NAMESPACE}"
    return f"{_ROOTS[kind]}{space}/{kind.lower()}s" + (f"/{name}" if name else "")


def _object(kind: str, name: str, **parts: Any) -> Json:
    version = _ROOTS[kind].removeprefix("/apis/").removeprefix("/api/")
    meta = {"name": name, **parts.pop("metadata", {})}
    if kind not in _GLOBAL:
        meta["namespace"] = NAMESPACE
    return {"apiVersion": version, "kind": kind, "metadata": meta, **parts}


def _send(method: str, path: str, body: Any = None, content_type: str = "application/json", **query: str) -> Json:
    return {"method": method, "path": path, "query": query, "type": content_type, "body": body}


def _apply(obj: Json, manager: str = "meshconsole", **query: str) -> Json:
    path = _path(obj["kind"], obj["metadata"]["name"])
    return _send("PATCH", path, obj, APPLY, **({"fieldManager": manager} if manager else {}), **query)


def _get(kind: str, name: str) -> Json:
    return _send("GET", _path(kind, name))


def _data(**data: str) -> Json:
    return _object("ConfigMap", "settings", data=data)


_SETTINGS = _path("ConfigMap", "settings")

CONFIG_MAP = [
    _apply(_data(a="1", b="2")),
    _apply(_data(a="1", b="2")),
    _apply(_data(a="1")),
    _apply(_data(a="1", c="3"), "other"),
    _apply(_data(a="2")),
    _apply(_data(b="1")),
    _get("ConfigMap", "settings"),
    _apply(_data(a="2", b="1"), "meshconsole", force="true"),
    _apply(_data(a="2", b="9", c="9"), "third"),
    _send("PATCH", _SETTINGS, {"data": {"a": "7", "d": "8"}}, MERGE, fieldManager="editor"),
    _apply(_data(a="2", b="1")),
    _apply(_data(a="2", b="1", c="9")),
    _apply(_data(a="2", b="1"), "meshconsole", force="true", dryRun="All"),
    _get("ConfigMap", "settings"),
    _send(
        "PUT",
        _SETTINGS,
        _object("ConfigMap", "settings", data={"z": "1"}, metadata={"resourceVersion": "1"}),
        fieldManager="editor",
    ),
    _send(
        "PUT",
        _SETTINGS,
        _object("ConfigMap", "settings", data={"z": "1"}, metadata={"resourceVersion": "{version}"}),
        fieldManager="editor",
    ),
    _send("PUT", _SETTINGS, _object("ConfigMap", "settings", data={"y": "1"}), fieldManager="editor"),
    _apply(_object("ConfigMap", "settings", metadata={"uid": "00000000-0000-0000-0000-000000000000"}, data={"z": "2"})),
    _apply(_object("ConfigMap", "settings", metadata={"uid": "{uid}"}, data={"n": "2"})),
    _apply(_object("ConfigMap", "absent", metadata={"uid": "00000000-0000-0000-0000-000000000000"}, data={"z": "2"})),
    _apply(_object("ConfigMap", "settings", metadata={"resourceVersion": "1"}, data={"n": "3"})),
    _apply(_data(n="2"), ""),
    _apply(_object("ConfigMap", "settings", metadata={"managedFields": []}, data={"n": "2"})),
    _apply(_object("ConfigMap", "settings", metadata={"labels": {"l": "1"}, "annotations": {"x.y/z": "1"}})),
    _apply(_object("ConfigMap", "settings")),
    _send("DELETE", _SETTINGS, {"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}}),
    _send("DELETE", _SETTINGS, {"preconditions": {"uid": "{uid}"}}, dryRun="All"),
    _send("DELETE", _SETTINGS, {"preconditions": {"uid": "{uid}"}}),
    _get("ConfigMap", "settings"),
    _send("DELETE", _SETTINGS),
]


def _labelled(name: str, value: str | None = "blue", uid: str = "{uid}") -> Json:
    labels = {"labels": {"topology.istio.io/network": value}} if value else {}
    return _object("Namespace", name, metadata={**labels, **({"uid": uid} if uid else {})})


NAMESPACES = [
    _get("Namespace", NAMESPACE),
    _apply(_labelled(NAMESPACE)),
    _apply(_labelled(NAMESPACE, "green")),
    _send(
        "PATCH",
        _path("Namespace", NAMESPACE),
        {"metadata": {"labels": {"topology.istio.io/network": "red"}}},
        MERGE,
        fieldManager="kubectl-label",
    ),
    _apply(_labelled(NAMESPACE, "green")),
    _apply(_labelled(NAMESPACE, "green"), "meshconsole", dryRun="All"),
    _apply(_labelled(NAMESPACE, "green"), "meshconsole", force="true"),
    _apply(_labelled(NAMESPACE, None)),
    _apply(_labelled("recorded-made", uid="00000000-0000-0000-0000-000000000000")),
    _apply(_labelled("recorded-dry", uid=""), "meshconsole", dryRun="All"),
    _get("Namespace", "recorded-dry"),
    _apply(_labelled("recorded-made", uid="")),
    _get("Namespace", "recorded-made"),
]


def gateway(**spec: Any) -> Json:
    container: Json = {
        "name": "istio-proxy",
        "image": spec.pop("image", "auto"),
        "env": [
            {"name": key, "value": value}
            for key, value in spec.pop("env", {"ISTIO_META_REQUESTED_NETWORK_VIEW": "blue"}).items()
        ],
        "ports": [
            {"containerPort": port, "name": f"p{port}", "protocol": "TCP"} for port in spec.pop("ports", (15443, 15021))
        ],
        "securityContext": {"capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True},
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
    }
    labels = {"meshconsole.io/gateway": "u1", "istio": "eastwestgateway", **spec.pop("labels", {})}
    term = {"labelSelector": {"matchLabels": {"meshconsole.io/gateway": "u1"}}, "topologyKey": "kubernetes.io/hostname"}
    affinity = {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]
        }
    }
    template = {
        "metadata": {"labels": labels, "annotations": {"inject.istio.io/templates": "gateway"}},
        "spec": {"serviceAccountName": "eastwest", "affinity": affinity, "containers": [container]},
    }
    selector = {"matchLabels": spec.pop("selector", {"meshconsole.io/gateway": "u1"})}
    return _object(
        "Deployment",
        "eastwest",
        metadata={"labels": {"app.kubernetes.io/managed-by": "meshconsole"}},
        spec={"selector": selector, "template": template, **spec},
    )


_EASTWEST = _path("Deployment", "eastwest")
_RESTART = {
    "spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}}
}
_REPLICAS = _object("Deployment", "eastwest", spec={"replicas": 3})

DEPLOYMENT = [
    _apply(gateway(replicas=2)),
    _apply(gateway(replicas=2)),
    _send("PATCH", f"{_EASTWEST}/scale", {"spec": {"replicas": 3}}, MERGE, fieldManager="horizontal"),
    _get("Deployment", "eastwest"),
    _apply(gateway(replicas=2)),
    _apply(_REPLICAS, "meshconsole-handover"),
    _apply(gateway()),
    _apply(_object("Deployment", "eastwest"), "meshconsole-handover"),
    _apply(gateway(replicas=4), "meshconsole", force="true"),
    _apply(gateway()),
    _send("PATCH", _EASTWEST, _RESTART, STRATEGIC, fieldManager="kubectl-rollout"),
    _apply(gateway(env={"ISTIO_META_REQUESTED_NETWORK_VIEW": "green", "EXTRA": "1"})),
    _apply(gateway(env={"EXTRA": "2"}, ports=(15443,))),
    _send(
        "PATCH",
        _EASTWEST,
        {
            "spec": {
                "template": {
                    "spec": {"containers": [{"name": "istio-proxy", "env": [{"name": "EXTRA", "value": "9"}]}]}
                }
            }
        },
        STRATEGIC,
        fieldManager="editor",
    ),
    _apply(gateway(env={"EXTRA": "2"}, labels={"topology.istio.io/network": "blue"})),
    _apply(gateway(env={"EXTRA": "2"}), "meshconsole", force="true"),
    _apply(gateway(selector={"meshconsole.io/gateway": "u2"}, labels={"meshconsole.io/gateway": "u2"})),
    _apply(gateway(selector={"nowhere": "x"}), dryRun="All"),
    _apply(gateway(replicas=-1)),
    _apply(gateway(image="")),
    _send(
        "PATCH",
        _EASTWEST,
        [{"op": "test", "path": "/spec/replicas", "value": 9}, {"op": "replace", "path": "/spec/replicas", "value": 1}],
        JSON_PATCH,
    ),
    _send(
        "PATCH", _EASTWEST, [{"op": "replace", "path": "/spec/replicas", "value": 5}], JSON_PATCH, fieldManager="editor"
    ),
    _send("PATCH", _EASTWEST, [{"op": "remove", "path": "/spec/nothing"}], JSON_PATCH),
    _get("Deployment", "eastwest"),
]


def service(**spec: Any) -> Json:
    annotations = spec.pop("annotations", {})
    numbers = spec.pop("numbers", (15443, 15021))
    ports = [{"name": f"p{number}", "port": number, "protocol": "TCP", "targetPort": number} for number in numbers]
    meta = {
        "labels": {"app.kubernetes.io/managed-by": "meshconsole"},
        **({"annotations": annotations} if annotations else {}),
    }
    return _object(
        "Service",
        "eastwest",
        metadata=meta,
        spec={"selector": {"meshconsole.io/gateway": "u1"}, "ports": ports, "type": "LoadBalancer", **spec},
    )


_PENDING = {"cloud.rig/pending": "true", "a.b/c": "1"}

SERVICE = [
    _apply(service(annotations=_PENDING, loadBalancerIP="203.0.113.7")),
    _apply(service(annotations={"cloud.rig/pending": "true"})),
    _apply(service(annotations=_PENDING, numbers=(15443,))),
    _send(
        "PATCH",
        _path("Service", "eastwest"),
        {"spec": {"ports": [{"port": 80, "name": "web"}]}},
        STRATEGIC,
        fieldManager="editor",
    ),
    _apply(service(annotations=_PENDING, numbers=(15443, 15021))),
    _apply(service(type="NodePort")),
    _apply(service(type="ClusterIP")),
    _apply(service(type="Nonsense")),
    _apply(service(numbers=())),
    _apply(service(numbers=(70000,)), dryRun="All"),
    _send("PATCH", _path("Service", "eastwest"), {"spec": {"selector": {"x": "y"}}}, MERGE, fieldManager="editor"),
    _apply(service(type="ClusterIP")),
    _apply(service(type="ClusterIP"), "meshconsole", force="true"),
    _get("Service", "eastwest"),
]

_SELECTOR = {"matchLabels": {"meshconsole.io/gateway": "u1"}}
_TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "eastwest"}
_CPU = [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]


def _autoscaler(low: int, high: int, **spec: Any) -> Json:
    return _object(
        "HorizontalPodAutoscaler",
        "eastwest",
        spec={"minReplicas": low, "maxReplicas": high, "scaleTargetRef": _TARGET, **spec},
    )


SMALL = [
    _apply(_object("ServiceAccount", "eastwest", metadata={"labels": {"a": "b"}})),
    _apply(_object("ServiceAccount", "eastwest")),
    _apply(_object("PodDisruptionBudget", "eastwest", spec={"minAvailable": 1, "selector": _SELECTOR})),
    _apply(_object("PodDisruptionBudget", "eastwest", spec={"minAvailable": 2, "selector": _SELECTOR})),
    _apply(
        _object("PodDisruptionBudget", "eastwest", spec={"minAvailable": 2, "maxUnavailable": 1, "selector": _SELECTOR})
    ),
    _apply(_autoscaler(2, 5, metrics=_CPU)),
    _apply(_autoscaler(2, 6)),
    _apply(_autoscaler(6, 3)),
    _send("DELETE", _path("PodDisruptionBudget", "eastwest")),
    _send("DELETE", _path("HorizontalPodAutoscaler", "eastwest")),
    _send("POST", _path("ConfigMap"), _object("ConfigMap", "made", data={"a": "1"}), fieldManager="creator"),
    _send("POST", _path("ConfigMap"), _object("ConfigMap", "made", data={"a": "1"}), fieldManager="creator"),
    _send("POST", _path("ConfigMap"), _object("ConfigMap", "Not_Valid")),
    _send("POST", _path("ConfigMap"), _object("ConfigMap", "x", metadata={"labels": {"bad key!": "v"}})),
    _send("POST", _path("ConfigMap"), _object("ConfigMap", "x", metadata={"labels": {"k": "bad value!"}})),
    _send("POST", "/api/v1/namespaces/recorded-other/configmaps", {"metadata": {"name": "x"}}),
    _send("PUT", _path("ConfigMap", "made"), _object("ConfigMap", "another")),
    _send("PUT", _path("ConfigMap", "absent"), _object("ConfigMap", "absent")),
    _send("PATCH", _path("ConfigMap", "made"), {"data": {"a": "2"}}, "application/unheard+json"),
    _send("PATCH", _path("ConfigMap", "made"), {"data": {"a": "2"}}, "application/json"),
    _send("PATCH", _path("ConfigMap", "absent"), {"data": {"a": "2"}}, MERGE),
    _send("PATCH", _path("ConfigMap", "made"), {"metadata": {"resourceVersion": "1"}, "data": {"a": "2"}}, MERGE),
    _send("GET", f"/api/v1/namespaces/{NAMESPACE}/nonsense"),
    _send("GET", "/apis/no.such.group/v1/things"),
    _send("DELETE", _path("ConfigMap", "made"), dryRun="All"),
    _get("ConfigMap", "made"),
]


def _rule(hosts: list[str], **meta: Any) -> Json:
    server = {
        "port": {"number": 15443, "name": "tls", "protocol": "TLS"},
        "tls": {"mode": "AUTO_PASSTHROUGH"},
        "hosts": hosts,
    }
    return _object(
        "Gateway",
        "cross-network-gateway",
        metadata=meta,
        spec={"selector": {"istio": "eastwestgateway"}, "servers": [server]},
    )


_RULE = _path("Gateway", "cross-network-gateway")

RULE = [
    _send("POST", _path("Gateway"), _rule(["*.local"], labels={"who": "else"}), fieldManager="kubectl-create"),
    _apply(_rule(["*.local"], labels={"app.kubernetes.io/managed-by": "meshconsole"})),
    _apply(_rule(["*.example"], labels={"app.kubernetes.io/managed-by": "meshconsole"})),
    _apply(_rule(["*.example"], labels={"app.kubernetes.io/managed-by": "meshconsole"}), "meshconsole", force="true"),
    _send("PATCH", _RULE, {"spec": {"selector": {"more": "x"}}}, MERGE, fieldManager="editor"),
    _send("PATCH", _RULE, {"spec": {"selector": {"more": "x"}}}, STRATEGIC, fieldManager="editor"),
    _send("PUT", _RULE, _rule(["*.local"])),
    _apply(_rule(["*.local"])),
    _get("Gateway", "cross-network-gateway"),
    _send("DELETE", _RULE, {"preconditions": {"uid": "{uid}"}}),
    _apply(_rule(["*.local"], labels={"app.kubernetes.io/managed-by": "meshconsole"})),
    _send("DELETE", _RULE),
]


def _webhook(name: str, url: str) -> Json:
    client = (
        {"url": url}
        if url.startswith("https")
        else {"service": {"name": "istiod", "namespace": "istio-system", "path": url}}
    )
    return {
        "name": name,
        "clientConfig": client,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "failurePolicy": "Ignore",
    }


_HOOKS = _path("MutatingWebhookConfiguration", "recorded")
_URL = "https://istiod.invalid:15017/inject/cluster/member-a"


def _swap(index: int, name: str, old: str, new: str) -> list[Json]:
    entry = f"/webhooks/{index}"
    return [
        {"op": "test", "path": f"{entry}/name", "value": name},
        {"op": "test", "path": f"{entry}/clientConfig/url", "value": old},
        {"op": "replace", "path": f"{entry}/clientConfig/url", "value": new},
    ]


_ENTRIES = [_webhook("a.recorded.invalid", _URL), _webhook("b.recorded.invalid", "/inject")]

WEBHOOKS = [
    _apply(_object("MutatingWebhookConfiguration", "recorded", webhooks=_ENTRIES), "installer"),
    _send(
        "PATCH",
        _HOOKS,
        _swap(0, "a.recorded.invalid", _URL, f"{_URL}/net/blue"),
        JSON_PATCH,
        fieldManager="meshconsole",
    ),
    _send(
        "PATCH",
        _HOOKS,
        _swap(0, "a.recorded.invalid", _URL, f"{_URL}/net/green"),
        JSON_PATCH,
        fieldManager="meshconsole",
    ),
    _send(
        "PATCH",
        _HOOKS,
        _swap(1, "a.recorded.invalid", _URL, f"{_URL}/net/green"),
        JSON_PATCH,
        fieldManager="meshconsole",
    ),
    _send(
        "PATCH",
        _HOOKS,
        _swap(7, "a.recorded.invalid", _URL, f"{_URL}/net/green"),
        JSON_PATCH,
        fieldManager="meshconsole",
    ),
    _apply(_object("MutatingWebhookConfiguration", "recorded", webhooks=_ENTRIES), "installer"),
    _send(
        "PATCH",
        _HOOKS,
        _swap(0, "a.recorded.invalid", f"{_URL}/net/blue", _URL),
        JSON_PATCH,
        fieldManager="meshconsole",
        dryRun="All",
    ),
    _send(
        "PATCH",
        _HOOKS,
        [{"op": "replace", "path": "/webhooks/1/clientConfig/service/path", "value": "/inject/net/blue"}],
        JSON_PATCH,
        fieldManager="meshconsole",
    ),
    _apply(_object("MutatingWebhookConfiguration", "recorded", webhooks=_ENTRIES), "installer", force="true"),
    _apply(_object("MutatingWebhookConfiguration", "recorded", webhooks=_ENTRIES[:1]), "installer"),
    _send("DELETE", _HOOKS),
]

SCENARIOS: dict[str, list[Json]] = {
    "configmap": CONFIG_MAP,
    "namespace": NAMESPACES,
    "deployment": DEPLOYMENT,
    "service": SERVICE,
    "small": SMALL,
    "rule": RULE,
    "webhooks": WEBHOOKS,
}
