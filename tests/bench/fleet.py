"""Simulated clusters in a process of their own: `python -m tests.bench.fleet FOLDER CLUSTERS`.

A line on stdin sets the latency of every cluster in seconds; the end of stdin ends it. Unlike `manage.py simulator` it
keeps no state: writing it down would take the time that is measured.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from simulator import Fleet, usual_mesh

HUB = "hub"


def cluster_names(count: int) -> tuple[str, ...]:
    return tuple(f"c{number:03}" for number in range(count))


class FleetProcess:
    """A context manager; within it `folder/<cluster>/kubeconfig` leads to each of `names`, and to `hub`."""

    def __init__(self, folder: Path, clusters: int) -> None:
        self.folder, self.names = folder, cluster_names(clusters)

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.bench.fleet", str(self.folder), str(len(self.names))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def latency(self, seconds: float) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        self._answer()

    def _answer(self) -> None:
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise RuntimeError("the simulated clusters have ended")


def main(folder: str, clusters: str) -> None:
    with Fleet([usual_mesh(HUB, cluster_names(int(clusters)))]) as fleet:
        fleet.describe(folder)
        print("ready", flush=True)
        for line in sys.stdin:
            for member in fleet.members:
                fleet.fault(member, "latency", seconds=float(line))
            print("set", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
    os._exit(0)
