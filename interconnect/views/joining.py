"""The interconnect list: the join wizard, new addresses, and removal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from interconnect.domain import rules
from interconnect.domain.changes import Join, Remove, UpdateAddresses, apply_all, violations
from interconnect.domain.refusal import Refused
from interconnect.domain.topology import Address, Topology
from interconnect.forms.addresses import AddressesForm
from interconnect.forms.base import STALE, version_of
from interconnect.forms.groups import RemoveForm
from interconnect.services import drafts
from interconnect.services.rollouts import Start, last_topology_rollout, rollout_start
from interconnect.state import observed
from interconnect.views.parts import dialogs, plan_rows
from interconnect.views.parts.access import Visit, mesh_for
from interconnect.views.parts.changing import current, submit
from interconnect.views.parts.dialogs import Dialog
from interconnect.views.parts.frame import frame
from interconnect.wording import phrases
from meshconsole.htmx import is_htmx, page, redirect

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from interconnect.domain.facts import Facts
    from interconnect.domain.topology import GatewayKey
    from interconnect.models import JoinDraft

FEW_GROUPS = 10
Stored = Mapping[str, Sequence[Address]]
# Session slots: what was last sent to the addresses step, why it was refused, and the groups that were ticked.
SENT, REFUSED, TICKED = "sent", "refused", "ticked"


@dataclass(frozen=True, slots=True)
class Choice:
    """A page's choice of the addresses at which groups are reached.

    `stored` holds each group's current addresses, and `versions` their versions where somebody else can change them
    in the meantime. `change` turns one group's choice into a change; `keep` takes the choices of all groups and
    answers the request. `words` holds the page's own wording. `shown` is what is ticked at first, if not `stored`.
    """

    topology: Topology
    facts: Facts
    stored: Stored
    change: Callable[[str, tuple[Address, ...]], Join | UpdateAddresses]
    keep: Callable[[Stored], HttpResponse]
    words: Mapping[str, Any]
    versions: Mapping[str, str] = field(default_factory=dict)
    shown: Stored = field(default_factory=dict)


def go(request: HttpRequest, url_name: str, visit: Visit) -> HttpResponse:
    return redirect(request, reverse(url_name, kwargs={"name": visit.mesh.name}))


def draft_of(visit: Visit) -> JoinDraft | None:
    return drafts.draft_of(mesh=visit.mesh, user_id=visit.actor.user_id or 0)


def _slot(request: HttpRequest, what: str) -> str:
    """Return the session key for one page of one mesh: another tab may be showing a different one."""
    return f"addresses.{what}:{request.path}"


@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, name: str) -> HttpResponse:
    """Step 1: choose the groups. Groups that can't join are listed too, with the reason."""
    visit = mesh_for(request, name)
    topology, _facts = current(visit)
    draft = draft_of(visit)
    reasons = {group: " ".join(_why_not(topology, group)) for group in topology.groups}
    able = {group for group, why in reasons.items() if not why}
    # The next step names any group that has just become unable to join.
    ticked = [group for group in request.POST.getlist("group") if group in reasons]
    if able.intersection(ticked):
        drafts.draft_groups(mesh=visit.mesh, user_id=visit.actor.user_id or 0, groups=ticked)
        return go(request, "join-addresses", visit)
    chosen = set(draft.groups) & able if draft else set()
    if request.method == "POST" and not is_htmx(request):
        return redirect(request, f"{request.path}?none=1")
    error = _("Select at least one group that can join.") if request.method == "POST" or "none" in request.GET else ""
    # Groups that can join come first: among hundreds they would otherwise be hard to find.
    groups = sorted(topology.groups.values(), key=lambda group: (group.name not in able, group.name))
    lines = [
        (group.name, ", ".join(sorted(group.clusters)), reasons[group.name], group.name in chosen) for group in groups
    ]
    context = frame(visit, "interconnect") | {
        "lines": lines,
        "error": error,
        "step": 1,
        "able": able,
        "searchable": len(lines) > FEW_GROUPS,
    }
    return page(request, "interconnect/join.html", context, status=422 if error else 200)


def _why_not(topology: Topology, group: str) -> tuple[str, ...]:
    return phrases.reasons([*rules.is_enabled(topology), *rules.can_join(topology, group)])


@require_http_methods(["GET", "POST"])
def join_addresses(request: HttpRequest, name: str) -> HttpResponse:
    """Step 2: choose the addresses at which the groups are reached."""
    visit = mesh_for(request, name)
    draft = draft_of(visit)
    topology, facts = current(visit)
    groups = still_able(request, draft, topology)
    if draft is None or not groups:
        return go(request, "join", visit)
    stored = {group: drafts.chosen_addresses(draft, topology, group) for group in groups}

    def keep(chosen: Stored) -> HttpResponse:
        drafts.draft_addresses(draft=draft, addresses=chosen, topology=topology)
        return go(request, "join-review", visit)

    words = {"step": 2, "back": "join", "submit": _("Next"), "title": _("Join interconnection")}
    return _choose(request, visit, Choice(topology, facts, stored, Join, keep, words))


def still_able(request: HttpRequest, draft: JoinDraft | None, topology: Topology) -> list[str]:
    """Return the draft's groups that can still join; name each of the others in a warning, once, and drop it."""
    wanted = draft.groups if draft else []
    able = [group for group in wanted if group in topology.groups and not _why_not(topology, group)]
    if draft is not None and able and len(able) < len(wanted):
        drafts.draft_narrow(draft=draft, groups=able)
    for group in sorted(set(wanted) - set(able)):
        messages.warning(request, _("%(group)s can no longer join and is left out.") % {"group": group})
    return able


def _choose(request: HttpRequest, visit: Visit, choice: Choice) -> HttpResponse:
    """Answer the step that the wizard and *update addresses* share.

    Input that leads no further is shown on a page with its own URL, so that Back and reload submit nothing.
    """
    context = dict(choice.words)
    sent = _sent(request)
    forms = _forms(sent, visit, choice, choice.shown or choice.stored)
    if sent is not None and request.method == "POST" and _is_done_already(forms, choice.stored):
        return choice.keep({group: form.addresses() for group, form in forms.items()})
    stale = [form for form in forms.values() if form.is_stale]
    for form in stale:
        form.add_error(None, str(STALE))
        form.take_current_version()
    if sent is not None and all(form.is_valid() for form in forms.values()):
        chosen = {group: form.addresses() for group, form in forms.items()}
        if "add" in sent:
            forms = _added(forms, chosen, visit, choice)
        elif _accepted(choice, forms, chosen) and request.method == "POST":
            try:
                return choice.keep(chosen)
            except Refused as refused:
                context["refused"] = phrases.reasons(refused.violations)
    if request.method == "POST" and not is_htmx(request):
        return _to_what_was_sent(request, context.get("refused", ()))
    context.setdefault("refused", request.session.get(_slot(request, REFUSED), ()) if sent is not None else ())
    wrong = bool(context.get("refused")) or any(form.errors for form in forms.values())
    status = 409 if stale else 422 if wrong else 200
    return page(
        request, "interconnect/addresses.html", frame(visit, "interconnect") | context | {"forms": forms}, status=status
    )


def _sent(request: HttpRequest) -> QueryDict | None:
    """Return what was sent to this page, now or before the redirect to it; None if it was opened afresh."""
    if request.method == "POST":
        return request.POST
    slot = _slot(request, SENT)
    return QueryDict(request.session.get(slot, "")) if "sent" in request.GET and slot in request.session else None


def _to_what_was_sent(request: HttpRequest, refused: Sequence[str]) -> HttpResponse:
    sent = request.POST.copy()
    sent.pop("csrfmiddlewaretoken", None)
    request.session[_slot(request, SENT)], request.session[_slot(request, REFUSED)] = sent.urlencode(), list(refused)
    query = request.GET.copy()
    query["sent"] = "1"
    return redirect(request, f"{request.path}?{query.urlencode()}")


def _added(
    forms: Mapping[str, AddressesForm], chosen: Stored, visit: Visit, choice: Choice
) -> dict[str, AddressesForm]:
    """Return the same choice plus what was added; earlier additions that aren't ticked are still offered."""
    fresh = _forms(None, visit, choice, chosen)
    for group, form in fresh.items():
        form.offer_too(forms[group].hand)
    return fresh


def _is_done_already(forms: Mapping[str, AddressesForm], stored: Stored) -> bool:
    """Return whether this is a double submit: the first request has already stored what this one asks for."""
    if not any(form.is_stale for form in forms.values()) or not all(form.is_valid() for form in forms.values()):
        return False
    return all(set(form.addresses()) == set(stored[group]) for group, form in forms.items())


def _forms(data: Any, visit: Visit, choice: Choice, shown: Stored) -> dict[str, AddressesForm]:
    """Return a form for each group; `shown` is what is ticked in it unless `data` says otherwise."""
    known = observed.known_addresses(visit.mesh)
    return {
        group: AddressesForm(
            data,
            topology=choice.topology,
            group=group,
            known=known,
            chosen=chosen,
            version=choice.versions.get(group, ""),
        )
        for group, chosen in shown.items()
    }


def _accepted(choice: Choice, forms: dict[str, AddressesForm], chosen: Mapping[str, tuple[Address, ...]]) -> bool:
    """Return whether the rules accept the choices, putting each violation beside its group's form.

    Conflicts between groups show only when all changes are applied together.
    """
    topology, facts = choice.topology, choice.facts
    changes = {group: choice.change(group, found) for group, found in chosen.items()}
    for group, change in changes.items():
        for violation in violations(topology, change, facts=facts):
            forms[group].add_error("chosen", phrases.reason(violation))
    if any(form.errors for form in forms.values()):
        return False
    together = apply_all(topology, list(changes.values()), facts=facts)
    if isinstance(together, Topology):
        return True
    last = list(forms.values())[-1]
    for violation in together:
        last.add_error("chosen", phrases.reason(violation))
    return False


@require_http_methods(["GET", "POST"])
def update_addresses(request: HttpRequest, name: str) -> HttpResponse:
    """Choose new addresses for joined groups. This never causes a restart.

    The ticked groups are kept in the session, because hundreds of them don't fit in a URL.
    """
    visit = mesh_for(request, name)
    topology, facts = current(visit)
    if "ticked" in request.POST:
        request.session[_slot(request, TICKED)] = request.POST.getlist("group")
        return go(request, "addresses-update", visit)
    wanted = (
        request.POST.getlist("group") or request.GET.getlist("group") or request.session.get(_slot(request, TICKED), [])
    )
    stored = {group.name: group.addresses or () for group in topology.joined if group.name in wanted}
    if not stored:
        return _nothing_joined(request, visit, topology, wanted, _("Select the groups whose addresses to update."))

    def keep(chosen: Stored) -> HttpResponse:
        changed = [
            UpdateAddresses(group, tuple(found)) for group, found in chosen.items() if set(found) != set(stored[group])
        ]
        if not changed:
            return _as_they_were(request, visit, chosen)
        return dialogs.to_rollout(request, rollout_start(actor=visit.actor, start=Start(visit.mesh, changed)))

    words = {"back": "interconnect", "submit": _("OK"), "title": _("Update east-west gateway address")}
    versions = {group: version_of(addresses) for group, addresses in stored.items()}
    shown = _as_reported(stored, observed.known_addresses(visit.mesh)) if "reported" in request.GET else {}
    return _choose(request, visit, Choice(topology, facts, stored, UpdateAddresses, keep, words, versions, shown))


def _as_reported(stored: Stored, known: Mapping[GatewayKey, tuple[str, ...]]) -> Stored:
    """Return the same addresses, with what load balancers report now instead of what they no longer do."""

    def now(address: Address) -> tuple[Address, ...]:
        hosts = known.get(address.gateway, ()) if address.gateway else ()
        if not hosts or address.host in hosts:
            return (address,)
        return tuple(replace(address, host=host) for host in hosts)

    return {
        group: tuple(dict.fromkeys(each for address in addresses for each in now(address)))
        for group, addresses in stored.items()
    }


def _as_they_were(request: HttpRequest, visit: Visit, groups: Iterable[str]) -> HttpResponse:
    """Say that nothing has changed, or show the newest rollout if it already updates any of these groups."""
    newest = last_topology_rollout(visit.mesh)
    updated = (
        {change.get("group") for change in newest.changes if change.get("change") == "UpdateAddresses"}
        if newest
        else set()
    )
    if newest and updated & set(groups):
        return dialogs.to_rollout(request, newest)
    messages.info(request, _("The addresses haven't changed."))
    return go(request, "interconnect", visit)


def _nothing_joined(
    request: HttpRequest, visit: Visit, topology: Topology, wanted: Sequence[str], otherwise: str
) -> HttpResponse:
    """Say, for each ticked group that exists, that it isn't (or is no longer) joined; without any, say `otherwise`."""
    found = [reason for group in wanted for reason in phrases.reasons(rules.is_joined(topology, group))]
    return dialogs.outdated(request, visit.mesh, " ".join(found) or otherwise)


@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, name: str) -> HttpResponse:
    """Remove groups from the interconnect. It is asked twice, the second time with the consequences."""
    visit = mesh_for(request, name)
    topology, _facts = current(visit)
    joined = [(group.name, group.name) for group in topology.joined]
    ticked = (request.POST or request.GET).getlist("group")
    wanted = [group for group in ticked if (group, group) in joined]
    if not wanted:
        return _nothing_joined(request, visit, topology, ticked, _("Select the groups to remove."))
    confirming = request.POST.get("step") == "confirm"
    asked = request.POST.get("step") == "ask"
    version = version_of(*(topology.groups[group] for group in wanted))
    initial = {"group": wanted, "step": "confirm" if asked else "ask", "restart": visit.mesh.restart}
    form = RemoveForm(
        request.POST if confirming else None,
        groups=joined,
        asking=not (asked or confirming),
        initial=initial,
        version=version,
    )
    dialog = _first_question(form, wanted) if not (asked or confirming) else _second_question(visit, form, wanted)
    if not confirming:
        return dialogs.show(request, visit, dialog)
    valid = form.is_valid()
    restart = form.restart_policy() if valid else None
    return submit(request, visit, dialog, lambda: [Remove(group) for group in wanted], follow=True, restart=restart)


def _first_question(form: RemoveForm, wanted: Sequence[str]) -> Dialog:
    intro = (
        _("Remove %(groups)s from the interconnect?") % {"groups": ", ".join(wanted)},
        _("The groups, their clusters and their gateways stay."),
    )
    return Dialog(_("Remove interconnection"), _("Remove"), form, intro=intro, danger=True)


def _second_question(visit: Visit, form: RemoveForm, wanted: Sequence[str]) -> Dialog:
    intro = dialogs.what_removing_means(wanted)
    silent = [f"{name}: {why}" for name, why in plan_rows.silent_clusters(visit.mesh)]
    return Dialog(_("Remove interconnection"), _("Confirm"), form, intro=intro, warnings=tuple(silent), danger=True)
