"""Tables and constraints, no behavior: desired (mesh, cluster, group, gateway, membership), applied, observed,
rollouts.
"""

from interconnect.models.applied import AppliedEntry, Consent, Publication
from interconnect.models.cluster import Cluster, Connection
from interconnect.models.draft import JoinDraft
from interconnect.models.gateway import Gateway
from interconnect.models.group import NetworkGroup
from interconnect.models.inquiry import CheckAttempt, Inquiry, InquiryStatus
from interconnect.models.membership import Membership, MembershipAddress
from interconnect.models.mesh import Mesh
from interconnect.models.observation import ClusterObservation, GatewayObservation, MeshObservation
from interconnect.models.rollout import Rollout, RolloutKind, RolloutStatus, Step, StepStatus

__all__ = [
    "AppliedEntry",
    "CheckAttempt",
    "Cluster",
    "ClusterObservation",
    "Connection",
    "Consent",
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
    "Rollout",
    "RolloutKind",
    "RolloutStatus",
    "Step",
    "StepStatus",
]
