"""What runs beside the API server.

Workloads become Pods, Pods become ready, load balancers get addresses, and orphans are removed. Everything is driven by
the store's events and by timers on the fleet's loop.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from simulator import quotas
from simulator.cluster import Cluster, Write, now
from simulator.errors import ApiError, forbidden_pod
from simulator.resources import BY_KIND, RESOURCES, Json, Resource
from simulator.scaling import AUTOSCALERS, BUDGETS, Autoscalers, Budgets
from simulator.workloads import Deployments, Sets, wish

if TYPE_CHECKING:
    from simulator.member import Member, Surroundings
    from simulator.store import Event

PODS, SERVICES, ACCOUNTS = BY_KIND["v1", "Pod"], BY_KIND["v1", "Service"], BY_KIND["v1", "ServiceAccount"]


def controlled_by(obj: Json) -> Json | None:
    """Return the ownerReference to an object's controller; None if it has no controller."""
    return next((owner for owner in obj["metadata"].get("ownerReferences", ()) if owner.get("controller")), None)


def default_account(cluster: Cluster, namespace: str) -> None:
    """Create the service account that every namespace has, unless it exists."""
    if cluster.store.get(ACCOUNTS, namespace, "default") is None:
        body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace}}
        cluster.create(ACCOUNTS, namespace, body, Write("kube-controller-manager"))


class Controllers:
    """The controllers of one cluster, and the admission of its Pods."""

    def __init__(self, fleet: Surroundings, member: Member, cloud: str) -> None:
        self.fleet, self.member, self.cluster, self.timing = fleet, member, member.cluster, fleet.timing
        self.pod_addresses = itertools.count(10)
        self._balancers = itertools.cycle(map(str, ipaddress.ip_network(cloud).hosts()))
        self._given: dict[str, str] = {}
        self._told: set[str] = set()
        self._due: set[Hashable] = set()
        self.deployments, self.sets = Deployments(self), Sets(self)
        self.budgets, self.autoscalers = Budgets(self.cluster), Autoscalers(self.cluster)
        self.cluster.admits = self._admit
        self.cluster.store.listeners.append(self._notice)

    def start(self) -> None:
        """Process everything that already exists."""
        for resource, obj in list(self.cluster.store.all()):
            self._look(resource, obj)

    def later(self, key: Hashable, seconds: float, act: Callable[[], Any]) -> None:
        """Call `act` on the loop in `seconds`. Safe from any thread.

        Until then, further calls with the same key are ignored.
        """
        if key in self._due:
            return
        self._due.add(key)

        def run() -> None:
            self._due.discard(key)
            act()

        self.fleet.at(seconds, run)

    def _admit(self, pod: Json) -> Json:
        """Return the Pod as admitted.

        Raise ApiError if its service account is missing, or if it needs injection and no istiod answers.
        """
        meta = pod["metadata"]
        account = pod.get("spec", {}).get("serviceAccountName", "default")
        if self.cluster.store.get(ACCOUNTS, meta["namespace"], account) is None:
            missing = (
                f'error looking up service account {meta["namespace"]}/{account}: serviceaccount "{account}" not found'
            )
            raise forbidden_pod(meta["name"], missing)
        return self.fleet.inject(self.member, pod)

    def _notice(self, event: Event) -> None:
        if event.type == "DELETED":
            self._gone(event.resource, event.new)
        else:
            self._look(event.resource, event.new)

    def _look(self, resource: Resource, obj: Json) -> None:
        meta = obj["metadata"]
        key = (resource.kind, meta.get("namespace", ""), meta["name"])
        if resource.kind == "Namespace" and not meta.get("deletionTimestamp"):
            default_account(self.cluster, meta["name"])
        if meta.get("deletionTimestamp"):
            self.later(("leave", *key), self.timing.controller, lambda: self._leave(resource, key[1], key[2]))
        elif resource.kind == "Deployment":
            self.later(key, self.timing.controller, lambda: self.deployments.reconcile(key[1], key[2]))
            self._wake_autoscalers(key[1])
        elif resource is AUTOSCALERS:
            self.later(key, self.timing.controller, lambda: self.autoscalers.reconcile(key[1], key[2]))
        elif resource is BUDGETS:
            self.later(key, self.timing.controller, lambda: self.budgets.reconcile(key[1], key[2]))
        elif resource.kind in ("StatefulSet", "DaemonSet"):
            self.later(key, self.timing.controller, lambda: self.sets.reconcile(resource, key[1], key[2]))
        elif resource.kind == "Service":
            self._balance(obj)
        elif resource.kind == "ResourceQuota":
            self.later(key, self.timing.controller, lambda: self._count(key[1], key[2]))
        elif resource.kind == "Pod":
            self._wake_owner(obj)
            self._wake_budgets(key[1])
            if obj.get("status", {}).get("phase") == "Pending":
                self.later(key, self.timing.pod, lambda: self._run_pod(key[1], key[2]))

    def _gone(self, resource: Resource, obj: Json) -> None:
        uid = obj["metadata"]["uid"]
        if resource.kind == "Pod":
            self._wake_owner(obj)
            self._wake_budgets(obj["metadata"]["namespace"])
        if resource.kind == "Service":
            self._given.pop(uid, None)
        if self.cluster.store.owned_by(uid):
            self.later(("orphans", uid), self.timing.controller, lambda: self._collect(uid))

    def _wake_owner(self, pod: Json) -> None:
        owner = controlled_by(pod)
        if owner is None:
            return
        space = pod["metadata"]["namespace"]
        if owner["kind"] == "ReplicaSet":
            replica_set = self.cluster.store.get(BY_KIND["apps/v1", "ReplicaSet"], space, owner["name"])
            deployment = controlled_by(replica_set) if replica_set else None
            if deployment is not None:
                name = deployment["name"]
                self.later(
                    ("Deployment", space, name), self.timing.controller, lambda: self.deployments.reconcile(space, name)
                )
        elif owner["kind"] in ("StatefulSet", "DaemonSet"):
            resource, name = BY_KIND["apps/v1", owner["kind"]], owner["name"]
            self.later(
                (owner["kind"], space, name), self.timing.controller, lambda: self.sets.reconcile(resource, space, name)
            )

    def _wake_budgets(self, namespace: str) -> None:
        for budget in self.cluster.store.list(BUDGETS, namespace):
            self._look(BUDGETS, budget)

    def _wake_autoscalers(self, namespace: str) -> None:
        for autoscaler in self.cluster.store.list(AUTOSCALERS, namespace):
            self._look(AUTOSCALERS, autoscaler)

    def _collect(self, uid: str) -> None:
        for resource, child in self.cluster.store.owned_by(uid):
            self._delete(resource, child)

    def _delete(self, resource: Resource, obj: Json, options: Json | None = None) -> None:
        meta = obj["metadata"]
        try:
            self.cluster.delete(
                resource, meta.get("namespace", ""), meta["name"], options or {"propagationPolicy": "Background"}
            )
        except ApiError:
            return  # already gone

    def _leave(self, resource: Resource, namespace: str, name: str) -> None:
        obj = self.cluster.store.get(resource, namespace, name)
        if obj is None or not obj["metadata"].get("deletionTimestamp"):
            return
        if resource.kind == "Namespace":
            self._empty(name)
        elif resource.kind == "Pod" and obj["metadata"].get("deletionGracePeriodSeconds"):
            self.later(
                ("end", namespace, name),
                self.timing.pod,
                lambda: self._end_pod(namespace, name, obj["metadata"]["uid"]),
            )
        elif set(obj["metadata"].get("finalizers", ())) & {"foregroundDeletion", "orphan"}:
            self._finalize(resource, obj)

    def _end_pod(self, namespace: str, name: str, uid: str) -> None:
        pod = self.cluster.store.get(PODS, namespace, name)
        if pod is not None and pod["metadata"]["uid"] == uid and not pod["metadata"].get("finalizers"):
            self.cluster.store.remove(PODS, namespace, name)

    def _finalize(self, resource: Resource, obj: Json) -> None:
        meta = obj["metadata"]
        children = self.cluster.store.owned_by(meta["uid"])
        orphaned = "orphan" in meta["finalizers"]
        for child_resource, child in children:
            place = (child["metadata"].get("namespace", ""), child["metadata"]["name"])
            if orphaned:
                self.cluster.change(child_resource, *place, lambda copy: _disown(copy, meta["uid"]))
            else:
                self._delete(child_resource, child, {"propagationPolicy": "Foreground"})
        if children and not orphaned:
            key = ("leave", resource.kind, meta.get("namespace", ""), meta["name"])
            self.later(
                key, self.timing.controller * 2, lambda: self._leave(resource, meta.get("namespace", ""), meta["name"])
            )
            return

        def release(copy: Json) -> None:
            copy["metadata"]["finalizers"] = [
                item for item in copy["metadata"]["finalizers"] if item not in ("foregroundDeletion", "orphan")
            ]
            if not copy["metadata"]["finalizers"]:
                del copy["metadata"]["finalizers"]

        self.cluster.change(resource, meta.get("namespace", ""), meta["name"], release)

    def _empty(self, namespace: str) -> None:
        left = 0
        for resource in RESOURCES:
            if not resource.namespaced:
                continue
            for obj in self.cluster.store.list(resource, namespace):
                left += 1
                if not obj["metadata"].get("deletionTimestamp"):
                    self._delete(resource, obj, {"gracePeriodSeconds": 0})
        namespaces = BY_KIND["v1", "Namespace"]
        if left:
            self.later(
                ("leave", "Namespace", "", namespace),
                self.timing.controller * 2,
                lambda: self._leave(namespaces, "", namespace),
            )
            return
        self.cluster.change(namespaces, "", namespace, lambda copy: copy["spec"].pop("finalizers", None))

    def _count(self, namespace: str, name: str) -> None:
        pods = len(self.cluster.store.list(PODS, namespace))
        self.cluster.change(quotas.QUOTAS, namespace, name, lambda copy: quotas.take_over(copy, pods))

    def _balance(self, service: Json) -> None:
        meta = service["metadata"]
        place = (meta["namespace"], meta["name"])
        given = service.get("status", {}).get("loadBalancer", {}).get("ingress")
        if service["spec"].get("type") != "LoadBalancer":
            self._given.pop(meta["uid"], None)
            if given:
                self.later(("release", *place), self.timing.controller, lambda: self._set_ingress(*place, None))
            return
        if wish(service, "pending") == "true":
            if meta["uid"] not in self._told:
                self._told.add(meta["uid"])
                self.later(("told", *place), self.timing.controller, lambda: self._tell_pending(service))
            return
        self._told.discard(meta["uid"])
        delay = float(wish(service, "delay") or self.timing.load_balancer)
        self.later(
            ("balance", *place), 0.0 if meta["uid"] in self._given else delay, lambda: self._give_address(*place)
        )

    def _tell_pending(self, service: Json) -> None:
        try:
            self.member.event(
                service, "SyncLoadBalancerFailed", "Error syncing load balancer: quota of load balancers exceeded"
            )
        except ApiError:
            return  # the namespace is being deleted

    def _give_address(self, namespace: str, name: str) -> None:
        service = self.cluster.store.get(SERVICES, namespace, name)
        if service is None or service["spec"].get("type") != "LoadBalancer" or wish(service, "pending") == "true":
            return
        uid, hostname = service["metadata"]["uid"], wish(service, "hostname")
        if uid not in self._given:
            self._given[uid] = service["spec"].get("loadBalancerIP") or self._had(service) or self._free_address()
        self._set_ingress(
            namespace, name, {"hostname": hostname} if hostname else {"ip": self._given[uid], "ipMode": "VIP"}
        )

    def _had(self, service: Json) -> str:
        """Return the address that the Service had before this fleet was started from a saved state; "" if none."""
        ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or [{}]
        return str(ingress[0].get("ip", ""))

    def _free_address(self) -> str:
        taken = {self._had(service) for service in self.cluster.store.list(SERVICES)}
        return next(address for address in self._balancers if address not in taken)

    def _set_ingress(self, namespace: str, name: str, ingress: Json | None) -> None:
        def edit(copy: Json) -> None:
            copy["status"] = {**copy.get("status", {}), "loadBalancer": {"ingress": [ingress]} if ingress else {}}

        self.cluster.change(SERVICES, namespace, name, edit)

    def _run_pod(self, namespace: str, name: str) -> None:
        """Act as the kubelet: take a Pod from Pending to Running and Ready, unless its image can't be pulled."""
        pod = self.cluster.store.get(PODS, namespace, name)
        if pod is None or pod["metadata"].get("deletionTimestamp") or pod["status"].get("phase") != "Pending":
            return
        gate = self.fleet.starts(self.member, pod)
        if gate > 0:
            self.later(("start", namespace, name), gate, lambda: self._run_pod(namespace, name))
            return
        missing = next(
            (item for item in pod["spec"]["containers"] if item["image"] == "auto" or "missing" in item["image"]), None
        )

        def edit(copy: Json) -> None:
            copy["status"] = self._running(copy) if missing is None else _waiting(copy, missing)

        if missing is None or "containerStatuses" not in pod["status"]:
            self.cluster.change(PODS, namespace, name, edit)

    def _running(self, pod: Json) -> Json:
        stamp, conditions = now(), ("PodScheduled", "Initialized", "ContainersReady", "Ready")
        address = self._pod_address(pod)
        return {
            "phase": "Running",
            "startTime": stamp,
            "hostIP": "127.0.0.1",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [
                {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": stamp}
                for kind in conditions
            ],
            "containerStatuses": [
                {
                    "name": item["name"],
                    "image": item["image"],
                    "imageID": "",
                    "ready": True,
                    "started": True,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": stamp}},
                }
                for item in pod["spec"]["containers"]
            ],
        }

    def _pod_address(self, pod: Json) -> str:
        node = self.cluster.store.get(BY_KIND["v1", "Node"], "", pod["spec"].get("nodeName", ""))
        network = ipaddress.ip_network(node["spec"]["podCIDR"] if node else self.member.pod_cidr or "10.0.0.0/16")
        return str(network[next(self.pod_addresses) % (network.num_addresses - 2) + 1])


def _waiting(pod: Json, container: Json) -> Json:
    message = f'Back-off pulling image "{container["image"]}"'
    waiting = {"name": container["name"], "image": container["image"], "imageID": "", "ready": False, "restartCount": 0}
    unready = [
        {"type": kind, "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": now()}
        for kind in ("ContainersReady", "Ready")
    ]
    return {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": now()}, *unready],
        "containerStatuses": [waiting | {"state": {"waiting": {"reason": "ImagePullBackOff", "message": message}}}],
    }


def _disown(obj: Json, uid: str) -> None:
    left = [owner for owner in obj["metadata"]["ownerReferences"] if owner["uid"] != uid]
    if left:
        obj["metadata"]["ownerReferences"] = left
    else:
        del obj["metadata"]["ownerReferences"]
