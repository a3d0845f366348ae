"""What is done, in words: titles of rollouts, kinds of steps, reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from interconnect.domain.credentials import ENDED
from interconnect.domain.findings import Finding, SubjectKind, parameters
from interconnect.domain.refusal import Refused
from interconnect.domain.serial import SerialError, change_from_json
from interconnect.domain.status import Level
from interconnect.domain.steps import Phase, StepKind
from interconnect.domain.violations import Violation
from interconnect.models import Rollout, RolloutKind
from interconnect.wording import MESSAGES, word
from interconnect.wording.changes import PHASE_NAMES, STEP_NAMES, describe
from interconnect.wording.diagnosis import SUBJECTS, TITLES
from interconnect.wording.values import value_text
from meshconsole.text import in_a_line

if TYPE_CHECKING:
    from django.utils.functional import Promise

    from interconnect.domain.findings import Found, Subject
    from interconnect.domain.status import Part, State

# Drift that nobody else has caused: the console itself still has to write it.
UNAPPLIED = frozenset({"drift.not-applied", "networks.revision-lacks-groups"})
MOST_NAMES = 3


def step_name(kind: str) -> str:
    return str(STEP_NAMES[StepKind(kind)]) if kind in set(StepKind) else kind


def phase_name(phase: int) -> str:
    return str(PHASE_NAMES[Phase(phase)]) if phase in set(Phase) else str(phase)


def reason(found: Found) -> str:
    """Return the sentence for a violation, a finding or an alert."""
    return word(found.code, parameters(found), seen=isinstance(found, Finding))


def reasons(several: Iterable[Found]) -> tuple[str, ...]:
    return tuple(reason(found) for found in several)


def refusal(stored: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The sentences of a refusal as it is stored."""
    return reasons(Refused.from_json(stored).violations)


def reasons_behind(evidence: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a step has found, one sentence each: the step's own sentence says only how much it found."""
    items = [item for key in ("guard", "findings") for item in evidence.get(key) or () if isinstance(item, dict)]
    return tuple(dict.fromkeys(reasons(found for found in map(Finding.from_json, items) if found.grave)))


def notes_in(evidence: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a cluster made of what a step sent to it, one clause each."""
    items = (Violation.from_json(item) for item in evidence.get("notes") or () if isinstance(item, dict))
    return tuple(dict.fromkeys(word(item.code, item.params) for item in items))


def cluster_error(code: str, params: Mapping[str, Any]) -> str:
    """Return why a cluster doesn't answer; its rows keep the code without the catalogue's prefix."""
    return word(code if "." in code else f"kube.{code}", params)


def state_label(state: State) -> str:
    """Return a state in a word or two; what is wrong beyond a state is called as the finding is."""
    label = _label(state)
    return str(TITLES[state.code]) if label not in MESSAGES and state.code in TITLES else word(label, state.params)


def _label(state: State) -> str:
    label = f"state.{state.code}"
    match state.code:
        case "cluster.rights-missing" if state.level is Level.GOOD:
            return "state.cluster.reachable"
        case "joined.in-effect" if state.params.get("replicas") == 1:
            return f"{label}.one"
        case "mesh.credential-ends" if state.cause and state.cause.code == ENDED:
            return f"{label}.ended"
        case "mesh.drift" if state.cause and state.cause.code in UNAPPLIED and not state.params.get("owners"):
            return f"{label}.unapplied"
    return label


def part_label(state: State) -> str:
    """Return a state in a word or two, with what it is a state of: on a group or mesh, it is only of a part."""
    label = f"state.{state.code}.part"
    return word(label, state.params) if label in MESSAGES else state_label(state)


def state_reason(state: State) -> str:
    """Return why a state is as it is, and since when if it is bad; empty if its label says all."""
    if state.code == "unknown":
        return _unknown(state)
    text = word(state.cause.code, state.cause.params, seen=True) if state.cause else _own_reason(state)
    if state.params.get("count", 1) > 1:
        more = state.params["count"] - 1
        text = ngettext("%(reason)s (%(count)s more)", "%(reason)s (%(count)s more)", more) % {
            "reason": text,
            "count": more,
        }
    if state.since is None or not text:
        return text
    return _("%(reason)s Began %(ago)s.") % {"reason": text, "ago": naturaltime(state.since)}


def part_reason(part: Part, whole: Subject) -> str:
    """Return a part's reason, naming the part unless it is the whole."""
    text = state_reason(part.state)
    if part.subject == whole or not part.subject.name:
        return text
    if not text:
        return in_a_line(part.subject.name)
    return _("%(name)s: %(reason)s") % {"name": in_a_line(part.subject.name), "reason": text}


def subject_names(subjects: Iterable[str]) -> list[str]:
    """Return the names of what a silence is about, `kind/name` each; what a mesh has once is called by its kind."""
    found = (subject.partition("/") for subject in subjects)
    return [
        name or str(SUBJECTS[SubjectKind(kind)]) if kind in set(SubjectKind) else name for kind, _slash, name in found
    ]


def _own_reason(state: State) -> str:
    key = f"state.{state.code}"
    if state.code == "cluster.rights-missing" and state.level is Level.GOOD:
        key = f"{key}.optional"
    if state.code == "joined.in-effect" and state.params.get("silent"):
        key = f"{key}.silent"
    if f"{key}.reason" in MESSAGES:
        return word(f"{key}.reason", state.params)
    return word(state.code, state.params) if key not in MESSAGES else ""


def _unknown(state: State) -> str:
    if state.at is None:
        return word("state.unknown.reason", {})
    last = part_label(state.last) if state.last else ""
    if not last:
        return _("Last seen %(ago)s.") % {"ago": naturaltime(state.at)}
    return word("state.unknown.last.reason", {"ago": naturaltime(state.at), "last": last})


def listed(names: Sequence[str]) -> str:
    """Return names as a phrase: *a, b and 3 more*."""
    shown = [in_a_line(name) for name in names[:MOST_NAMES]]
    rest = len(names) - len(shown)
    if rest:
        more = ngettext("%(count)s more", "%(count)s more", rest) % {"count": rest}
        return _("%(names)s and %(last)s") % {"names": _(", ").join(shown), "last": more}
    if len(shown) < 2:
        return "".join(shown)
    return _("%(names)s and %(last)s") % {"names": _(", ").join(shown[:-1]), "last": shown[-1]}


# By kind of change: the sentence for several such changes, and the key that each of its parameters lists.
SENTENCES: Mapping[str, tuple[Promise, Mapping[str, str]]] = {
    "Enable": (gettext_lazy("Enable the interconnect"), {}),
    "Disable": (gettext_lazy("Disable the interconnect"), {}),
    "CreateGroup": (gettext_lazy("Create network group %(names)s"), {"names": "group"}),
    "DeleteGroup": (gettext_lazy("Delete network group %(names)s"), {"names": "group"}),
    "AddCluster": (gettext_lazy("Add %(clusters)s to %(groups)s"), {"clusters": "cluster", "groups": "group"}),
    "MoveCluster": (gettext_lazy("Move %(clusters)s to %(groups)s"), {"clusters": "cluster", "groups": "group"}),
    "RemoveCluster": (gettext_lazy("Remove %(clusters)s from its group"), {"clusters": "cluster"}),
    "CreateGateway": (gettext_lazy("Create an east-west gateway in %(names)s"), {"names": "key"}),
    "EditGateway": (gettext_lazy("Edit the east-west gateway of %(names)s"), {"names": "key"}),
    "DeleteGateway": (gettext_lazy("Delete the east-west gateway of %(names)s"), {"names": "key"}),
    "Join": (gettext_lazy("Join %(names)s"), {"names": "group"}),
    "UpdateAddresses": (gettext_lazy("Update the addresses of %(names)s"), {"names": "group"}),
    "Remove": (gettext_lazy("Remove %(names)s from the interconnect"), {"names": "group"}),
}


def _sentence(kind: str, items: Sequence[Mapping[str, Any]]) -> str:
    if kind not in SENTENCES:
        return kind
    sentence, listing = SENTENCES[kind]
    return str(sentence) % {
        name: listed(sorted({_name(item.get(key, "")) for item in items})) for name, key in listing.items()
    }


def _name(value: Any) -> str:
    """Return the name that people know: of a gateway's key, `cluster/number`, that is the cluster."""
    return str(value).rpartition("/")[0] or str(value)


def changes_in_words(changes: Iterable[Mapping[str, Any]]) -> str:
    """Return one line for everything that a rollout changes, in order."""
    changes = list(changes)
    if len(changes) == 1:
        return _one(changes[0])
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for change in changes:
        kinds.setdefault(str(change.get("change", "")), []).append(change)
    return _(", ").join(_sentence(kind, items) for kind, items in kinds.items())


def _one(change: Mapping[str, Any]) -> str:
    try:
        return describe(change_from_json(change))
    except SerialError:
        return str(change.get("change", ""))


def rollout_title(rollout: Rollout) -> str:
    if rollout.kind == RolloutKind.WORKLOADS:
        restarted = {"gateway": rollout.subject}
        return _("Restart gateway %(gateway)s") % restarted if rollout.subject else _("Restart workloads")
    return changes_in_words(rollout.changes) or _("Restore what others have changed")


ACTIONS: Mapping[str, str | Promise] = {
    "mesh.register": gettext_lazy("Register mesh"),
    "mesh.replace-credential": gettext_lazy("Replace the control plane's credential"),
    "mesh.restart-policy": gettext_lazy("Set the control plane restart policy"),
    "mesh.networks-source": gettext_lazy("Set where istiod reads meshNetworks"),
    "mesh.istiod-url": gettext_lazy("Set the direct istiod URL"),
    "mesh.delete": gettext_lazy("Delete mesh"),
    "cluster.register": gettext_lazy("Register cluster"),
    "cluster.replace-credential": gettext_lazy("Replace credential"),
    "cluster.pod-cidrs": gettext_lazy("Set Pod CIDRs"),
    "cluster.unregister": gettext_lazy("Remove cluster from the mesh"),
    "cluster.forget": gettext_lazy("Forget cluster"),
    "member.set": gettext_lazy("Assign a role"),
    "member.remove": gettext_lazy("Remove a role"),
    "workloads.restart": gettext_lazy("Restart workloads"),
    "gateway.restart": gettext_lazy("Restart gateway"),
    "silence.add": gettext_lazy("Silence a finding"),
    "silence.end": gettext_lazy("End a silence"),
    "drift.restore": gettext_lazy("Restore what others have changed"),
    "rollout.retry": gettext_lazy("Retry the rollout"),
    "rollout.cancel": gettext_lazy("Cancel the rollout"),
    "rollout.revert": gettext_lazy("Revert"),
    "rollout.dismiss": gettext_lazy("Dismiss the failed rollout"),
    "rollout.succeeded": gettext_lazy("Rollout succeeded"),
    "rollout.failed": gettext_lazy("Rollout failed"),
    "rollout.cancelled": gettext_lazy("Rollout cancelled"),
}


def action_in_words(action: str, params: Mapping[str, Any]) -> str:
    changes = changes_in_words(params.get("changes", ()))
    label = ACTIONS.get(action)
    if action == "rollout.revert" and changes:
        return _("Revert: %(changes)s") % {"changes": changes}
    return changes or str(label or action)


def details_in_words(action: str, params: Mapping[str, Any]) -> str:
    """Return what else was asked for, where the action's name doesn't say it: whom a silence is about, until when and
    why; empty otherwise.
    """
    if action not in ("silence.add", "silence.end"):
        return ""
    code, subjects = str(params.get("code", "")), subject_names(params.get("subjects") or ())
    said = {"title": TITLES.get(code, code), "subjects": listed(subjects) or _("all")}
    parts = [_("%(title)s: %(subjects)s") % said]
    if until := params.get("until"):
        parts.append(_("until %(time)s") % {"time": value_text("until", until)})
    if why := params.get("reason"):
        parts.append(_("reason: %(reason)s") % {"reason": value_text("reason", why)})
    return " · ".join(parts)
