"""Every change, with valid and invalid arguments, fired at a mesh in any order: what holds of whatever comes out.

`TopologyMachine` is a base: subclass it, add invariants and override `changed`, and run the subclass's `TestCase`. It
is not collected from here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from interconnect.domain import serial
from interconnect.domain.addressing import canonical
from interconnect.domain.changes import (
    AddCluster,
    Change,
    CreateGateway,
    CreateGroup,
    DeleteGateway,
    DeleteGroup,
    Disable,
    EditGateway,
    Enable,
    ForgetCluster,
    Join,
    MoveCluster,
    RegisterCluster,
    Remove,
    RemoveCluster,
    UnregisterCluster,
    UpdateAddresses,
    apply,
    apply_all,
    violations,
)
from interconnect.domain.diff import changes_between
from interconnect.domain.facts import Facts
from interconnect.domain.topology import (
    Address,
    Autoscaling,
    CidrSource,
    Cluster,
    GatewayKey,
    GatewaySpec,
    MeshKind,
    PodCidr,
    ServiceType,
    Topology,
)

HUB = "00000000-0000-4000-8000-00000000000f"
CIDRS = {
    "member-a": (PodCidr("10.10.0.0/16", CidrSource.POOL),),
    "member-b": (PodCidr("10.10.0.0/17", CidrSource.TYPED),),
    "Kubernetes": (PodCidr("10.10.0.0/16", CidrSource.NODES),),
    "member-d": (),
}
FACTS = Facts(foreign_networks={"foreign": frozenset({("203.0.113.200", 15443)})})


def mostly(valid: st.SearchStrategy[Any], invalid: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([valid] * 5 + [invalid]).flatmap(lambda strategy: strategy)


GROUPS = ["blue", "green", "1st"]
clusters = mostly(st.sampled_from([*CIDRS]), st.sampled_from(["ghost", "dotted.name", ""]))
groups = mostly(st.sampled_from(GROUPS), st.sampled_from(["foreign", "Blue", "", "-x", "a" * 64]))
uids = st.sampled_from([f"{number:08d}-0000-4000-8000-000000000000" for number in range(6)] + ["", "no uid"])
keys = st.builds(GatewayKey, clusters, mostly(st.sampled_from([1, 2]), st.sampled_from([0, -1, 10_000])))
gateway_ids = mostly(
    st.sampled_from([f"00000000-0000-4000-8000-{number:012d}" for number in range(8)]), st.just("no uuid")
)
valid_specs = st.builds(
    GatewaySpec,
    replicas=st.sampled_from([1, 2, 100]),
    autoscaling=st.sampled_from([None, Autoscaling(1, 3), Autoscaling(2, 2)]),
    annotations=st.sampled_from([(), (), (("b", "2"), ("a.example/x", "1"))]),
    load_balancer_ip=st.sampled_from(["", "", "203.0.113.7", "2001:DB8::1"]),
)
any_specs = st.builds(
    GatewaySpec,
    replicas=st.sampled_from([1, 0, 101]),
    autoscaling=st.sampled_from([None, Autoscaling(3, 2), Autoscaling(0, 1), Autoscaling(1, 101)]),
    annotations=st.sampled_from([(), (("a", "1"), ("a", "2")), (("bad key", ""),), (("a", "\0"),)]),
    load_balancer_ip=st.sampled_from(["", "203.0.113.7", "127.0.0.1", "nonsense"]),
    service_type=st.sampled_from([*ServiceType]),
)
specs = mostly(valid_specs, any_specs)
hosts = mostly(
    st.sampled_from(["203.0.113.1", "203.0.113.2", "GW.example.org.", "2001:db8:0::2", "::ffff:203.0.113.1"]),
    st.sampled_from(["203.0.113.200", "::1", "a b"]),
)
ports = mostly(st.sampled_from([15443, 443]), st.just(0))
typed = st.builds(Address, hosts, ports)
from_gateway = st.builds(Address, st.sampled_from(["", "", "203.0.113.3"]), ports, keys)
several_addresses = st.lists(mostly(typed, from_gateway), max_size=2).map(tuple)


class TopologyMachine(RuleBasedStateMachine):
    """`topology` is always one that the rules let through, `facts` what clusters were last seen to say."""

    facts: Facts = FACTS

    def __init__(self) -> None:
        super().__init__()
        uids = (f"{number:08d}-0000-4000-8000-000000000000" for number in range(4))
        members = {name: Cluster(name, uid, cidrs) for (name, cidrs), uid in zip(CIDRS.items(), uids, strict=True)}
        self.empty = Topology("mesh", MeshKind.HOSTED, HUB, HUB, clusters=members)
        self.topology = self.empty

    def changed(self, before: Topology, change: Change, after: Topology) -> None:
        """Called for every change that was let through."""

    def fire(self, change: Change) -> None:
        before = self.topology
        refused = violations(before, change, facts=self.facts)
        outcome = apply(before, change, facts=self.facts)
        assert serial.change_from_json(serial.change_to_json(change)) == change
        if isinstance(outcome, tuple):
            assert outcome == refused
            assert refused
            return
        assert not refused
        self.topology = outcome
        assert_frozen(before, change, outcome)
        self.assert_leads_to(before, outcome)
        self.assert_leads_to(outcome, before)
        self.changed(before, change, outcome)

    def assert_leads_to(self, before: Topology, after: Topology) -> None:
        """One change, and its undoing, is always among what the difference can express."""
        assert apply_all(before, changes_between(before, after), facts=self.facts) == after

    @initialize(
        kind=st.sampled_from([MeshKind.HOSTED] * 5 + [MeshKind.EXTERNAL]),
        enabled=st.sampled_from([True, True, True, False]),
        gateways=st.sampled_from([2, 2, 1, 0]),
    )
    def begin(self, kind: MeshKind, enabled: bool, gateways: int) -> None:
        """Most of what can go wrong needs groups and gateways, which chance alone makes too seldom."""
        self.empty = self.topology = replace(self.topology, kind=kind)
        if not enabled:
            return
        self.fire(Enable())
        self.fire(CreateGroup("blue", frozenset({"member-a", "member-d"})))
        self.fire(CreateGroup("green", frozenset({"Kubernetes"})))
        for number, cluster in enumerate(["member-d", "Kubernetes"][:gateways]):
            self.fire(CreateGateway(GatewayKey(cluster, 1), f"00000000-0000-4000-8000-{number:012d}", GatewaySpec()))

    @rule(change=st.sampled_from([Enable(), Disable()]))
    def switch(self, change: Change) -> None:
        self.fire(change)

    @rule(change=st.builds(CreateGroup, groups, st.frozensets(clusters, max_size=3)))
    def create_group(self, change: Change) -> None:
        self.fire(change)

    @rule(change=st.builds(DeleteGroup, groups))
    def delete_group(self, change: Change) -> None:
        self.fire(change)

    @rule(change=st.builds(AddCluster, groups, clusters))
    def add_cluster(self, change: Change) -> None:
        self.fire(change)

    @rule(change=st.builds(MoveCluster, clusters, groups))
    def move_cluster(self, change: Change) -> None:
        self.fire(change)

    @rule(change=st.builds(RemoveCluster, clusters))
    def remove_cluster(self, change: Change) -> None:
        self.fire(change)

    @rule(change=st.builds(CreateGateway, keys, gateway_ids, specs))
    def create_gateway(self, change: Change) -> None:
        self.fire(change)

    @rule(change=st.builds(EditGateway, keys, specs))
    def edit_gateway(self, change: Change) -> None:
        self.fire(change)

    @rule(which=st.integers(0, 7), spec=specs)
    def edit_one_that_is_there(self, which: int, spec: GatewaySpec) -> None:
        there = [*self.topology.gateways] or [GatewayKey("member-a", 1)]
        self.fire(EditGateway(there[which % len(there)], spec))

    @rule(change=st.builds(DeleteGateway, keys))
    def delete_gateway(self, change: Change) -> None:
        self.fire(change)

    @rule(change=st.builds(Join, groups, several_addresses))
    def join(self, change: Change) -> None:
        self.fire(change)

    @rule(group=st.sampled_from(GROUPS))
    def join_by_its_own_gateways(self, group: str) -> None:
        gateways = self.topology.gateways_of_group(group) if group in self.topology.groups else ()
        self.fire(Join(group, tuple(Address("", gateway=gateway.key) for gateway in gateways)))

    @rule(change=st.builds(UpdateAddresses, groups, several_addresses))
    def update_addresses(self, change: Change) -> None:
        self.fire(change)

    @rule(which=st.integers(0, 2), addresses=several_addresses)
    def readdress_one_that_is_joined(self, which: int, addresses: tuple[Address, ...]) -> None:
        joined = [group.name for group in self.topology.joined] or ["blue"]
        self.fire(UpdateAddresses(joined[which % len(joined)], addresses))

    @rule(change=st.builds(Remove, groups))
    def remove(self, change: Change) -> None:
        self.fire(change)

    @rule(cluster=clusters, uid=uids)
    def register(self, cluster: str, uid: str) -> None:
        self.fire(RegisterCluster(cluster, uid, CIDRS.get(cluster, ())))

    @rule(change=st.builds(UnregisterCluster, clusters) | st.builds(ForgetCluster, clusters), wanted=st.integers(0, 3))
    def leave(self, change: Change, wanted: int) -> None:
        """Seldom, or nothing would be left to fire at."""
        if not wanted:
            self.fire(change)

    @invariant()
    def a_cluster_is_in_one_group_and_in_the_mesh(self) -> None:
        grouped = [cluster for group in self.topology.groups.values() for cluster in group.clusters]
        assert len(grouped) == len(set(grouped))
        assert set(grouped) <= self.topology.clusters.keys()
        assert len({cluster.uid for cluster in self.topology.clusters.values()}) == len(self.topology.clusters)

    @invariant()
    def no_group_is_empty_and_none_is_there_while_disabled(self) -> None:
        assert all(group.clusters for group in self.topology.groups.values())
        assert self.topology.enabled or not self.topology.groups
        assert self.topology.kind is MeshKind.HOSTED or not self.topology.enabled

    @invariant()
    def a_joined_group_has_a_gateway_and_usable_addresses(self) -> None:
        for group in self.topology.joined:
            gateways = {gateway.key: gateway for gateway in self.topology.gateways_of_group(group.name)}
            assert gateways
            assert group.addresses
            assert group.addresses == canonical(group.addresses)
            assert all(address.gateway in gateways for address in group.addresses if address.gateway or address.awaited)
        used = [
            (address.host, address.port)
            for group in self.topology.joined
            for address in group.addresses or ()
            if address.host
        ]
        assert len(used) == len(set(used))

    @invariant()
    def a_gateway_is_in_a_group_under_its_own_name(self) -> None:
        gateways = self.topology.gateways.values()
        assert all(self.topology.group_of(gateway.key.cluster) for gateway in gateways)
        assert len({gateway.id for gateway in gateways}) == len(gateways)
        assert len({(gateway.key.cluster, gateway.name) for gateway in gateways}) == len(gateways)

    @invariant()
    def it_survives_being_written_and_read(self) -> None:
        assert serial.topology_from_json(serial.topology_to_json(self.topology)) == self.topology

    def teardown(self) -> None:
        assert changes_between(self.topology, self.topology) == ()
        self.assert_leads_to(self.empty, self.topology)
        self.assert_leads_to(self.topology, self.empty)


def assert_frozen(before: Topology, change: Change, after: Topology) -> None:
    """Rule 11: what stays joined keeps everything but its addresses, its gateways' replicas and their autoscaling."""
    for group in before.joined:
        if isinstance(change, Remove) and change.group == group.name:
            continue
        left = after.groups[group.name]
        assert replace(left, addresses=group.addresses) == group
        assert left.joined
        assert shapes(before, group.name) == shapes(after, group.name)


def shapes(topology: Topology, group: str) -> list[object]:
    return [
        replace(gateway, spec=replace(gateway.spec, replicas=1, autoscaling=None))
        for gateway in topology.gateways_of_group(group)
    ]
