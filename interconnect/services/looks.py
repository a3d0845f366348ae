"""What a page asks the clusters of a mesh now: the gateway rule, what differs from what was asked for, stale workloads.

Results: `rule` gives `{"gateways": [...], "drift": [...]}`, `enabling` those gateways of others that our rule will meet,
`drift` gives `{"writes": [...], "unreachable": [...], "tokens": [...]}`; `drift.restore` and `workloads.restart` start a rollout on
behalf of whoever asks and give `{"rollout": id}`.
"""

from __future__ import annotations

from dataclasses import replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from interconnect import clients, store
from interconnect.domain.entries import MESH_LABEL, RULE_NAME
from interconnect.domain.manifests import GATEWAY_SELECTOR
from interconnect.domain.render import rule_target
from interconnect.domain.topology import GATEWAY_PORT
from interconnect.domain.writes import Verb
from interconnect.kube import kinds
from interconnect.kube.reading import items, mapping, number, text
from interconnect.scope import scope_of
from interconnect.services.excerpts import block_yaml
from interconnect.services.inquiries import answers
from interconnect.services.planning import PlannedWrite, Preview, Scene, preview, scene_of, shown
from interconnect.services.refusal import Refused
from interconnect.services.rollouts import drift_restore
from interconnect.services.workloads import workloads_restart
from meshconsole.access.actor import Actor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from interconnect.domain.topology import Topology
    from interconnect.domain.violations import Violation
    from interconnect.models import Inquiry, Mesh

Json = dict[str, Any]

RULE, ENABLING, DRIFT, RESTORE, RESTART = "rule", "enabling", "drift", "drift.restore", "workloads.restart"
MOST_GATEWAYS = 50
MOST_TEXT = 100_000
CONTEXT_LINES = 3


def _mesh(inquiry: Inquiry) -> Mesh:
    if inquiry.mesh is None:
        raise LookupError("this is asked of a mesh")
    return inquiry.mesh


@answers(RULE, shared=True)
def rule(inquiry: Inquiry) -> Json:
    """Every Gateway of the config cluster that opens 15443, ours first, and what of ours is not as it was written."""
    mesh = _mesh(inquiry)
    return {**_gateways(mesh, _on_the_port(mesh)), "drift": _rule_drift(mesh)}


@answers(ENABLING, shared=True)
def enabling(inquiry: Inquiry) -> Json:
    """Gateways on 15443 that others made and that our rule will meet: by its name, or on the same gateways by the selector."""
    mesh = _mesh(inquiry)
    return _gateways(
        mesh, [obj for obj in _on_the_port(mesh) if not _is_ours(mesh, obj) and (_has_our_name(mesh, obj) or _selects_ours(obj))]
    )


def _on_the_port(mesh: Mesh) -> list[Json]:
    return [obj for obj in clients.config_api(mesh).list(kinds.GATEWAY) if _opens_the_port(obj)]


def _gateways(mesh: Mesh, found: Iterable[Json]) -> Json:
    lines = sorted((_gateway(mesh, obj) for obj in found), key=lambda line: (not line["ours"], line["namespace"], line["name"]))
    return {"gateways": lines[:MOST_GATEWAYS], "more": max(0, len(lines) - MOST_GATEWAYS)}


def _opens_the_port(obj: Json) -> bool:
    return any(number(mapping(server, "port"), "number") == GATEWAY_PORT for server in items(obj, "spec", "servers"))


def _gateway(mesh: Mesh, obj: Json) -> Json:
    return {
        "namespace": text(obj, "metadata", "namespace"),
        "name": text(obj, "metadata", "name"),
        "ours": _is_ours(mesh, obj),
        "taken": _has_our_name(mesh, obj) and not _is_ours(mesh, obj),
        "text": as_text(shown(obj)),
    }


def _is_ours(mesh: Mesh, obj: Json) -> bool:
    return mapping(obj, "metadata", "labels").get(MESH_LABEL) == str(mesh.id)


def _has_our_name(mesh: Mesh, obj: Json) -> bool:
    return (text(obj, "metadata", "namespace"), text(obj, "metadata", "name")) == (mesh.system_namespace, RULE_NAME)


def _selects_ours(obj: Json) -> bool:
    """Whether it applies to our gateways' Pods; Istio takes a Gateway without a selector for all."""
    return mapping(obj, "spec", "selector").items() <= GATEWAY_SELECTOR.items()


def _rule_drift(mesh: Mesh) -> list[Json]:
    topology, scene = store.load(mesh), scene_of(mesh)
    target = rule_target(topology)
    if not topology.enabled or target not in scene.applied:
        return []
    # The rule alone: nothing else has to be asked for it.
    bare = replace(topology, clusters={}, groups={}, gateways={})
    alone = replace(scene, facts=replace(scene.facts, istiods=()), applied={target: scene.applied[target]})
    return [write_as_json(write, {}) for write in _preview(bare, alone).writes if write.verb is not Verb.LOOK]


@answers(DRIFT, shared=True)
def drift(inquiry: Inquiry) -> Json:
    """What would be written to make everything as it was asked for, object by object."""
    mesh = _mesh(inquiry)
    topology = store.load(mesh)
    seen = _preview(topology, scene_of(mesh))
    names = {cluster.uid: cluster.name for cluster in topology.clusters.values()}
    return {
        "writes": [write_as_json(write, names) for write in seen.writes if write.verb is not Verb.LOOK],
        "unreachable": [
            violation_as_json(replace(failure, params={**failure.params, "cluster": names.get(uid, "")}))
            for uid, failure in seen.unreachable.items()
        ],
        "tokens": list(seen.tokens),
        "empty": seen.empty,
    }


def _preview(topology: Topology, scene: Scene) -> Preview:
    """With what each refused write would come to, so that whoever consents sees it before."""
    seen = preview(topology, scene)
    if not seen.tokens:
        return seen
    agreed = preview(topology, replace(scene, consents=scene.consents | set(seen.tokens)))
    after = {write.target: write.after for write in agreed.writes}
    return replace(seen, writes=tuple(replace(write, after=after.get(write.target, write.after)) for write in seen.writes))


@answers(RESTORE)
def restore(inquiry: Inquiry) -> Json:
    """From a fresh look: what has changed since the one that was shown is written only where it needs no consent."""
    mesh, accept = _mesh(inquiry), [str(token) for token in inquiry.params.get("accept", ())]
    seen = preview(store.load(mesh), scene_of(mesh, consents=accept))
    if seen.empty:
        raise Refused.because("drift.none")
    rollout = drift_restore(actor=_actor(inquiry, mesh), mesh=mesh, live=seen.live, accept=accept)
    return {"rollout": str(rollout.id)}


@answers(RESTART)
def restart(inquiry: Inquiry) -> Json:
    mesh, params = _mesh(inquiry), inquiry.params
    actor = _actor(inquiry, mesh)
    rollout = workloads_restart(actor=actor, mesh=mesh, group=params.get("group", ""), cluster=params.get("cluster", ""))
    return {"rollout": str(rollout.id)}


def _actor(inquiry: Inquiry, mesh: Mesh) -> Actor:
    """With the role that the person has now, not when the question was asked."""
    return Actor.for_user(inquiry.user, scope_of(mesh.id))


def write_as_json(write: PlannedWrite, names: dict[str, str]) -> Json:
    target = write.target
    before, after = only_changes(as_text(write.before), as_text(write.after))
    return {
        "cluster": names.get(target.cluster, ""),
        "kind": target.kind,
        "namespace": target.namespace,
        "name": target.name,
        "field": target.field,
        "owners": list(write.owners),
        "before": before,
        "after": after,
        "problems": [violation_as_json(problem) for problem in write.problems],
    }


def only_changes(before: str, after: str) -> tuple[str, str]:
    """Both without the lines that are the same and far from any difference: of hundreds of clusters that is most of it."""
    old, new = before.splitlines(), after.splitlines()
    kept_old: list[str] = []
    kept_new: list[str] = []
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT_LINES):
        for _tag, old_start, old_end, new_start, new_end in group:
            kept_old += old[old_start:old_end]
            kept_new += new[new_start:new_end]
    return "\n".join(kept_old), "\n".join(kept_new)


def violation_as_json(violation: Violation) -> Json:
    return {"code": violation.code, "params": dict(violation.params), "token": violation.token}


def as_text(obj: Json | None) -> str:
    return block_yaml(obj)[:MOST_TEXT]
