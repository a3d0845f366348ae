"""Small meshes for the tests of the domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from interconnect.domain.changes import Change, CreateGateway, CreateGroup, Enable, Join, apply, apply_all, violations
from interconnect.domain.topology import (
    Address,
    CidrSource,
    Cluster,
    GatewayKey,
    GatewaySpec,
    MeshKind,
    PodCidr,
    Topology,
)

if TYPE_CHECKING:
    from interconnect.domain.facts import Facts

HUB = "00000000-0000-4000-8000-0000000000ff"


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def mesh(
    *clusters: str, kind: MeshKind = MeshKind.HOSTED, cidrs: Mapping[str, tuple[PodCidr, ...]] | None = None
) -> Topology:
    """A mesh whose interconnect is disabled, with clusters of those names."""
    known = cidrs or {}
    members = {name: Cluster(name, f"uid-{name}", known.get(name, ())) for name in clusters}
    return Topology("mesh", kind, HUB, HUB, clusters=members)


def after(topology: Topology, *changes: Change, facts: Facts | None = None) -> Topology:
    outcome = apply_all(topology, changes, facts=facts)
    assert isinstance(outcome, Topology), [violation.code for violation in outcome]
    return outcome


def grouped(cidrs: Mapping[str, tuple[PodCidr, ...]] | None = None) -> Topology:
    """blue: member-a, member-d with a gateway in member-a; green: member-b with one; member-c in no group.

    None joined.
    """
    return after(
        mesh("member-a", "member-b", "member-c", "member-d", cidrs=cidrs),
        Enable(),
        CreateGroup("blue", frozenset({"member-a", "member-d"})),
        CreateGroup("green", frozenset({"member-b"})),
        CreateGateway(GatewayKey("member-a", 1), uuid(1), GatewaySpec()),
        CreateGateway(GatewayKey("member-b", 1), uuid(2), GatewaySpec()),
    )


def joined() -> Topology:
    """As `grouped`, with green joined at 203.0.113.2."""
    return after(grouped(), Join("green", (Address("203.0.113.2"),)))


def codes(topology: Topology, change: Change, facts: Facts | None = None, **given: frozenset[str]) -> list[str]:
    """What forbids the change; `apply` is asked too, since both must say the same."""
    found = violations(topology, change, facts=facts, **given)
    outcome = apply(topology, change, facts=facts, **given)
    assert (outcome == found) if found else isinstance(outcome, Topology)
    return [violation.code for violation in found]


def pool(network: str) -> tuple[PodCidr, ...]:
    return (PodCidr(network, CidrSource.POOL),)


def nodes(network: str) -> tuple[PodCidr, ...]:
    return (PodCidr(network, CidrSource.NODES),)
