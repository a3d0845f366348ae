"""Clusters as a dictionary: just enough of an API server to carry a plan out on, and to break off anywhere."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from interconnect.domain.entries import Absent, Applied, AppliedState, Live, Present, Rendered, Target
from interconnect.domain.facts import ConfigMapRef, Facts, Istiod
from interconnect.domain.gateway_writes import gateway_writes
from interconnect.domain.injection import entries_of
from interconnect.domain.json_types import Json
from interconnect.domain.networks import digest
from interconnect.domain.plan import expected_networks, plan
from interconnect.domain.render import render
from interconnect.domain.steps import PlannedStep, StepKind
from interconnect.domain.writes import Decision, Verb, Write, decide

if TYPE_CHECKING:
    from interconnect.domain.topology import Topology

Place = tuple[str, str, str, str, str]
GATEWAY_STEPS = (StepKind.GATEWAY, StepKind.GATEWAY_DELETE)


class BrokenOff(Exception):
    """The worker died here."""


class Refused(Exception):
    pass


def place(target: Target) -> Place:
    return (target.cluster, target.api_version, target.kind, target.namespace, target.name)


@dataclass
class Model:
    """Objects by place, the rows of the console, and what istiod knows.

    `break_at` counts boundaries down to a death.
    """

    objects: dict[Place, Json] = field(default_factory=dict)
    rows: dict[Target, Applied] = field(default_factory=dict)
    published: dict[str, frozenset[str]] = field(default_factory=dict)
    verified: dict[str, str] = field(default_factory=dict)
    istiods: tuple[Istiod, ...] = ()
    break_at: int | None = None
    uids: int = 0

    def facts(self) -> Facts:
        webhooks: dict[str, Any] = {uid: () for uid, *_ in self.objects}
        for (uid, _, kind, _, _), live in self.objects.items():
            if kind == "MutatingWebhookConfiguration":
                webhooks[uid] += entries_of(live)
        return Facts(istiods=self.istiods, webhooks=webhooks)

    def live(self, targets: Any) -> dict[Target, Live]:
        return {target: self._look(target) for target in targets}

    def plan(self, topology: Topology, *, blind: bool = False) -> tuple[PlannedStep, ...]:
        rendered = render(topology, self.facts())
        live = {} if blind else self.live({*rendered, *self.rows})
        return plan(
            topology, rendered, self.rows, live, published=self.published, verified=self.verified, facts=self.facts()
        )

    def carry_out(self, topology: Topology, consents: frozenset[str] = frozenset()) -> None:
        for step in self.plan(topology):
            self.step(topology, step, consents)

    def step(self, topology: Topology, step: PlannedStep, consents: frozenset[str] = frozenset()) -> None:
        rendered = render(topology, self.facts())
        if step.kind in GATEWAY_STEPS:
            self._gateway(topology, rendered, step.subject, consents)
        elif step.kind in (StepKind.RESTART, StepKind.VERIFY):
            self._istiod(topology, rendered, step.kind)
        else:
            for target in step.targets:
                for _ in range(3):
                    decision = self._decide(topology, rendered, target, consents)
                    if not isinstance(decision, Write):
                        break
                    self._write(decision, rendered)
        self._boundary()

    def _decide(self, topology: Topology, rendered: Rendered, target: Target, consents: frozenset[str]) -> Decision:
        return decide(
            target,
            rendered.get(target),
            self.rows.get(target),
            self._look(target),
            mesh=topology.mesh,
            consents=consents,
        )

    def _gateway(self, topology: Topology, rendered: Rendered, gateway: str, consents: frozenset[str]) -> None:
        mine: Mapping[Target, Any] = {**rendered, **self.rows}
        for write in gateway_writes(
            gateway, rendered, self.rows, self.live(mine), mesh=topology.mesh, consents=consents
        ):
            self._write(write, rendered)

    def _istiod(self, topology: Topology, rendered: Rendered, kind: StepKind) -> None:
        for name, networks in expected_networks(topology, rendered, self.facts()).items():
            if kind is StepKind.RESTART:
                self.published[name] = frozenset(networks)
            else:
                self.verified[name] = digest(networks)
            self._boundary()

    def _write(self, write: Write, rendered: Rendered) -> None:
        if write.verb is Verb.REFUSE:
            raise Refused(write.violation)
        target, row = write.target, self.rows.get(write.target)
        if write.manager == "meshconsole" and not write.removes:
            found = write.found if row is None else row.found
            adopted = write.adopts or (row is not None and row.adopted)
            wanted = rendered[target]
            self.rows[target] = Applied(wanted.value, AppliedState.INTENDED, found, write.uid, adopted, wanted.gateway)
        if write.removes and row is not None:
            self.rows[target] = Applied(
                row.value, AppliedState.LEAVING, row.found, write.uid or row.object_uid, row.adopted, row.gateway
            )
        self._boundary()
        self._send(write)
        self._boundary()
        if write.removes:
            self.rows.pop(target, None)
        elif write.manager == "meshconsole":
            uid = self.objects[place(target)]["metadata"]["uid"] if not target.field else ""
            row = self.rows[target]
            self.rows[target] = Applied(row.value, AppliedState.WRITTEN, row.found, uid, row.adopted, row.gateway)
        self._boundary()

    def _boundary(self) -> None:
        if self.break_at is None:
            return
        self.break_at -= 1
        if self.break_at < 0:
            self.break_at = None
            raise BrokenOff

    def _look(self, target: Target) -> Live:
        live = self.objects.get(place(target))
        return Absent() if live is None else Present(copy.deepcopy(live))

    def _send(self, write: Write) -> None:
        where = place(write.target)
        if write.verb is Verb.APPLY:
            self._apply(where, copy.deepcopy(write.body), write.manager, write.force)
        elif write.verb is Verb.DELETE:
            assert self.objects[where]["metadata"]["uid"] == write.uid
            del self.objects[where]
        elif write.verb is Verb.JSON_PATCH:
            json_patch(self.objects[where], write.body)
        elif write.verb is Verb.MERGE_PATCH:
            merge_patch(self.objects[where], write.body)
        elif write.verb is Verb.PUT:
            self.objects[where] = copy.deepcopy(write.body)

    def _apply(self, where: Place, body: Json, manager: str, force: bool) -> None:
        leaves = {path: value for path, value in leaves_of(body) if path not in IDENTITY}
        live = self.objects.get(where)
        if live is None:
            self.uids += 1
            live = self.objects[where] = {
                "apiVersion": where[1],
                "kind": where[2],
                "metadata": {"name": where[4], "uid": f"uid-{self.uids}"},
            }
            if where[3]:
                live["metadata"]["namespace"] = where[3]
        fields = managed(live)
        others = {name: paths for name, paths in fields.items() if name != manager}
        for path, value in leaves.items():
            owners = [name for name, paths in others.items() if path in paths]
            if owners and value_at(live, path) != value:
                assert force, f"conflict on {path} with {owners}"
                for name in owners:
                    fields[name].discard(path)
        for path in fields.get(manager, set()) - set(leaves):
            if not any(path in paths for paths in others.values()):
                remove_at(live, path)
        for path, value in leaves.items():
            set_at(live, path, value)
        fields[manager] = set(leaves)
        set_managed(live, fields)


IDENTITY = {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace"), ("metadata", "uid")}


def leaves_of(value: Json, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    found: list[tuple[tuple[str, ...], Any]] = []
    for key, item in value.items():
        found += leaves_of(item, (*path, key)) if isinstance(item, dict) and item else [((*path, key), item)]
    return found


def value_at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def set_at(value: Json, path: tuple[str, ...], item: Any) -> None:
    for key in path[:-1]:
        value = value.setdefault(key, {})
    value[path[-1]] = item


def remove_at(value: Json, path: tuple[str, ...]) -> None:
    if len(path) > 1 and isinstance(value.get(path[0]), dict):
        remove_at(value[path[0]], path[1:])
        if not value[path[0]]:
            del value[path[0]]
    else:
        value.pop(path[0], None)


def managed(live: Json) -> dict[str, set[tuple[str, ...]]]:
    entries = live["metadata"].get("managedFields", [])
    return {entry["manager"]: {tuple(path) for path, _ in _paths(entry["fieldsV1"])} for entry in entries}


def _paths(fields: Json, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], None]]:
    found: list[tuple[tuple[str, ...], None]] = []
    for key, inner in fields.items():
        here = (*path, key.removeprefix("f:"))
        found += _paths(inner, here) if inner else [(here, None)]
    return found


def set_managed(live: Json, fields: Mapping[str, set[tuple[str, ...]]]) -> None:
    entries = []
    for manager, paths in fields.items():
        tree: Json = {}
        for path in paths:
            node = tree
            for key in path:
                node = node.setdefault(f"f:{key}", {})
        if paths:
            entries.append({"manager": manager, "operation": "Apply", "fieldsV1": tree})
    live["metadata"]["managedFields"] = entries


def json_patch(live: Json, operations: list[Json]) -> None:
    for operation in operations:
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        node: Any = live
        for key in parents:
            node = node[int(key)] if isinstance(node, list) else node[key]
        if operation["op"] == "test":
            assert node[last] == operation["value"], operation
        elif operation["op"] == "remove":
            del node[last]
        else:
            node[last] = operation["value"]


def merge_patch(live: Json, patch: Json) -> None:
    for key, value in patch.items():
        if value is None:
            live.pop(key, None)
        elif isinstance(value, dict):
            merge_patch(live.setdefault(key, {}), value)
            if not live[key]:
                del live[key]
        else:
            live[key] = value


def without_bookkeeping(objects: Mapping[Place, Json]) -> dict[Place, Json]:
    plain = copy.deepcopy(dict(objects))
    for live in plain.values():
        live["metadata"].pop("managedFields", None)
    return plain


def a_cluster(uid: str, *, url: str, namespace: str = "istio-system", label: str | None = None) -> dict[Place, Json]:
    """A member's system namespace and injection webhooks as an installer leaves them."""
    labels = {"kubernetes.io/metadata.name": namespace, **({"topology.istio.io/network": label} if label else {})}
    webhooks = [
        {"name": "rev.namespace.sidecar-injector.istio.io", "clientConfig": {"url": url}},
        {"name": "object.sidecar-injector.istio.io", "clientConfig": {"url": url + "?probe=1"}},
        {
            "name": "other.example.org",
            "clientConfig": {"service": {"name": "other", "namespace": "x", "path": "/mutate"}},
        },
    ]
    return {
        (uid, "v1", "Namespace", "", namespace): {
            "metadata": {"name": namespace, "uid": f"ns-{uid}", "labels": labels}
        },
        (uid, "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", "istio-sidecar-injector"): {
            "metadata": {"name": "istio-sidecar-injector", "uid": f"mwc-{uid}"},
            "webhooks": webhooks,
        },
    }


def a_config_map(ref: ConfigMapRef, text: str | None) -> dict[Place, Json]:
    data = {"mesh": "trustDomain: cluster.local\n", **({"meshNetworks": text} if text is not None else {})}
    metadata = {"name": ref.name, "namespace": ref.namespace, "uid": f"cm-{ref.name}", "resourceVersion": "7"}
    return {(ref.cluster, "v1", "ConfigMap", ref.namespace, ref.name): {"metadata": metadata, "data": data}}


def an_istiod(ref: ConfigMapRef | None, deployment: str = "istiod", revision: str = "default") -> Istiod:
    return Istiod(deployment, revision, 2, "config", "1.31.0", ref)
