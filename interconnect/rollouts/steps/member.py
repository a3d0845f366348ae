"""A member's network label, its injection webhooks, and the Pods that still carry another network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from interconnect.domain.entries import Present, Target
from interconnect.domain.findings import Subject, SubjectKind
from interconnect.domain.render import LABEL_FIELD, WEBHOOK_FIELD_PREFIX
from interconnect.kube import istiod, kinds
from interconnect.kube.errors import Permanent
from interconnect.observing.stale import count_stale
from interconnect.rollouts.outcome import Done
from interconnect.state import observed
from interconnect.state.findings import end_findings

if TYPE_CHECKING:
    from interconnect.domain.entries import Applied, Live, Rendered
    from interconnect.domain.json_types import Json
    from interconnect.rollouts.work import Work


def label(work: Work) -> Done:
    done = _reconcile(work, is_label)
    _put_right(work, "Namespace", "cluster.network-label")
    return done


def label_restore(work: Work) -> Done:
    return _reconcile(work, is_label)


def injection(work: Work) -> Done:
    """Set the network in the webhooks' paths. Reads the webhooks again, since revisions and tags come and go."""
    configurations = work.member.list(kinds.MUTATING_WEBHOOK)
    entries = istiod.injection_entries(configurations)
    if work.cluster:
        observed.note_webhooks(work.cluster, entries)
        work.known.know_webhooks(entries)
    done = _reconcile(work, is_webhook, seen=_as_read(work.step.chain, configurations))
    _put_right(work, kinds.MUTATING_WEBHOOK.kind, "cluster.injection-path")
    return Done({**done.evidence, "entries": len(entries)}, skipped=done.skipped)


def injection_restore(work: Work) -> Done:
    return _reconcile(work, is_webhook)


def _put_right(work: Work, kind: str, code: str) -> None:
    """What a step has just seen as it should be is found no longer."""
    if work.cluster:
        observed.note_put_right(work.cluster, kind)
        end_findings(work.mesh, {Subject(SubjectKind.CLUSTER, work.cluster.name)}, codes={code})


def stale_pods(work: Work) -> Done:
    """Count the stale Pods and store the counts; never a reason to fail."""
    cluster = work.cluster
    if cluster is None:
        return Done(skipped=True)
    group = work.topology.group_of(cluster.name)
    try:
        counted = count_stale(work.member, group.name if group else "")
    except Permanent as error:
        return Done({"failure": error.violation().to_json()})
    observed.note_stale(cluster, counted)
    return Done(counted.to_json())


def is_label(target: Target) -> bool:
    return target.field == LABEL_FIELD


def is_webhook(target: Target) -> bool:
    return target.field.startswith(WEBHOOK_FIELD_PREFIX)


def _as_read(uid: str, configurations: Iterable[Json]) -> dict[Target, Live]:
    """Items of a list, which leaves their kind out, as if each had been read by itself."""
    read: dict[Target, Live] = {}
    for item in configurations:
        identity = {"apiVersion": kinds.MUTATING_WEBHOOK.api_version, "kind": kinds.MUTATING_WEBHOOK.kind}
        read[Target(uid, identity["apiVersion"], identity["kind"], "", item["metadata"]["name"])] = Present(
            identity | item
        )
    return read


def _reconcile(work: Work, mine: Callable[[Target], bool], *, seen: Mapping[Target, Live] | None = None) -> Done:
    uid = work.step.chain

    def choose(rendered: Rendered, applied: Mapping[Target, Applied]) -> Iterable[Target]:
        return [target for target in (*rendered, *applied) if target.cluster == uid and mine(target)]

    made = work.reconcile(work.member, choose, cluster_uid=uid, seen=seen)
    return Done({"written": [write.note or write.verb for write in made]}, skipped=not made)
