"""What all clusters of a fleet share: one loop with its timers, the meshes, the faults, and the record of writes."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from simulator.faults import Fault, Hook
from simulator.member import Member, Timing, WriteRecord

if TYPE_CHECKING:
    from simulator.api import Request
    from simulator.mesh import Mesh
    from simulator.resources import Json

_CHURN = ("Pod", "ReplicaSet", "Event", "Node")


class Host:
    """The clusters and meshes that run here. Nothing runs until the loop's thread is started."""

    def __init__(self, timing: Timing | None = None) -> None:
        self.timing = timing or Timing()
        self.members: dict[str, Member] = {}
        self.meshes: list[Mesh] = []
        self.clouds: Iterator[int] = itertools.count()
        self.on_write: Hook | None = None
        self.loop = asyncio.new_event_loop()
        self._writes = 0
        self._thread = threading.Thread(target=self._run_loop, name="simulator", daemon=True)

    def add(self, name: str, pod_cidr: str = "", is_member: bool = True) -> Member:
        member = Member(name, pod_cidr, is_member)
        self.members[name] = member
        return member

    def cluster(self, name: str) -> Member:
        return self.members[name]

    @property
    def mesh(self) -> Mesh:
        return self.meshes[0]

    def fault(self, name: str, kind: str | None, **options: Any) -> None:
        """Switch a cluster's fault on (see Fault), or off with None."""
        self.members[name].fault = None if kind is None else Fault(kind, **options)
        for mesh in self.meshes:
            mesh.wake()

    def hook(self, on_write: Hook | None) -> None:
        """Call `on_write(cluster, n, request, stage)` at each write except dry runs.

        It is called in a thread of its own, once `before` and once `after` the write is stored. `n` counts writes to
        all clusters, from 1 since the hook was set. It may sleep, raise ApiError (the answer) or raise Cut (no answer).
        """
        self._writes, self.on_write = 0, on_write

    def count_write(self, member: Member, request: Request) -> int:
        self._writes += 1
        member.writes.append(
            WriteRecord(member.name, self._writes, request.method, request.path, request.manager, request.user)
        )
        return self._writes

    def writes(self, name: str = "") -> list[WriteRecord]:
        """Return every write over HTTP so far (without dry runs), to one cluster or to all."""
        return [
            record for member in self.members.values() if name in ("", member.name) for record in list(member.writes)
        ]

    def snapshot(self, kinds: Iterable[str] = (), churn: bool = False) -> dict[str, dict[str, Json]]:
        """Return all objects by cluster and `Kind/namespace/name`, for comparing before and after.

        Leaves out what changes by itself: Pods, ReplicaSets, Events and Nodes (unless `churn`), and status, versions,
        managedFields, and the restart and revision annotations.
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

    def at(self, seconds: float, act: Callable[[], Any]) -> None:
        """Call `act` on the loop in `seconds`. Safe from any thread."""
        if threading.get_ident() == self._thread.ident:
            self.loop.call_later(seconds, act)
        elif not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.call_later, seconds, act)

    def inject(self, member: Member, pod: Json) -> Json:
        """Return a Pod as the cluster's injection webhooks make it. Raise ApiError if they can't be reached."""
        for mesh in self.meshes:
            pod = mesh.inject(member, pod)
        return pod

    def starts(self, member: Member, pod: Json) -> float:
        """Return how many seconds a Pod must still wait before it starts."""
        return max((mesh.starts(member, pod) for mesh in self.meshes), default=0.0)

    def _run_loop(self) -> None:
        """Run the loop and close it, all in its own thread, because the caller may run inside another loop."""
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
