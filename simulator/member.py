"""One cluster of a fleet, seen from inside, and its surroundings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from simulator.api import Api
from simulator.cluster import SYSTEM, Cluster, Write, copy_of, now
from simulator.resources import BY_KIND, RESOURCES, Json, Resource

if TYPE_CHECKING:
    from simulator.faults import Fault


@dataclass(frozen=True, slots=True)
class Timing:
    """Delays in seconds.

    How long a controller takes, a Pod until it is ready, a load balancer until it has an address, and an istiod until
    it reads its ConfigMap; and how long a starting istiod waits for a cluster that doesn't answer.
    """

    controller: float = 0.002
    pod: float = 0.02
    load_balancer: float = 0.02
    reload: float = 0.02
    remote_timeout: float = 0.2


@dataclass(frozen=True, slots=True)
class WriteRecord:
    cluster: str
    n: int
    method: str
    path: str
    manager: str
    user: str


@dataclass(slots=True)
class Member:
    """One cluster of the fleet, seen from inside: no HTTP, no permissions, and all objects are copies."""

    name: str
    pod_cidr: str = ""
    is_member: bool = True
    cluster: Cluster = None  # type: ignore[assignment]
    api: Api = None  # type: ignore[assignment]
    fault: Fault | None = None
    writes: list[WriteRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cluster = self.cluster or Cluster(self.name)
        self.api = self.api or Api(self.cluster)

    @property
    def clock(self) -> float:
        return self.fault.seconds if self.fault is not None and self.fault.kind == "clock" else 0.0

    @property
    def answers(self) -> bool:
        """Whether an istiod gets an answer from it."""
        return (
            self.fault is None
            or self.fault.kind in ("latency", "clock")
            or bool(self.fault.methods or self.fault.resource)
        )

    @property
    def uid(self) -> str:
        return str(self.cluster.get(BY_KIND["v1", "Namespace"], "", "kube-system")["metadata"]["uid"])

    @property
    def objects(self) -> list[Json]:
        return [copy_of(obj) for _, obj in self.cluster.store.all()]

    def get(self, kind: str, name: str, namespace: str = "") -> Json | None:
        obj = self.cluster.store.get(resource_of(kind), namespace, name)
        return None if obj is None else copy_of(obj)

    def list(self, kind: str, namespace: str = "") -> list[Json]:
        return [copy_of(obj) for obj in self.cluster.store.list(resource_of(kind), namespace)]

    def fail_pods(self, namespace: str, prefix: str) -> tuple[str, ...]:
        """Make the readiness probe of running Pods fail for as long as they live; return their names.

        Affects the Pods in the namespace that run now and whose names begin with `prefix`.
        """
        pods = resource_of("Pod")
        failed: tuple[str, ...] = ()
        for pod in self.cluster.store.list(pods, namespace):
            if pod["metadata"]["name"].startswith(prefix):
                self.cluster.change(pods, namespace, pod["metadata"]["name"], _unready)
                failed += (pod["metadata"]["name"],)
        return failed

    def put(self, obj: Json, manager: str = "somebody") -> Json:
        """Create or replace an object, as an update by `manager` would.

        Its resourceVersion and uid are ignored.
        """
        resource = resource_of(obj["kind"])
        meta = {
            key: value
            for key, value in obj["metadata"].items()
            if key not in ("resourceVersion", "uid", "managedFields")
        }
        obj, namespace = {**obj, "metadata": meta}, meta.get("namespace", "")
        with self.cluster.store.lock:
            if self.cluster.store.get(resource, namespace, meta["name"]) is None:
                return copy_of(self.cluster.create(resource, namespace, obj, Write(manager)))
            return copy_of(
                self.cluster.patch(
                    resource,
                    namespace,
                    meta["name"],
                    "json",
                    [{"op": "replace", "path": "", "value": obj}],
                    Write(manager),
                )
            )

    def apply(self, obj: Json, manager: str = "installer") -> Json:
        resource = resource_of(obj["kind"])
        meta = obj["metadata"]
        return copy_of(
            self.cluster.apply(resource, meta.get("namespace", ""), meta["name"], obj, Write(manager, force=True))[0]
        )

    def patch(self, kind: str, name: str, patch: Json, namespace: str = "", manager: str = "somebody") -> Json:
        """Apply a merge patch."""
        return copy_of(self.cluster.patch(resource_of(kind), namespace, name, "merge", patch, Write(manager)))

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        self.cluster.delete(resource_of(kind), namespace, name)

    def event(self, about: Json, reason: str, message: str) -> None:
        meta = about["metadata"]
        involved = {"apiVersion": about["apiVersion"], "kind": about["kind"], "name": meta["name"], "uid": meta["uid"]}
        stamp = {"firstTimestamp": meta["creationTimestamp"], "lastTimestamp": meta["creationTimestamp"], "count": 1}
        body: Json = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{meta['name']}."},
            "involvedObject": involved | {"namespace": meta.get("namespace", "")},
            "reason": reason,
            "message": message,
            "type": "Warning",
            **stamp,
        }
        self.cluster.create(BY_KIND["v1", "Event"], meta.get("namespace", "default"), body, SYSTEM)


def _unready(pod: Json) -> None:
    for condition in pod["status"].get("conditions", ()):
        if condition["type"] in ("Ready", "ContainersReady"):
            condition.update(status="False", reason="ContainersNotReady", lastTransitionTime=now())
    for container in pod["status"].get("containerStatuses", ()):
        container["ready"] = False


def resource_of(kind: str) -> Resource:
    found = next((item for item in RESOURCES if item.kind == kind), None)
    if found is None:
        raise KeyError(kind)
    return found


class Surroundings(Protocol):
    """What a mesh and the controllers of a cluster need from the fleet that they belong to."""

    @property
    def timing(self) -> Timing: ...

    @property
    def clouds(self) -> Iterator[int]:
        """Numbers of the networks from which load balancers take their addresses."""

    def cluster(self, name: str) -> Member: ...

    def at(self, seconds: float, act: Callable[[], Any]) -> None:
        """Call `act` on the fleet's loop in `seconds`. Safe from any thread."""

    def inject(self, member: Member, pod: Json) -> Json:
        """Return a Pod as the cluster's injection webhooks make it. Raise ApiError if they can't be reached."""

    def starts(self, member: Member, pod: Json) -> float:
        """Return how many seconds a Pod must still wait before it starts."""
