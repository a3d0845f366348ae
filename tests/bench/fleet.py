"""Simulated clusters in a process of their own: `python -m tests.bench.fleet FOLDER CLUSTERS`.

It answers by lines of JSON (`tests.bench.talk`). Unlike `manage.py simulator` it keeps no state: writing it down would
take the time that is measured.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from simulator import Fleet, usual_mesh
from tests.bench import talk
from tests.support.pods import put_pods

if TYPE_CHECKING:
    from simulator.api import Request

HUB = "hub"
REVIEWS = ("selfsubjectaccessreviews", "selfsubjectrulesreviews")


def cluster_names(count: int) -> tuple[str, ...]:
    return tuple(f"c{number:03}" for number in range(count))


class Asked(NamedTuple):
    """The requests to members by what they are (`read`, `review`, `dry run`, `write`), to the control plane, and the
    most that one silent cluster was sent.
    """

    members: dict[str, int]
    hub: int
    silent: int


class FleetProcess(talk.Process):
    """Within it `folder/<cluster>/kubeconfig` leads to each of `names`, and to `hub`."""

    def __init__(self, folder: Path, clusters: int) -> None:
        super().__init__("tests.bench.fleet", str(folder), str(clusters))
        self.folder, self.names = folder, cluster_names(clusters)

    def latency(self, seconds: float) -> None:
        """Set the latency of every cluster."""
        self.ask("fault", kind="latency", names=(*self.names, HUB), seconds=seconds)

    def fault(self, names: Iterable[str], kind: str | None, **options: Any) -> None:
        self.ask("fault", kind=kind, names=list(names), **options)

    def put_pods(self, name: str, number: int, **options: Any) -> None:
        self.ask("pods", name=name, number=number, **options)

    def asked(self) -> Asked:
        """Return what the clusters have been asked since the last time."""
        return Asked(*self.ask("asked"))


class _Answers:
    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.counted: Counter[str] = Counter()
        for name, member in fleet.members.items():
            self._count(name, member.api)

    def _count(self, name: str, api: Any) -> None:
        authenticate = api.authenticate

        def counting(request: Request) -> Any:
            self.counted[HUB if name == HUB else _kind(request)] += 1
            return authenticate(request)

        api.authenticate = counting

    def fault(self, names: Iterable[str], kind: str | None, **options: Any) -> None:
        for name in names:
            self.fleet.fault(name, kind, **options)

    def pods(self, name: str, number: int, **options: Any) -> None:
        put_pods(self.fleet.cluster(name), number, **options)

    def asked(self) -> Asked:
        found, self.counted = self.counted, Counter()
        faults = [member.fault for member in self.fleet.members.values() if member.fault]
        silent = max((fault.asked for fault in faults if fault.kind == "hang"), default=0)
        for fault in faults:
            fault.asked = 0
        hub = found.pop(HUB, 0)
        return Asked(dict(found), hub, silent)


def _kind(request: Request) -> str:
    if request.path.endswith(REVIEWS):
        return "review"
    if request.query.get("dryRun"):
        return "dry run"
    return "read" if request.method == "GET" else "write"


def main(folder: str, clusters: str) -> None:
    with Fleet([usual_mesh(HUB, cluster_names(int(clusters)))]) as fleet:
        fleet.describe(folder)
        answers = _Answers(fleet)
        talk.answer("ready", {"fault": answers.fault, "pods": answers.pods, "asked": answers.asked})


if __name__ == "__main__":
    main(*sys.argv[1:])
    os._exit(0)
