"""What looks store: what depends on answering or readiness counts once two of them agree, numbers included."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from interconnect.domain.seen import (
    PODS,
    ControlPlane,
    ControlPlaneSeen,
    GatewaySeen,
    MemberSeen,
    Readiness,
    ReplicaSeen,
    Unread,
)
from interconnect.domain.violations import Violation
from interconnect.models import Gateway, GatewayObservation, Mesh
from interconnect.state import observed
from interconnect.state.observed import MemberLook


def look(mesh: Mesh, *, at: datetime | None = None, restarting: bool = False, **answers: bool) -> bool:
    """Store a look that met these istiod replicas; return whether another should follow soon."""
    replicas = tuple(ReplicaSeen(name, "istiod", answers=found) for name, found in answers.items())
    seen = ControlPlaneSeen(replicas=replicas, restarting=restarting)
    return observed.note_control_plane(mesh, seen, at=at or timezone.now())


def plane(mesh: Mesh) -> ControlPlane:
    mesh.refresh_from_db()
    return observed.control_plane_of(mesh.observation, mesh.replicas.order_by("name"), {})


def silent(mesh: Mesh) -> list[str]:
    return [each.seen.name for each in plane(mesh).replicas if each.silent_since is not None]


def test_a_new_replica_that_is_only_starting_is_not_silent_yet(mesh: Mesh) -> None:
    look(mesh, one=True, two=True)
    assert look(mesh, one=True, three=False)
    assert silent(mesh) == [] and len(plane(mesh).replicas) == 2
    look(mesh, one=True, three=False)
    assert silent(mesh) == ["three"]


def test_a_moment_without_any_replica_counts_after_a_second_look(mesh: Mesh) -> None:
    look(mesh, one=True)
    assert look(mesh)
    assert silent(mesh) == []
    look(mesh)
    assert silent(mesh) == ["one"]


def test_new_replicas_are_silent_at_once_where_none_has_answered_before(mesh: Mesh) -> None:
    look(mesh, one=False)
    look(mesh, two=False)
    assert silent(mesh) == ["two"]
    look(mesh, three=True)
    assert silent(mesh) == []


def test_replicas_that_may_not_be_asked_stay_as_they_were(mesh: Mesh) -> None:
    look(mesh, one=True)
    seen = ControlPlaneSeen(lacking=("list pods",), unread=(Unread(Violation("kube.forbidden"), PODS),))
    assert not observed.note_control_plane(mesh, seen, at=timezone.now())
    assert [each.seen.name for each in plane(mesh).replicas] == ["one"] and silent(mesh) == []


def test_a_restart_is_dated_from_the_first_look_that_saw_it(mesh: Mesh) -> None:
    first = timezone.now() - timedelta(minutes=5)
    times = [first + timedelta(minutes=minute) for minute in range(4)]
    for at, since in zip(times, (first, first, None, times[3]), strict=True):
        look(mesh, at=at, restarting=since is not None, one=True)
        assert plane(mesh).restarting_since == since


def test_a_gateway_and_its_numbers_change_together(gateway: Gateway) -> None:
    cluster = gateway.cluster

    def seen(available: int, **more: Any) -> tuple[Readiness, int, tuple[str, ...] | None]:
        found = GatewaySeen(present=True, replicas=2, available=available, **more)
        observed.note_members([MemberLook(cluster.id, MemberSeen(gateways={str(gateway.id): found}), timezone.now())])
        known = observed.gateway_of(GatewayObservation.objects.get())
        return known.readiness, known.seen.available, known.seen.addresses

    assert seen(2) == (Readiness.ALL, 2, None)
    assert seen(0, addresses=("203.0.113.9",)) == (Readiness.ALL, 2, ("203.0.113.9",))
    assert seen(0) == (Readiness.NONE, 0, None)
    assert seen(2) == (Readiness.NONE, 0, None)
    assert seen(2) == (Readiness.ALL, 2, None)
