"""Start, retry, cancel and revert rollouts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from interconnect.domain.changes import REMOVALS, Change, apply_all
from interconnect.domain.diff import changes_between
from interconnect.domain.kinds import CHANGING_THE_MESH, RELABELLING
from interconnect.domain.preflight import lasting
from interconnect.domain.refusal import Refused
from interconnect.domain.serial import change_from_json, change_to_json, topology_from_json, topology_to_json
from interconnect.domain.topology import RestartPolicy, Topology
from interconnect.domain.verify import GuardChoice
from interconnect.domain.violations import Violation
from interconnect.models import Cluster, Consent, Mesh, Rollout, RolloutKind, RolloutStatus, StepStatus
from interconnect.models.rollout import UNFINISHED
from interconnect.permissions import role_for, role_for_all
from interconnect.rollouts import engine
from interconnect.rollouts.build import create_steps, planned_steps
from interconnect.services.authority import audited, require
from interconnect.services.workloads import require_free, restarting, role_for_clusters
from interconnect.state import desired, observed
from interconnect.wording.changes import describe

if TYPE_CHECKING:
    from interconnect.domain.entries import Live, Target
    from interconnect.domain.steps import PlannedStep
    from interconnect.models import Step
    from meshconsole.access.actor import Actor
    from meshconsole.access.roles import Role

RETRIED = (RolloutStatus.FAILED, RolloutStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Start:
    """The parameters of starting a rollout, besides who starts it.

    Without `changes`, the desired state is written again. `revision` is the mesh's as the actor saw it (None: as it is
    now). `accept` are tokens of findings that are overridden, objects that are adopted and fields that are taken over.
    `guard` is a GuardChoice, as sent; `restart` None means the mesh's policy. `live` is what a plan has just read;
    without it, what was written before is trusted to be there.
    """

    mesh: Mesh
    changes: Sequence[Change] = ()
    revision: int | None = None
    accept: Collection[str] = ()
    guard: str = GuardChoice.FAIL
    restart: RestartPolicy | None = None
    live: Mapping[Target, Live] | None = None


def rollout_start(*, actor: Actor, start: Start, action: str = "rollout.start") -> Rollout:
    """Change the desired topology and start carrying it out, in one transaction. Raises Refused with every reason."""
    params = {"changes": [change_to_json(change) for change in start.changes], "accept": sorted(start.accept)}
    with audited(actor, action, mesh=start.mesh, params=params) as request:
        guard = _guard_choice(actor, start.guard)
        require(actor, role_for_all(start.changes, overriding=bool(start.accept)))
        rollout = _started(actor, start, guard)
        request.rollout_id = str(rollout.id)
    return rollout


def _guard_choice(actor: Actor, sent: str) -> GuardChoice:
    try:
        choice = GuardChoice(sent)
    except ValueError:
        known = [each.value for each in GuardChoice]
        raise Refused.because("restart.guard-choice", guard=sent, known=known) from None
    if choice is GuardChoice.FORCE:
        require(actor, role_for("restart.force"))
    return choice


def _started(actor: Actor, start: Start, guard: GuardChoice) -> Rollout:
    mesh, changes, accept = start.mesh, start.changes, start.accept
    mesh.refresh_from_db()
    seen = mesh.revision if start.revision is None else start.revision
    if seen != mesh.revision:
        raise Refused.because("mesh.moved-on", seen=seen, revision=mesh.revision)
    before = desired.load(mesh)
    after = apply_all(before, changes, facts=observed.facts(mesh), overrides=frozenset(accept))
    if not isinstance(after, Topology):
        raise Refused(after)
    try:
        with transaction.atomic():
            if changes:
                # Restoring asks for nothing new: what was asked for before can still be retried.
                desired.save(mesh, before, after, revision=seen)
            _consent(actor, mesh, accept)
            rollout = Rollout.objects.create(
                mesh=mesh,
                kind=RolloutKind.TOPOLOGY if changes else RolloutKind.RESTORE,
                changes=[change_to_json(change) for change in changes],
                before=topology_to_json(before),
                after=topology_to_json(after),
                revision=mesh.revision,
                restart=start.restart or mesh.restart,
                guard=guard,
                overrides=sorted(accept),
                actor=actor.name,
                actor_user_id=actor.user_id,
            )
            owed = planned_steps(mesh, after, start.live)
            if not changes:
                require(actor, role_of_steps(owed))
            _require_no_restarts(mesh, owed)
            _require_rights_for_leftovers(actor, before, mesh)
            create_steps(rollout, after, owed)
            engine.begin(rollout)
    except desired.StaleMesh:
        raise Refused.because("mesh.moved-on", seen=seen, revision=seen + 1) from None
    except IntegrityError:
        raise Refused([_collision(mesh)]) from None
    return rollout


def _require_no_restarts(mesh: Mesh, owed: Sequence[PlannedStep | Step]) -> None:
    """A cluster's group and webhook path stay as they are while its workloads are being restarted."""
    clusters = restarting(mesh, {step.chain for step in owed if step.kind in RELABELLING})
    if clusters:
        raise Refused.because("rollout.workloads-running", clusters=clusters)


def _collision(mesh: Mesh) -> Violation:
    """Which constraint stopped us: nearly always the rollout that somebody else has just started."""
    running = Rollout.objects.filter(mesh=mesh, exclusive=True, status__in=UNFINISHED).first()
    if running:
        return _running(running)
    return Violation("mesh.moved-on", {"seen": mesh.revision, "revision": mesh.revision})


def _running(rollout: Rollout) -> Violation:
    return Violation("rollout.running", {"rollout": str(rollout.id), "actor": rollout.actor})


def _require_rights_for_leftovers(actor: Actor, before: Topology, mesh: Mesh) -> None:
    """A rollout carries out all that is owed.

    The person who starts one must also be allowed to do what earlier ones left undone.
    """
    found = leftovers(mesh, before)
    if found is None:
        return
    role, rollout = found
    if not actor.may(role):
        raise Refused.because("rollout.leftovers", role=role.slug, rollout=str(rollout.id), actor=rollout.actor)


def leftovers(mesh: Mesh, before: Topology) -> tuple[Role, Rollout] | None:
    """Return the highest role needed by what earlier rollouts left undone, and the rollout that left it."""
    left = [(role_of(rollout), rollout) for rollout in _unsuccessful(mesh)]
    if not left or not planned_steps(mesh, before):
        return None
    return max(left, key=lambda pair: pair[0])


def _unsuccessful(mesh: Mesh) -> list[Rollout]:
    """Ended rollouts since the last one that carried out all that was owed, the newest first."""
    ended = Rollout.objects.filter(mesh=mesh, exclusive=True).exclude(status__in=UNFINISHED).order_by("-created_at")
    return list(takewhile(lambda rollout: rollout.status != RolloutStatus.SUCCEEDED, ended.iterator(chunk_size=20)))


def _consent(actor: Actor, mesh: Mesh, accepted: Collection[str]) -> None:
    """Kept for good; what concerns a moment is among the rollout's own overrides alone."""
    tokens = sorted(lasting(accepted))
    known = set(Consent.objects.filter(mesh=mesh, token__in=tokens).values_list("token", flat=True))
    Consent.objects.bulk_create(
        Consent(mesh=mesh, token=token, actor=actor.name) for token in tokens if token not in known
    )


def last_topology_rollout(mesh: Mesh, *, ended: bool = False) -> Rollout | None:
    rollouts = Rollout.objects.filter(mesh=mesh, kind=RolloutKind.TOPOLOGY)
    return (rollouts.exclude(status__in=UNFINISHED) if ended else rollouts).order_by("-created_at").first()


def drift_restore(
    *,
    actor: Actor,
    mesh: Mesh,
    live: Mapping[Target, Live],
    accept: Collection[str] = (),
    guard: str = GuardChoice.FAIL,
) -> Rollout:
    """Write again what others have changed, as a plan has just read it."""
    return rollout_start(actor=actor, start=Start(mesh, accept=accept, guard=guard, live=live), action="drift.restore")


def why_not_retried(rollout: Rollout) -> Iterator[Violation]:
    """Yield why a rollout can't be retried: it must have failed or been cancelled, and nothing may have changed the
    topology since.
    """
    if rollout.status not in RETRIED:
        yield Violation("rollout.not-failed", {"status": rollout.status})
    if is_superseded(rollout):
        yield Violation("rollout.superseded", {"rollout": str(rollout.id)})


def is_superseded(rollout: Rollout) -> bool:
    """Whether the topology has been changed again since this rollout."""
    return rollout.exclusive and rollout.revision != rollout.mesh.revision


def rollout_retry(
    *,
    actor: Actor,
    rollout: Rollout,
    accept: Collection[str] = (),
    guard: str = GuardChoice.FAIL,
    restart: RestartPolicy | None = None,
) -> Rollout:
    """Carry out the failed steps again.

    Decisions about a moment are asked again: they are in `accept` and `guard`, or not made.
    """
    mesh = rollout.mesh
    with audited(actor, "rollout.retry", mesh=mesh, params={"accept": sorted(accept), "guard": guard}) as request:
        request.rollout_id = str(rollout.id)
        rollout.refresh_from_db()
        mesh.refresh_from_db()
        refusal = next(why_not_retried(rollout), None)
        if refusal:
            raise Refused([refusal])
        choice = _guard_choice(actor, guard)
        require(actor, role_of(rollout, overriding=bool(accept)))
        try:
            with transaction.atomic():
                _reopen(rollout, actor, accept, guard=choice, restart=restart or RestartPolicy(rollout.restart))
        except IntegrityError:
            raise Refused([_collision(mesh)]) from None
    return rollout


def _reopen(
    rollout: Rollout, actor: Actor, accept: Collection[str], *, guard: GuardChoice, restart: RestartPolicy
) -> None:
    _require_room(rollout)
    reopened = Rollout.objects.filter(id=rollout.id, status__in=RETRIED).update(
        status=RolloutStatus.QUEUED,
        ended_at=None,
        cancel_requested_at=None,
        dismissed_at=None,
        address_pending=False,
        guard=guard,
        restart=restart,
        overrides=sorted({*lasting(rollout.overrides), *accept}),
    )
    if not reopened:
        raise Refused.because("rollout.not-failed", status=rollout.status)
    _consent(actor, rollout.mesh, accept)
    rollout.refresh_from_db()
    engine.reopen(rollout)


def _require_room(rollout: Rollout) -> None:
    """What forbade a start may have come up since: a restart of workloads, or a change of their clusters."""
    undone = list(rollout.steps.filter(status__in=engine.UNDONE))
    if rollout.kind == RolloutKind.WORKLOADS:
        require_free(rollout.mesh, sorted({step.chain for step in undone}))
    else:
        _require_no_restarts(rollout.mesh, undone)


def role_of(rollout: Rollout, *, overriding: bool = False) -> Role:
    """Return the role that a rollout needs: that of its changes, or of what it restores or restarts."""
    if rollout.kind == RolloutKind.RESTORE:
        return role_for("finding.override") if overriding else role_of_steps(rollout.steps.all())
    if rollout.kind == RolloutKind.WORKLOADS:
        chains = rollout.steps.values_list("chain", flat=True)
        return role_for_clusters(
            Cluster.objects.filter(mesh=rollout.mesh_id, uid__in=chains).select_related("group__membership")
        )
    changes = [change_from_json(item) for item in rollout.changes]
    return role_for_all(changes, overriding=overriding)


def role_of_steps(steps: Iterable[PlannedStep | Step]) -> Role:
    """Return the role that a restoration needs: mesh admin for the mesh's own objects, else operator."""
    shared = any(step.kind in CHANGING_THE_MESH for step in steps)
    return role_for("drift.restore-shared" if shared else "drift.restore")


def rollout_cancel(*, actor: Actor, rollout: Rollout) -> Rollout:
    """Start no further steps of a rollout. A write that is in progress finishes."""
    with audited(actor, "rollout.cancel", mesh=rollout.mesh) as request:
        request.rollout_id = str(rollout.id)
        require(actor, role_of(rollout))
        if not engine.request_cancel(rollout):
            raise Refused.because("rollout.ended", rollout=str(rollout.id))
    rollout.refresh_from_db()
    return rollout


def rollout_revert(
    *, actor: Actor, start: Start, rollout: Rollout | None = None, allow_removal: bool = True
) -> Rollout:
    """Start a rollout back to the topology before the last one that changed it. The changes of `start` are determined
    here.

    `rollout`: the one that is meant to be reverted.
    """
    try:
        changes = way_back(start.mesh, rollout=rollout, allow_removal=allow_removal)
    except Refused:
        with audited(actor, "rollout.revert", mesh=start.mesh):
            raise
    return rollout_start(actor=actor, start=replace(start, changes=changes), action="rollout.revert")


def way_back(mesh: Mesh, *, rollout: Rollout | None = None, allow_removal: bool = True) -> tuple[Change, ...]:
    """Return the changes that a revert consists of.

    Raises Refused when there are none, or when `rollout` isn't the one that would be reverted.
    """
    last = last_topology_rollout(mesh)
    if last is None or last.before is None:
        raise Refused.because("rollout.nothing-to-revert")
    if rollout is not None and rollout.id != last.id:
        raise Refused.because("rollout.not-newest", rollout=str(last.id))
    if last.status in UNFINISHED:
        raise Refused([_running(last)])
    changes = changes_between(desired.load(mesh), topology_from_json(last.before))
    if not changes:
        raise Refused.because("rollout.nothing-to-revert")
    removing = [describe(change) for change in changes if isinstance(change, REMOVALS)]
    if removing and not allow_removal:
        raise Refused.because("cli.removal", changes=removing)
    return changes


def role_to_revert(mesh: Mesh) -> Role:
    """Return the role that the revert needs, which may differ from that of the rollout itself; the lowest role when
    there is nothing to revert.
    """
    try:
        return role_for_all(way_back(mesh))
    except Refused:
        return role_for("rollout.revert")


def rollout_dismiss(*, actor: Actor, rollout: Rollout) -> None:
    """Record that somebody has seen the failure of a rollout."""
    with audited(actor, "rollout.dismiss", mesh=rollout.mesh) as request:
        request.rollout_id = str(rollout.id)
        require(actor, role_for("rollout.dismiss"))
        failed = Rollout.objects.filter(id=rollout.id, status=RolloutStatus.FAILED)
        if not failed.exists():
            raise Refused.because("rollout.not-dismissed", rollout=str(rollout.id))
        failed.filter(dismissed_at__isnull=True).update(dismissed_at=Now())


def not_applied(mesh: Mesh) -> tuple[int, int]:
    """Return (N, M): N of the M steps of the topology's last rollout weren't carried out; N is 0 when it succeeded."""
    last = last_topology_rollout(mesh, ended=True)
    if last is None:
        return 0, 0
    steps = last.steps.all()
    left = steps.filter(status__in=(StepStatus.FAILED, StepStatus.BLOCKED, StepStatus.CANCELLED)).count()
    return left, steps.count()
