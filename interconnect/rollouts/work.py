"""What a step's handler works with: its mesh, topology and facts, and the only way to write to a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from django.utils import timezone

from interconnect import clients
from interconnect.domain.entries import FIELD_MANAGER, Absent, Admitted, Applied, Live, Present, Rendered, Target
from interconnect.domain.json_types import Json
from interconnect.domain.violations import Violation
from interconnect.domain.writes import Agree, Decision, Verb, Write, arrived, conflict, decide, may_force, note_of
from interconnect.kube.errors import Conflict
from interconnect.rollouts.known import Known
from interconnect.rollouts.outcome import StepFailed
from interconnect.state import applied

if TYPE_CHECKING:
    from interconnect.domain.facts import Facts
    from interconnect.domain.topology import Topology
    from interconnect.kube.api import Api
    from interconnect.models import Cluster, Mesh, Rollout, Step
    from interconnect.rollouts.lease import Lease

ROUNDS = 3  # how often a write that somebody else overtook is decided anew


class _Arrived(NamedTuple):
    """What a write has come to: the UID of the object, and what the cluster made of what was sent."""

    uid: str
    admitted: tuple[Admitted, ...]


class Work:
    """One attempt at one step. `after` is the work on the step before it in its chain, done by the same worker just
    now: what it knows of the member is not asked for again.
    """

    def __init__(self, lease: Lease, after: Work | None = None) -> None:
        self.lease = lease
        self.step: Step = lease.step
        self.rollout: Rollout = lease.step.rollout
        self.mesh: Mesh = self.rollout.mesh
        self.known: Known = after.known if after is not None and after.known.serves(self.step) else Known(self.step)
        self._unrecorded: dict[Target, _Arrived] = {}
        self._notes: list[Violation] = []

    @property
    def topology(self) -> Topology:
        return self.known.topology

    @property
    def published_topology(self) -> Topology:
        return self.known.published_topology

    @property
    def facts(self) -> Facts:
        return self.known.facts

    @property
    def rendered(self) -> Rendered:
        return self.known.rendered

    @property
    def consents(self) -> frozenset[str]:
        return self.known.consents

    @property
    def cluster(self) -> Cluster | None:
        return self.known.cluster

    @property
    def member(self) -> Api:
        return self.known.member

    @cached_property
    def config(self) -> Api:
        return clients.config_api(self.mesh)

    @cached_property
    def control_plane(self) -> Api:
        return clients.control_plane_api(self.mesh)

    def waited(self) -> float:
        """Return the seconds since this step began to wait; 0 in its first attempt."""
        since = self.step.waiting_since
        return (timezone.now() - since).total_seconds() if since else 0.0

    def reconcile(
        self,
        api: Api,
        choose: Callable[[Rendered, Mapping[Target, Applied]], Iterable[Target]],
        *,
        cluster_uid: str,
        seen: Mapping[Target, Live] | None = None,
    ) -> list[Write]:
        """Bring the chosen targets to what is rendered now; remove what is applied but no longer rendered.

        Returns the writes that were made. If somebody overtakes a write, it is decided again from the live state.
        `seen` are objects that the step itself has just read.
        """

        def decisions(
            rendered: Rendered, rows: Mapping[Target, Applied], live: Mapping[Target, Live]
        ) -> Sequence[Decision]:
            return [
                decide(
                    target,
                    rendered.get(target),
                    rows.get(target),
                    live[target],
                    mesh=str(self.mesh.id),
                    consents=self.consents,
                )
                for target in live
            ]

        return self.write(api, choose, decisions, cluster_uid=cluster_uid, seen=seen)

    def write(
        self,
        api: Api,
        choose: Callable[[Rendered, Mapping[Target, Applied]], Iterable[Target]],
        decisions: Callable[[Rendered, Mapping[Target, Applied], Mapping[Target, Live]], Sequence[Decision]],
        *,
        cluster_uid: str,
        seen: Mapping[Target, Live] | None = None,
    ) -> list[Write]:
        made: list[Write] = []
        for last in (False,) * (ROUNDS - 1) + (True,):
            if self._unrecorded:
                with self.lease.writing():
                    self.record()
            rendered, rows = self.rendered, applied.rows(self.mesh, cluster_uid=cluster_uid)
            targets = list(dict.fromkeys(choose(rendered, rows)))
            live, seen = read_live(api, targets, seen), None
            writes = [each for each in decisions(rendered, rows, live) if not isinstance(each, Agree)]
            try:
                return made + self._carry_out(api, rendered, rows, writes)
            except Conflict as error:
                if last or error.causes:
                    raise
        return made

    def _carry_out(
        self, api: Api, rendered: Rendered, rows: Mapping[Target, Applied], writes: Sequence[Write]
    ) -> list[Write]:
        for write in writes:
            if write.violation is not None:
                raise refusal(write.violation)
        self._intend(rendered, rows, writes)
        for calls in one_call_each(writes):
            self.lease.hold()
            answer = self._perform(api, calls)
            for write in calls:
                self._take_in(write, rendered, answer)
        self._record_gone(writes)
        return list(writes)

    def _take_in(self, write: Write, rendered: Rendered, answer: Json) -> None:
        """What the answer to a write says is there now. Raises StepFailed when it isn't what the gateway needs; what
        did arrive is on record all the same.
        """
        if write.manager != FIELD_MANAGER or write.removes:
            return
        found = arrived(write, rendered[write.target], answer)
        uid = str(answer.get("metadata", {}).get("uid", ""))
        self._unrecorded[write.target] = _Arrived(uid, () if isinstance(found, Violation) else found)
        if isinstance(found, Violation):
            raise StepFailed(found.code, dict(found.params))
        self._notes += [note_of(write.target, leaf) for leaf in found]

    def notes(self) -> list[Json]:
        """Return what the cluster has made of the step's writes so far, as its evidence `notes`."""
        return [*self.step.evidence.get("notes", ()), *(note.to_json() for note in self._notes)]

    def _intend(self, rendered: Rendered, rows: Mapping[Target, Applied], writes: Sequence[Write]) -> None:
        coming = [write for write in writes if not write.removes and write.manager == FIELD_MANAGER]
        intentions = [
            applied.Intention(write.target, wanted.value, write.found, wanted.gateway, write.adopts, write.uid)
            for write, wanted in ((write, rendered[write.target]) for write in coming)
        ]
        with self.lease.writing():
            applied.leave(
                self.mesh, {write.target: write.uid for write in writes if write.removes}, rollout=self.rollout
            )
            applied.intend(self.mesh, intentions, rows, rollout=self.rollout)

    def record(self) -> None:
        """Record that what was written has arrived, in a transaction that checks that the step is still ours, such as
        the one that ends it.

        Until then it counts as possibly written, and the next worker writes it again.
        """
        written, self._unrecorded = self._unrecorded, {}
        applied.written(
            self.mesh,
            {target: found.uid for target, found in written.items()},
            {target: found.admitted for target, found in written.items()},
        )

    def _record_gone(self, writes: Sequence[Write]) -> None:
        """At once, since handlers ask for it. A deleted object's row goes only when the object has been seen gone."""
        gone = [write.target for write in writes if write.removes and write.verb is not Verb.DELETE]
        if gone:
            with self.lease.writing():
                for target in gone:
                    applied.gone(self.mesh, target)

    def _perform(self, api: Api, calls: Sequence[Write]) -> Json:
        write = calls[0]
        if write.verb is Verb.APPLY:
            return self._apply(api, write)
        if write.verb is Verb.PUT:
            return api.replace(write.body)
        if write.verb is Verb.JSON_PATCH:
            return api.json_patch(write.target, [operation for each in calls for operation in each.body])
        if write.verb is Verb.MERGE_PATCH:
            return api.merge_patch(write.target, write.body, uid=write.uid)
        if write.verb is Verb.DELETE:
            api.delete(write.target, uid=write.uid)
            return {}
        raise StepFailed("step.internal", {"error": f"no way to {write.verb}"})

    def _apply(self, api: Api, write: Write) -> Json:
        try:
            return api.apply(write.body, uid=write.uid, manager=write.manager, force=write.force)
        except Conflict as error:
            pairs = [(cause.field, cause.owner) for cause in error.causes]
            if not pairs:
                raise
            if not may_force(write.target, pairs, self.consents):
                raise conflicting(write.target, pairs) from None
            self.lease.hold()
            return api.apply(write.body, uid=write.uid, manager=write.manager, force=True)


def one_call_each(writes: Iterable[Write]) -> list[list[Write]]:
    """Return the writes as calls. JSON patches of one object, each with its own tests, become one call; writes that
    need no call are left out.
    """
    calls: list[list[Write]] = []
    for write in writes:
        if write.verb is Verb.FORGET:
            continue
        last = calls[-1][-1] if calls else None
        together = last is not None and write.verb is last.verb is Verb.JSON_PATCH and _holder(write) == _holder(last)
        if together:
            calls[-1].append(write)
        else:
            calls.append([write])
    return calls


def described(target: Target) -> str:
    return f"{target.kind} {target.name}"


def removal_evidence(made: Iterable[Write], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a step has deleted and what it left alone as not ours, including what its attempts `before`
    reported.
    """
    evidence: dict[str, list[str]] = {key: list(before.get(key, ())) for key in ("deleted", "not_ours")}
    for write in made:
        if write.note == "writes.note.not-ours":
            evidence["not_ours"].append(described(write.target))
        elif write.removes and write.verb is not Verb.FORGET:
            evidence["deleted"].append(described(write.target))
    return {key: list(dict.fromkeys(names)) for key, names in evidence.items() if names}


def _holder(write: Write) -> Target:
    return write.target._replace(field="")


def conflicting(target: Target, pairs: Sequence[tuple[str, str]]) -> StepFailed:
    """Return the error of a step that needs consent to take over fields: `tokens` consent to all of them."""
    findings = [conflict(target, field, owner) for field, owner in pairs]
    params = {**findings[0].params, "tokens": [finding.token for finding in findings]}
    return StepFailed(
        findings[0].code, params, {"conflicts": [{"field": field, "owner": owner} for field, owner in pairs]}
    )


def refusal(violation: Violation) -> StepFailed:
    params = dict(violation.params)
    if violation.token:
        params["tokens"] = [violation.token]
    return StepFailed(violation.code, params)


def read_live(api: Api, targets: Iterable[Target], seen: Mapping[Target, Live] | None = None) -> dict[Target, Live]:
    """Return the live objects. One that holds several targets is read once; one among `seen` isn't read at all."""
    objects: dict[Target, Live] = dict(seen or {})
    live: dict[Target, Live] = {}
    for target in targets:
        holder = target._replace(field="")
        if holder not in objects:
            found = api.read(holder)
            objects[holder] = Absent() if found is None else Present(found)
        live[target] = objects[holder]
    return live
