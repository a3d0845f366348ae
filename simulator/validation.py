"""What a real API server refuses for the kinds that get written: names, labels, required and immutable fields."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from simulator.errors import invalid

if TYPE_CHECKING:
    from simulator.resources import Json, Resource

Cause = tuple[str, str, str]

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")

_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an "
    "alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric "
    "character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an "
    "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_KEY_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_CONFIG_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
    "'KEY_NAME',  or 'key-name', "
    "regex used for validation is '[-._a-zA-Z0-9]+')"
)
_PORT_TEXT = "must be between 1 and 65535, inclusive"
ANNOTATIONS_LIMIT = 256 * 1024


def bad(field: str, value: Any, why: str) -> Cause:
    return (
        "FieldValueInvalid",
        f"Invalid value: {json.dumps(value, separators=(',', ':'), sort_keys=True)}: {why}",
        field,
    )


def _required(field: str, why: str = "") -> Cause:
    return "FieldValueRequired", "Required value" + (f": {why}" if why else ""), field


def _name(resource: Resource, name: str) -> list[Cause]:
    if resource.kind in ("Namespace", "Service"):  # since 1.36 the name of a Service may begin with a digit
        ok, text, limit = bool(_LABEL.fullmatch(name)), _LABEL_TEXT, 63
    else:
        ok, text, limit = bool(_SUBDOMAIN.fullmatch(name)), _SUBDOMAIN_TEXT, 253
    causes = [] if ok else [bad("metadata.name", name, text)]
    if len(name) > limit:
        causes.append(bad("metadata.name", name, f"must be no more than {limit} characters"))
    return causes


def qualified_name(key: str, field: str) -> list[Cause]:
    prefix, slash, rest = key.rpartition("/")
    if slash and not _SUBDOMAIN.fullmatch(prefix):
        return [bad(field, key, f"prefix part {_SUBDOMAIN_TEXT}")]
    if not _QUALIFIED.fullmatch(rest):
        return [bad(field, key, _KEY_TEXT)]
    return [bad(field, key, "name part must be no more than 63 characters")] if len(rest) > 63 else []


def labels(values: Any, field: str) -> list[Cause]:
    causes: list[Cause] = []
    for key, value in (values or {}).items():
        causes += qualified_name(key, field)
        if not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
            causes.append(bad(field, value, _VALUE_TEXT))
        elif len(value) > 63:
            causes.append(bad(field, value, "must be no more than 63 characters"))
    return causes


def _annotations(values: Any) -> list[Cause]:
    causes = [cause for key in values or {} for cause in qualified_name(key.lower(), "metadata.annotations")]
    if sum(len(key) + len(str(value)) for key, value in (values or {}).items()) > ANNOTATIONS_LIMIT:
        causes.append(
            ("FieldValueTooLong", f"Too long: may not be more than {ANNOTATIONS_LIMIT} bytes", "metadata.annotations")
        )
    return causes


def _workload(obj: Json, old: Json | None) -> list[Cause]:
    spec = obj["spec"]
    causes: list[Cause] = []
    if spec.get("replicas", 0) < 0:
        causes.append(bad("spec.replicas", spec["replicas"], "must be greater than or equal to 0"))
    selector = spec.get("selector", {}).get("matchLabels", {})
    have = spec["template"]["metadata"].get("labels", {})
    if not spec.get("selector"):
        causes.append(_required("spec.selector"))
    elif selector.items() - have.items():
        causes.append(bad("spec.template.metadata.labels", have, "`selector` does not match template `labels`"))
    if old is not None and old["spec"].get("selector") != spec.get("selector"):
        causes.append(bad("spec.selector", spec.get("selector"), "field is immutable"))
    causes += labels(have, "spec.template.labels")
    return causes + _containers(spec["template"]["spec"], "spec.template.spec")


def _containers(spec: Json, field: str) -> list[Cause]:
    if not spec.get("containers"):
        return [_required(f"{field}.containers")]
    causes: list[Cause] = []
    for index, container in enumerate(spec["containers"]):
        where = f"{field}.containers[{index}]"
        if not container.get("name"):
            causes.append(_required(f"{where}.name"))
        elif not _LABEL.fullmatch(container["name"]):
            causes.append(bad(f"{where}.name", container["name"], _LABEL_TEXT))
        if not container.get("image"):
            causes.append(_required(f"{where}.image"))
    return causes


def _service(obj: Json, old: Json | None) -> list[Cause]:
    spec = obj["spec"]
    causes: list[Cause] = []
    if not spec.get("ports") and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
        causes.append(_required("spec.ports"))
    many = len(spec.get("ports", ())) > 1
    for index, port in enumerate(spec.get("ports", ())):
        where = f"spec.ports[{index}]"
        if many and not port.get("name"):
            causes.append(_required(f"{where}.name"))
        if not isinstance(port.get("port"), int) or not 0 < port["port"] < 65536:
            causes.append(bad(f"{where}.port", port.get("port", 0), _PORT_TEXT))
        target = port.get("targetPort")
        if isinstance(target, int) and not 0 < target < 65536:
            causes.append(bad(f"{where}.targetPort", target, _PORT_TEXT))
    kinds = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
    if spec.get("type") not in kinds:
        supported = ", ".join(f'"{kind}"' for kind in kinds)
        causes.append(
            (
                "FieldValueNotSupported",
                f"Unsupported value: {json.dumps(spec.get('type'))}: supported values: {supported}",
                "spec.type",
            )
        )
    if old is not None and old["spec"].get("clusterIP") and spec.get("clusterIP") != old["spec"]["clusterIP"]:
        causes.append(bad("spec.clusterIPs[0]", [spec.get("clusterIP")], "may not change once set"))
    return causes + labels(spec.get("selector"), "spec.selector")


def _autoscaler(obj: Json, old: Json | None) -> list[Cause]:
    spec = obj["spec"]
    if spec.get("maxReplicas", 0) < 1:
        return [bad("spec.maxReplicas", spec.get("maxReplicas", 0), "must be greater than 0")]
    if spec["maxReplicas"] < spec["minReplicas"]:
        return [bad("spec.maxReplicas", spec["maxReplicas"], "must be greater than or equal to `minReplicas`")]
    return []


def _budget(obj: Json, old: Json | None) -> list[Cause]:
    spec = obj.get("spec", {})
    if "minAvailable" in spec and "maxUnavailable" in spec:
        shown = {
            "MinAvailable": spec["minAvailable"],
            "Selector": spec.get("selector"),
            "MaxUnavailable": spec["maxUnavailable"],
        }
        text = json.dumps(
            {**shown, "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy")}, separators=(",", ":")
        )
        return [
            ("FieldValueInvalid", f"Invalid value: {text}: minAvailable and maxUnavailable cannot be both set", "spec")
        ]
    return []


def _config_map(obj: Json, old: Json | None) -> list[Cause]:
    data = obj.get("data") or {}
    wrong = [bad(f"data[{key}]", key, _CONFIG_KEY_TEXT) for key in data if not _CONFIG_KEY.fullmatch(key)]
    size = sum(len(key) + len(str(value)) for key, value in data.items())
    return wrong + (
        [("FieldValueTooLong", "Too long: may not be more than 1048576 bytes", "")] if size > 1 << 20 else []
    )


_KINDS = {
    "Deployment": _workload,
    "ReplicaSet": _workload,
    "StatefulSet": _workload,
    "DaemonSet": _workload,
    "Service": _service,
    "HorizontalPodAutoscaler": _autoscaler,
    "PodDisruptionBudget": _budget,
    "ConfigMap": _config_map,
}


def validate(resource: Resource, obj: Json, old: Json | None) -> None:
    """Raise ApiError 422 with every cause, unless `obj` is valid; its defaults are already set."""
    meta = obj["metadata"]
    causes = _name(resource, meta["name"]) if old is None else []
    causes += labels(meta.get("labels"), "metadata.labels") + _annotations(meta.get("annotations"))
    check = _KINDS.get(resource.kind)
    if check is not None:
        causes += check(obj, old)
    if causes:
        raise invalid(resource, meta["name"], causes)
