"""What a step knows of its mesh and its member, read when first needed."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from interconnect import clients
from interconnect.domain.kinds import OF_A_CLUSTER
from interconnect.domain.render import render
from interconnect.domain.steps import Phase, StepKind
from interconnect.models import Cluster, Step, StepStatus
from interconnect.state import applied, desired, observed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interconnect.domain.entries import Rendered
    from interconnect.domain.facts import Facts, WebhookEntry
    from interconnect.domain.topology import Topology
    from interconnect.kube.api import Api

# Waves of a restart of workloads can be far apart: each reads anew.
SHARING = OF_A_CLUSTER - {StepKind.WORKLOADS}


class Known:
    """What one step knows, or the steps on one member that one worker carries out in succession."""

    def __init__(self, step: Step) -> None:
        self.rollout = step.rollout
        self.mesh = step.rollout.mesh
        self.chain: str = step.chain
        self.of_member = step.kind in SHARING
        self._facts: Facts | None = None
        self._rendered: Rendered | None = None

    def serves(self, step: Step) -> bool:
        """Whether the next step of the chain can reuse this."""
        return self.of_member and step.kind in SHARING and step.chain == self.chain

    @cached_property
    def topology(self) -> Topology:
        """The topology; for a step on one member only the part that concerns it, since hundreds of clusters have
        hundreds of such steps.
        """
        return desired.load_member(self.mesh, self.chain) if self.of_member else desired.load(self.mesh)

    @cached_property
    def published_topology(self) -> Topology:
        """The topology without the joins that this rollout's own preflight hasn't let through. Nothing is written to
        members for these joins.
        """
        topology = self.topology
        if self.of_member:
            return topology
        held_back = Step.objects.filter(rollout=self.rollout, phase=Phase.PREFLIGHT).exclude(
            status=StepStatus.SUCCEEDED
        )
        out = {name for name in held_back.values_list("subject", flat=True) if name in topology.groups}
        groups = {
            name: replace(group, addresses=None) if name in out else group for name, group in topology.groups.items()
        }
        return replace(topology, groups=groups)

    @cached_property
    def consents(self) -> frozenset[str]:
        return applied.consents(self.mesh) | frozenset(self.rollout.overrides)

    @cached_property
    def cluster(self) -> Cluster | None:
        """The row of the member whose chain this is, with its connection; None when it is no longer a member."""
        return Cluster.objects.select_related("connection").filter(mesh=self.mesh, uid=self.chain).first()

    @cached_property
    def member(self) -> Api:
        """The member cluster whose chain this is."""
        return clients.api_of(self.cluster.connection) if self.cluster else clients.member_api(self.mesh, self.chain)

    @property
    def facts(self) -> Facts:
        if self._facts is None:
            self._facts = observed.facts(self.mesh, cluster_uid=self.chain if self.of_member else None)
        return self._facts

    @property
    def rendered(self) -> Rendered:
        if self._rendered is None:
            self._rendered = render(self.published_topology, self.facts)
        return self._rendered

    def use_fresh_facts(self) -> None:
        """Render what follows from new facts, after something was observed."""
        self._facts = self._rendered = None

    def know_webhooks(self, entries: Sequence[WebhookEntry]) -> None:
        """Use the webhooks that were just read and stored, instead of reading them back."""
        self._facts = replace(self.facts, webhooks={**self.facts.webhooks, self.chain: tuple(entries)})
        self._rendered = None
