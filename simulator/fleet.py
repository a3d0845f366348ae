"""A fleet: simulated clusters behind one TLS port of this process, with what tests need to look into them and to break
them.
"""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from simulator.api import Api, Request, Response
from simulator.cluster import SYSTEM, Cluster, Write, copy_of, now
from simulator.control import control
from simulator.faults import Fault, Hook
from simulator.plan import MeshPlan, mesh_from_json, mesh_to_json, usual_mesh
from simulator.resources import BY_KIND, RESOURCES, Json, Resource
from simulator.server import Server
from simulator.tls import Authority

if TYPE_CHECKING:
    from simulator.mesh import Mesh

ADMIN_TOKEN, NOBODY_TOKEN = "simulator-admin-token", "simulator-nobody-token"
SYSTEM_NAMESPACE = "istio-system"
_CHURN = ("Pod", "ReplicaSet", "Event", "Node")


@dataclass(frozen=True, slots=True)
class Timing:
    """Delays in seconds: of a controller, of a Pod until it is ready, of a load balancer's address, of an istiod that
    reads its ConfigMap, and how long a starting istiod waits for a cluster that does not answer."""

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
    """One cluster of the fleet, seen from inside: no HTTP, no rights, all objects as copies."""

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
        """Makes the readiness probe of the Pods that run now, and whose names begin so, fail for as
        long as they live.
        """
        pods = resource_of("Pod")
        failed: tuple[str, ...] = ()
        for pod in self.cluster.store.list(pods, namespace):
            if pod["metadata"]["name"].startswith(prefix):
                self.cluster.change(pods, namespace, pod["metadata"]["name"], _unready)
                failed += (pod["metadata"]["name"],)
        return failed

    def put(self, obj: Json, manager: str = "somebody") -> Json:
        """Creates or replaces an object as `manager` would by an update.

        Its resourceVersion and uid are not looked at.
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
        """A merge patch."""
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


class Fleet:
    """Hosted meshes on simulated clusters, the first of which is `mesh`; without `plans` the usual one.

    `state` (a `dump`) makes it the fleet that was saved. A context manager; within it the API servers answer.
    """

    def __init__(
        self,
        plans: Sequence[MeshPlan] = (),
        *,
        port: int = 0,
        timing: Timing | None = None,
        state: Json | None = None,
    ) -> None:
        self.plans = tuple(plans) or (usual_mesh(),)
        if state is not None and "meshes" in state:
            self.plans = tuple(mesh_from_json(said) for said in state["meshes"])
        self.hub, self.config = self.plans[0].hub, self.plans[0].configured_in
        self.timing = timing or Timing()
        self.members: dict[str, Member] = {}
        self.meshes: list[Mesh] = []
        self.on_write: Hook | None = None
        self.loop = asyncio.new_event_loop()
        self._writes, self._state = 0, state
        self._saved: tuple[object, ...] = ()
        pair = tuple(text.encode() for text in state["authority"]) if state else None
        self.authority = Authority(state=(pair[0], pair[1]) if pair else None)
        self.server = Server(self, self.authority.context(), port)
        self._thread = threading.Thread(target=self._run_loop, name="simulator", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Serves from a thread of its own. Raises OSError when the port is taken."""
        from simulator.world import build, load

        if self._state is not None:
            load(self, self._state)
        else:
            for plan in self.plans:
                build(self, plan)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self.server.start(), self.loop).result()
        except OSError:
            self._end_loop()
            raise
        for mesh in self.meshes:
            for controllers in mesh.controllers.values():
                self.at(0, controllers.start)
        if self._state is None:  # one that goes on where it was may hold what never settles
            self.settle()
        self._state = None
        for mesh in self.meshes:
            mesh.started = True

    def settle(self, seconds: float = 10.0) -> None:
        """Waits until every Deployment has what it asks for. Raises TimeoutError."""
        until = time.monotonic() + seconds
        while not all(
            _rolled_out(obj)
            for member in self.members.values()
            for obj in member.cluster.store.list(resource_of("Deployment"))
        ):
            if time.monotonic() > until:
                raise TimeoutError("Deployments are still rolling out")
            time.sleep(0.005)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.stop(), self.loop).result()
        self._end_loop()

    def _run_loop(self) -> None:
        """All of the loop's life is in its own thread: whoever stops the fleet may be inside another loop."""
        self.loop.run_forever()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    def _end_loop(self) -> None:
        async def cancel() -> None:
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(cancel(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()

    def add(self, name: str, pod_cidr: str = "", is_member: bool = True) -> Member:
        member = Member(name, pod_cidr, is_member)
        self.members[name] = member
        return member

    def cluster(self, name: str) -> Member:
        return self.members[name]

    @property
    def mesh(self) -> Mesh:
        return self.meshes[0]

    def kubeconfig(self, name: str, user: str = "admin") -> str:
        """A self-contained kubeconfig, as a person would paste it."""
        ca = base64.b64encode(self.authority.certificate).decode()
        server = f"https://127.0.0.1:{self.server.port}/clusters/{name}"
        return (
            "apiVersion: v1\nkind: Config\n"
            f"clusters: [{{name: {name}, cluster: {{server: '{server}', certificate-authority-data: {ca}}}}}]\n"
            f"users: [{{name: {user}, user: {{token: simulator-{user}-token}}}}]\n"
            f"contexts: [{{name: {name}, context: {{cluster: {name}, user: {user}}}}}]\ncurrent-context: {name}\n"
        )

    def fault(self, name: str, kind: str | None, **options: Any) -> None:
        """Switches a fault of a cluster on (see Fault), or off with None."""
        self.members[name].fault = None if kind is None else Fault(kind, **options)
        for mesh in self.meshes:
            mesh.wake()

    def hook(self, on_write: Hook | None) -> None:
        """Calls `on_write(cluster, n, request, stage)` at each write that is no dry run, in a thread of its own,
        `before` and `after` it is stored. `n` counts from 1 since the hook was set, over all clusters. It may sleep,
        raise ApiError (the answer) or Cut (no answer).
        """
        self._writes, self.on_write = 0, on_write

    def count_write(self, member: Member, request: Request) -> int:
        self._writes += 1
        member.writes.append(
            WriteRecord(member.name, self._writes, request.method, request.path, request.manager, request.user)
        )
        return self._writes

    def writes(self, name: str = "") -> list[WriteRecord]:
        """Every write over HTTP so far (without dry runs), of one cluster or of all."""
        return [
            record for member in self.members.values() if name in ("", member.name) for record in list(member.writes)
        ]

    def snapshot(self, kinds: Iterable[str] = (), churn: bool = False) -> dict[str, dict[str, Json]]:
        """All objects by cluster and `Kind/namespace/name`, without what changes by itself (Pods, ReplicaSets, Events
        and Nodes unless `churn`; status, versions, managedFields, the restart and revision annotations): for
        comparisons before and after.
        """
        wanted = set(kinds)
        return {
            name: {
                f"{obj['kind']}/{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}": _settled(obj)
                for obj in member.objects
                if (not wanted or obj["kind"] in wanted) and (churn or obj["kind"] not in _CHURN)
            }
            for name, member in self.members.items()
        }

    def describe(self, folder: str | Path) -> Json:
        """Writes a kubeconfig per cluster below `folder` and returns the description of the installation that live
        tests read: the first mesh.
        """
        clusters = []
        for name, member in self.members.items():
            path = Path(folder) / name / "kubeconfig"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.kubeconfig(name))
            if name not in (self.hub, self.config, *self.mesh.members):
                continue
            clusters.append(
                {
                    "name": name,
                    "kubeconfig": str(path),
                    "pod_cidr": member.pod_cidr,
                    "member": member.is_member,
                    "namespace": None,
                }
            )
        return {
            "clusters": clusters,
            "control_plane_cluster": self.hub,
            "config_cluster": self.config,
            "system_namespace": SYSTEM_NAMESPACE,
            "kubernetes": "1.36.1",
            "istio": "1.31.0",
            "data_path": False,
            "xds": None,
            "simulated": True,
        }

    def dump(self) -> Json:
        """Everything that a later fleet needs to be the same to its clients."""
        certificate, key = self.authority.dump()
        clusters = {
            name: {
                "pod_cidr": member.pod_cidr,
                "is_member": member.is_member,
                "fault": asdict(member.fault) if member.fault else None,
                **member.cluster.store.dump(),
            }
            for name, member in self.members.items()
        }
        meshes = [mesh_to_json(plan) for plan in self.plans]
        return {"authority": [certificate.decode(), key.decode()], "meshes": meshes, "clusters": clusters}

    def changed_since_saved(self) -> bool:
        """Whether anything has been written since this was last asked."""
        now = tuple((member.cluster.store.version, repr(member.fault)) for member in self.members.values())
        changed, self._saved = now != self._saved, now
        return changed

    def at(self, seconds: float, act: Callable[[], Any]) -> None:
        """Calls `act` on the loop in `seconds`. Safe from any thread."""
        if threading.get_ident() == self._thread.ident:
            self.loop.call_later(seconds, act)
        elif not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.call_later, seconds, act)

    def inject(self, member: Member, pod: Json) -> Json:
        """A Pod as the cluster's injection webhooks make it. Raises ApiError when they cannot be asked."""
        for mesh in self.meshes:
            pod = mesh.inject(member, pod)
        return pod

    def starts(self, member: Member, pod: Json) -> float:
        """How many seconds the start of a Pod still has to wait for."""
        return max((mesh.starts(member, pod) for mesh in self.meshes), default=0.0)

    async def control(self, request: Request) -> Response:
        return await asyncio.to_thread(control, self, request)

    async def forward(
        self, member: Member, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        from simulator.forward import forward

        await forward(self, member, request, reader, writer)


def _rolled_out(deployment: Json) -> bool:
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    counts = {status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")}
    return status.get("observedGeneration") == deployment["metadata"]["generation"] and counts == {wanted}


def _settled(obj: Json) -> Json:
    meta = {
        key: value
        for key, value in obj["metadata"].items()
        if key not in ("resourceVersion", "generation", "managedFields")
    }
    annotations = {
        key: value for key, value in meta.pop("annotations", {}).items() if key != "deployment.kubernetes.io/revision"
    }
    settled = {
        **{key: value for key, value in obj.items() if key != "status"},
        "metadata": meta | ({"annotations": annotations} if annotations else {}),
    }
    text = json.loads(json.dumps(settled))
    template = (
        text.get("spec", {}).get("template", {}).get("metadata", {}) if isinstance(text.get("spec"), dict) else {}
    )
    restarted = template.get("annotations", {})
    restarted.pop("kubectl.kubernetes.io/restartedAt", None)
    if not restarted:
        template.pop("annotations", None)
    return dict(text)
