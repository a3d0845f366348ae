"""What one target needs: a pure decision from its desired, applied and live state.

Nothing here calls a cluster. A decision that would touch what others own is a refusal with a token; with that token
among the consents it becomes the write.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from interconnect.domain import agreement, injection, networks
from interconnect.domain.entries import (
    FIELD_MANAGER,
    GATEWAY_LABEL,
    MESH_LABEL,
    NETWORK_LABEL,
    NETWORKS_ANNOTATION,
    Absent,
    Admitted,
    Applied,
    AppliedState,
    Live,
    Target,
    Unknown,
    Wanted,
)
from interconnect.domain.json_types import Json
from interconnect.domain.manifests import RULE
from interconnect.domain.render import LABEL_FIELD, NETWORKS_FIELD, WEBHOOK_FIELD_PREFIX
from interconnect.domain.rules import overridable, token_of
from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CODES = (
    "writes.not-ours",
    "writes.name-taken",
    "writes.terminating",
    "writes.rule-selector",
    "writes.conflict",
    "writes.namespace-missing",
    "writes.webhook-missing",
    "writes.webhook-path",
    "writes.webhook-rewritten",
    "writes.config-map-missing",
    "writes.needed-changed",
    "networks.rewritten",
    # Notes of writes that need no consent.
    "writes.note.admitted",
    "writes.note.adopted",
    "writes.note.already-gone",
    "writes.note.changed-since",
    "writes.note.left-as-found",
    "writes.note.not-ours",
    "writes.note.overwritten",
    "writes.note.taken-away",
)


class Verb(StrEnum):
    APPLY = "apply"  # server-side apply; `body` is the manifest
    DELETE = "delete"  # of the object with that `uid` and no other
    JSON_PATCH = "json-patch"  # `body` is the list of operations, with their tests
    MERGE_PATCH = "merge-patch"
    PUT = "put"  # `body` is the whole object, under its resourceVersion
    FORGET = "forget"  # nothing on the cluster; the row goes
    REFUSE = "refuse"  # not without a decision; `violation` says why
    LOOK = "look"  # the live state is not known


@dataclass(frozen=True, slots=True)
class Agree:
    """The three states agree."""


@dataclass(frozen=True, slots=True)
class Write:
    """One call to a cluster, or why there is none.

    `uid` is the UID of the object to write, as it was read; empty when it doesn't exist yet. `found` is what the row
    records as found before, if this write creates the row. `removes`: the row is deleted after success. `force`: take
    over the conflicting fields (consented). `note` is a code for the plan, empty in the usual case.
    """

    target: Target
    verb: Verb
    body: Any = None
    uid: str = ""
    found: Any = None
    note: str = ""
    violation: Violation | None = None
    manager: str = FIELD_MANAGER
    force: bool = False
    adopts: bool = False
    removes: bool = False
    consent: str = ""

    @property
    def token(self) -> str:
        """The missing consent; empty when none is needed or none can be given."""
        return self.violation.token if self.violation else ""


Decision = Agree | Write
NO_CONSENTS: frozenset[str] = frozenset()


def decide(
    target: Target,
    wanted: Wanted | None,
    applied: Applied | None,
    live: Live,
    *,
    mesh: str,
    consents: frozenset[str] = NO_CONSENTS,
) -> Decision:
    """Return the next write that brings a target to what is wanted (None: to be removed), or `Agree`. Ask again after
    it.

    `mesh` is the mesh's UUID, as in the labels of its objects.
    """
    if wanted is None and applied is None:
        return Agree()
    if isinstance(live, Unknown):
        return Write(target, Verb.LOOK)
    case = _Case(target, wanted, applied, None if isinstance(live, Absent) else live.object, mesh, consents)
    if target.field == LABEL_FIELD:
        return _label(case)
    if target.field.startswith(WEBHOOK_FIELD_PREFIX):
        return _webhook(case)
    if target.field == NETWORKS_FIELD:
        return _networks(case)
    return _object(case)


def conflict(target: Target, field: str, owner: str) -> Violation:
    """Return a field that another manager owns, as a finding whose token consents to taking it over."""
    return overridable("writes.conflict", {**_where(target), "field": field, "owner": owner})


def may_force(target: Target, conflicts: Iterable[tuple[str, str]], consents: frozenset[str]) -> bool:
    """Whether every (field, owner) that server-side apply reported has been consented to."""
    return all(conflict(target, field, owner).token in consents for field, owner in conflicts)


def arrived(write: Write, wanted: Wanted | None, answer: Json) -> tuple[Admitted, ...] | Violation:
    """Return what the cluster made of a write, as its answer shows it: what it changed, or that it changed something
    that must be as sent.
    """
    target = write.target
    if wanted is None or write.manager != FIELD_MANAGER or write.removes:
        return ()
    if write.verb is Verb.APPLY:
        found = agreement.admission(write.body, answer)
        return _needed_changed(target, found.needed) if found.needed else found.admitted
    if write.verb is Verb.JSON_PATCH:
        entry = injection.find_entry(answer, target.field.removeprefix(WEBHOOK_FIELD_PREFIX))
        got = None if entry is None else injection.read_network(entry.value)
        change = agreement.Change(_place_of(target, answer), wanted.value, got)
    elif write.verb is Verb.PUT:
        listed = networks.networks_in((answer.get("data") or {}).get(networks.DATA_KEY))
        there = {} if isinstance(listed, Violation) else listed
        kept = [name for name, value in sorted(wanted.value.items()) if there.get(name) == value]
        change = agreement.Change(_place_of(target, answer), sorted(wanted.value), kept)
    else:
        return ()
    return () if change.sent == change.got else _needed_changed(target, (change,))


def note_of(target: Target, admitted: Admitted) -> Violation:
    """Return the note that a cluster changes one leaf of what is sent to it, or takes it away."""
    if admitted.value is None:
        return Violation("writes.note.taken-away", {**_where(target), "field": dotted(admitted.path)})
    params = {"field": dotted(admitted.path), "value": _in_short(admitted.value)}
    return Violation("writes.note.admitted", {**_where(target), **params})


def _needed_changed(target: Target, changes: Iterable[agreement.Change]) -> Violation:
    """The first says it all in nearly every case; `fields` names the others too."""
    found = list(changes)
    first = {"field": dotted(found[0].path), "sent": _in_short(found[0].sent), "got": _in_short(found[0].got)}
    params = {**_where(target), **first, "fields": [dotted(change.path) for change in found]}
    return Violation("writes.needed-changed", params)


def pod_label_changed(cluster: str, pod: Json, key: str, sent: str) -> Violation:
    """Return the finding that a Pod lacks a label of its template, or has it with another value."""
    metadata = pod.get("metadata", {})
    target = Target(cluster, "v1", "Pod", str(metadata.get("namespace", "")), str(metadata.get("name", "")))
    got = (metadata.get("labels") or {}).get(key)
    return _needed_changed(target, (agreement.Change(("metadata", "labels", key), sent, got),))


def _in_short(value: Any) -> Any:
    """A value of a field as a sentence shows it: `app=x, team=y` for labels, and an empty text for nothing."""
    if isinstance(value, dict):
        return ", ".join(f"{key}={_in_short(item)}" for key, item in value.items())
    if isinstance(value, list):
        return [_in_short(item) for item in value]
    return "" if value is None else value


def dotted(path: agreement.Path) -> str:
    """Return a path as conflicts show theirs: `.spec.ports[port=15443,protocol=TCP].targetPort`."""
    return "".join(step if step.startswith("[") else f".{step}" for step in path)


def owners(target: Target, wanted: Wanted | None, applied: Applied | None, live: Json) -> tuple[str, ...]:
    """Return who made a target other than what was written, as far as managedFields tell: the managers that own the
    very fields that differ, the latest writer first.
    """
    if target.field:
        return agreement.blamed(live, (_place_of(target, live),))
    if wanted is None and applied is None:
        return ()
    manifest = wanted.value if wanted is not None else applied.value if applied is not None else {}
    admitted = applied.admitted if applied is not None else ()
    return agreement.blamed(live, agreement.differences(manifest, live, admitted=admitted))


def _place_of(target: Target, live: Json) -> agreement.Path:
    """Where in the object that holds it a foreign field is."""
    if target.field == LABEL_FIELD:
        return ("metadata", "labels", NETWORK_LABEL)
    if target.field == NETWORKS_FIELD:
        return ("data", networks.DATA_KEY)
    name = target.field.removeprefix(WEBHOOK_FIELD_PREFIX)
    entry = injection.find_entry(live, name)
    below = ("service", "path") if entry is not None and entry.attribute == "path" else ("url",)
    return ("webhooks", f"[name={name}]", "clientConfig", *below)


@dataclass(frozen=True, slots=True)
class _Case:
    target: Target
    wanted: Wanted | None
    applied: Applied | None
    live: Json | None
    mesh: str
    consents: frozenset[str]

    @property
    def recorded(self) -> bool:
        """The row says that exactly this was written."""
        row = self.applied
        return (
            row is not None
            and self.wanted is not None
            and row.state is AppliedState.WRITTEN
            and row.value == self.wanted.value
        )

    @property
    def written(self) -> bool:
        """What was sent is known to have arrived, and nothing else has been sent since."""
        return self.applied is not None and self.applied.state is AppliedState.WRITTEN

    @property
    def named(self) -> bool:
        """The row names the very object that is there."""
        uid = (self.live or {}).get("metadata", {}).get("uid")
        return self.applied is not None and bool(uid) and self.applied.object_uid == uid

    @property
    def replaced(self) -> bool:
        """The object that held what we wrote is gone; somebody made another one of its name."""
        return self.applied is not None and bool(self.applied.object_uid) and not self.named

    def agrees(self, manifest: Json, live: Json) -> bool:
        return agreement.agrees(manifest, live, admitted=self.applied.admitted if self.applied else ())

    def refuse(self, violation: Violation) -> Write:
        return Write(self.target, Verb.REFUSE, violation=violation)

    def refuse_as(self, code: str, **params: Any) -> Write:
        return self.refuse(Violation(code, {**_where(self.target), **params}))

    def forget(self, note: str) -> Write:
        return Write(self.target, Verb.FORGET, note=note, removes=True)


def _where(target: Target) -> Json:
    return {"cluster": target.cluster, "kind": target.kind, "namespace": target.namespace, "name": target.name}


def _leaves(case: _Case, leave: Callable[[_Case, Applied, Json], Decision]) -> Decision:
    if case.live is None or case.applied is None:
        return case.forget("writes.note.already-gone")
    return leave(case, case.applied, case.live)


def _object(case: _Case) -> Decision:
    if case.wanted is None:
        return _leaves(case, _object_leaves)
    if case.live is None:
        note = "writes.note.overwritten" if case.written else ""
        return Write(case.target, Verb.APPLY, body=case.wanted.value, note=note)
    return _object_stays(case, case.wanted, case.live)


def _object_stays(case: _Case, wanted: Wanted, live: Json) -> Decision:
    metadata = live.get("metadata", {})
    labels = metadata.get("labels") or {}
    if labels.get(MESH_LABEL) == case.mesh and labels.get(GATEWAY_LABEL, wanted.gateway) != wanted.gateway:
        return case.refuse_as("writes.name-taken", gateway=str(labels.get(GATEWAY_LABEL)))
    if not case.named and not _proven(case, live, wanted.gateway, wanted.value):
        return _adopt(case, wanted, live)
    if metadata.get("deletionTimestamp"):
        return case.refuse_as("writes.terminating", finalizers=list(metadata.get("finalizers") or []))
    if not case.replaced and case.recorded and case.agrees(wanted.value, live):
        return _selector(case, wanted, live)
    note = "writes.note.overwritten" if case.recorded else ""
    return Write(case.target, Verb.APPLY, body=wanted.value, uid=str(metadata.get("uid", "")), note=note)


def _proven(case: _Case, live: Json, gateway: str, *sent: Json) -> bool:
    """Whether an object that no row names is one that we made: labels can be copied, an Apply of our fields by us
    cannot.
    """
    if not _labelled(case, live, gateway):
        return False
    sent = sent if case.applied is None else (*sent, case.applied.value)
    return any(agreement.applied_by(FIELD_MANAGER, manifest, live) for manifest in sent)


def _labelled(case: _Case, live: Json, gateway: str) -> bool:
    labels = live.get("metadata", {}).get("labels") or {}
    return bool(labels.get(MESH_LABEL) == case.mesh and (labels.get(GATEWAY_LABEL) or "") == gateway)


def _selector(case: _Case, wanted: Wanted, live: Json) -> Decision:
    """A rule that asks gateways for one more label selects none of ours, and apply cannot take others' keys away."""
    if (case.target.api_version, case.target.kind) != RULE:
        return Agree()
    ours = wanted.value["spec"]["selector"]
    surplus = sorted(set(live.get("spec", {}).get("selector") or {}) - set(ours))
    if not surplus:
        return Agree()
    uid = str(live.get("metadata", {}).get("uid", ""))
    finding = overridable("writes.rule-selector", {**_where(case.target), "uid": uid, "keys": surplus})
    before = (
        (case.applied.found or {}).get("spec", {}).get("selector")
        if case.applied is not None and case.applied.adopted
        else None
    )
    if finding.token not in case.consents and not set(surplus) <= set(before or {}):
        return case.refuse(finding)
    body = {"spec": {"selector": dict.fromkeys(surplus)}}
    return Write(
        case.target,
        Verb.MERGE_PATCH,
        body=body,
        uid=uid,
        consent=finding.token if finding.token in case.consents else "",
    )


def _adopt(case: _Case, wanted: Wanted, live: Json) -> Write:
    """Something of this name is there and is not ours: refused, and only the gateway rule can be adopted."""
    metadata = live.get("metadata", {})
    labels = metadata.get("labels") or {}
    params = {**_where(case.target), "uid": str(metadata.get("uid", "")), "mesh": str(labels.get(MESH_LABEL, ""))}
    # What another mesh of a console owns is not there to be adopted.
    if (case.target.api_version, case.target.kind) != RULE or labels.get(MESH_LABEL, case.mesh) != case.mesh:
        return case.refuse(Violation("writes.not-ours", params))
    token = token_of("writes.not-ours", params)
    if token not in case.consents:
        return case.refuse(Violation("writes.not-ours", params, token))
    found = agreement.reverse_patch(wanted.value, live)
    selector = live.get("spec", {}).get("selector")
    if isinstance(selector, dict) and isinstance(found["spec"].get("selector"), dict):
        found["spec"]["selector"] |= {
            key: value for key, value in selector.items() if key not in found["spec"]["selector"]
        }
    return Write(
        case.target,
        Verb.APPLY,
        body=wanted.value,
        uid=params["uid"],
        found=found,
        note="writes.note.adopted",
        adopts=True,
        consent=token,
    )


def _object_leaves(case: _Case, applied: Applied, live: Json) -> Decision:
    uid = str(live.get("metadata", {}).get("uid", ""))
    if not case.named and (applied.object_uid or not _proven(case, live, applied.gateway)):
        # Refused or never arrived, or made anew by somebody else since: either way it is not ours to delete.
        return case.forget("writes.note.not-ours")
    if applied.adopted:
        patch = agreement.restoring_patch(applied.found or {}, applied.value, live)
        if not patch:
            return case.forget("writes.note.changed-since")
        return Write(case.target, Verb.MERGE_PATCH, body=patch, uid=uid, removes=True)
    if not _labelled(case, live, applied.gateway):
        labels = live.get("metadata", {}).get("labels") or {}
        finding = overridable(
            "writes.not-ours", {**_where(case.target), "uid": uid, "mesh": str(labels.get(MESH_LABEL, ""))}
        )
        if finding.token not in case.consents:
            return case.refuse(finding)
    return Write(case.target, Verb.DELETE, uid=uid, removes=True)


def _label(case: _Case) -> Decision:
    if case.wanted is None:
        return _leaves(case, _label_leaves)
    if case.live is None:
        return case.refuse_as("writes.namespace-missing")
    metadata = case.live.get("metadata", {})
    current = (metadata.get("labels") or {}).get(NETWORK_LABEL)
    value = case.wanted.value
    if case.recorded and current == value:
        return Agree()
    mine = case.applied is not None and current == case.applied.value
    owners = (
        ()
        if mine or current in (None, value)
        else agreement.owners_of(case.live, ("metadata", "labels", NETWORK_LABEL))
    )
    conflicts = [conflict(case.target, f".metadata.labels.{NETWORK_LABEL}", owner) for owner in owners]
    missing = next((finding for finding in conflicts if finding.token not in case.consents), None)
    if missing is not None:
        return case.refuse(missing)
    # With the UID, apply cannot create a namespace that has gone meanwhile.
    identity = {"name": case.target.name, "uid": metadata.get("uid"), "labels": {NETWORK_LABEL: value}}
    return Write(
        case.target,
        Verb.APPLY,
        body={"apiVersion": case.target.api_version, "kind": case.target.kind, "metadata": identity},
        uid=str(metadata.get("uid", "")),
        found=current,
        note="writes.note.overwritten" if case.recorded else "",
        force=bool(conflicts),
        consent=conflicts[0].token if conflicts else "",
    )


def _label_leaves(case: _Case, applied: Applied, live: Json) -> Decision:
    current = (live.get("metadata", {}).get("labels") or {}).get(NETWORK_LABEL)
    if current is not None and case.replaced:
        return case.forget("writes.note.not-ours")
    if current != applied.value:
        return case.forget("writes.note.changed-since" if current is not None else "writes.note.already-gone")
    if applied.found == applied.value:
        return case.forget("writes.note.left-as-found")
    uid = live.get("metadata", {}).get("uid")
    path = "/metadata/labels/" + NETWORK_LABEL.replace("~", "~0").replace("/", "~1")
    put_back: Json = (
        {"op": "remove", "path": path}
        if applied.found is None
        else {"op": "replace", "path": path, "value": applied.found}
    )
    tests: list[Json] = [
        {"op": "test", "path": "/metadata/uid", "value": uid},
        {"op": "test", "path": path, "value": current},
    ]
    return Write(case.target, Verb.JSON_PATCH, body=[*tests, put_back], uid=str(uid or ""), removes=True)


def _webhook(case: _Case) -> Decision:
    if case.wanted is None:
        return _leaves(case, _webhook_leaves)
    name = case.target.field.removeprefix(WEBHOOK_FIELD_PREFIX)
    entry = None if case.live is None else injection.find_entry(case.live, name)
    if case.live is None or entry is None:
        return case.refuse_as("writes.webhook-missing", webhook=name)
    current = injection.read_network(entry.value)
    value = case.wanted.value
    if case.recorded and current == value:
        return Agree()
    consent = ""
    if case.written and case.applied is not None and current not in (None, value, case.applied.value):
        params = {**_where(case.target), "webhook": name, "network": current, "expected": value}
        finding = overridable("writes.webhook-rewritten", params)
        if finding.token not in case.consents:
            return case.refuse(finding)
        consent = finding.token
    operations = injection.patch_ops(case.live, name, value)
    if operations is None:
        return case.refuse_as("writes.webhook-path", webhook=name, value=entry.value)
    note = "writes.note.overwritten" if case.recorded else ""
    return Write(case.target, Verb.JSON_PATCH, body=operations, found=current, note=note, consent=consent)


def _webhook_leaves(case: _Case, applied: Applied, live: Json) -> Decision:
    name = case.target.field.removeprefix(WEBHOOK_FIELD_PREFIX)
    entry = injection.find_entry(live, name)
    current = None if entry is None else injection.read_network(entry.value)
    if current is not None and case.replaced:
        return case.forget("writes.note.not-ours")
    if current != applied.value:
        return case.forget("writes.note.changed-since" if current is not None else "writes.note.already-gone")
    if applied.found == applied.value:
        return case.forget("writes.note.left-as-found")
    operations = injection.patch_ops(live, name, applied.found)
    return Write(case.target, Verb.JSON_PATCH, body=operations, removes=True)


def _networks(case: _Case) -> Decision:
    if case.live is None:
        return (
            case.forget("writes.note.already-gone")
            if case.wanted is None
            else case.refuse_as("writes.config-map-missing")
        )
    text = (case.live.get("data") or {}).get(networks.DATA_KEY)
    annotation = (case.live.get("metadata", {}).get("annotations") or {}).get(NETWORKS_ANNOTATION)
    ours: Json = {} if case.wanted is None else case.wanted.value
    sent: Json = {} if case.applied is None else case.applied.value
    held = networks.ours_in(text, annotation, sent)
    if isinstance(held, Violation):
        return case.refuse(held)
    consent = ""
    # A row that is intended or leaving does not say what stands there: an earlier value of ours may, or what was
    # before.
    if case.written:
        findings = [_rewritten(case, name, text) for name in networks.rewritten(text, sent)]
        missing = next((finding for finding in findings if finding.token not in case.consents), None)
        if missing is not None:
            return case.refuse(missing)
        consent = findings[0].token if findings else ""
    mine = frozenset(held) | (frozenset(sent) if consent else frozenset())
    previous = mine if case.applied is not None else mine & frozenset(ours)
    found = {"text": text} if case.applied is None else case.applied.found
    merged = networks.merge(text, ours, previous, found if case.applied is not None else None)
    if isinstance(merged, Violation):
        return case.refuse(merged)
    if merged == text and networks.owned_names(annotation) == frozenset(ours):
        if case.wanted is None:
            return case.forget("writes.note.already-gone")
        if case.recorded:
            return Agree()
    return _put_networks(case, case.live, ours, merged, found, consent)


def _put_networks(case: _Case, live: Json, ours: Json, merged: str | None, found: Json, consent: str) -> Write:
    result = networks.networks_in(merged)
    # Taking ours out must stay possible although others have made the value invalid.
    invalid = networks.validate(result) if ours and not isinstance(result, Violation) else ()
    if invalid:
        return case.refuse(invalid[0])
    body = networks.with_networks(live, merged, ours)
    note = "writes.note.overwritten" if case.recorded else ""
    return Write(case.target, Verb.PUT, body=body, found=found, note=note, consent=consent, removes=case.wanted is None)


def _rewritten(case: _Case, name: str, text: str | None) -> Violation:
    present = networks.networks_in(text)
    seen = "" if isinstance(present, Violation) else networks.digest({name: present[name]})[:12]
    return overridable("networks.rewritten", {**_where(case.target), "network": name, "seen": seen})
