"""A plan shows what was asked for also where a cluster refuses to try it, and why it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from interconnect.domain.changes import CreateGateway, DeleteGroup, EditGateway, MoveCluster, Remove, apply_all
from interconnect.domain.entries import Target
from interconnect.domain.topology import GatewayKey, GatewaySpec, Topology
from interconnect.domain.writes import Verb
from interconnect.planning.preview import PlannedWrite, changed_paths, preview, scene_of, write_shown
from tests.support.world import A, B, C

if TYPE_CHECKING:
    from interconnect.domain.changes import Change
    from interconnect.planning.preview import Preview
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
    ("kind", "code"),
    [("503", "kube.server-error"), ("403", "kube.refused"), ("html", "kube.web-page"), ("409", "kube.conflict")],
)
def test_no_refusal_looks_like_a_deletion(prepared: World, kind: str, code: str) -> None:
    prepared.fleet.fault("member-c", kind, methods=("PATCH",))
    [write] = [
        each for each in planned(prepared, EditGateway(C, GatewaySpec(2))).writes if each.target.kind == "Deployment"
    ]
    assert changed_paths(write) == ((".spec.replicas", 1, 2),)
    assert write.problem is not None and write.problem.code == code


def test_a_webhook_that_changes_is_shown_by_its_place(prepared: World) -> None:
    writes = [
        each
        for each in planned(prepared, DeleteGroup("red")).writes
        if each.target.kind == "MutatingWebhookConfiguration"
    ]
    paths = [[path for path, _before, _after in changed_paths(write)] for write in writes]
    assert sorted(paths) == [[f".webhooks[{place}].clientConfig.url"] for place in range(4)]
    for write, [path] in zip(writes, paths, strict=True):
        place = path.removeprefix(".").partition(".")[0]
        assert write_shown(write).after.startswith(f"{place}:\n  clientConfig:\n    url: "), write.target


def test_an_element_that_a_list_gains_or_loses_has_a_place() -> None:
    one, other = ({"spec": {"ports": ports}} for ports in ([{"name": "tls"}], [{"name": "tls"}, {"name": "status"}]))
    place = Target("uid", "v1", "Service", "istio-system", "eastwest")
    assert changed_paths(PlannedWrite(place, Verb.APPLY, before=one, after=other)) == (
        (".spec.ports[1]", None, {"name": "status"}),
    )
    assert changed_paths(PlannedWrite(place, Verb.APPLY, before=other, after=one)) == (
        (".spec.ports[1]", {"name": "status"}, None),
    )


def test_a_list_of_plain_values_is_one_difference() -> None:
    one, other = ({"spec": {"hosts": hosts}} for hosts in (["*"], ["a.example.org"]))
    write = PlannedWrite(Target("uid", "v1", "Gateway", "", "rule"), Verb.APPLY, before=one, after=other)
    assert changed_paths(write) == ((".spec.hosts", ["*"], ["a.example.org"]),)
