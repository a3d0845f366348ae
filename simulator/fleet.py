"""A fleet: simulated clusters behind one TLS port of this process, and what tests need to inspect and break them."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from simulator.host import Host
from simulator.member import Timing, resource_of
from simulator.plan import MeshPlan, mesh_from_json, mesh_to_json, usual_mesh
from simulator.server import Server
from simulator.tls import Authority
from simulator.world import SYSTEM_NAMESPACE, build, load

if TYPE_CHECKING:
    from simulator.resources import Json

ADMIN_TOKEN, NOBODY_TOKEN = "simulator-admin-token", "simulator-nobody-token"


class Fleet(Host):
    """Hosted meshes on simulated clusters.

    `mesh` is the first of them; without `plans` there is the usual one. With `state` (a `dump`) it is the fleet that
    was saved. It is a context manager; inside it the API servers answer.
    """

    def __init__(
        self,
        plans: Sequence[MeshPlan] = (),
        *,
        port: int = 0,
        timing: Timing | None = None,
        state: Json | None = None,
    ) -> None:
        super().__init__(timing)
        self.plans = tuple(plans) or (usual_mesh(),)
        if state is not None and "meshes" in state:
            self.plans = tuple(mesh_from_json(said) for said in state["meshes"])
        self.hub, self.config = self.plans[0].hub, self.plans[0].configured_in
        self._state = state
        self._saved: tuple[object, ...] = ()
        pair = tuple(text.encode() for text in state["authority"]) if state else None
        self.authority = Authority(state=(pair[0], pair[1]) if pair else None)
        self.server = Server(self, self.authority.context(), port)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Serve from a thread of its own. Raise OSError if the port is taken."""
        if self._state is not None:
            load(self, self._state, self.plans)
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
        if self._state is None:  # a restored fleet may hold something that never settles
            self.settle()
        self._state = None
        for mesh in self.meshes:
            mesh.started = True

    def settle(self, seconds: float = 10.0) -> None:
        """Wait until every Deployment has what it asks for. Raise TimeoutError after `seconds`."""
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

    def kubeconfig(self, name: str, user: str = "admin") -> str:
        """Return a self-contained kubeconfig, as a person would paste it."""
        ca = base64.b64encode(self.authority.certificate).decode()
        server = f"https://127.0.0.1:{self.server.port}/clusters/{name}"
        return (
            "apiVersion: v1\nkind: Config\n"
            f"clusters: [{{name: {name}, cluster: {{server: '{server}', certificate-authority-data: {ca}}}}}]\n"
            f"users: [{{name: {user}, user: {{token: simulator-{user}-token}}}}]\n"
            f"contexts: [{{name: {name}, context: {{cluster: {name}, user: {user}}}}}]\ncurrent-context: {name}\n"
        )

    def describe(self, folder: str | Path) -> Json:
        """Write a kubeconfig per cluster below `folder`, and return the description of the installation.

        Live tests read the description; it is that of the first mesh.
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
        """Return everything that a later fleet needs to look the same to its clients."""
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
        """Return whether anything has been written since the last call."""
        now = tuple((member.cluster.store.version, repr(member.fault)) for member in self.members.values())
        changed, self._saved = now != self._saved, now
        return changed


def _rolled_out(deployment: Json) -> bool:
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    counts = {status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")}
    return status.get("observedGeneration") == deployment["metadata"]["generation"] and counts == {wanted}
