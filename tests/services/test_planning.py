"""A plan shows what was asked for also where a cluster refuses to try it, and why it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from interconnect.domain.changes import CreateGateway, DeleteGroup, EditGateway, MoveCluster, Remove, apply_all
from interconnect.domain.topology import GatewayKey, GatewaySpec, Topology
from interconnect.services.planning import changed_paths, preview, scene_of
from tests.support.world import A, B, C

if TYPE_CHECKING:
    from interconnect.domain.changes import Change
    from interconnect.services.planning import Preview
    from tests.support.world import World

DEAD = 'Internal error occurred: failed calling webhook "v.example": no endpoints available for service "policy"'


def planned(world: World, *changes: Change) -> Preview:
    after = apply_all(world.topology, changes)
    assert isinstance(after, Topology)
    return preview(after, scene_of(world.mesh))


def test_a_write_whose_dry_run_is_refused_shows_what_was_asked_for(joined: World) -> None:
    joined.do(EditGateway(A, GatewaySpec(2, annotations=(("example.org/a", "1"), ("example.org/b", "1")))))
    changes = (
        Remove("green"),
        EditGateway(A, GatewaySpec(3, annotations=(("example.org/b", "2"),), load_balancer_ip="192.0.2.9")),
        EditGateway(B, GatewaySpec(2)),
        MoveCluster("member-c", "blue"),
        DeleteGroup("red"),
        CreateGateway(GatewayKey("member-a", 2), "00000000-0000-4000-8000-0000000000aa", GatewaySpec()),
    )
    tried = {write.target: write for write in planned(joined, *changes).writes}
    for name in joined.fleet.members:
        joined.fleet.fault(name, "500", methods=("PATCH", "PUT", "DELETE"), message=DEAD)
    refused = {write.target: write for write in planned(joined, *changes).writes}
    assert refused.keys() == tried.keys()
    for target, write in refused.items():
        assert write.problem is not None and write.problem.code == "kube.webhook-down", target
        assert write.problem.params["said"] == 'no endpoints available for service "policy"'
        assert write.before == tried[target].before
        new = write.before is None
        expected = changed_paths(tried[target])
        # Of an object that is new the server's defaults cannot be known.
        assert new or changed_paths(write) == expected, target


@pytest.mark.parametrize(
    ("kind", "code"), [("503", "kube.server-error"), ("403", "kube.refused"), ("html", "kube.web-page"), ("409", "kube.conflict")]
)
def test_no_refusal_looks_like_a_deletion(prepared: World, kind: str, code: str) -> None:
    prepared.fleet.fault("member-c", kind, methods=("PATCH",))
    [write] = [each for each in planned(prepared, EditGateway(C, GatewaySpec(2))).writes if each.target.kind == "Deployment"]
    assert changed_paths(write) == ((".spec.replicas", 1, 2),)
    assert write.problem is not None and write.problem.code == code
