"""Deployments with their ReplicaSets and Pods, and, in a simpler form, StatefulSets and DaemonSets.

Updates roll; those of Deployments keep within the limits for surge and unavailability.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from simulator.cluster import Write, clone, now
from simulator.errors import ApiError
from simulator.resources import BY_KIND, Json, Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from simulator.cluster import Cluster

PODS, REPLICA_SETS, DEPLOYMENTS = (
    BY_KIND["v1", "Pod"],
    BY_KIND["apps/v1", "ReplicaSet"],
    BY_KIND["apps/v1", "Deployment"],
)
NODES = BY_KIND["v1", "Node"]
REVISION = "deployment.kubernetes.io/revision"
MANAGER = Write("kube-controller-manager")
STATUS = Write("kube-controller-manager", "status")
RETRY = 0.2
_ANNOTATIONS = ("simulator/", "cloud.rig/")


def fingerprint(template: Json) -> str:
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]


def ready(pod: Json) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions) and not leaving(pod)


def leaving(obj: Json) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def wish(obj: Json, name: str) -> str | None:
    """Return the value of an annotation that asks something of the simulation; None without one.

    The annotations are `simulator/delay`, `simulator/hostname` and `simulator/pending` of a Service, and
    `simulator/replicas` of an autoscaler.
    """
    annotations = obj["metadata"].get("annotations") or {}
    return next((annotations[prefix + name] for prefix in _ANNOTATIONS if prefix + name in annotations), None)


def share(value: Any, of: int, up: bool) -> int:
    """Return a number, or a percentage of another one."""
    if isinstance(value, str) and value.endswith("%"):
        exact = of * int(value[:-1]) / 100
        return math.ceil(exact) if up else math.floor(exact)
    return int(value)


def owner_of(obj: Json) -> Json:
    meta = obj["metadata"]
    named = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": meta["name"], "uid": meta["uid"]}
    return {**named, "controller": True, "blockOwnerDeletion": True}


@dataclass(slots=True)
class _Rollout:
    """A snapshot of a Deployment: its Pods, by whether they have the newest template."""

    deployment: Json
    newest: Json
    new: list[Json]
    old: list[Json]
    going: int = 0
    failure: str = ""

    @property
    def desired(self) -> int:
        return int(self.deployment["spec"]["replicas"])

    @property
    def limits(self) -> tuple[int, int]:
        """How many Pods above, and how many below, the desired number there may be."""
        rolling = self.deployment["spec"]["strategy"].get("rollingUpdate")
        if not rolling:
            return 0, self.desired
        surge, fewer = (
            share(rolling["maxSurge"], self.desired, True),
            share(rolling["maxUnavailable"], self.desired, False),
        )
        return surge, fewer if surge or fewer else 1

    @property
    def available(self) -> int:
        return sum(ready(pod) for pod in self.new + self.old)

    @property
    def complete(self) -> bool:
        return len(self.new) == self.desired and not self.old and all(ready(pod) for pod in self.new)


class ControllerContext(Protocol):
    """What the controllers of workloads need from the controllers of their cluster."""

    @property
    def cluster(self) -> Cluster: ...

    @property
    def pod_addresses(self) -> Iterator[int]: ...

    def later(self, key: Hashable, seconds: float, act: Callable[[], Any]) -> None:
        """Call `act` in `seconds`. Until then, further calls with the same key are ignored."""


class _Pods:
    """Creates and deletes Pods for a workload."""

    def __init__(self, controllers: ControllerContext) -> None:
        self.controllers, self.cluster = controllers, controllers.cluster

    def owned(self, owner: Json) -> list[Json]:
        return [obj for resource, obj in self.cluster.store.owned_by(owner["metadata"]["uid"]) if resource is PODS]

    def create(self, owner: Json, template: Json, name: str, labels: Json, node: str = "") -> None:
        """Create a Pod for `owner`. Raise ApiError if the injection webhook can't be reached."""
        space, meta = owner["metadata"]["namespace"], clone(template.get("metadata", {}))
        meta |= {
            "name": name,
            "namespace": space,
            "labels": {**meta.get("labels", {}), **labels},
            "ownerReferences": [owner_of(owner)],
        }
        spec = {**clone(template["spec"]), "nodeName": node or self._node()}
        self.cluster.create(PODS, space, {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}, MANAGER)

    def delete(self, pod: Json) -> None:
        try:
            self.cluster.delete(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"])
        except ApiError:
            return  # already gone

    def _node(self) -> str:
        nodes = self.cluster.store.list(NODES)
        return str(nodes[next(self.controllers.pod_addresses) % len(nodes)]["metadata"]["name"]) if nodes else "node-0"


class Deployments:
    def __init__(self, controllers: ControllerContext) -> None:
        self.controllers, self.cluster, self.pods = controllers, controllers.cluster, _Pods(controllers)
        self._progress: dict[str, tuple[Any, float]] = {}

    def reconcile(self, namespace: str, name: str) -> None:
        with self.cluster.store.lock:
            deployment = self.cluster.store.get(DEPLOYMENTS, namespace, name)
            if deployment is None or leaving(deployment):
                return
            rollout = self._look(deployment)
            if rollout is None:
                return
            self._move(rollout)
            self._report(self._look(deployment) or rollout, rollout.failure)

    def _look(self, deployment: Json) -> _Rollout | None:
        uid = deployment["metadata"]["uid"]
        sets = [
            obj for resource, obj in self.cluster.store.owned_by(uid) if resource is REPLICA_SETS and not leaving(obj)
        ]
        print_ = fingerprint(deployment["spec"]["template"])
        newest = next((item for item in sets if item["metadata"]["labels"]["pod-template-hash"] == print_), None)
        if newest is None:
            newest = self._new_set(deployment, print_, sets)
            if newest is None:
                return None
        revision = newest["metadata"]["annotations"][REVISION]
        highest = max((int(item["metadata"]["annotations"][REVISION]) for item in sets), default=0)
        if int(revision) < highest:  # an earlier template is back
            newest = self._set_revision(newest, highest + 1)
        new = self.pods.owned(newest)
        old = [
            pod
            for item in sets
            if item["metadata"]["uid"] != newest["metadata"]["uid"]
            for pod in self.pods.owned(item)
        ]
        going = sum(leaving(pod) for pod in new + old)
        return _Rollout(
            deployment,
            newest,
            [pod for pod in new if not leaving(pod)],
            [pod for pod in old if not leaving(pod)],
            going,
        )

    def _new_set(self, deployment: Json, print_: str, sets: list[Json]) -> Json | None:
        meta, template = deployment["metadata"], clone(deployment["spec"]["template"])
        revision = max((int(item["metadata"]["annotations"][REVISION]) for item in sets), default=0) + 1
        labels = {**template["metadata"].get("labels", {}), "pod-template-hash": print_}
        template["metadata"] = {**template["metadata"], "labels": labels}
        annotations = {
            key: value for key, value in meta.get("annotations", {}).items() if not key.startswith("kubectl.")
        }
        selector = clone(deployment["spec"]["selector"])
        selector["matchLabels"] = {**selector.get("matchLabels", {}), "pod-template-hash": print_}
        body: Json = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{meta['name']}-{print_}",
                "labels": labels,
                "annotations": {**annotations, REVISION: str(revision)},
                "ownerReferences": [owner_of(deployment)],
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
        }
        try:
            return self.cluster.create(REPLICA_SETS, meta["namespace"], body, MANAGER)
        except ApiError:  # the namespace is being deleted, or its predecessor of the same name still is
            self._again(meta["namespace"], meta["name"])
            return None

    def _set_revision(self, replica_set: Json, revision: int) -> Json:
        meta = replica_set["metadata"]

        def edit(copy: Json) -> None:
            copy["metadata"]["annotations"][REVISION] = str(revision)

        return self.cluster.change(REPLICA_SETS, meta["namespace"], meta["name"], edit) or replica_set

    def _move(self, rollout: _Rollout) -> None:
        """Take one step towards the desired state. The changes that it causes in Pods trigger the next one."""
        if rollout.deployment["spec"].get("paused"):
            return
        surge, fewer = rollout.limits
        recreate = rollout.deployment["spec"]["strategy"]["type"] == "Recreate"
        if recreate and (rollout.old or (rollout.going and not rollout.new)):
            for pod in rollout.old:
                self.pods.delete(pod)
            return
        room = rollout.desired + surge - len(rollout.new) - len(rollout.old)
        for _ in range(min(rollout.desired - len(rollout.new), room)):
            if not self._add(rollout):
                break
        for pod in sorted(rollout.new, key=ready)[: max(0, len(rollout.new) - rollout.desired)]:
            self.pods.delete(pod)
        spare = rollout.available - (rollout.desired - fewer)
        for pod in sorted(rollout.old, key=ready):
            if ready(pod):
                spare -= 1
            if spare < 0:
                break
            self.pods.delete(pod)

    def _add(self, rollout: _Rollout) -> bool:
        newest = rollout.newest
        space, name = newest["metadata"]["namespace"], rollout.deployment["metadata"]["name"]
        try:
            self.pods.create(
                newest, newest["spec"]["template"], f"{newest['metadata']['name']}-{uuid.uuid4().hex[:5]}", {}
            )
        except ApiError as error:
            rollout.failure = error.message
            self._again(space, name)
            return False
        return True

    def _again(self, namespace: str, name: str) -> None:
        self.controllers.later(("again", namespace, name), RETRY, lambda: self.reconcile(namespace, name))

    def _report(self, rollout: _Rollout, failure: str) -> None:
        meta = rollout.deployment["metadata"]
        self._report_sets(rollout)
        status = self._status(rollout, failure)
        revision = rollout.newest["metadata"]["annotations"][REVISION]

        def edit(copy: Json) -> None:
            copy["status"] = status
            copy["metadata"].setdefault("annotations", {})[REVISION] = revision

        annotated = meta.get("annotations", {}).get(REVISION) == revision
        self.cluster.change(DEPLOYMENTS, meta["namespace"], meta["name"], edit, None if annotated else STATUS)

    def _report_sets(self, rollout: _Rollout) -> None:
        for resource, item in self.cluster.store.owned_by(rollout.deployment["metadata"]["uid"]):
            if resource is not REPLICA_SETS:
                continue
            newest = item["metadata"]["uid"] == rollout.newest["metadata"]["uid"]
            pods = [pod for pod in self.pods.owned(item) if not leaving(pod)]
            wanted, counts = rollout.desired if newest else len(pods), _counts(pods)

            def edit(copy: Json, wanted: int = wanted, counts: Json = counts) -> None:
                if copy["spec"]["replicas"] != wanted:
                    copy["spec"]["replicas"] = wanted
                    copy["metadata"]["generation"] += 1
                copy["status"] = {**counts, "observedGeneration": copy["metadata"]["generation"]}

            self.cluster.change(REPLICA_SETS, item["metadata"]["namespace"], item["metadata"]["name"], edit)

    def _status(self, rollout: _Rollout, failure: str) -> Json:
        meta = rollout.deployment["metadata"]
        counts = _counts(rollout.new + rollout.old)
        status: Json = {"observedGeneration": meta["generation"], **counts}
        if rollout.new:
            status["updatedReplicas"] = len(rollout.new)
        if rollout.desired > rollout.available:
            status["unavailableReplicas"] = (
                max(rollout.desired, len(rollout.new) + len(rollout.old)) - rollout.available
            )
        if rollout.going:
            status["terminatingReplicas"] = rollout.going
        old = {item["type"]: item for item in rollout.deployment.get("status", {}).get("conditions", ())}
        enough = rollout.available >= rollout.desired - rollout.limits[1]
        conditions = [
            (
                "Available",
                enough,
                "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
                f"Deployment {'has' if enough else 'does not have'} minimum availability.",
            ),
            ("Progressing", *self._progressing(rollout)),
        ]
        if failure:
            conditions.append(("ReplicaFailure", True, "FailedCreate", failure))
        status["conditions"] = [
            _condition(old.get(kind), kind, value, reason, message) for kind, value, reason, message in conditions
        ]
        return status

    def _progressing(self, rollout: _Rollout) -> tuple[bool, str, str]:
        meta, newest = rollout.deployment["metadata"], rollout.newest["metadata"]["name"]
        if rollout.complete:
            self._progress.pop(meta["uid"], None)
            return True, "NewReplicaSetAvailable", f'ReplicaSet "{newest}" has successfully progressed.'
        state = (meta["generation"], newest, len(rollout.new), len(rollout.old), rollout.available)
        known = self._progress.get(meta["uid"])
        if known is None or known[0] != state:
            known = self._progress[meta["uid"]] = state, time.monotonic()
        left = known[1] + float(rollout.deployment["spec"]["progressDeadlineSeconds"]) - time.monotonic()
        if left <= 0:
            return False, "ProgressDeadlineExceeded", f'ReplicaSet "{newest}" has timed out progressing.'
        place = (meta["namespace"], meta["name"])
        self.controllers.later(("deadline", *place, meta["generation"]), left + 0.01, lambda: self.reconcile(*place))
        return True, "ReplicaSetUpdated", f'ReplicaSet "{newest}" is progressing.'


def _counts(pods: list[Json]) -> Json:
    here = sum(ready(pod) for pod in pods)
    counts = {"replicas": len(pods), "readyReplicas": here, "availableReplicas": here}
    return {key: value for key, value in counts.items() if value or key == "replicas"}


def _condition(old: Json | None, kind: str, value: bool, reason: str, message: str) -> Json:
    new = {"type": kind, "status": "True" if value else "False", "reason": reason, "message": message}
    if old is not None and old.items() >= new.items():
        return old
    turned = now() if old is None or old["status"] != new["status"] else old["lastTransitionTime"]
    return {**new, "lastUpdateTime": now(), "lastTransitionTime": turned}


class Sets:
    """StatefulSets and DaemonSets: they own Pods directly, and replace one at a time when the template changes."""

    def __init__(self, controllers: ControllerContext) -> None:
        self.controllers, self.cluster, self.pods = controllers, controllers.cluster, _Pods(controllers)

    def reconcile(self, resource: Resource, namespace: str, name: str) -> None:
        with self.cluster.store.lock:
            owner = self.cluster.store.get(resource, namespace, name)
            if owner is None or leaving(owner):
                return
            print_ = fingerprint(owner["spec"]["template"])
            pods = self.pods.owned(owner)
            wanted = self._wanted(owner)
            for pod in pods:
                if pod["metadata"]["name"] not in wanted and not leaving(pod):
                    self.pods.delete(pod)
            here = {pod["metadata"]["name"] for pod in pods}
            for pod_name, node in wanted.items():
                if pod_name not in here:
                    self._add(owner, pod_name, print_, node)
            stale = [
                pod
                for pod in pods
                if pod["metadata"]["labels"].get("controller-revision-hash") != print_
                and pod["metadata"]["name"] in wanted
            ]
            if stale and len(pods) == len(wanted) and all(ready(pod) for pod in pods):
                self.pods.delete(stale[-1])
            self._report(resource, owner, print_, len(wanted))

    def _wanted(self, owner: Json) -> dict[str, str]:
        name = owner["metadata"]["name"]
        if owner["kind"] == "StatefulSet":
            return {f"{name}-{index}": "" for index in range(owner["spec"]["replicas"])}
        return {
            f"{name}-{node['metadata']['name']}": node["metadata"]["name"] for node in self.cluster.store.list(NODES)
        }

    def _add(self, owner: Json, name: str, print_: str, node: str) -> None:
        resource, meta = BY_KIND["apps/v1", owner["kind"]], owner["metadata"]
        try:
            self.pods.create(owner, owner["spec"]["template"], name, {"controller-revision-hash": print_}, node)
        except ApiError:
            self.controllers.later(
                ("again", owner["kind"], meta["namespace"], meta["name"]),
                RETRY,
                lambda: self.reconcile(resource, meta["namespace"], meta["name"]),
            )

    def _report(self, resource: Resource, owner: Json, print_: str, wanted: int) -> None:
        meta = owner["metadata"]
        pods = [pod for pod in self.pods.owned(owner) if not leaving(pod)]
        here = sum(ready(pod) for pod in pods)
        updated = sum(pod["metadata"]["labels"].get("controller-revision-hash") == print_ for pod in pods)
        status: Json = {"observedGeneration": meta["generation"]}
        if owner["kind"] == "StatefulSet":
            status |= {
                "replicas": len(pods),
                "readyReplicas": here,
                "availableReplicas": here,
                "currentReplicas": len(pods),
                "updatedReplicas": updated,
            }
            status |= {"currentRevision": f"{meta['name']}-{print_}", "updateRevision": f"{meta['name']}-{print_}"}
        else:
            status |= {
                "desiredNumberScheduled": wanted,
                "currentNumberScheduled": len(pods),
                "numberReady": here,
                "numberMisscheduled": 0,
            }
            status |= {"numberAvailable": here, "updatedNumberScheduled": updated}
        self.cluster.change(resource, meta["namespace"], meta["name"], lambda copy: copy.update(status=status))
