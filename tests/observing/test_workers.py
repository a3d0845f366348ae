"""Looks of real workers that are killed, of two beats at once, and without a broker: no state is older than it says,
and none is lost.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils import timezone

from interconnect.models import ClusterObservation, Finding
from interconnect.services.watching import look
from tests.observing.calls import Calls
from tests.support.workers import Workers
from tests.support.world import SYSTEM, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.valkey import Valkey

NETWORK = "topology.istio.io/network"
OFTEN = {"MESHCONSOLE_PROBE_SECONDS": "2"}
# The cluster that a killed worker was asking is asked again once the lease of that look has lapsed.
SOON = {"MESHCONSOLE_PROBE_CALL_SECONDS": "1", "MESHCONSOLE_LEASE_SECONDS": "4"}
PATIENT = {"MESHCONSOLE_LEASE_SECONDS": "30"}
IDENTITY = "GET /api/v1/namespaces/kube-system"


class Labels:
    """The network label of member-b's system namespace as somebody has set it, one after the other, and when."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.history: list[tuple[str, datetime]] = [("green", timezone.now())]

    def put(self, value: str) -> None:
        labels = {"metadata": {"labels": {NETWORK: value}}}
        self.world.fleet.cluster("member-b").patch("Namespace", SYSTEM, labels, manager="kubectl-edit")
        self.history.append((value, timezone.now()))

    def seen(self) -> str:
        """What is stored of it, which must not be older than its time."""
        row = observation("member-b")
        # A look that got no answer in time has a time, and leaves what the one before saw.
        answered = row.answered_at
        assert answered is not None
        earlier = [number for number, (_value, at) in enumerate(self.history) if at <= answered]
        assert row.facts["network"] in [value for value, _at in self.history[max(earlier, default=0) :]]
        return str(row.facts["network"])


def observation(cluster: str) -> ClusterObservation:
    return ClusterObservation.objects.get(cluster__name=cluster)


def looking(broker: Valkey, **values: str) -> Workers:
    return Workers(broker.url, queues="probe", **(OFTEN | values))


def until(met: Callable[[], bool], what: str, *workers: Workers, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not met():
        said = "\n".join(each.said() for each in workers)
        assert time.monotonic() < end, f"still not: {what}\n{said}"
        time.sleep(0.02)


def open_labels() -> list[Finding]:
    return list(Finding.objects.filter(code="cluster.network-label", ended_at=None))


def no_finding_stands_twice() -> bool:
    found = Finding.objects.filter(ended_at=None).values_list("code", "subject_kind", "subject", "detail", "source")
    return len(found) == len(set(found))


def test_what_a_killed_worker_was_looking_at_is_seen_by_the_next(joined: World, broker: Valkey) -> None:
    look(joined.mesh, slow=True)
    labels = Labels(joined)
    with looking(broker, **SOON) as workers:
        for cluster, value in (("member-b", "theirs"), ("hub", "others")):
            joined.fleet.fault(cluster, "hang")
            fault = joined.fleet.cluster(cluster).fault
            assert fault is not None
            workers.start()
            until(lambda fault=fault: fault.asked > 0, "a look has begun", workers)  # type: ignore[misc]
            workers.kill()
            before = observation("member-b")
            labels.put(value)
            joined.fleet.fault(cluster, None)
            now = observation("member-b")
            assert (now.at, now.facts) == (before.at, before.facts)
            workers.start()
            until(lambda value=value: labels.seen() == value, f"{value} is seen", workers)  # type: ignore[misc]
            until(lambda: len(open_labels()) == 1, "it is told", workers)
            workers.kill()
    assert no_finding_stands_twice()


def test_two_beats_ask_a_cluster_as_often_as_one(joined: World, broker: Valkey) -> None:
    """A look takes longer than a period here, so that the next begins while it goes on."""
    look(joined.mesh, slow=True)
    joined.fleet.fault("member-b", "latency", seconds=0.3)
    calls = Calls.to(joined, "member-b")
    with looking(broker, **PATIENT) as one, looking(broker, **PATIENT) as other:
        for workers in (one, other):
            workers.start()
        until(lambda: calls.paths.count(IDENTITY) > 3, "three looks", one, other)
        joined.fleet.fault("member-b", "401")
        until(lambda: Finding.objects.filter(code="cluster.refuses-us").exists(), "it is told", one, other)
        joined.fleet.fault("member-b", None)
        ended = Finding.objects.filter(code="cluster.refuses-us", ended_at__isnull=False)
        until(ended.exists, "it has ended", one, other)
    first, second, third, *_more = looks(calls.paths)
    assert first == second == third
    assert Finding.objects.filter(code="cluster.refuses-us").count() == 1
    assert no_finding_stands_twice()


def looks(paths: list[str]) -> list[list[str]]:
    """What was asked in each look, which begins with the cluster's identity."""
    found: list[list[str]] = []
    for path in paths:
        if path == IDENTITY:
            found.append([])
        elif found:
            found[-1].append(path)
    return [each for each in found if each]


def test_looks_go_on_by_themselves_once_the_broker_is_back(joined: World, broker: Valkey) -> None:
    look(joined.mesh, slow=True)
    labels, begun = Labels(joined), timezone.now()
    with looking(broker) as workers:
        workers.start()
        until(lambda: (observation("member-b").at or begun) > begun, "a look", workers)
        broker.stop()
        labels.put("theirs")
        until(lambda: "onnection" in workers.said(), "the worker misses its broker", workers)
        broker.start()
        until(lambda: labels.seen() == "theirs", "theirs is seen", workers)
        until(lambda: len(open_labels()) == 1, "it is told", workers)
        labels.put("green")
        until(lambda: labels.seen() == "green" and not open_labels(), "it has ended", workers)
    assert no_finding_stands_twice()
