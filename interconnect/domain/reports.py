"""What clusters said when they were looked at, before anything of them is stored: all but their credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from interconnect.domain.facts import Istiod, WebhookEntry
from interconnect.domain.json_types import Json
from interconnect.domain.topology import CidrSource, PodCidr
from interconnect.domain.violations import Violation


@dataclass(frozen=True, slots=True)
class ClusterSummary:
    """One cluster. `server` and `context` are its kubeconfig's; `missing` are rights as `verb resource`, as are the
    `optional` ones that it lacks. `ends_at` is when its credential ends, as messages have it; `notes` are what is to be
    said of it.
    """

    uid: str
    server: str
    version: str
    missing: tuple[str, ...] = ()
    context: str = ""
    reads_secrets: bool = False
    ends_at: str = ""
    notes: tuple[Violation, ...] = ()
    webhooks: tuple[WebhookEntry, ...] = ()
    pod_cidrs: tuple[PodCidr, ...] = ()
    optional: tuple[str, ...] = ()

    def to_json(self) -> Json:
        return {
            "uid": self.uid,
            "server": self.server,
            "version": self.version,
            "missing": list(self.missing),
            "optional": list(self.optional),
            "context": self.context,
            "reads_secrets": self.reads_secrets,
            "ends_at": self.ends_at,
            "notes": [note.to_json() for note in self.notes],
            "webhooks": [entry.to_json() for entry in self.webhooks],
            "pod_cidrs": [{"network": cidr.network, "source": cidr.source} for cidr in self.pod_cidrs],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            uid=data.get("uid", ""),
            server=data.get("server", ""),
            version=data.get("version", ""),
            missing=tuple(data.get("missing", ())),
            optional=tuple(data.get("optional", ())),
            context=data.get("context", ""),
            reads_secrets=bool(data.get("reads_secrets")),
            ends_at=data.get("ends_at", ""),
            notes=tuple(map(Violation.from_json, data.get("notes", ()))),
            webhooks=tuple(map(WebhookEntry.from_json, data.get("webhooks", ()))),
            pod_cidrs=tuple(PodCidr(cidr["network"], CidrSource(cidr["source"])) for cidr in data.get("pod_cidrs", ())),
        )


@dataclass(frozen=True, slots=True)
class MeshSummary:
    """A control plane: its two API servers (often the same), its istiods, and the cluster IDs that it knows."""

    control_plane: ClusterSummary
    config: ClusterSummary
    istiods: tuple[Istiod, ...] = ()
    remote_clusters: tuple[str, ...] = ()

    def to_json(self) -> Json:
        return {
            "control_plane": self.control_plane.to_json(),
            "config": self.config.to_json(),
            "istiods": [istiod.to_json() for istiod in self.istiods],
            "remote_clusters": list(self.remote_clusters),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            ClusterSummary.from_json(data["control_plane"]),
            ClusterSummary.from_json(data["config"]),
            tuple(map(Istiod.from_json, data.get("istiods", ()))),
            tuple(data.get("remote_clusters", ())),
        )


@dataclass(frozen=True, slots=True)
class RegistrationReport:
    """What a check before a registration has found; `concluded`: it is stored already."""

    of: ClusterSummary | MeshSummary
    concluded: bool = False

    def to_json(self) -> Json:
        return {"report": self.of.to_json(), "concluded": self.concluded}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        said = data.get("report", {})
        of_mesh = "control_plane" in said
        return cls(
            MeshSummary.from_json(said) if of_mesh else ClusterSummary.from_json(said), bool(data.get("concluded"))
        )
