"""Which meshes a fleet has, and what their clusters look like when they are created."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.resources import Json


@dataclass(frozen=True, slots=True)
class MemberPlan:
    """A member cluster.

    `injects` is the network that its injection webhooks name before anybody groups it (empty: none).
    """

    name: str
    pod_cidr: str
    injects: str = ""


@dataclass(frozen=True, slots=True)
class MeshPlan:
    """A mesh: `hub` runs its istiod, `config` holds its configuration. Names are unique in the whole fleet."""

    hub: str
    members: tuple[MemberPlan, ...]
    config: str = ""
    istiods: int = 2
    samples: bool = True

    @property
    def configured_in(self) -> str:
        return self.config or self.hub

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(member.name for member in self.members)


def pod_cidr(index: int) -> str:
    """Return a member's Pod range. The third member gets the second's, so that there is an overlap to notice."""
    return f"10.{(10 * (index + 1) if index < 2 else 20 if index == 2 else 27 + index) % 250}.0.0/16"


def usual_mesh(
    hub: str = "hub",
    members: Sequence[str] = ("member-a", "member-b", "member-c"),
    *,
    istiods: int = 2,
    split_config: bool = False,
    samples: bool = True,
) -> MeshPlan:
    """Return the usual mesh of tests.

    The third member overlaps with the second, and injects a network that nobody asked for. `split_config` puts the
    configuration into its own cluster, `config`.
    """
    made = tuple(
        MemberPlan(name, pod_cidr(index), "default" if index == 2 else "") for index, name in enumerate(members)
    )
    return MeshPlan(hub, made, "config" if split_config else "", istiods, samples)


@dataclass(frozen=True, slots=True)
class WorldPlan:
    """Several meshes in one fleet, as described by a JSON file. `timing` are fields of Timing."""

    meshes: tuple[MeshPlan, ...]
    timing: dict[str, float] = field(default_factory=dict)


def world_from_json(said: Json) -> WorldPlan:
    """Return the world that `said` describes. Raise KeyError or TypeError if it isn't valid."""
    return WorldPlan(tuple(mesh_from_json(mesh) for mesh in said["meshes"]), dict(said.get("timing", {})))


def mesh_from_json(said: Json) -> MeshPlan:
    return MeshPlan(**{**said, "members": tuple(MemberPlan(**member) for member in said["members"])})


def mesh_to_json(mesh: MeshPlan) -> Json:
    return asdict(mesh)


__all__ = [
    "MemberPlan",
    "MeshPlan",
    "WorldPlan",
    "mesh_from_json",
    "mesh_to_json",
    "pod_cidr",
    "usual_mesh",
    "world_from_json",
]
