"""What a rollout would do, from fresh reads and server-side dry-runs, before anything is written or stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from interconnect import clients
from interconnect.domain.asked import asked_for
from interconnect.domain.drift import is_as_admitted, writes_owed
from interconnect.domain.entries import Absent, Admitted, Applied, Live, Present, Rendered, Target, Unknown
from interconnect.domain.json_types import Json
from interconnect.domain.plan import plan
from interconnect.domain.render import render
from interconnect.domain.results import WriteShown
from interconnect.domain.violations import Violation
from interconnect.domain.writes import Decision, Verb, Write, arrived, conflict, decide, may_force, owners
from interconnect.kube.errors import Conflict, KubeError, Permanent
from interconnect.observing.istiods import side_by_side
from interconnect.planning.excerpt import are_lists_of_mappings, excerpt
from interconnect.state import applied, observed

if TYPE_CHECKING:
    from interconnect.domain.facts import Facts
    from interconnect.domain.steps import PlannedStep
    from interconnect.domain.topology import Topology
    from interconnect.kube.api import Api
    from interconnect.models import Mesh


@dataclass(frozen=True, slots=True)
class Scene:
    """What planning starts from besides the topology. `api` gives the client of a cluster by its identity."""

    facts: Facts
    applied: Mapping[Target, Applied]
    published: Mapping[str, frozenset[str]]
    verified: Mapping[str, str]
    api: Callable[[str], Api]
    consents: frozenset[str] = frozenset()


def scene_of(mesh: Mesh, *, consents: Iterable[str] = (), extra: Mapping[str, Api] | None = None) -> Scene:
    """Return the scene of a stored mesh; `extra` holds clients of clusters that aren't registered yet, by identity."""
    published, verified = applied.published(mesh)
    more = dict(extra or {})

    def api(uid: str) -> Api:
        return more.get(uid) or clients.member_api(mesh, uid)

    return Scene(
        observed.facts(mesh), applied.rows(mesh), published, verified, api, applied.consents(mesh) | frozenset(consents)
    )


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """One write of the plan.

    `before` and `after` are the object without what the server keeps for itself; None: absent. `problems` say why it
    wouldn't succeed now (with a token where consent helps), or why it can't be tried. `owners` are the managers that
    own the very fields that differ, latest first. `admitted` is what the cluster makes of it.
    """

    target: Target
    verb: Verb
    note: str = ""
    before: Json | None = None
    after: Json | None = None
    problems: tuple[Violation, ...] = ()
    owners: tuple[str, ...] = ()
    admitted: tuple[Admitted, ...] = ()

    @property
    def problem(self) -> Violation | None:
        return self.problems[0] if self.problems else None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rollout would do. `live` is what was read; a rollout that starts from it writes what is shown here.

    `admitted` are targets that aren't as written, but as their clusters make them of what was written: a dry run says
    so, and nothing is to be done.
    """

    steps: tuple[PlannedStep, ...]
    writes: tuple[PlannedWrite, ...]
    live: Mapping[Target, Live]
    unreachable: Mapping[str, Violation] = field(default_factory=dict)
    admitted: Mapping[Target, tuple[Admitted, ...]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not self.steps

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens of the consents that are missing."""
        found = (problem.token for write in self.writes for problem in write.problems)
        return tuple(dict.fromkeys(token for token in found if token))


def preview(topology: Topology, scene: Scene) -> Preview:
    """Read every target that is asked for or was written, decide, and dry-run each write; clusters side by side."""
    rendered = render(topology, scene.facts)
    by_cluster: dict[str, list[Target]] = {}
    for target in dict.fromkeys((*rendered, *scene.applied)):
        by_cluster.setdefault(target.cluster, []).append(target)
    looks = side_by_side(lambda item: _look(item[0], item[1], topology, rendered, scene), by_cluster.items())
    live = {target: state for look in looks for target, state in look.live.items()}
    admitted = {target: leaves for look in looks for target, leaves in look.admitted.items()}
    known = {target: replace(scene.applied[target], admitted=leaves) for target, leaves in admitted.items()}
    rows = {**scene.applied, **known}
    steps = plan(topology, rendered, rows, live, published=scene.published, verified=scene.verified, facts=scene.facts)
    return Preview(
        steps,
        tuple(write for look in looks for write in look.writes),
        live,
        {look.cluster: look.failure for look in looks if look.failure},
        admitted,
    )


def preview_agreed(topology: Topology, scene: Scene) -> Preview:
    """Return `preview` with what each refused write would come to, so that people see it before they consent."""
    seen = preview(topology, scene)
    if not seen.tokens:
        return seen
    agreed = preview(topology, replace(scene, consents=scene.consents | set(seen.tokens)))
    after = {write.target: write.after for write in agreed.writes}
    return replace(
        seen, writes=tuple(replace(write, after=after.get(write.target, write.after)) for write in seen.writes)
    )


@dataclass(frozen=True, slots=True)
class _Look:
    cluster: str
    live: Mapping[Target, Live]
    writes: tuple[PlannedWrite, ...]
    failure: Violation | None = None
    admitted: Mapping[Target, tuple[Admitted, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Trial:
    """What the writes to one cluster are tried with."""

    api: Api
    rendered: Rendered
    applied: Mapping[Target, Applied]
    live: Mapping[Target, Live]
    mesh: str
    consents: frozenset[str]

    def decide(self, target: Target, consent: str) -> Decision:
        """Return what a target needs with one more consent."""
        wanted, row, consents = self.rendered.get(target), self.applied.get(target), self.consents | {consent}
        return decide(target, wanted, row, self.live[target], mesh=self.mesh, consents=consents)


def _look(uid: str, targets: list[Target], topology: Topology, rendered: Rendered, scene: Scene) -> _Look:
    try:
        api = scene.api(uid)
        live, failure = _read(api, targets)
    except KubeError as error:
        return _Look(uid, {target: Unknown(error.code) for target in targets}, (), _failed(error, uid))
    trial = _Trial(api, rendered, scene.applied, live, topology.mesh, scene.consents)
    writes = writes_owed(targets, rendered, scene.applied, live, mesh=topology.mesh, consents=scene.consents)
    planned = [_dry_run(trial, write) for write in writes]
    admitted = {write.target: write.admitted for write in planned if _is_as_admitted(trial, write)}
    return _Look(uid, live, tuple(write for write in planned if write.target not in admitted), failure, admitted)


def _is_as_admitted(trial: _Trial, write: PlannedWrite) -> bool:
    """Whether the write would change nothing: what is there is what the cluster makes of it."""
    target, row = write.target, trial.applied.get(write.target)
    return not write.problems and is_as_admitted(
        target, trial.rendered.get(target), row, trial.live[target], write.admitted, mesh=trial.mesh
    )


def _read(api: Api, targets: list[Target]) -> tuple[dict[Target, Live], Violation | None]:
    objects: dict[Target, Live] = {}
    failure: Violation | None = None
    for target in targets:
        holder = target._replace(field="")
        if holder in objects:
            continue
        try:
            found = api.read(holder)
            objects[holder] = Absent() if found is None else Present(found)
        except Permanent as error:
            objects[holder] = Unknown(error.code)
            failure = failure or _failed(error, target.cluster)
    return {target: objects[target._replace(field="")] for target in targets}, failure


def _failed(error: KubeError, uid: str) -> Violation:
    return error.violation(cluster=uid)


def _dry_run(trial: _Trial, write: Write) -> PlannedWrite:
    target, now = write.target, trial.live.get(write.target)
    blamed = (
        owners(target, trial.rendered.get(target), trial.applied.get(target), now.object)
        if isinstance(now, Present)
        else ()
    )
    if write.violation is None:
        return replace(_try(trial, write), owners=blamed)
    before = shown(now.object) if isinstance(now, Present) else None
    refused = PlannedWrite(target, write.verb, write.note, before, before, (write.violation,), blamed)
    consented = trial.decide(target, write.token) if write.token else None
    if not isinstance(consented, Write) or consented.violation is not None:
        return refused
    # Ask at once for every consent that would be needed.
    tried = _try(trial, consented)
    return replace(refused, after=tried.after, problems=(write.violation, *tried.problems))


def _try(trial: _Trial, write: Write) -> PlannedWrite:
    now = trial.live.get(write.target)
    before = shown(now.object) if isinstance(now, Present) else None
    planned = PlannedWrite(write.target, write.verb, write.note, before, before)
    if write.verb in (Verb.LOOK, Verb.FORGET, Verb.REFUSE):
        return planned
    asked = asked_for(write, now.object if isinstance(now, Present) else None)
    # A write that the cluster refuses to try is shown as it was asked for, with the refusal.
    planned = replace(planned, after=shown(asked) if asked else None)
    try:
        after = _tried(trial.api, write)
    except Conflict as error:
        pairs = [(cause.field, cause.owner) for cause in error.causes]
        if not pairs:
            return replace(planned, problems=(_failed(error, write.target.cluster),))
        problems = tuple(conflict(write.target, field, owner) for field, owner in pairs)
        if not may_force(write.target, pairs, trial.consents):
            return replace(planned, problems=problems)
        return _try(trial, replace(write, force=True))
    except KubeError as error:
        return replace(planned, problems=(_failed(error, write.target.cluster),))
    return _answered(planned, after, arrived(write, trial.rendered.get(write.target), after) if after else ())


def _answered(planned: PlannedWrite, after: Json | None, found: tuple[Admitted, ...] | Violation) -> PlannedWrite:
    shows = replace(planned, after=shown(after) if after else None)
    return replace(shows, problems=(found,)) if isinstance(found, Violation) else replace(shows, admitted=found)


def _tried(api: Api, write: Write) -> Json | None:
    if write.verb is Verb.APPLY:
        return api.apply(write.body, uid=write.uid, manager=write.manager, force=write.force, dry_run=True)
    if write.verb is Verb.PUT:
        return api.replace(write.body, dry_run=True)
    if write.verb is Verb.JSON_PATCH:
        return api.json_patch(write.target, write.body, dry_run=True)
    if write.verb is Verb.MERGE_PATCH:
        return api.merge_patch(write.target, write.body, uid=write.uid, dry_run=True)
    api.delete(write.target, uid=write.uid, dry_run=True)
    return None


def write_shown(write: PlannedWrite) -> WriteShown:
    """Return a planned write as a page shows it."""
    before, after = excerpt(write.before, write.after)
    target = write.target
    return WriteShown(
        cluster=target.cluster,
        kind=target.kind,
        namespace=target.namespace,
        name=target.name,
        field=target.field,
        verb=write.verb,
        note=write.note,
        before=before,
        after=after,
        problems=write.problems,
        owners=write.owners,
    )


_SERVERS_OWN = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink")


def shown(obj: Json) -> Json:
    """Return an object as a person compares it: without status and without what the server keeps for itself."""
    metadata = {key: value for key, value in obj.get("metadata", {}).items() if key not in _SERVERS_OWN}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": metadata}


def changed_paths(write: PlannedWrite) -> tuple[tuple[str, Any, Any], ...]:
    """Return (path, before, after) of every leaf that differs; a path looks like `.webhooks[0].clientConfig.url`."""
    return tuple(_differences(write.before or {}, write.after or {}, ""))


def _differences(before: Any, after: Any, path: str) -> Iterable[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            yield from _differences(before.get(key), after.get(key), f"{path}.{key}")
        return
    if are_lists_of_mappings(before, after):
        for place, (one, other) in enumerate(zip_longest(before, after)):
            yield from _differences(one, other, f"{path}[{place}]")
        return
    if before != after:
        yield path, before, after
