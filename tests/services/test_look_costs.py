"""What a look costs: statements by cluster, and calls to clusters that say nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from interconnect.domain.changes import apply_all
from interconnect.domain.seen import MemberDetails
from interconnect.domain.topology import Topology
from interconnect.models import ClusterObservation
from interconnect.observing.newcomer import ClusterReport, credential_of
from interconnect.services import watching
from interconnect.services.clusters import cluster_register
from interconnect.services.watching import look
from interconnect.state import desired, observed
from interconnect.state.observed import DetailsLook
from simulator import Fleet, usual_mesh
from tests.support import console
from tests.support.statements import Statements, counted
from tests.support.world import ROOT, World

FEW, MANY = 6, 18
NAMES = tuple(f"member-{number:02}" for number in range(MANY))
SILENT = NAMES[1::5]  # every fifth
OBSERVATIONS = ("interconnect_clusterobservation", "interconnect_gatewayobservation")


@pytest.fixture
def large(
    fleets: Callable[..., Fleet], transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> World:
    """Many clusters, each with a gateway in a group of its own, whose objects nobody has written yet."""
    settings.MESHCONSOLE_PROBE_CALL_SECONDS = 2
    # What comes is stored together by number alone, so that the counts don't depend on the machine.
    monkeypatch.setattr(watching, "NOTING_SECONDS", 60.0)
    world = World(fleets(usual_mesh("hub", NAMES, samples=False)))
    mesh = world.register(members=False)
    for name in NAMES:
        report = ClusterReport(credential_of(world.fleet.kubeconfig(name)), world.fleet.cluster(name).uid, "v1.36.1")
        row = cluster_register(actor=ROOT, mesh=mesh, name=name, report=report)
        # The slow look of each hour is not what is counted here.
        observed.note_details([DetailsLook(row.id, MemberDetails(missing=()), timezone.now())])
    before = world.topology
    after = apply_all(before, console.joining(*NAMES))
    assert isinstance(after, Topology)
    with transaction.atomic():
        desired.save(mesh, before, after, revision=mesh.revision)
    return world


def looked(world: World, clusters: int) -> Statements:
    with counted() as found:
        look(world.mesh, only=NAMES[:clusters])
    return found


def test_a_look_takes_few_statements_however_many_clusters_there_are_and_writes_what_is_new(large: World) -> None:
    for _each in range(2):
        look(large.mesh)
    few, many = looked(large, FEW), looked(large, MANY)
    assert ClusterObservation.objects.filter(answered_at__isnull=False, error_code="").count() == MANY
    assert len(few.told) <= 60, few.told
    assert len(many.told) - len(few.told) <= (MANY - FEW) / 2, many.told
    assert many.commits <= few.commits + 1
    written = [text.split("DO UPDATE SET")[-1] for table in OBSERVATIONS for text in many.writes_of(table)]
    assert len(written) == 3, "the leases, and the times of clusters and of gateways"
    assert not [text for text in written if '"facts"' in text or '"standing"' in text or '"details"' in text]


def test_a_fifth_that_hangs_is_called_once_each_and_costs_no_more_statements(large: World) -> None:
    look(large.mesh)
    for name in SILENT:
        large.fleet.fault(name, "hang")
    look(large.mesh)
    found = looked(large, MANY)
    faults = {name: large.fleet.cluster(name).fault for name in SILENT}
    assert {name: fault and fault.asked for name, fault in faults.items()} == dict.fromkeys(SILENT, 2)
    assert len(found.told) <= 60 + (MANY - FEW) / 2, found.told
    silent = ClusterObservation.objects.filter(error_code="timeout").values_list("cluster__name", flat=True)
    assert set(silent) >= set(SILENT)


def test_slow_looks_that_are_due_together_are_spread_over_several_looks(
    large: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "AT_ONCE", 4)
    old = timezone.now() - timedelta(hours=1)
    ClusterObservation.objects.update(details_at=old)
    for repeated in (4, 8):
        look(large.mesh)
        assert ClusterObservation.objects.filter(details_at__gt=old).count() == repeated
