"""Plans that a page shows before anything is started: asked of the clusters by a worker, kept with the mesh's revision,
and turned into one rollout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from django.db import transaction

from interconnect import clients
from interconnect.domain.changes import Change, Join, apply_all
from interconnect.domain.entries import Absent, Present, Target
from interconnect.domain.json_types import Json
from interconnect.domain.plan import plan
from interconnect.domain.refusal import Refused
from interconnect.domain.render import render
from interconnect.domain.results import LeftBehind, PlanResult, StepShown
from interconnect.domain.serial import changes_from_json, changes_to_json
from interconnect.domain.steps import CENTRAL, StepKind
from interconnect.domain.topology import Topology
from interconnect.domain.writes import Verb
from interconnect.kube import debug
from interconnect.kube.errors import KubeError
from interconnect.models import Inquiry, InquiryStatus, Mesh, Rollout
from interconnect.observing import preflight
from interconnect.observing.istiods import ask_each, sources
from interconnect.planning.preview import PlannedWrite, Preview, Scene, preview_agreed, scene_of, write_shown
from interconnect.rollouts import engine
from interconnect.services.inquiries import Kind, inquiry_again, inquiry_drop, inquiry_start
from interconnect.services.rollouts import Start, leftovers, rollout_start
from interconnect.state import desired, observed

if TYPE_CHECKING:
    from interconnect.domain.facts import Facts
    from interconnect.domain.steps import PlannedStep
    from interconnect.domain.topology import Group, RestartPolicy
    from interconnect.domain.violations import Violation
    from interconnect.models import Step
    from meshconsole.access.actor import Actor

KIND = Kind("plan", shared=True)


def plan_of(*, mesh: Mesh, user_id: int, changes: Sequence[Change]) -> Inquiry:
    """Return the user's plan of these changes for the mesh as it is now; ask for one if there is none yet."""
    wanted = {"changes": changes_to_json(changes), "revision": mesh.revision, "decision": ""}
    for known in Inquiry.objects.filter(mesh=mesh, user_id=user_id, kind=KIND.name).order_by("-asked_at"):
        if all(known.params.get(key) == value for key, value in wanted.items()) and not rollout_of(known):
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
    """Make a plan for one question (named by `decision`) from what the clusters say now, regardless of earlier ones.

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
        result = result_of(row)
        offered = {item.token: item.to_json() for item in result.decisive}
        before = [known for known in row.params.get("accepted", ()) if known != token]
        consented = [known for known in row.params.get("consented", ()) if known["token"] != token]
        again = token in offered or len(consented) < len(row.params.get("consented", ()))
        accepted = [*before, token] if given and token in result.tokens else before
        params = {
            **row.params,
            "accepted": accepted,
            "consented": [*consented, offered[token]] if given and token in offered else consented,
        }
        if again:
            inquiry_again(inquiry=row, kind=KIND, params=params)
        else:
            Inquiry.objects.filter(id=row.id).update(params=params)


def result_of(plan: Inquiry) -> PlanResult:
    """Return what the clusters have answered; nothing yet while they are asked."""
    return PlanResult.from_json(plan.result)


def rollout_of(plan: Inquiry) -> str:
    """Return the ID of the rollout that the plan, or a count of workloads, has become; empty until it is started."""
    return str(plan.result.get("rollout", ""))


def _locked(inquiry: Inquiry) -> Inquiry | None:
    """The plan as it is now; None when it has just been made anew in another tab."""
    return Inquiry.objects.select_for_update().filter(id=inquiry.id).first()


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
                live=result_of(row).live,
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
        started = rollout_of(row)
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
    blocked = result_of(row).blocking(row.params.get("accepted", ()))
    if blocked:
        raise Refused.because("plan.blocked", codes=sorted({item.code for item in blocked}))


def outdated(plan: Inquiry, mesh: Mesh) -> Refused:
    return Refused.because("plan.outdated", seen=plan.params["revision"], revision=mesh.revision)


def answer(inquiry: Inquiry) -> Json:
    if inquiry.mesh is None:
        raise Refused.because("plan.outdated", seen=0, revision=0)
    if inquiry.mesh.revision != inquiry.params["revision"]:
        raise Refused.because("plan.outdated", seen=inquiry.params["revision"], revision=inquiry.mesh.revision)
    params = inquiry.params
    accepted = frozenset(params.get("accepted", ()))
    retried = Rollout.objects.get(id=params["retried"]) if "retried" in params else None
    changes = () if retried else changes_from_json(params["changes"])
    return made(inquiry.mesh, changes, accepted=accepted, retried=retried).to_json()


def made(
    mesh: Mesh, changes: Sequence[Change], *, accepted: frozenset[str] = frozenset(), retried: Rollout | None = None
) -> PlanResult:
    """Look at the clusters and plan. Calls every cluster concerned, so only workers call this.

    `accepted` are consents. `retried` is the rollout to carry out again.
    """
    before = desired.load(mesh)
    looked, failure = _look(mesh)
    facts = observed.facts(mesh)
    after = apply_all(before, changes, facts=facts, overrides=accepted)
    if not isinstance(after, Topology):
        return PlanResult(revision=mesh.revision, refusals=after)
    scene = scene_of(mesh, consents=accepted)
    seen = preview_agreed(after, scene)
    again = list(engine.carried_out_again(retried)) if retried else []
    joining = _joining(after, [*(change.group for change in changes if isinstance(change, Join)), *_preflights(again)])
    steps = tuple(_step(step, False) for step in again) if retried else _steps(seen.steps, _left(before, scene, seen))
    deny = clients.deny_list()
    result = PlanResult(
        revision=mesh.revision,
        steps=steps,
        writes=tuple(
            write_shown(write)
            for write in seen.writes
            if write.verb is not Verb.LOOK and (not retried or _concerns(mesh, again, write))
        ),
        unreachable=tuple(seen.unreachable.values()),
        control_plane=failure,
        findings={group.name: preflight.findings_of(mesh, after, group, looked, deny) for group in joining if looked},
        awaited={group.name: names for group in joining if (names := _awaited(after, group))},
        istiods=facts.istiods,
        proxies=_proxies(mesh, facts),
        left=None if retried else _leftover(mesh, before),
        live=_live(seen),
    )
    return replace(result, guard=tuple(looked[1].guard)) if looked and result.restarts else result


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


def _steps(steps: Iterable[PlannedStep], left: Iterable[PlannedStep]) -> tuple[StepShown, ...]:
    earlier = {_step(step, True) for step in left}
    return tuple(_step(step, _step(step, True) in earlier) for step in steps)


def _step(step: PlannedStep | Step, left: bool) -> StepShown:
    return StepShown(step.phase, step.chain, step.kind, step.subject, step.group, left)


def _leftover(mesh: Mesh, before: Topology) -> LeftBehind | None:
    found = leftovers(mesh, before)
    return LeftBehind(found[0].slug, str(found[1].id), found[1].actor) if found else None


def _live(seen: Preview) -> dict[Target, Present | Absent]:
    """What was read where something differs; of all else the rows are trusted, which came to the same."""
    targets = dict.fromkeys(write.target for write in seen.writes)
    states = ((target, seen.live.get(target)) for target in targets)
    return {target: state for target, state in states if isinstance(state, Present | Absent)}


def _joining(after: Topology, names: Iterable[str]) -> list[Group]:
    return [after.groups[name] for name in names if name in after.groups and after.groups[name].joined]


def _awaited(after: Topology, group: Group) -> tuple[str, ...]:
    """Names of the group's gateways whose address is to come."""
    awaited = (address.gateway for address in group.addresses or () if address.awaited)
    return tuple(sorted(after.gateways[key].name for key in awaited if key))


def _proxies(mesh: Mesh, facts: Facts) -> int | None:
    """How many istiod serves; None when a replica does not answer: the number is unknown then, not smaller."""
    try:
        found = [
            entries for item in facts.istiods for entries in ask_each(debug.proxies_of, sources(mesh, item)).values()
        ]
    except KubeError:
        return None
    return None if None in found else sum(len(entries) for entries in found if entries is not None)
