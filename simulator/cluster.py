"""One simulated cluster: the verbs of its API, carried out on its objects as an API server would."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator import errors, patches, quotas
from simulator.apply import Manager, Owners, apply, managed_fields, owners_of, update
from simulator.defaults import set_defaults
from simulator.resources import BY_KIND, RULES, Json, Resource
from simulator.store import Store
from simulator.validation import validate

if TYPE_CHECKING:
    from simulator.policies import Policy

_SYSTEM = (
    "uid",
    "creationTimestamp",
    "generation",
    "resourceVersion",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
)
_HAS_GENERATION = {
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "PodDisruptionBudget",
    "MutatingWebhookConfiguration",
    "Pod",
}


@dataclass(frozen=True, slots=True)
class Write:
    """How to write: as which manager, through which subresource, and for real or as a dry run."""

    manager: str
    subresource: str = ""
    dry_run: bool = False
    force: bool = False


SYSTEM = Write("simulator")


def clone(value: Any) -> Any:
    """Return a copy of JSON data; several times faster than copy.deepcopy."""
    if isinstance(value, dict):
        return {key: clone(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clone(item) for item in value]
    return value


def copy_of(obj: Json) -> Json:
    copied: Json = clone(obj)
    return copied


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _bare(obj: Json) -> Json:
    """Return the object without `managedFields` and `status`: the part whose ownership its own endpoint tracks."""
    meta = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": meta}


def _same(old: Json, new: Json) -> bool:
    def essence(obj: Json) -> Json:
        owners = sorted((str(manager), sorted(fields)) for manager, fields in owners_of(obj).items())
        meta = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
        return {**obj, "metadata": {**meta, "managedFields": owners}}

    return essence(old) == essence(new)


class Cluster:
    """A cluster whose objects are in `store`.

    The verbs raise ApiError, can be called from any thread, and don't need HTTP. `admits` takes a new Pod and returns
    it as admission changes it; it may raise ApiError. `policies` change what is created or updated.
    """

    def __init__(self, name: str, store: Store | None = None) -> None:
        self.name = name
        self.store = store or Store()
        self.admits: Callable[[Json], Json] | None = None
        self.policies: tuple[Policy, ...] = ()
        self._addresses = itertools.count(10)
        self._node_ports = itertools.count(30100)

    def get(self, resource: Resource, namespace: str, name: str) -> Json:
        obj = self.store.get(resource, namespace, name)
        if obj is None:
            raise errors.not_found(resource, name)
        return obj

    def create(self, resource: Resource, namespace: str, body: Json, write: Write = SYSTEM) -> Json:
        with self.store.lock:
            obj = self._incoming(resource, namespace, "", body)
            meta = obj["metadata"]
            if not meta.get("name") and meta.get("generateName"):
                meta["name"] = meta["generateName"] + uuid.uuid4().hex[:5]
            if not meta.get("name"):
                raise errors.invalid(
                    resource,
                    "",
                    [("FieldValueRequired", "Required value: name or generateName is required", "metadata.name")],
                )
            if meta.get("resourceVersion"):
                raise errors.bad_request("resourceVersion should not be set on objects to be created")
            if self.store.get(resource, namespace, meta["name"]) is not None:
                raise errors.already_exists(resource, meta["name"])
            self._forget_system_fields(resource, obj)
            if resource.kind == "Pod" and self.admits is not None:
                self._check_namespace(resource, meta)
                obj = self.admits(obj)
            set_defaults(obj)
            empty: Json = {
                "apiVersion": obj["apiVersion"],
                "kind": obj["kind"],
                "metadata": {},
                **({} if resource.custom else {"spec": {}}),
            }
            owners = update(empty, _bare(obj), RULES[resource.kind], {}, self._author(resource, write))
            return self._admit(resource, obj, None, owners, write)

    def replace(self, resource: Resource, namespace: str, name: str, body: Json, write: Write = SYSTEM) -> Json:
        with self.store.lock:
            old = self.get(resource, namespace, name)
            obj = self._incoming(resource, namespace, name, body)
            if resource.custom and not obj["metadata"].get("resourceVersion"):
                raise errors.version_required(resource, name)
            return self._changed(resource, old, obj, write)

    def patch(
        self, resource: Resource, namespace: str, name: str, kind: str, patch: Any, write: Write = SYSTEM
    ) -> Json:
        """Patch an object and return it; `kind` is `json`, `merge` or `strategic`."""
        with self.store.lock:
            old = self.get(resource, namespace, name)
            visible = clone(old)
            visible["metadata"].pop("managedFields", None)
            if kind == "json":
                obj = patches.json_patch(visible, patch)
            elif not isinstance(patch, dict):
                raise errors.bad_request("json: cannot unmarshal into Go value of type map[string]interface {}")
            elif kind == "merge":
                obj = patches.merge_patch(visible, patch)
            else:
                obj = patches.strategic_merge_patch(visible, patch, RULES[resource.kind])
            return self._changed(resource, old, self._incoming(resource, namespace, name, obj), write)

    def apply(
        self, resource: Resource, namespace: str, name: str, config: Json, write: Write = SYSTEM
    ) -> tuple[Json, bool]:
        """Apply server-side. Return the object, and whether it was created."""
        with self.store.lock:
            config = self._incoming(resource, namespace, name, config)
            if "managedFields" in config["metadata"]:
                raise errors.bad_request("metadata.managedFields must be nil")
            if not write.manager:
                cause = ("FieldValueRequired", "Required value: is required for apply patch", "fieldManager")
                raise errors.invalid(Resource("meta.k8s.io", "v1", "patchoptions", "PatchOptions"), "", [cause])
            old = self.store.get(resource, namespace, name)
            self._check_preconditions(resource, old, config)
            meta = {key: value for key, value in config["metadata"].items() if key not in _SYSTEM}
            config = {**{key: value for key, value in config.items() if key != "status"}, "metadata": meta}
            if old is None:
                live: Json = {"apiVersion": config["apiVersion"], "kind": config["kind"], "metadata": {}}
            else:
                live = _bare(old)
            author = Manager(write.manager, "Apply", "", write.subresource)
            merged, owners = apply(
                live, config, RULES[resource.kind], owners_of(old) if old else {}, author, write.force
            )
            obj = clone(merged)
            if old is not None:
                obj |= {"status": clone(old["status"])} if "status" in old else {}
                obj["metadata"] |= {key: value for key, value in old["metadata"].items() if key in _SYSTEM}
            set_defaults(obj)
            return self._admit(resource, obj, old, owners, write), old is None

    def delete(
        self, resource: Resource, namespace: str, name: str, options: Json | None = None, dry_run: bool = False
    ) -> Json:
        """Delete an object and return the API's answer: the object if its deletion takes time, else a Status."""
        options = options or {}
        with self.store.lock:
            old = self.get(resource, namespace, name)
            self._check_delete(resource, old, options.get("preconditions") or {})
            status: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
            status["details"] = {
                "name": name,
                **({"group": resource.group} if resource.group else {}),
                "kind": resource.plural,
                "uid": old["metadata"]["uid"],
            }
            if dry_run:
                return status
            leaving = self._leaving(resource, old, options)
            if leaving is None:
                self.store.remove(resource, namespace, name)
                return status
            return leaving if leaving == old else self.store.put(resource, leaving)

    def change(
        self, resource: Resource, namespace: str, name: str, edit: Callable[[Json], Any], write: Write | None = None
    ) -> Json | None:
        """Write as a controller: `edit` changes a copy in place. Return the object, or None if it is gone.

        Ownership is recorded only if `write` is given.
        """
        with self.store.lock:
            old = self.store.get(resource, namespace, name)
            if old is None:
                return None
            obj = clone(old)
            edit(obj)
            if obj == old:
                return old
            if write is not None:
                owners = update(
                    _bare(old), _bare(obj), RULES[resource.kind], owners_of(old), self._author(resource, write)
                )
                obj["metadata"]["managedFields"] = managed_fields(owners, old, resource.api_version, now())
            return self._stored(resource, obj)

    def _incoming(self, resource: Resource, namespace: str, name: str, body: Any) -> Json:
        if not isinstance(body, dict) or not isinstance(body.get("metadata", {}), dict):
            raise errors.bad_request("couldn't get version/kind; json parse error: json: cannot unmarshal")
        obj: Json = clone(body)
        obj.setdefault("apiVersion", resource.api_version)
        obj.setdefault("kind", resource.kind)
        if (obj["apiVersion"], obj["kind"]) != (resource.api_version, resource.kind):
            raise errors.bad_request(
                f"the API version in the data ({obj['apiVersion']}) does not match the expected API version "
                f"({resource.api_version})"
                if obj["apiVersion"] != resource.api_version
                else f"the kind in the data ({obj['kind']}) does not match the expected kind ({resource.kind})"
            )
        meta = obj.setdefault("metadata", {})
        if name and meta.setdefault("name", name) != name:
            raise errors.bad_request(
                f"the name of the object ({meta['name']}) does not match the name on the URL ({name})"
            )
        if resource.namespaced:
            if meta.setdefault("namespace", namespace) != namespace:
                raise errors.bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request"
                )
        else:
            meta.pop("namespace", None)
        return obj

    def _forget_system_fields(self, resource: Resource, obj: Json) -> None:
        for key in _SYSTEM:
            obj["metadata"].pop(key, None)
        if "status" in resource.subresources:
            obj.pop("status", None)

    def _author(self, resource: Resource, write: Write) -> Manager:
        return Manager(write.manager, "Update", resource.api_version, write.subresource)

    def _check_preconditions(self, resource: Resource, old: Json | None, new: Json) -> None:
        meta, name = new["metadata"], new["metadata"].get("name", "")
        if old is None:
            if meta.get("uid"):
                raise errors.conflict(
                    resource,
                    name,
                    f"uid mismatch: the provided object specified uid {meta['uid']}, and no existing object was found",
                )
            return
        if meta.get("uid") and meta["uid"] != old["metadata"]["uid"]:
            # the real server says it twice too: once for all kinds, once for this one
            immutable = ("FieldValueInvalid", f'Invalid value: "{meta["uid"]}": field is immutable', "metadata.uid")
            raise errors.invalid(resource, name, [immutable, immutable])
        if meta.get("resourceVersion") and meta["resourceVersion"] != old["metadata"]["resourceVersion"]:
            raise errors.modified(resource, name)

    def _changed(self, resource: Resource, old: Json, obj: Json, write: Write) -> Json:
        self._check_preconditions(resource, old, obj)
        for key in _SYSTEM:
            obj["metadata"].pop(key, None)
        obj["metadata"] |= {key: value for key, value in old["metadata"].items() if key in _SYSTEM}
        rules, author = RULES[resource.kind], self._author(resource, write)
        if write.subresource == "status":
            obj = {**old, "status": obj.get("status", {})}
            owners = update({"status": old.get("status", {})}, {"status": obj["status"]}, rules, owners_of(old), author)
            return self._admit(resource, obj, old, owners, write)
        if "status" in resource.subresources:
            obj.pop("status", None)
            obj |= {"status": clone(old["status"])} if "status" in old else {}
        set_defaults(obj)
        owners = update(_bare(old), _bare(obj), rules, owners_of(old), author)
        return self._admit(resource, obj, old, owners, write)

    def _admit(self, resource: Resource, obj: Json, old: Json | None, owners: Owners, write: Write) -> Json:
        for policy in () if write.subresource else self.policies:
            policy.admit(resource.plural, obj)
        meta = obj["metadata"]
        if old is None:
            self._check_namespace(resource, meta)
            meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
            if resource.kind == "Namespace":
                obj["spec"] = {"finalizers": ["kubernetes"]}
        if resource.kind == "Service":
            self._allocate(obj, old)
        validate(resource, obj, old)
        if resource.kind == "Pod" and old is None and not write.dry_run:
            quotas.admit_pod(self.store, meta["namespace"], meta["name"])
        if resource.kind in _HAS_GENERATION or resource.custom:
            meta["generation"] = (
                1 if old is None else old["metadata"].get("generation", 1) + self._bumps(resource, old, obj)
            )
        meta["managedFields"] = managed_fields(owners, old, resource.api_version, now())
        if not meta["managedFields"]:
            del meta["managedFields"]
        if old is not None and _same(old, obj):
            return old
        return obj if write.dry_run else self._stored(resource, obj)

    def _stored(self, resource: Resource, obj: Json) -> Json:
        meta = obj["metadata"]
        finalizers = obj.get("spec", {}).get("finalizers") if resource.kind == "Namespace" else meta.get("finalizers")
        if meta.get("deletionTimestamp") and not finalizers and not meta.get("deletionGracePeriodSeconds"):
            return self.store.remove(resource, meta.get("namespace", ""), meta["name"]) or obj
        return self.store.put(resource, obj)

    def _check_namespace(self, resource: Resource, meta: Json) -> None:
        if not resource.namespaced:
            return
        namespaces = BY_KIND["v1", "Namespace"]
        home = self.store.get(namespaces, "", meta["namespace"])
        if home is None:
            raise errors.not_found(namespaces, meta["namespace"])
        if home["metadata"].get("deletionTimestamp"):
            name = meta["namespace"]
            text = f"unable to create new content in namespace {name} because it is being terminated"
            message = f'{resource.qualified} "{meta["name"]}" is forbidden: {text}'
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {name} is being terminated",
                "field": "metadata.namespace",
            }
            raise errors.ApiError(
                403, "Forbidden", message, {"name": meta["name"], "kind": resource.plural, "causes": [cause]}
            )

    def _bumps(self, resource: Resource, old: Json, new: Json) -> bool:
        if resource.custom or resource.kind == "MutatingWebhookConfiguration":
            outside = ("metadata", "status")
            return {k: v for k, v in old.items() if k not in outside} != {
                k: v for k, v in new.items() if k not in outside
            }
        annotated = resource.kind == "Deployment" and old["metadata"].get("annotations") != new["metadata"].get(
            "annotations"
        )
        return annotated or old.get("spec") != new.get("spec")

    def _allocate(self, obj: Json, old: Json | None) -> None:
        """Assign the cluster IP and node ports that the server chooses, keeping them from one write to the next."""
        spec = obj["spec"]
        before: Json = old["spec"] if old is not None else {}
        if spec["type"] == "ExternalName":
            return
        for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"):
            if key in before and key not in spec:
                spec[key] = before[key]
        if not spec.get("clusterIP"):
            spec["clusterIP"] = self._free_address()
        spec |= {"clusterIPs": spec.get("clusterIPs") or [spec["clusterIP"]]}
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        if spec["type"] not in ("LoadBalancer", "NodePort"):
            return
        known = {(port["port"], port.get("protocol")): port.get("nodePort") for port in before.get("ports", ())}
        for port in spec.get("ports", ()):
            if not port.get("nodePort"):
                port["nodePort"] = known.get((port["port"], port["protocol"])) or self._free_node_port()

    def _services(self) -> list[Json]:
        return [service["spec"] for service in self.store.list(BY_KIND["v1", "Service"])]

    def _free_address(self) -> str:
        taken = {spec.get("clusterIP") for spec in self._services()}
        return next(
            text for number in self._addresses if (text := f"10.96.{number // 250}.{number % 250 + 1}") not in taken
        )

    def _free_node_port(self) -> int:
        taken = {port.get("nodePort") for spec in self._services() for port in spec.get("ports", ())}
        return next(number for number in self._node_ports if number not in taken)

    def _check_delete(self, resource: Resource, old: Json, wanted: Json) -> None:
        meta = old["metadata"]
        for key, what in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
            if wanted.get(key) and wanted[key] != meta[key]:
                raise errors.stale_delete(resource, meta["name"], what, wanted[key], meta[key])

    def _leaving(self, resource: Resource, old: Json, options: Json) -> Json | None:
        """Return the object as it is while being deleted; None if it can be removed at once."""
        finalizers = list(old["metadata"].get("finalizers", ()))
        policy = options.get("propagationPolicy")
        if policy == "Foreground" and self.store.owned_by(old["metadata"]["uid"]):
            finalizers.append("foregroundDeletion")
        if policy == "Orphan" and self.store.owned_by(old["metadata"]["uid"]):
            finalizers.append("orphan")
        grace = options.get("gracePeriodSeconds")
        graceful = resource.kind == "Pod" and grace != 0 and bool(old["spec"].get("nodeName"))
        if not (finalizers or graceful or resource.kind == "Namespace"):
            return None
        obj: Json = clone(old)
        meta = obj["metadata"]
        if finalizers:
            meta["finalizers"] = list(dict.fromkeys(finalizers))
        meta.setdefault("deletionTimestamp", now())
        meta.setdefault("deletionGracePeriodSeconds", (30 if grace is None else grace) if graceful else 0)
        if resource.kind == "Namespace":
            obj["status"] = {**obj.get("status", {}), "phase": "Terminating"}
        return obj


def parse(text: bytes) -> Any:
    """Parse JSON, or YAML if the text isn't JSON. Raise ApiError 400 if it is neither."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise errors.bad_request(f"error decoding YAML: {error}") from error
