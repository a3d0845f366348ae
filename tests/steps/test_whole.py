"""From nothing to joined and back, without a trace, whatever others keep in the same places."""

from __future__ import annotations

from typing import Any

import pytest

from interconnect.domain.changes import DeleteGroup, Disable, Enable, Join, Remove, UpdateAddresses
from interconnect.domain.topology import Address
from simulator import usual_mesh
from simulator import world as simulated
from tests.support.world import SYSTEM, B, C, World, gateway

FOREIGN = "networks:\n  theirs:\n    endpoints: []\n    gateways:\n    - address: 192.0.2.9\n      port: 443\n"


def seed_foreign(world: World, name: str = "istio") -> None:
    """A network, an object and labels of others, in the places that the console writes to."""
    world.fleet.cluster(world.fleet.config).patch(
        "ConfigMap", name, {"data": {"meshNetworks": FOREIGN}}, SYSTEM, manager="helm"
    )
    for member in world.fleet.mesh.members:
        world.fleet.cluster(member).patch(
            "Namespace", SYSTEM, {"metadata": {"labels": {"team": "mesh", "env": "prod"}}}
        )
    hub = {
        "metadata": {"name": "others", "namespace": SYSTEM, "labels": {"istio": "eastwestgateway"}},
        "spec": {"servers": []},
    }
    world.fleet.cluster(world.fleet.config).put({"apiVersion": "networking.istio.io/v1", "kind": "Gateway", **hub})


def test_two_groups_are_joined_in_one_restart_and_all_of_it_is_put_back(world: World) -> None:
    seed_foreign(world)
    before = world.fleet.snapshot()
    world.prepared()
    joined = world.do(world.join("green", B), world.join("red", C))
    theirs = ("theirs", "192.0.2.9")
    wanted = {("green", world.address(B)), ("red", world.address(C)), theirs}
    assert world.networks == [wanted, wanted]
    assert [step.kind for step in joined.steps.all()].count("restart") == 1
    world.do(Remove("green"), Remove("red"))
    assert world.networks == [{theirs}, {theirs}]
    world.do(DeleteGroup("blue"), DeleteGroup("green"), DeleteGroup("red"), Disable())
    assert world.fleet.snapshot() == before
    assert not world.mesh.applied.exists()


def test_an_update_of_addresses_restarts_nothing(joined: World) -> None:
    pods = set(joined.fleet.mesh.istiods)
    rollout = joined.do(UpdateAddresses("green", (Address("203.0.113.7"), Address("203.0.113.8", 443))))
    assert {"restart"}.isdisjoint(step.kind for step in rollout.steps.all())
    assert set(joined.fleet.mesh.istiods) == pods
    assert joined.networks == [{("green", "203.0.113.7"), ("green", "203.0.113.8")}] * 2


def test_a_host_name_is_joined_at_and_its_resolution_is_istiods_business(prepared: World) -> None:
    prepared.fleet.mesh.configure(hosts={"gw.example.org": ["198.51.100.4"]})
    prepared.do(Join("green", (Address("gw.example.org"),)))
    assert prepared.networks == [{("green", "198.51.100.4")}] * 2


def test_a_host_name_that_does_not_resolve_is_a_finding_and_no_failure(prepared: World) -> None:
    rollout = prepared.do(Join("green", (Address("gw.example.org"),)))
    verify = rollout.steps.get(kind="verify")
    assert "verify.unresolved" in {finding["code"] for finding in verify.evidence["findings"]}


@pytest.fixture
def elsewhere(fleets: Any, hasty: None, transactional_db: None) -> World:
    """A mesh whose configuration lives on another API server than its istiod."""
    world = World(fleets(usual_mesh(split_config=True)))
    world.register()
    return world


def test_with_the_configuration_on_another_cluster_the_right_places_are_written(elsewhere: World) -> None:
    seed_foreign(elsewhere)
    before = elsewhere.fleet.snapshot()
    elsewhere.do(Enable(), *elsewhere.group(green="member-b"), gateway(B))
    elsewhere.do(elsewhere.join("green", B))
    assert elsewhere.networks == [{("green", elsewhere.address(B)), ("theirs", "192.0.2.9")}] * 2
    written = {record.path.rpartition("/")[2] for record in elsewhere.fleet.writes("hub")}
    assert written == {"istiod"}
    elsewhere.do(Remove("green"))
    elsewhere.do(DeleteGroup("green"), Disable())
    assert elsewhere.fleet.snapshot() == before


def test_an_istiod_with_a_shared_mesh_configuration_is_given_the_networks_there(empty: World) -> None:
    hub = empty.fleet.cluster("hub")
    shared = simulated.mesh_config()
    shared["metadata"]["name"] = "everybody"
    hub.apply(shared)
    for manifest in simulated.istiod(2, "hub", shared="everybody"):
        hub.apply(manifest)
    empty.fleet.settle()
    empty.register()
    empty.do(Enable(), *empty.group(green="member-b"), gateway(B))
    empty.do(empty.join("green", B))
    assert "green" not in str(empty.config_map["data"])
    assert "green" in str((hub.get("ConfigMap", "everybody", SYSTEM) or {})["data"])
    assert empty.networks == [{("green", empty.address(B))}] * 2
