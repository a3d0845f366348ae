"""A registered mesh on simulated clusters, whose rollouts the engine itself carries out.

Tests of services, steps and commands are based on it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from interconnect.domain.changes import Change, CreateGateway, CreateGroup, Enable, Join
from interconnect.domain.refusal import Refused
from interconnect.domain.rights import ClusterRole
from interconnect.domain.topology import Address, GatewayKey, GatewaySpec, MeshKind, RestartPolicy, Topology
from interconnect.models import Cluster, Mesh, Rollout, Step
from interconnect.observing.newcomer import ClusterReport, MeshReport, credential_of, inspect_cluster, inspect_mesh
from interconnect.planning.preview import Preview, preview, scene_of
from interconnect.rollouts.driver import drive
from interconnect.services import clusters, meshes, rollouts
from interconnect.services.watching import look
from interconnect.state import desired
from interconnect.state.findings import LOOK, finding_of, open_rows
from meshconsole.access.actor import Actor

if TYPE_CHECKING:
    from interconnect.domain.findings import Finding
    from simulator import Fleet

SYSTEM = "istio-system"
ROOT = Actor.for_cli("root")
A, B, C = (GatewayKey(f"member-{letter}", 1) for letter in "abc")
GATEWAY_IDS = {key: f"00000000-0000-4000-8000-00000000000{number}" for number, key in enumerate((A, B, C), 1)}


@dataclass
class World:
    """A fleet and its mesh. `mesh` is registered with all members of the fleet, its interconnect disabled."""

    fleet: Fleet
    mesh: Mesh = field(init=False)

    def register(
        self, name: str = "prod", *, members: bool = True, kind: MeshKind = MeshKind.HOSTED, actor: Actor = ROOT
    ) -> Mesh:
        self.mesh = meshes.mesh_register(
            actor=actor, name=name, kind=kind, report=self.look_at_mesh(), system_namespace=SYSTEM
        )
        for member in self.fleet.mesh.members if members else ():
            self.register_cluster(member, actor=actor)
        return self.mesh

    def look_at_mesh(self, user: str = "admin") -> MeshReport:
        hub = credential_of(self.fleet.kubeconfig(self.fleet.hub, user))
        config = (
            credential_of(self.fleet.kubeconfig(self.fleet.config, user))
            if self.fleet.config != self.fleet.hub
            else None
        )
        return inspect_mesh(hub, config, system_namespace=SYSTEM)

    def look_at(self, name: str, kubeconfig: str = "") -> ClusterReport:
        credential = credential_of(kubeconfig or self.fleet.kubeconfig(name))
        return inspect_cluster(credential, role=ClusterRole.MEMBER, system_namespace=SYSTEM)

    def register_cluster(self, name: str, *, like: str = "", actor: Actor = ROOT, **options: Any) -> Cluster:
        return clusters.cluster_register(
            actor=actor, mesh=self.mesh, name=name, report=self.look_at(like or name), **options
        )

    def row(self, name: str) -> Cluster:
        return Cluster.objects.select_related("connection", "group", "mesh").get(mesh=self.mesh, name=name)

    @property
    def topology(self) -> Topology:
        self.mesh.refresh_from_db()
        return desired.load(self.mesh)

    def start(self, *changes: Change, actor: Actor = ROOT, **options: Any) -> Rollout:
        return rollouts.rollout_start(actor=actor, start=rollouts.Start(self.mesh, changes, **options))

    def do(self, *changes: Change, ends: str = "succeeded", **options: Any) -> Rollout:
        return self.finish(self.start(*changes, **options), ends)

    def finish(self, rollout: Rollout, ends: str = "succeeded") -> Rollout:
        """Carry out the rollout in this process and assert that it ends with the status `ends`."""
        drive(rollout.id, "test", tick=lambda: None, stop=threading.Event())
        rollout.refresh_from_db()
        assert rollout.status == ends, self.told(rollout)
        return rollout

    def retry(self, rollout: Rollout, ends: str = "succeeded", **options: Any) -> Rollout:
        return self.finish(rollouts.rollout_retry(actor=options.pop("actor", ROOT), rollout=rollout, **options), ends)

    def told(self, rollout: Rollout) -> str:
        lines = [
            f"{step.chain} {step.kind} {step.status} {step.error_code} {step.error_params} {step.evidence}"
            for step in rollout.steps.all()
        ]
        return "\n".join([str(rollout.status), *lines])

    def preview(self, **options: Any) -> Preview:
        return preview(self.topology, scene_of(self.mesh, **options))

    def restore(self, ends: str = "succeeded", **options: Any) -> Rollout:
        seen = self.preview(consents=options.get("accept", ()))
        return self.finish(rollouts.drift_restore(actor=ROOT, mesh=self.mesh, live=seen.live, **options), ends)

    def found(self) -> list[Finding]:
        """Look at everything twice, so that all counts that was seen, and return the open findings of looks."""
        for _each in range(2):
            look(Mesh.objects.get(id=self.mesh.id))
        rows = open_rows(self.mesh).filter(source=LOOK)
        return [finding_of(row) for row in rows.order_by("code", "subject", "detail")]

    def until(self, met: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        """Wait until something holds on the clusters, which their controllers bring about."""
        end = time.monotonic() + seconds
        while not met():
            assert time.monotonic() < end, f"still not: {what}"
            time.sleep(0.005)

    def group(self, **groups: str | tuple[str, ...]) -> list[Change]:
        pairs = {name: (members,) if isinstance(members, str) else members for name, members in groups.items()}
        return [CreateGroup(name, frozenset(members)) for name, members in pairs.items()]

    def prepared(self) -> Rollout:
        """Create blue in member-a, green in member-b and red in member-c, each with one gateway, none joined."""
        groups = self.group(blue="member-a", green="member-b", red="member-c")
        return self.do(Enable(), *groups, *(gateway(key) for key in (A, B, C)))

    def join(self, name: str, key: GatewayKey) -> Join:
        """Return the change that joins group `name` at the address that the gateway's load balancer reports now."""
        return Join(name, (Address(self.address(key), gateway=key),))

    def address(self, key: GatewayKey) -> str:
        ingress = self.service(key)["status"]["loadBalancer"]["ingress"][0]
        return str(ingress.get("ip") or ingress["hostname"])

    def service(self, key: GatewayKey) -> dict[str, Any]:
        return self.object("Service", key)

    def deployment(self, key: GatewayKey) -> dict[str, Any]:
        return self.object("Deployment", key)

    def object(self, kind: str, key: GatewayKey) -> dict[str, Any]:
        found = self.fleet.cluster(key.cluster).get(kind, self.topology.gateways[key].name, SYSTEM)
        assert found is not None, f"no {kind} of {key}"
        return found

    @property
    def networks(self) -> list[set[tuple[str, str]]]:
        """The set of (network, address) that each istiod replica knows."""
        return [
            {(entry["Network"], entry["Addr"]) for entry in istiod.networkz() or ()}
            for istiod in self.fleet.mesh.istiods.values()
        ]

    @property
    def config_map(self) -> dict[str, Any]:
        found = self.fleet.cluster(self.fleet.config).get("ConfigMap", "istio", SYSTEM)
        assert found is not None
        return found


def gateway(key: GatewayKey, **spec: Any) -> CreateGateway:
    return CreateGateway(key, GATEWAY_IDS[key], GatewaySpec(**spec))


def step(rollout: Rollout, kind: str, chain: str = "") -> Step:
    steps = [each for each in rollout.steps.all() if each.kind == kind and chain in ("", each.chain)]
    assert len(steps) == 1, [f"{each.kind} {each.chain}" for each in rollout.steps.all()]
    return steps[0]


@contextmanager
def refused(*codes: str) -> Iterator[None]:
    """Assert that the block is refused with exactly these codes, in this order."""
    try:
        yield
    except Refused as refusal:
        found = [violation.code for violation in refusal.violations]
        assert found == list(codes), refusal.violations
        return
    raise AssertionError(f"not refused; expected {codes}")


__all__ = ["ROOT", "RestartPolicy", "World", "gateway", "refused", "step"]
