"""The things that the console writes on clusters: where each is, its desired, applied and observed value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from interconnect.domain.json_types import Json

FIELD_MANAGER = "meshconsole"
HANDOVER_MANAGER = "meshconsole-handover"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MESH_LABEL = "meshconsole.io/mesh"
GATEWAY_LABEL = "meshconsole.io/gateway"
NETWORK_LABEL = "topology.istio.io/network"
CONTROL_PLANES_ANNOTATION = "topology.istio.io/controlPlaneClusters"
REVISION_LABEL = "istio.io/rev"
NETWORKS_ANNOTATION = "meshconsole.io/networks"
RULE_NAME = "cross-network-gateway"
# Kinds of what belongs to the mesh as a whole, also where a member is its config cluster: no member takes them along.
OF_THE_MESH = ("Gateway", "ConfigMap")


class Target(NamedTuple):
    """One object of ours (`field` empty) or one field of an object that is not ours.

    `cluster` is a `kube-system` UID, `namespace` empty for what is not namespaced. Fields are
    `label:topology.istio.io/network` (of the system Namespace), `webhook:<entry name>` (the `/net/` segment of that
    entry) and `meshNetworks` (our networks in that key of a ConfigMap).
    """

    cluster: str
    api_version: str
    kind: str
    namespace: str
    name: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The desired value of a target: a manifest, a label's value, a network name, or our networks as a mapping.

    `gateway` is the UUID of the gateway that an object belongs to, empty for everything else.
    """

    value: Any
    gateway: str = ""


Rendered = Mapping[Target, Wanted]


class Admitted(NamedTuple):
    """What a cluster's admission made of one leaf that was sent. `value` is None if it took the leaf away.

    `path` is as `agreement.differences` gives it: keys of maps, and items of lists as `[name=istio-proxy]` or `[0]`.
    """

    path: tuple[str, ...]
    value: Any


class AppliedState(StrEnum):
    INTENDED = "intended"  # perhaps there: the intention is saved before the first write
    WRITTEN = "written"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class Applied:
    """What was written to a target. `found` is what was there before the first write (None: nothing), and
    `adopted` says that an object that was not ours has been taken over with consent. `object_uid` is empty until known.
    `admitted` are the leaves of which the cluster made something else in its answer to the last write.
    """

    value: Any
    state: AppliedState
    found: Any = None
    object_uid: str = ""
    adopted: bool = False
    gateway: str = ""
    admitted: tuple[Admitted, ...] = ()


@dataclass(frozen=True, slots=True)
class Present:
    """The live object that is, or that holds, the target."""

    object: Json


@dataclass(frozen=True, slots=True)
class Absent:
    pass


@dataclass(frozen=True, slots=True)
class Unknown:
    """Unknown now: the cluster doesn't answer or doesn't allow reading. Never treated as absent or done."""

    code: str = ""


Live = Present | Absent | Unknown
