"""The product's own changes of a topology."""

from __future__ import annotations

from dataclasses import dataclass

from interconnect.domain.topology import Address, GatewayKey, GatewaySpec


@dataclass(frozen=True, slots=True)
class Enable:
    pass


@dataclass(frozen=True, slots=True)
class Disable:
    pass


@dataclass(frozen=True, slots=True)
class CreateGroup:
    group: str
    clusters: frozenset[str]


@dataclass(frozen=True, slots=True)
class DeleteGroup:
    group: str


@dataclass(frozen=True, slots=True)
class AddCluster:
    group: str
    cluster: str


@dataclass(frozen=True, slots=True)
class MoveCluster:
    cluster: str
    group: str


@dataclass(frozen=True, slots=True)
class RemoveCluster:
    """Out of its group; the cluster stays registered."""

    cluster: str


@dataclass(frozen=True, slots=True)
class CreateGateway:
    """`id` is the new gateway's UUID: randomness is the caller's."""

    key: GatewayKey
    id: str
    spec: GatewaySpec


@dataclass(frozen=True, slots=True)
class EditGateway:
    key: GatewayKey
    spec: GatewaySpec


@dataclass(frozen=True, slots=True)
class DeleteGateway:
    key: GatewayKey


@dataclass(frozen=True, slots=True)
class Join:
    group: str
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class UpdateAddresses:
    group: str
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Remove:
    """Out of the interconnect; the group stays."""

    group: str


@dataclass(frozen=True, slots=True)
class RegisterCluster:
    cluster: str
    uid: str


@dataclass(frozen=True, slots=True)
class UnregisterCluster:
    """Out of the mesh; only when nothing of ours is on it."""

    cluster: str


@dataclass(frozen=True, slots=True)
class ForgetCluster:
    """Out of the mesh although something of ours may still be on it."""

    cluster: str


Change = (
    Enable
    | Disable
    | CreateGroup
    | DeleteGroup
    | AddCluster
    | MoveCluster
    | RemoveCluster
    | CreateGateway
    | EditGateway
    | DeleteGateway
    | Join
    | UpdateAddresses
    | Remove
    | RegisterCluster
    | UnregisterCluster
    | ForgetCluster
)
