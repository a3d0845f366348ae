"""Each chain of steps asks first which cluster it has before it; another one behind the address is not written to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from interconnect.domain.changes import DeleteGateway, EditGateway, Enable, Remove
from interconnect.domain.topology import GatewaySpec
from interconnect.services.plans import made
from interconnect.wording import word
from tests.support.world import B, World, step
from tests.support.worlds import forget_clients

if TYPE_CHECKING:
    from interconnect.models import Rollout

IDENTITY = "/api/v1/namespaces/kube-system"
ANOTHER = "00000000-aaaa-4bbb-8ccc-dddddddddddd"


def swap(world: World, name: str, uid: str = ANOTHER) -> str:
    """The address leads to another cluster from now on, also over connections that are open: what a proxy in between
    can do.
    """
    cluster = world.fleet.cluster(name).cluster
    [(resource, found)] = [
        (resource, obj)
        for resource, obj in cluster.store.all()
        if (obj["kind"], obj["metadata"]["name"]) == ("Namespace", "kube-system")
    ]
    before = str(found["metadata"]["uid"])
    cluster.store.put(resource, {**found, "metadata": {**found["metadata"], "uid": uid}})
    return before


def identity_reads(world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    api = world.fleet.cluster(name).api
    answer = api.answer

    def counting(request: Any) -> Any:
        if request.path == IDENTITY:
            seen.append(request.method)
        return answer(request)

    monkeypatch.setattr(api, "answer", counting)
    return seen


def assert_stopped(rollout: Rollout, kind: str) -> None:
    failed = step(rollout, kind)
    assert (failed.status, failed.error_code) == ("failed", "kube.wrong-cluster")
    assert ANOTHER in word(failed.error_code, failed.error_params)


@pytest.mark.parametrize(
    ("change", "kind"), [(EditGateway(B, GatewaySpec(replicas=3)), "gateway"), (DeleteGateway(B), "gateway-delete")]
)
def test_another_cluster_behind_the_address_gets_no_write(prepared: World, change: Any, kind: str) -> None:
    ours = swap(prepared, "member-b")
    since = len(prepared.fleet.writes())
    rollout = prepared.do(change, ends="failed")
    assert_stopped(rollout, kind)
    assert prepared.fleet.writes()[since:] == []
    prepared.retry(rollout, "failed")
    assert prepared.fleet.writes()[since:] == []
    swap(prepared, "member-b", ours)
    prepared.retry(rollout)


def test_another_control_plane_behind_the_address_gets_no_write(world: World) -> None:
    swap(world, world.fleet.config)
    since = len(world.fleet.writes())
    assert_stopped(world.do(Enable(), ends="failed"), "rule")
    assert world.fleet.writes()[since:] == []


def test_a_removal_is_not_published_to_another_cluster(joined: World) -> None:
    swap(joined, joined.fleet.hub)
    since = len(joined.fleet.writes())
    assert_stopped(joined.do(Remove("green"), ends="failed"), "networks")
    assert joined.fleet.writes()[since:] == []


def test_a_plan_over_new_connections_names_the_wrong_cluster(prepared: World) -> None:
    swap(prepared, "member-b")
    forget_clients()
    plan = made(prepared.mesh, [EditGateway(B, GatewaySpec(replicas=3))])
    assert [failure.code for failure in plan.unreachable] == ["kube.wrong-cluster"]


def test_a_chain_asks_once_however_often_its_steps_wait(prepared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = identity_reads(prepared, "member-b", monkeypatch)
    rollout = prepared.do(EditGateway(B, GatewaySpec(replicas=3)))
    attempts = [each.attempts for each in rollout.steps.all()]
    assert len(attempts) >= 2
    assert reads == ["GET"]
    prepared.do(EditGateway(B, GatewaySpec(replicas=2)))
    assert reads == ["GET"] * 2
