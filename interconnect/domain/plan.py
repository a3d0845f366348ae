"""The steps that bring the clusters from the applied to the desired state, by phase and chain.

The same function plans for the page and, from fresh reads, in each step. It trusts the applied state where the live
state is unknown, and plans nothing when desired, applied and live state agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from interconnect.domain.entries import Applied, AppliedState, Live, Rendered, Target, Unknown, Wanted
from interconnect.domain.networks import digest
from interconnect.domain.render import (
    NETWORKS_FIELD,
    WEBHOOK_FIELD_PREFIX,
    label_target,
    networks_of,
    networks_target,
    rule_target,
)
from interconnect.domain.steps import GROUP_CHAIN, Phase, PlannedStep, StepKind
from interconnect.domain.topology import Cluster, Gateway, Group, ServiceType, Topology
from interconnect.domain.writes import Agree, decide

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from interconnect.domain.facts import Facts

MESH_CHAIN = "mesh"


def plan(
    topology: Topology,
    rendered: Rendered,
    applied: Mapping[Target, Applied],
    live: Mapping[Target, Live],
    *,
    published: Mapping[str, frozenset[str]],
    verified: Mapping[str, str],
    facts: Facts,
) -> tuple[PlannedStep, ...]:
    """Return the steps to carry out, in the order of their phases; steps of one chain follow one another.

    `published` holds the joined networks of each istiod Deployment at its last restart, `verified` the digest of
    meshNetworks last seen on all its replicas; an absent one has never known any network. A target missing from `live`
    is unknown.
    """
    state = _State(topology, rendered, applied, live, published, verified, facts)
    return (*_prepare(state), *_preflight(state), *_publish(state), *_withdraw(state), *_close(state))


def restart_owed(
    topology: Topology, rendered: Rendered, facts: Facts, published: Mapping[str, frozenset[str]]
) -> tuple[str, ...]:
    """Return the istiod Deployments whose joined networks differ from those at their last restart, sorted."""
    wanted = expected_networks(topology, rendered, facts)
    return tuple(
        sorted(name for name, networks in wanted.items() if frozenset(networks) != published.get(name, frozenset()))
    )


def verify_owed(topology: Topology, rendered: Rendered, facts: Facts, verified: Mapping[str, str]) -> tuple[str, ...]:
    """Return the istiod Deployments whose desired networks haven't been seen on all replicas, sorted."""
    wanted = expected_networks(topology, rendered, facts)
    return tuple(
        sorted(name for name, networks in wanted.items() if digest(networks) != verified.get(name, digest({})))
    )


def expected_networks(topology: Topology, rendered: Rendered, facts: Facts) -> dict[str, dict[str, object]]:
    """Return our networks as each istiod Deployment should know them."""
    everywhere = networks_of(topology)
    expected: dict[str, dict[str, object]] = {}
    for istiod in facts.istiods:
        wanted = (
            Wanted(everywhere)
            if istiod.networks is None
            else rendered.get(networks_target(istiod.networks), Wanted({}))
        )
        expected[istiod.deployment] = dict(wanted.value)
    return expected


@dataclass(frozen=True)
class _State:
    topology: Topology
    rendered: Rendered
    applied: Mapping[Target, Applied]
    live: Mapping[Target, Live]
    published: Mapping[str, frozenset[str]]
    verified: Mapping[str, str]
    facts: Facts

    @cached_property
    def kept(self) -> frozenset[Target]:
        """Applied targets that are not rendered only because the facts do not say whether they still exist."""
        grouped = {cluster.uid for cluster in self.topology.clusters.values() if self.topology.group_of(cluster.name)}
        unread = {uid for uid in grouped if uid not in self.facts.webhooks}
        sources = [istiod.networks for istiod in self.facts.istiods]
        joined = bool(self.topology.joined) and (not sources or None in sources)
        return frozenset(
            target
            for target in self.applied
            if (target.field.startswith(WEBHOOK_FIELD_PREFIX) and target.cluster in unread)
            or (target.field == NETWORKS_FIELD and joined)
        )

    @cached_property
    def owed(self) -> frozenset[Target]:
        """Targets to write or to remove."""
        writes = {target for target in self.rendered if self._differs(target)}
        removals = {target for target in self.applied if target not in self.rendered and target not in self.kept}
        return frozenset(writes | removals)

    def _differs(self, target: Target) -> bool:
        row, wanted = self.applied.get(target), self.rendered[target]
        if row is None or row.state is not AppliedState.WRITTEN or row.value != wanted.value:
            return True
        now = self.live.get(target, Unknown())
        return not isinstance(now, Unknown) and not isinstance(
            decide(target, wanted, row, now, mesh=self.topology.mesh), Agree
        )

    @cached_property
    def networks(self) -> tuple[Target, ...]:
        return tuple(sorted(target for target in {*self.rendered, *self.applied} if target.field == NETWORKS_FIELD))

    @cached_property
    def listed(self) -> frozenset[str]:
        """Groups that istiod may know: everything in the lists as they were perhaps sent, or at a last restart."""
        sent = (name for target in self.networks if target in self.applied for name in self.applied[target].value)
        return frozenset(sent) | frozenset(name for names in self.published.values() for name in names)

    @cached_property
    def members(self) -> frozenset[str]:
        """Groups that surely have been joined already: no new join, so no preflight."""
        rows = [self.applied[target] for target in self.networks if target in self.applied]
        written = frozenset(name for row in rows if row.state is AppliedState.WRITTEN for name in row.value)
        if all(row.state is AppliedState.WRITTEN for row in rows):
            return written
        return written | frozenset(name for names in self.published.values() for name in names)

    @cached_property
    def applied_joined(self) -> frozenset[str]:
        return frozenset(
            name for target in self.networks if target in self.applied for name in self.applied[target].value
        )

    @cached_property
    def joined(self) -> frozenset[str]:
        return frozenset(group.name for group in self.topology.joined)

    @cached_property
    def networks_owed(self) -> bool:
        # An address that is still awaited is in no target yet; the join that waits for it is owed all the same.
        if any(target in self.owed for target in self.networks) or self._awaits():
            return True
        known = any(istiod.networks is not None for istiod in self.facts.istiods)
        return not known and self.joined != self.applied_joined

    @cached_property
    def restart_owed(self) -> bool:
        if not self.facts.istiods:
            return self.joined != self.applied_joined
        # A group whose only address is awaited is not rendered yet, and will be new to every istiod.
        new = self.joined - frozenset(networks_of(self.topology))
        return bool(new - self.applied_joined) or bool(
            restart_owed(self.topology, self.rendered, self.facts, self.published)
        )

    @cached_property
    def verify_owed(self) -> bool:
        owed = verify_owed(self.topology, self.rendered, self.facts, self.verified)
        return self.networks_owed or self.restart_owed or bool(owed)

    @cached_property
    def unverified(self) -> bool:
        """What was sent before has not been seen on every replica."""
        for istiod in self.facts.istiods:
            row = None if istiod.networks is None else self.applied.get(networks_target(istiod.networks))
            if digest({} if row is None else row.value) != self.verified.get(istiod.deployment, digest({})):
                return True
        return False

    def _awaits(self) -> bool:
        return any(address.awaited for group in self.topology.joined for address in group.addresses or ())

    def owed_in(self, targets: Iterable[Target]) -> tuple[Target, ...]:
        return tuple(sorted(target for target in targets if target in self.owed))


def _prepare(state: _State) -> Iterator[PlannedStep]:
    rule = rule_target(state.topology)
    if rule in state.owed and rule in state.rendered:
        yield PlannedStep(Phase.PREPARE, state.topology.config, StepKind.RULE, targets=(rule,))
    for cluster in state.topology.clusters.values():
        group = state.topology.group_of(cluster.name)
        if group is not None:
            yield from _prepare_member(state, cluster, group)


def _prepare_member(state: _State, cluster: Cluster, group: Group) -> Iterator[PlannedStep]:
    label = label_target(state.topology, cluster.uid)
    webhooks = [target for target in {*state.rendered, *state.applied} if _is_webhook(target, cluster.uid)]
    injection = state.owed_in(webhooks)
    grouped = label in state.owed
    if grouped:
        yield PlannedStep(Phase.PREPARE, cluster.uid, StepKind.LABEL, group=group.name, targets=(label,))
    if grouped or injection:
        yield PlannedStep(Phase.PREPARE, cluster.uid, StepKind.INJECTION, group=group.name, targets=injection)
    gateways = state.topology.gateways_of_cluster(cluster.name)
    changed = {gateway.id: state.owed_in(_objects(state, gateway)) for gateway in gateways}
    for gateway in gateways:
        if changed[gateway.id]:
            targets = changed[gateway.id]
            yield PlannedStep(Phase.PREPARE, cluster.uid, StepKind.GATEWAY, gateway.id, group.name, targets)
    for gateway in gateways:
        if _address_owed(gateway, group, changed=bool(changed[gateway.id])):
            yield PlannedStep(Phase.PREPARE, cluster.uid, StepKind.ADDRESS, gateway.id, group.name)
    if grouped:
        yield PlannedStep(Phase.PREPARE, cluster.uid, StepKind.STALE, group=group.name)


def _address_owed(gateway: Gateway, group: Group, *, changed: bool) -> bool:
    if gateway.spec.service_type is not ServiceType.LOAD_BALANCER:
        return False
    return changed or any(address.awaited and address.gateway == gateway.key for address in group.addresses or ())


def _preflight(state: _State) -> Iterator[PlannedStep]:
    for name in sorted(state.joined - state.members):
        yield PlannedStep(Phase.PREFLIGHT, f"{GROUP_CHAIN}{name}", StepKind.PREFLIGHT, name, name)


def _publish(state: _State) -> Iterator[PlannedStep]:
    if state.networks_owed:
        yield PlannedStep(Phase.PUBLISH, MESH_CHAIN, StepKind.NETWORKS, targets=state.owed_in(state.networks))
    if state.restart_owed:
        yield PlannedStep(Phase.PUBLISH, MESH_CHAIN, StepKind.RESTART)
    if state.verify_owed:
        yield PlannedStep(Phase.PUBLISH, MESH_CHAIN, StepKind.VERIFY)


def _withdraw(state: _State) -> Iterator[PlannedStep]:
    leaving = [target for target in state.owed if target not in state.rendered and target.field != NETWORKS_FIELD]
    for uid in sorted({target.cluster for target in leaving}):
        yield from _withdraw_member(state, uid, [target for target in leaving if target.cluster == uid])


def _withdraw_member(state: _State, uid: str, leaving: list[Target]) -> Iterator[PlannedStep]:
    label = label_target(state.topology, uid)
    group = str(state.applied[label].value) if label in state.applied else ""
    after_verify = bool(group) and group not in state.joined and (group in state.listed or state.unverified)
    alive = {wanted.gateway for wanted in state.rendered.values() if wanted.gateway}
    gone = {state.applied[target].gateway for target in leaving} - alive - {""}

    def step(kind: StepKind, targets: tuple[Target, ...], subject: str = "") -> PlannedStep:
        return PlannedStep(Phase.WITHDRAW, uid, kind, subject, group, targets, after_verify)

    for gateway in sorted(gone):
        objects = sorted(target for target in leaving if state.applied[target].gateway == gateway)
        yield step(StepKind.GATEWAY_DELETE, tuple(objects), gateway)
    member = state.topology.cluster_by_uid(uid)
    if member is not None and state.topology.group_of(member.name) is not None:
        return
    webhooks = tuple(sorted(target for target in leaving if _is_webhook(target, uid)))
    if webhooks:
        yield step(StepKind.INJECTION_RESTORE, webhooks)
    if label in leaving:
        yield step(StepKind.LABEL_RESTORE, (label,))
        yield step(StepKind.STALE, ())


def _close(state: _State) -> Iterator[PlannedStep]:
    rule = rule_target(state.topology)
    if rule in state.owed and rule not in state.rendered:
        yield PlannedStep(Phase.CLOSE, state.topology.config, StepKind.RULE_DELETE, targets=(rule,))


def _is_webhook(target: Target, uid: str) -> bool:
    return target.cluster == uid and target.field.startswith(WEBHOOK_FIELD_PREFIX)


def _objects(state: _State, gateway: Gateway) -> Iterator[Target]:
    """The gateway's objects: as they shall be, and those of an earlier shape (an autoscaler, a disruption budget)."""
    yield from (target for target, wanted in state.rendered.items() if wanted.gateway == gateway.id)
    yield from (
        target for target, row in state.applied.items() if row.gateway == gateway.id and target not in state.rendered
    )
