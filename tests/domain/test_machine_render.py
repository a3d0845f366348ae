"""Whatever topology comes out of whatever changes: it renders, and its plan, broken off anywhere,
leads there and back.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings

from interconnect.domain.changes import Change, ForgetCluster
from interconnect.domain.facts import ConfigMapRef, Facts
from interconnect.domain.render import render
from interconnect.domain.topology import Address, Topology
from tests.domain.cluster_model import BrokenOff, Model, a_cluster, a_config_map, an_istiod, without_bookkeeping
from tests.domain.machine import HUB, TopologyMachine

REF = ConfigMapRef(HUB, "istio-system", "istio")
UIDS = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(6)]
FOREIGN = (
    "# kept by hand\nnetworks:\n  foreign:\n    endpoints: []\n    gateways:\n    - address: "
    "203.0.113.200\n      port: 15443\n"
)


def seeds() -> dict[str, dict]:
    urls = ["https://hub:15017/inject/cluster/c", "https://hub:15017/inject/cluster/c/net/default/"]
    clusters = {uid: a_cluster(uid, url=urls[number % 2]) for number, uid in enumerate(UIDS)}
    return {**clusters, HUB: a_config_map(REF, FOREIGN)}


class RenderMachine(TopologyMachine):
    def __init__(self) -> None:
        super().__init__()
        self.model = Model(
            {where: live for objects in seeds().values() for where, live in objects.items()}, istiods=(an_istiod(REF),)
        )
        self.clock = 0

    def changed(self, before: Topology, change: Change, after: Topology) -> None:
        render(after, Facts())
        if isinstance(change, ForgetCluster):
            self.forget(before.clusters[change.cluster].uid)
        self.clock += 1
        if self.breaks_off(after) and self.clock % 2:
            self.reach(before if not isinstance(change, ForgetCluster) else after)
        self.reach(after)

    def breaks_off(self, topology: Topology) -> bool:
        self.model.break_at = self.clock * 7 % 19
        try:
            self.model.carry_out(resolved(topology))
        except BrokenOff:
            return True
        return False

    def reach(self, topology: Topology) -> None:
        self.model.break_at = None
        self.model.carry_out(resolved(topology))
        assert self.model.plan(resolved(topology)) == ()
        assert self.model.plan(resolved(topology), blind=True) == ()

    def forget(self, uid: str) -> None:
        """The cluster is gone for good, and its rows are archived."""
        self.model.rows = {target: row for target, row in self.model.rows.items() if target.cluster != uid}
        self.model.objects = {
            where: live for where, live in self.model.objects.items() if where[0] != uid
        } | seeds().get(uid, {})

    def teardown(self) -> None:
        bare = replace(self.topology, enabled=False, groups={}, gateways={})
        self.reach(bare)
        assert self.model.rows == {}
        before = {where: live for objects in seeds().values() for where, live in objects.items()}
        assert without_bookkeeping(self.model.objects) == before


def resolved(topology: Topology) -> Topology:
    """Every load balancer has said its address."""
    numbers = {key: number for number, key in enumerate(topology.gateways, 10)}
    for group in topology.joined:
        addresses = tuple(
            Address(f"198.51.100.{numbers[address.gateway]}", address.port, address.gateway)
            if address.awaited and address.gateway
            else address
            for address in group.addresses or ()
        )
        topology = topology.with_group(replace(group, addresses=addresses))
    return topology


TestRendering = RenderMachine.TestCase
TestRendering.settings = settings(stateful_step_count=12, max_examples=settings.default.max_examples // 5)
