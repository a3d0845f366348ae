"""Who looks when: one look per period, one lease per cluster, and findings that two may store at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier, Event
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, connections
from django.utils import timezone

from interconnect.domain.changes import EditGateway
from interconnect.domain.diagnosis import diagnose
from interconnect.domain.seen import MemberSeen
from interconnect.domain.topology import GatewaySpec
from interconnect.models import Cluster, ClusterObservation, Finding, Mesh, MeshObservation
from interconnect.observing import control_plane, member
from interconnect.rollouts import bell
from interconnect.services import watching
from interconnect.services.watching import conclude, look
from interconnect.state import observed
from interconnect.state.observed import MemberLook
from tests.support.world import B, World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def at_once(act: Callable[[], Any]) -> list[Any]:
    """What two threads return that do the same at the same moment."""
    together = Barrier(2)

    def run() -> Any:
        together.wait()
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        return [each.result() for each in [pool.submit(run) for _ in range(2)]]


def times(world: World) -> dict[str, datetime | None]:
    """When each cluster was last asked."""
    rows = ClusterObservation.objects.filter(cluster__mesh=world.mesh)
    return dict(rows.values_list("cluster__name", "at"))


def leased(world: World) -> str:
    """A look that has taken the leases of all clusters; return its owner."""
    rows = list(Cluster.objects.filter(mesh=world.mesh).select_related("connection", "observation"))
    current = watching.Look(world.mesh, world.topology, rows)
    assert len(watching._leased(current)) == 3
    return current.owner


def lapse(rows: Any) -> None:
    rows.update(lease_until=timezone.now() - timedelta(seconds=1))


def test_of_two_beats_at_once_one_starts_a_look(world: World) -> None:
    MeshObservation.objects.get_or_create(mesh=world.mesh)
    mesh = Mesh.objects.get(id=world.mesh.id)
    assert sorted(at_once(lambda: watching.start(mesh))) == [False, True]
    assert not watching.start(mesh)
    lapse(MeshObservation.objects.filter(mesh=mesh))
    assert watching.start(mesh)


def test_clusters_that_a_dead_worker_was_asking_are_asked_again_when_its_leases_lapse(world: World) -> None:
    look(world.mesh)
    before, owner = times(world), leased(world)
    look(world.mesh)
    assert times(world) == before
    lapse(ClusterObservation.objects.filter(lease_owner=owner))
    look(world.mesh)
    after = times(world)
    assert all(after[name] > before[name] for name in before)  # type: ignore[operator]
    assert not ClusterObservation.objects.exclude(lease_owner="").exists()


def test_those_that_were_asked_longest_ago_are_asked_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("member-b", "member-c", "member-a"):
        look(world.mesh, only=[name], central=False)
    asked: list[str] = []

    def noting(api: Any, cluster: Any, *rest: Any) -> MemberSeen:
        asked.append(cluster.name)
        return look_at(api, cluster, *rest)

    look_at = member.look
    monkeypatch.setattr(member, "look", noting)
    monkeypatch.setattr(watching, "AT_ONCE", 1)
    look(world.mesh, central=False)
    assert asked == ["member-b", "member-c", "member-a"]


def test_a_look_that_has_lost_its_lease_stores_nothing(world: World) -> None:
    look(world.mesh)
    owner = leased(world)
    lapse(ClusterObservation.objects.filter(lease_owner=owner))
    look(world.mesh)
    row, before = world.row("member-a"), times(world)
    late = MemberLook(row.id, MemberSeen(network="late"), timezone.now())
    assert not observed.note_members([late], owner=owner)
    assert times(world) == before
    assert ClusterObservation.objects.get(cluster=row).facts["network"] != "late"


def test_clusters_that_answer_are_noted_before_a_silent_one_is_given_up(world: World, settings: Any) -> None:
    settings.MESHCONSOLE_PROBE_CALL_SECONDS = 60
    look(world.mesh, slow=True)
    before = times(world)
    world.fleet.fault("member-c", "hang")

    def run() -> None:
        try:
            look(Mesh.objects.get(id=world.mesh.id))
        finally:
            connections.close_all()

    def noted() -> set[str]:
        return {name for name, at in times(world).items() if at != before[name]}

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        try:
            world.until(lambda: noted() >= {"member-a", "member-b"}, "those that answer are noted")
            assert noted() == {"member-a", "member-b"}
            assert not running.done()
        finally:
            # It answers now, so that nobody has to wait until it is given up.
            world.fleet.fault("member-c", None)
        running.result()
    assert noted() == {"member-a", "member-b", "member-c"}


def test_two_who_conclude_at_once_store_each_finding_once(world: World) -> None:
    world.fleet.fault("member-c", "401")
    look(world.mesh)
    before = set(Finding.objects.values_list("id", "code", "ended_at"))
    at_once(lambda: conclude(world.mesh))
    conclude(world.mesh)
    assert ("cluster.refuses-us", None) in {(code, ended) for _id, code, ended in before}
    assert set(Finding.objects.values_list("id", "code", "ended_at")) == before


def test_what_another_worker_has_found_meanwhile_stays_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One worker has read all there is and stands still; another sees more and concludes; then the first goes on."""
    look(world.mesh)
    has_read, go_on = Event(), Event()

    def slowly(*args: Any, **options: Any) -> Any:
        if not has_read.is_set():
            has_read.set()
            assert go_on.wait(60)
        return diagnose(*args, **options)

    monkeypatch.setattr(watching, "diagnose", slowly)
    # What waits for whom within one process doesn't hold between two.
    monkeypatch.setattr(watching, "_concluding", nullcontext())

    def first() -> None:
        try:
            conclude(Mesh.objects.get(id=world.mesh.id))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(first)
        try:
            assert has_read.wait(60)
            world.fleet.fault("member-c", "401")
            look(world.mesh, only=["member-c"])
            found = Finding.objects.get(code="cluster.refuses-us")
        finally:
            go_on.set()
        running.result()
    (kept,) = Finding.objects.filter(code="cluster.refuses-us")
    assert (kept.id, kept.ended_at) == (found.id, None)
    summary = Mesh.objects.select_related("observation").get(id=world.mesh.id).observation.summary
    assert summary["clusters"]["wrong"] == [["cluster.refuses-us", 1]]


@pytest.mark.django_db
def test_what_cannot_be_stored_with_others_costs_itself_alone() -> None:
    stored: list[int] = []

    def store(found: Sequence[int]) -> None:
        if 2 in found:
            raise DatabaseError("refused")
        stored.extend(found)

    watching._store([1, 2, 3], store)
    assert stored == [1, 3]


@pytest.mark.parametrize("where", ["member-b", ""])
def test_whatever_goes_wrong_in_a_look_is_told_of_what_it_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    def failing(look_at: Callable[..., Any], *args: Any) -> Any:
        if not where or args[1].name == where:
            raise TypeError("unforeseen")
        return look_at(*args)

    module = member if where else control_plane
    monkeypatch.setattr(module, "look", partial(failing, module.look))
    assert look(world.mesh) == {where} or not where
    assert not ClusterObservation.objects.exclude(lease_owner="").exists()
    code = "cluster.no-answer" if where else "control-plane.no-answer"
    told = {(each.code, each.subject.name): each.params.get("violation") for each in world.found()}
    assert {key: cause for key, cause in told.items() if key[0].endswith("no-answer")} == {
        (code, where): "kube.unexpected"
    }
    assert "TypeError: unforeseen" in caplog.text
    monkeypatch.undo()
    assert (code, where) not in {(each.code, each.subject.name) for each in world.found()}


def refused(world: World) -> bool:
    return ("cluster.refuses-us", "member-b") in {(each.code, each.subject.name) for each in world.found()}


def test_what_a_running_rollout_touches_is_held(prepared: World) -> None:
    rollout = prepared.start(EditGateway(B, GatewaySpec(replicas=2)))
    prepared.fleet.fault("member-b", "401")
    assert not refused(prepared)
    prepared.fleet.fault("member-b", None)
    prepared.finish(rollout)
    prepared.fleet.fault("member-b", "401")
    assert refused(prepared)
    prepared.fleet.fault("member-b", None)
    assert not refused(prepared)


def test_an_open_finding_outlasts_a_rollout_until_the_look_after_it(prepared: World) -> None:
    prepared.fleet.fault("member-b", "401")
    assert refused(prepared)
    rollout = prepared.start(EditGateway(B, GatewaySpec(replicas=2)))
    prepared.fleet.fault("member-b", None)
    assert refused(prepared)
    prepared.finish(rollout)
    assert not refused(prepared)


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """The looks that have been rung for: a mesh's ID and names of clusters, each."""
    found: list[list[Any]] = []

    def send(task: str, args: tuple[Any, ...], _queue: str, _seconds: float) -> bool:
        if task == "interconnect.tasks.look_again":
            found.append(list(args[:2]))
        return True

    monkeypatch.setattr(bell, "_send", send)
    return found


@pytest.mark.parametrize("ends", ["succeeded", "failed"])
def test_the_end_of_a_rollout_rings_for_a_look_at_its_clusters(
    prepared: World, rung: list[list[Any]], ends: str
) -> None:
    if ends == "failed":
        prepared.fleet.fault("member-b", "403", methods=("PATCH",))
    prepared.do(EditGateway(B, GatewaySpec(replicas=2)), ends=ends)
    assert [str(prepared.mesh.id), ["member-b"]] in rung


def test_a_cluster_that_another_look_is_asking_is_looked_at_again_once_it_was_named(
    world: World, rung: list[list[Any]]
) -> None:
    look(world.mesh)
    owner = leased(world)
    ClusterObservation.objects.exclude(cluster__name="member-b").update(lease_owner="", lease_until=None)
    look(world.mesh)
    assert rung == []
    look(world.mesh, only=["member-a", "member-b"])
    assert rung == [[str(world.mesh.id), ["member-b"]]]
    lapse(ClusterObservation.objects.filter(lease_owner=owner))
    look(world.mesh, only=["member-b"])
    assert len(rung) == 1


def test_a_registration_rings_for_a_look_at_what_was_registered(empty: World, rung: list[list[Any]]) -> None:
    empty.register()
    mesh = str(empty.mesh.id)
    assert rung == [[mesh, []], *([mesh, [name]] for name in ("member-a", "member-b", "member-c"))]
