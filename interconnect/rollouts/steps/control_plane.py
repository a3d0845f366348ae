"""The gateway rule, meshNetworks, the guarded restart of istiod, and the proof that every replica has the desired
networks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from django.conf import settings

from interconnect import clients
from interconnect.domain.entries import Applied, Rendered, Target
from interconnect.domain.findings import Subject, SubjectKind
from interconnect.domain.json_types import Json
from interconnect.domain.networks import digest
from interconnect.domain.patience import ISTIOD_SECONDS
from interconnect.domain.plan import expected_networks, restart_owed
from interconnect.domain.render import NETWORKS_FIELD, rule_target
from interconnect.domain.topology import RestartPolicy
from interconnect.domain.verify import GuardChoice
from interconnect.kube import kinds, probe
from interconnect.kube.istiod import replicas
from interconnect.observing.istiods import guard, read_istiods, replicas_seen, sources, verdict, verdict_of
from interconnect.rollouts.outcome import Done, StepFailed, Wait
from interconnect.rollouts.work import described, removal_evidence
from interconnect.state import applied, observed
from interconnect.state.findings import end_findings

if TYPE_CHECKING:
    from interconnect.domain.facts import Facts, Istiod
    from interconnect.domain.seen import ReplicaSeen
    from interconnect.domain.writes import Write
    from interconnect.rollouts.work import Work

DELETION_SECONDS = 120
RULE_ROUNDS = 4
AUTOMATIC_SECONDS = 30
AUTOMATIC_MOUNTED_SECONDS = 150
# What is found no longer once every replica knows exactly the desired networks.
PUBLISHED = frozenset({"networks.changed", "networks.still-known", "group.not-in-effect", "group.in-effect-partly"})
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


def rule(work: Work) -> Done:
    """Write the gateway rule until a fresh look asks for nothing more: adopting a rule may take two writes, and what
    was written must exist.
    """
    target = rule_target(work.topology)
    made: list[Write] = []
    for _ in range(RULE_ROUNDS):
        more = work.reconcile(work.config, lambda _rendered, _applied: [target], cluster_uid=work.mesh.config_uid)
        made += more
        if not more:
            with work.lease.writing():
                observed.note_rule(work.mesh)
                end_findings(work.mesh, {Subject(SubjectKind.RULE)}, codes={"rule.missing", "rule.changed"})
            return Done({"written": [write.note or write.verb for write in made]}, skipped=not made)
    raise StepFailed("rule.not-there", {"name": target.name, "namespace": target.namespace})


def rule_delete(work: Work) -> Done | Wait:
    """Delete the gateway rule, or put it back as it was found, and see that it is gone."""
    target = rule_target(work.topology)
    made = work.reconcile(work.config, lambda _rendered, _applied: [target], cluster_uid=work.mesh.config_uid)
    evidence = removal_evidence(made, work.step.evidence)
    if target not in applied.rows(work.mesh, cluster_uid=work.mesh.config_uid):
        return Done(evidence, skipped=not made and work.step.attempts == 1)
    finalizers = (work.config.read(target) or {}).get("metadata", {}).get("finalizers") or []
    if work.waited() > DELETION_SECONDS:
        raise StepFailed("gateway.not-deleted", {"objects": [described(target)], "finalizers": finalizers})
    return Wait(None, evidence | {"present": [described(target)], "finalizers": finalizers})


def networks(work: Work) -> Done:
    """Write meshNetworks once per ConfigMap that an istiod reads, with all joins, removals and addresses."""
    facts = _fresh(work)
    unknown = sorted(item.deployment for item in facts.istiods if item.networks is None)
    if unknown:
        raise StepFailed("networks.source-unknown", {"istiods": unknown})
    if not facts.istiods:
        raise StepFailed("networks.no-istiod", {"namespace": work.mesh.system_namespace})
    pending = [
        group.name for group in work.topology.joined if not any(not entry.awaited for entry in group.addresses or ())
    ]
    clusters = {item.networks.cluster for item in facts.istiods if item.networks}
    clusters |= {target.cluster for target in applied.rows(work.mesh) if target.field == NETWORKS_FIELD}
    written: list[str] = []
    for uid in sorted(clusters):

        def choose(rendered: Rendered, rows: Mapping[Target, Applied], uid: str = uid) -> Iterable[Target]:
            return [target for target in (*rendered, *rows) if target.cluster == uid and target.field == NETWORKS_FIELD]

        made = work.reconcile(clients.system_api(work.mesh, uid), choose, cluster_uid=uid)
        written += [f"{write.target.namespace}/{write.target.name}" for write in made]
    return Done({"config_maps": written, "address_pending": pending}, skipped=not written)


def _fresh(work: Work) -> Facts:
    found, foreign = read_istiods(work.mesh)
    with work.lease.writing():
        observed.note_istiods(work.mesh, found, foreign=foreign)
    work.known.use_fresh_facts()
    return work.facts


def restart(work: Work) -> Done | Wait:
    """Restart only istiods whose joined networks have changed since their last restart, and only when no endpoints
    would be lost.
    """
    facts = _fresh(work)
    restarted, _ = applied.published(work.mesh)
    owed = [
        item
        for item in facts.istiods
        if item.deployment in restart_owed(work.published_topology, work.rendered, facts, restarted)
    ]
    if not owed:
        return Done(skipped=True)
    if work.rollout.restart == RestartPolicy.NEVER:
        return _settled(work, facts, owed, {"policy": "never"}, skipped=True)
    found = {
        item.deployment: work.control_plane.get(kinds.DEPLOYMENT, item.deployment, work.mesh.system_namespace) or {}
        for item in owed
    }
    begun = [item for item in owed if _begun(work, found[item.deployment])]
    if not begun and work.rollout.restart == RestartPolicy.AUTOMATIC:
        waiting = _wait_for_reload(work, facts, owed)
        if waiting is not None:
            return waiting
    if not begun:
        skipped = _guarded(work, facts, owed)
        if skipped is not None:
            return skipped
    return _roll(work, facts, owed, begun, found)


def _begun(work: Work, deployment: Json) -> bool:
    annotations = deployment.get("spec", {}).get("template", {}).get("metadata", {}).get("annotations") or {}
    return bool(annotations.get(RESTARTED_AT) == work.step.params["restarted_at"])


def _wait_for_reload(work: Work, facts: Facts, owed: list[Istiod]) -> Done | Wait | None:
    """*Automatic*: istiod usually picks the change up by itself. None when it has not, and must be restarted."""
    if all(_agrees(work, facts, item) for item in owed):
        return _settled(work, facts, owed, {"policy": "automatic", "picked_up": True}, skipped=True)
    limit = max(AUTOMATIC_MOUNTED_SECONDS if item.mounted else AUTOMATIC_SECONDS for item in owed)
    return Wait(1.0, {"waiting_for": "reload"}) if work.waited() < limit else None


def _agrees(work: Work, facts: Facts, item: Istiod) -> bool:
    expected = expected_networks(work.published_topology, work.rendered, facts)[item.deployment]
    return verdict(work.mesh, item, expected, facts.foreign_networks).agrees


def _guarded(work: Work, facts: Facts, owed: list[Istiod]) -> Done | None:
    """None when the restart may begin; the decision that the actor took otherwise."""
    reasons = guard(work.mesh, facts)
    if not reasons or work.rollout.guard == GuardChoice.FORCE:
        return None
    found = [reason.to_json() for reason in reasons]
    if work.rollout.guard == GuardChoice.SKIP:
        return _settled(work, facts, owed, {"guard": found, "decision": GuardChoice.SKIP}, skipped=True)
    clusters = sorted({str(reason.params["cluster"]) for reason in reasons if "cluster" in reason.params})
    raise StepFailed("restart.guard", {"clusters": clusters}, {"guard": found})


def _roll(work: Work, facts: Facts, owed: list[Istiod], begun: list[Istiod], found: Mapping[str, Json]) -> Done | Wait:
    """One istiod after the other. `found` are their Deployments, read just now."""
    namespace = work.mesh.system_namespace
    progress: Json = {}
    for item in owed:
        deployment = found[item.deployment] if item in begun else _begin(work, item)
        now = probe.deployment_status(deployment)
        progress[item.deployment] = {"replicas": now.desired, "updated": now.updated, "available": now.available}
        if not now.settled or len(replicas(work.control_plane, item, namespace)) != now.desired:
            if now.failure == "ProgressDeadlineExceeded" or work.waited() > ISTIOD_SECONDS:
                params = {
                    "deployment": item.deployment,
                    "available": now.available,
                    "replicas": now.desired,
                    "said": now.message,
                }
                raise StepFailed("restart.not-available", params, progress)
            return Wait(0.5, progress)
    return _settled(work, facts, owed, {"restarted": progress})


def _begin(work: Work, item: Istiod) -> Json:
    target = Target(work.mesh.control_plane.uid, "apps/v1", "Deployment", work.mesh.system_namespace, item.deployment)
    template = {"metadata": {"annotations": {RESTARTED_AT: work.step.params["restarted_at"]}}}
    work.lease.hold()
    return work.control_plane.strategic_patch(target, {"spec": {"template": template}})


def _settled(work: Work, facts: Facts, owed: list[Istiod], evidence: Json, *, skipped: bool = False) -> Done:
    """Made, skipped or not needed: until the list of networks changes again, no restart is owed."""
    expected = expected_networks(work.published_topology, work.rendered, facts)
    with work.lease.writing():
        for item in owed:
            applied.note_restart(work.mesh, item.deployment, expected[item.deployment])
    return Done(evidence, skipped=skipped)


def verify(work: Work) -> Done | Wait:
    """Succeed when every replica of every istiod shows exactly the desired networks, within a minute."""
    facts = _fresh(work)
    expected = expected_networks(work.published_topology, work.rendered, facts)
    seen = {item.deployment: _asked(work, facts, item, expected[item.deployment]) for item in facts.istiods}
    verdicts = {name: verdict_of(found, expected[name], facts.foreign_networks) for name, found in seen.items()}
    findings = [
        replace(violation, params={"istiod": name, **violation.params}).to_json()
        for name, found in verdicts.items()
        for violation in found.violations
    ]
    evidence = {"replicas": {name: sorted(found.replicas) for name, found in verdicts.items()}, "findings": findings}
    if verdicts and all(found.agrees for found in verdicts.values()):
        with work.lease.writing():
            for item in facts.istiods:
                applied.note_verified(work.mesh, item.deployment, digest(expected[item.deployment]))
            applied.drop_publications(work.mesh, set(applied.published(work.mesh)[1]) - set(verdicts))
            observed.note_replicas(work.mesh, [each for found in seen.values() for each in found])
            groups = {Subject(SubjectKind.GROUP, name) for name in work.topology.groups}
            end_findings(work.mesh, groups | {Subject(SubjectKind.CONTROL_PLANE)}, codes=PUBLISHED)
        return Done(evidence)
    if work.waited() > _verify_seconds(work, facts):
        raise StepFailed("verify.mismatch", {"findings": len(findings)}, evidence)
    return Wait(0.5, evidence)


def _asked(work: Work, facts: Facts, item: Istiod, expected: Json) -> tuple[ReplicaSeen, ...]:
    return replicas_seen(item.deployment, sources(work.mesh, item), expected, facts.foreign_networks)


def _verify_seconds(work: Work, facts: Facts) -> float:
    """Without a restart a mounted file follows late."""
    extra = AUTOMATIC_MOUNTED_SECONDS if any(item.mounted for item in facts.istiods) else AUTOMATIC_SECONDS
    patient = work.rollout.restart != RestartPolicy.ALWAYS
    return float(settings.MESHCONSOLE_VERIFY_SECONDS) + (extra if patient else 0)
