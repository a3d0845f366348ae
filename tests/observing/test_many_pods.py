"""Clusters with thousands of Pods that carry another network than their group's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interconnect.domain.seen import STALE_PODS
from interconnect.models import ClusterObservation
from interconnect.observing import member
from interconnect.services.watching import look
from interconnect.state import observed
from tests.observing.calls import Calls
from tests.support.pods import put_pods

if TYPE_CHECKING:
    import pytest

    from interconnect.domain.seen import Member
    from tests.support.world import World


def seen(world: World) -> Member:
    return observed.member_of(ClusterObservation.objects.get(cluster__name="member-a", cluster__mesh=world.mesh))


def test_thousands_of_pods_are_counted_page_by_page_by_workload(world: World) -> None:
    put_pods(world.fleet.cluster("member-a"), 1200, network="elsewhere")
    calls = Calls.to(world, "member-a")
    look(world.mesh, only=["member-a"], central=False)
    counted = seen(world).seen.stale
    assert counted is not None
    assert (counted.total, dict(counted.networks)) == (1200, {"elsewhere": 1200})
    assert len(counted.stale) == 120
    pages = [path for path in calls.paths if path.startswith("GET /api/v1/pods")]
    assert len(pages) == 3, pages


def test_a_cluster_whose_pods_take_longer_than_a_look_answers_and_they_are_not_counted(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(world.mesh)
    settings.MESHCONSOLE_PROBE_CALL_SECONDS = 20
    # Its one page takes longer than the whole look has, and less than a call has.
    monkeypatch.setattr(member, "CALLS_IN_A_LOOK", 0.05)
    world.fleet.fault("member-a", "latency", seconds=1.5, resource="pods")
    look(world.mesh, only=["member-a"], central=False)
    found = seen(world)
    assert found.failure is None
    assert found.looked_at == found.seen_at
    assert [(each.kind, each.cause.code) for each in found.seen.unread] == [(STALE_PODS, "kube.timeout")]
