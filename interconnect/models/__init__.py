"""Tables and constraints, no behavior: desired (mesh, cluster, group, gateway, membership), applied, observed,
rollouts.
"""

from interconnect.models.applied import AppliedEntry, Consent, Publication
from interconnect.models.cluster import Cluster, Connection
from interconnect.models.draft import JoinDraft
from interconnect.models.finding import Dismissal, Finding, Silence
from interconnect.models.gateway import Gateway
from interconnect.models.group import NetworkGroup
from interconnect.models.inquiry import CheckAttempt, Inquiry, InquiryStatus
from interconnect.models.membership import Membership, MembershipAddress
from interconnect.models.mesh import Mesh
from interconnect.models.observation import (
    ChecksObservation,
    ClusterObservation,
    GatewayObservation,
    MeshObservation,
    ReplicaObservation,
)
from interconnect.models.rollout import Rollout, RolloutKind, RolloutStatus, Step, StepStatus

__all__ = [
    "AppliedEntry",
    "CheckAttempt",
    "ChecksObservation",
    "Cluster",
    "ClusterObservation",
    "Connection",
    "Consent",
    "Dismissal",
    "Finding",
    "Gateway",
    "GatewayObservation",
    "Inquiry",
    "InquiryStatus",
    "JoinDraft",
    "Membership",
    "MembershipAddress",
    "Mesh",
    "MeshObservation",
    "NetworkGroup",
    "Publication",
    "ReplicaObservation",
    "Rollout",
    "RolloutKind",
    "RolloutStatus",
    "Silence",
    "Step",
    "StepStatus",
]
