"""Plans that a page shows before anything is started: asked of the clusters by a worker, kept with the mesh's revision,
and turned into one rollout. Result of an inquiry of the kind `plan`:
    {"revision", "digest", "refusals": [violation], "steps": [{"phase", "chain", "kind", "subject", "group", "left"}],
     "writes": [{"cluster", "kind", "namespace", "name", "field", "verb", "note", "before", "after", "problems",
     "owners"}], "unreachable": [violation], "control_plane": violation or null, "findings": {group: [finding]},
     "awaited": {group: [gateway]}, "istiods": [{"deployment", "replicas", "strategy"}], "proxies": int or null, "left":
     {"role", "rollout", "actor"} or null, "live": [[target, object or null]], "guard": [violation], "rollout": str once
     it is started}
A violation is {"code", "params", "token"}, a cluster its `kube-system` UID; `before` and `after` are YAML of what
differs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import transaction

from interconnect import clients
from interconnect.domain.changes import Change, Join, apply_all
from interconnect.domain.entries import Absent, Live, Present, Target
from interconnect.domain.findings import Severity
from interconnect.domain.json_types import Json
from interconnect.domain.plan import plan
from interconnect.domain.refusal import Refused
from interconnect.domain.render import render
from interconnect.domain.serial import changes_from_json, changes_to_json
from interconnect.domain.steps import CENTRAL, StepKind
from interconnect.domain.topology import Topology
from interconnect.domain.writes import Verb
from interconnect.kube import debug
from interconnect.kube.errors import KubeError
from interconnect.models import Inquiry, InquiryStatus, Mesh, Rollout
from interconnect.observing import preflight
from interconnect.observing.istiods import ask_each, sources
from interconnect.planning.preview import PlannedWrite, Preview, Scene, preview_agreed, scene_of, write_as_json
from interconnect.rollouts import engine
from interconnect.services.inquiries import Kind, inquiry_again, inquiry_drop, inquiry_start
from interconnect.services.rollouts import Start, leftovers, rollout_start
from interconnect.state import desired, observed

if TYPE_CHECKING:
    from interconnect.domain.facts import Facts
    from interconnect.domain.steps import PlannedStep
    from interconnect.domain.topology import RestartPolicy
    from interconnect.domain.violations import Violation
    from interconnect.models import Step
    from meshconsole.access.actor import Actor

KIND = Kind("plan", shared=True)


def plan_of(*, mesh: Mesh, user_id: int, changes: Sequence[Change]) -> Inquiry:
    """Return the user's plan of these changes for the mesh as it is now; ask for one if there is none yet."""
    wanted = {"changes": changes_to_json(changes), "revision": mesh.revision, "decision": ""}
    for known in Inquiry.objects.filter(mesh=mesh, user_id=user_id, kind=KIND.name).order_by("-asked_at"):
        if all(known.params.get(key) == value for key, value in wanted.items()) and not known.result.get("rollout"):
            return known
    return inquiry_start(user_id=user_id, kind=KIND, mesh=mesh, params=wanted | {"accepted": []})


def plan_anew(*, mesh: Mesh, user_id: int, changes: Sequence[Change]) -> Inquiry:
    """Make the plan again. What the clusters said before is dropped, and so are the consents."""
    inquiry_drop(inquiry=plan_of(mesh=mesh, user_id=user_id, changes=changes))
    return plan_of(mesh=mesh, user_id=user_id, changes=changes)


def plan_afresh(
    *,
    mesh: Mesh,
    user_id: int,
    changes: Sequence[Change],
    decision: str,
    retried: Rollout | None = None,
    accepted: Sequence[str] = (),
) -> Inquiry:
    """Make a plan for one question (named by `decision`) from what the clusters say now, whoever asked before.

    `retried`: the rollout that the question would retry; `accepted`: tokens that the question's own button consents to.
    """
    wanted = {
        "changes": changes_to_json(changes),
        "revision": mesh.revision,
        "decision": decision,
        "accepted": list(accepted),
    }
    return inquiry_start(
        user_id=user_id, kind=KIND, mesh=mesh, params=wanted | ({"retried": str(retried.id)} if retried else {})
    )


def plan_consent(*, inquiry: Inquiry, token: str, given: bool = True) -> None:
    """Note on the plan that one of its findings is overridden, or no longer is. This is recorded for good when the plan
    is started.

    Some consents change what is written; the plan is then made again with them.
    """
    with transaction.atomic():
        row = _locked(inquiry)
        if row is None:
            return
        offered = {item["token"]: item for item in decisive(row.result)}
        before = [known for known in row.params.get("accepted", ()) if known != token]
        consented = [known for known in row.params.get("consented", ()) if known["token"] != token]
        again = token in offered or len(consented) < len(row.params.get("consented", ()))
        accepted = [*before, token] if given and token in tokens_of(row.result) else before
        params = {
            **row.params,
            "accepted": accepted,
            "consented": [*consented, offered[token]] if given and token in offered else consented,
        }
        if again:
            inquiry_again(inquiry=row, kind=KIND, params=params)
        else:
            Inquiry.objects.filter(id=row.id).update(params=params)


def decisive(result: Mapping[str, Any]) -> tuple[Json, ...]:
    """Return the tokens that change what is planned: conflicts of writes, and overridable violations of rules."""
    problems = [problem for write in result.get("writes", ()) for problem in write["problems"]]
    return tuple(item for item in (*result.get("refusals", ()), *problems) if item["token"])


def _locked(inquiry: Inquiry) -> Inquiry | None:
    """The plan as it is now; None when it has just been made anew in another tab."""
    return Inquiry.objects.select_for_update().filter(id=inquiry.id).first()


def tokens_of(result: Mapping[str, Any]) -> tuple[str, ...]:
    """Return every token that can be consented to."""
    found = [*decisive(result), *(item for items in result.get("findings", {}).values() for item in items)]
    return tuple(dict.fromkeys(item["token"] for item in found if item["token"]))


def blocking(result: Mapping[str, Any], accepted: Iterable[str]) -> tuple[Json, ...]:
    """Return why the plan can't be started: final findings, refusals, and findings that still need a consent."""
    given = set(accepted)
    found = [
        item for items in result.get("findings", {}).values() for item in items if item["severity"] != Severity.WARNING
    ]
    unanswered = [item for item in (*found, *decisive(result)) if item["token"] and item["token"] not in given]
    final = [item for item in (*found, *result.get("refusals", ())) if not item["token"]]
    return tuple({(item["code"], item["token"]): item for item in (*final, *unanswered)}.values())


def plan_start(
    *, actor: Actor, mesh: Mesh, inquiry: Inquiry, changes: Sequence[Change], restart: RestartPolicy | None = None
) -> Rollout:
    """Start the rollout of a plan; sending it again returns the same rollout.

    Raises Refused when the plan is outdated, not ready, or blocked.
    """

    def start(row: Inquiry) -> Rollout:
        if row.params["changes"] != changes_to_json(changes):
            raise outdated(row, mesh)
        require_answered(row)
        return rollout_start(
            actor=actor,
            start=Start(
                mesh,
                changes,
                revision=row.params["revision"],
                accept=row.params.get("accepted", ()),
                restart=restart,
                live=live_of(row.result),
            ),
        )

    return carried_out(mesh=mesh, inquiry=inquiry, start=start)


def carried_out(*, mesh: Mesh, inquiry: Inquiry, start: Callable[[Inquiry], Rollout]) -> Rollout:
    """Return what `start` makes of a plan that is ready and still valid; for a plan that was already started, the
    rollout that it became.
    """
    with transaction.atomic():
        row = _locked(inquiry)
        if row is None:
            raise outdated(inquiry, mesh)
        started = row.result.get("rollout")
        if started:
            return Rollout.objects.select_related("mesh").get(id=started)
        try:
            require_ready(row, mesh)
            rollout = start(row)
        except Refused as refused:
            # The audit entry of the refusal is to stay.
            refusal = refused
        else:
            Inquiry.objects.filter(id=row.id).update(result={**row.result, "live": [], "rollout": str(rollout.id)})
            return rollout
    raise refusal


def require_ready(row: Inquiry, mesh: Mesh) -> None:
    mesh.refresh_from_db(fields=["revision"])
    if row.params["revision"] != mesh.revision:
        raise outdated(row, mesh)
    if row.status == InquiryStatus.FAILED:
        raise Refused.from_json(row.errors)
    if row.status != InquiryStatus.DONE:
        raise Refused.because("plan.not-ready")


def require_answered(row: Inquiry) -> None:
    blocked = blocking(row.result, row.params.get("accepted", ()))
    if blocked:
        raise Refused.because("plan.blocked", codes=sorted({item["code"] for item in blocked}))


def outdated(plan: Inquiry, mesh: Mesh) -> Refused:
    return Refused.because("plan.outdated", seen=plan.params["revision"], revision=mesh.revision)


def live_of(result: Mapping[str, Any]) -> dict[Target, Live]:
    return {Target(*place): Absent() if found is None else Present(found) for place, found in result.get("live", ())}


def answer(inquiry: Inquiry) -> Json:
    if inquiry.mesh is None:
        raise Refused.because("plan.outdated", seen=0, revision=0)
    if inquiry.mesh.revision != inquiry.params["revision"]:
        raise Refused.because("plan.outdated", seen=inquiry.params["revision"], revision=inquiry.mesh.revision)
    params = inquiry.params
    accepted = frozenset(params.get("accepted", ()))
    retried = Rollout.objects.get(id=params["retried"]) if "retried" in params else None
    changes = () if retried else changes_from_json(params["changes"])
    return made(inquiry.mesh, changes, accepted=accepted, retried=retried)


def made(
    mesh: Mesh, changes: Sequence[Change], *, accepted: frozenset[str] = frozenset(), retried: Rollout | None = None
) -> Json:
    """Look at the clusters and plan. Calls every cluster concerned, so only workers call this.

    `accepted` are consents. `retried` is the rollout to carry out again.
    """
    before = desired.load(mesh)
    looked, failure = _look(mesh)
    facts = observed.facts(mesh)
    after = apply_all(before, changes, facts=facts, overrides=accepted)
    if not isinstance(after, Topology):
        return {"revision": mesh.revision, "refusals": [violation.to_json() for violation in after]}
    scene = scene_of(mesh, consents=accepted)
    seen = preview_agreed(after, scene)
    again = list(engine.carried_out_again(retried)) if retried else []
    joining = [change.group for change in changes if isinstance(change, Join)]
    steps = [_step(step, False) for step in again] if retried else _steps(seen.steps, _left(before, scene, seen))
    result: Json = {
        "revision": mesh.revision,
        "refusals": [],
        "steps": steps,
        "writes": [
            write_as_json(write)
            for write in seen.writes
            if write.verb is not Verb.LOOK and (not retried or _concerns(mesh, again, write))
        ],
        "unreachable": [violation.to_json() for violation in seen.unreachable.values()],
        "control_plane": failure.to_json() if failure else None,
        "guard": [violation.to_json() for violation in looked[1].guard] if looked and restarts(steps) else [],
        "left": None if retried else _leftover(mesh, before),
        "live": _live(seen),
        **_joining(mesh, after, [*joining, *_preflights(again)], looked),
        **_control_plane(mesh, facts),
    }
    return result | {"digest": _digest(result)}


def restarts(steps: Iterable[Mapping[str, Any]]) -> bool:
    """Whether these steps restart the control plane, which makes its guard matter."""
    return any(step["kind"] == StepKind.RESTART for step in steps)


def _preflights(steps: Iterable[Step]) -> list[str]:
    return [step.subject for step in steps if step.kind == StepKind.PREFLIGHT]


def _concerns(mesh: Mesh, steps: Sequence[Step], write: PlannedWrite) -> bool:
    """Whether one of the steps works on the cluster that is written to; those of the mesh work on its hub."""
    hub = (mesh.config_uid, mesh.control_plane.uid)
    of_mesh = any(step.phase in CENTRAL for step in steps)
    return any(step.chain == write.target.cluster for step in steps) or (of_mesh and write.target.cluster in hub)


def _look(mesh: Mesh) -> tuple[preflight.Look | None, Violation | None]:
    try:
        return preflight.look(mesh), None
    except KubeError as error:
        return None, error.violation()


def _left(before: Topology, scene: Scene, seen: Preview) -> tuple[PlannedStep, ...]:
    """What is owed without the changes."""
    rendered = render(before, scene.facts)
    return plan(
        before,
        rendered,
        scene.applied,
        seen.live,
        published=scene.published,
        verified=scene.verified,
        facts=scene.facts,
    )


def _steps(steps: Iterable[PlannedStep], left: Iterable[PlannedStep]) -> list[Json]:
    earlier = {(step.phase, step.chain, step.kind, step.subject, step.group) for step in left}
    return [_step(step, (step.phase, step.chain, step.kind, step.subject, step.group) in earlier) for step in steps]


def _step(step: PlannedStep | Step, left: bool) -> Json:
    return {
        "phase": step.phase,
        "chain": step.chain,
        "kind": step.kind,
        "subject": step.subject,
        "group": step.group,
        "left": left,
    }


def _leftover(mesh: Mesh, before: Topology) -> Json | None:
    found = leftovers(mesh, before)
    return {"role": found[0].slug, "rollout": str(found[1].id), "actor": found[1].actor} if found else None


def _live(seen: Preview) -> list[list[Any]]:
    """What was read where something differs; of all else the rows are trusted, which came to the same."""
    targets = dict.fromkeys(write.target for write in seen.writes)
    states = ((target, seen.live.get(target)) for target in targets)
    return [
        [list(target), state.object if isinstance(state, Present) else None]
        for target, state in states
        if isinstance(state, Present | Absent)
    ]


def _joining(mesh: Mesh, after: Topology, names: Sequence[str], looked: preflight.Look | None) -> Json:
    groups = [after.groups[name] for name in names if name in after.groups and after.groups[name].joined]
    deny = clients.deny_list()
    awaited = {
        group.name: sorted(
            after.gateways[address.gateway].name
            for address in group.addresses or ()
            if address.awaited and address.gateway
        )
        for group in groups
    }
    found = {group.name: preflight.findings_of(mesh, after, group, looked, deny) for group in groups} if looked else {}
    return {
        "findings": {name: [item.to_json() for item in items] for name, items in found.items()},
        "awaited": {name: names for name, names in awaited.items() if names},
    }


def _control_plane(mesh: Mesh, facts: Facts) -> Json:
    istiods = [
        {"deployment": item.deployment, "replicas": item.replicas, "strategy": item.strategy} for item in facts.istiods
    ]
    try:
        found = [
            entries for item in facts.istiods for entries in ask_each(debug.proxies_of, sources(mesh, item)).values()
        ]
    except KubeError:
        found = [None]
    # One replica that does not answer makes the number unknown, not smaller.
    proxies = None if None in found else sum(len(entries) for entries in found if entries is not None)
    return {"istiods": istiods, "proxies": proxies}


def _digest(result: Json) -> str:
    """Of what would be done: equal for plans that do the same."""
    shown = {key: result[key] for key in ("revision", "steps", "writes", "findings")}
    return hashlib.sha256(json.dumps(shown, sort_keys=True, default=str).encode()).hexdigest()[:16]
