"""What is worked out of a whole mesh costs in proportion to it: four times the clusters, not sixteen times the work."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from interconnect.domain.diagnosis import diagnose
from interconnect.domain.render import render, render_member
from interconnect.domain.status import Statuses
from interconnect.domain.summary import summary_of
from interconnect.domain.topology import Address, Cluster, Gateway, GatewayKey, Group, MeshKind, Topology
from tests.domain.meshes import HUB, uuid
from tests.domain.seen import host_of, well

if TYPE_CHECKING:
    from types import FrameType

    from interconnect.domain.entries import Target
    from interconnect.domain.seen import MeshSeen

FEW, MANY = 12, 48


def joined(clusters: int) -> Topology:
    """So many clusters, each with a gateway in a group of its own that has joined."""
    names = [f"member-{number:03}" for number in range(clusters)]
    keys = {name: GatewayKey(name, 1) for name in names}
    return Topology(
        "mesh",
        MeshKind.HOSTED,
        HUB,
        HUB,
        enabled=True,
        clusters={name: Cluster(name, f"uid-{name}") for name in names},
        groups={
            f"group-{name}": Group(f"group-{name}", frozenset({name}), (Address(host_of(key), gateway=key),))
            for name, key in keys.items()
        },
        gateways={key: Gateway(key, uuid(n), f"eastwest-{name}-1") for n, (name, key) in enumerate(keys.items())},
    )


def instructions(work: Callable[[MeshSeen], object], clusters: int) -> int:
    """How many instructions of Python this takes: unlike calls, they show a search within one."""
    mesh, number = well(joined(clusters)), 0

    def trace(frame: FrameType, event: str, _argument: object) -> Callable[..., Any]:
        nonlocal number
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        number += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work(mesh)
    finally:
        sys.settrace(before)
    return number


def each_member(mesh: MeshSeen) -> Iterator[dict[Target, Any]]:
    return (dict(render_member(mesh.topology, name, mesh.facts)) for name in mesh.topology.clusters)


WORK: dict[str, Callable[[MeshSeen], object]] = {
    "states and findings": lambda mesh: diagnose(Statuses(mesh)),
    "a summary": lambda mesh: summary_of(Statuses(mesh)),
    "what the whole mesh asks for": lambda mesh: render(mesh.topology, mesh.facts),
    "what each cluster is asked for": lambda mesh: list(each_member(mesh)),
    "which group each cluster is in": lambda mesh: [mesh.topology.group_of(name) for name in mesh.topology.clusters],
    "whose identity each is": lambda mesh: [mesh.topology.cluster_by_uid(f"uid-{name}") for name in mesh.members],
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_work_grows_with_the_mesh_and_not_with_its_square(work: Callable[[MeshSeen], object]) -> None:
    few, many = instructions(work, FEW), instructions(work, MANY)
    assert many <= 4.4 * few, f"{few} instructions for {FEW} clusters, {many} for {MANY}"
