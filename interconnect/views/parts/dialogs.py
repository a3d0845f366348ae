"""Dialogs: shown over the page with htmx, or as a page of their own; both submit the same form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from interconnect.domain.rules import is_token
from interconnect.permissions import role_for
from interconnect.views.parts.frame import frame
from interconnect.wording import phrases
from meshconsole.htmx import events, is_htmx, is_page_itself, page, redirect
from meshconsole.ui.forms import ChoiceError

if TYPE_CHECKING:
    from django import forms
    from django.utils.functional import Promise

    from interconnect.domain.refusal import Refused
    from interconnect.domain.violations import Violation
    from interconnect.models import Mesh, Rollout
    from interconnect.views.parts.access import Visit

CONFLICTS = {"rollout.running", "mesh.moved-on", "form.stale"}


@dataclass
class Dialog:
    """What a dialog says and asks.

    `fields` maps the prefix of a violation's code to the field beside which it is shown. `deletes` lists the objects
    on clusters that will be deleted. `follows_choice`: the warnings depend on what is chosen in the form, and are
    fetched again when that changes. `leave` is the label of the button that changes nothing, *Cancel* unless set;
    `back` is the page that it leads to when the dialog is a page of its own, `tab` the tab that it belongs to then.
    """

    title: str
    submit: str
    form: forms.Form
    intro: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    danger: bool = False
    follows_choice: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    partial: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    overridable: tuple[Violation, ...] = ()
    status: int = 200
    leave: str = ""
    back: str = ""
    tab: str = "interconnect"


def posted(request: HttpRequest) -> QueryDict | None:
    """Return a form's data; None if it was only opened, or only asks what its choice would mean.

    A POST without a single field counts as data too.
    """
    return request.POST if request.method == "POST" and "asks" not in request.POST else None


def chosen(request: HttpRequest, name: str, choices: Iterable[tuple[str, str]]) -> list[str]:
    """Return what is chosen so far in a form that is submitted or asks what its choice would mean.

    Only what is offered counts.
    """
    sent = request.POST.getlist(name)
    return [value for value, _label in choices if value in sent]


def consents(data: QueryDict) -> list[str]:
    """Return the tokens of the findings to which a mesh admin consents; one value holds all those of a button.

    Raise BadRequest for anything that the console never wrote into a form.
    """
    tokens = [token for sent in data.getlist("accept") for token in sent.split(" ")]
    if not all(is_token(token) for token in tokens):
        raise BadRequest
    return tokens


def show(request: HttpRequest, visit: Visit, dialog: Dialog) -> HttpResponse:
    context = {
        "dialog": dialog,
        "form": dialog.form,
        "action": request.path if dialog.follows_choice else request.get_full_path(),
        "may_override": visit.actor.may(role_for("finding.override")),
        "tokens": sorted({*consents(request.POST), *(violation.token for violation in dialog.overridable)})
        if dialog.overridable
        else [],
        "back": dialog.back or reverse("interconnect", kwargs={"name": visit.mesh.name}),
        **dialog.extra,
    }
    parts = ("dialogs", "dialog-form", "dialog-warnings")
    status = dialog.status if dialog.status != 200 else 422 if dialog.form.is_bound and dialog.form.errors else 200
    if not is_htmx(request):
        context |= frame(visit, dialog.tab)
    else:
        context |= {"mesh": visit.mesh}
    return page(request, "interconnect/dialog.html", context, parts=parts, status=status)


def refuse(dialog: Dialog, refused: Refused) -> None:
    """Put every reason beside its field or above the form; offer a mesh admin to override them if all can be."""
    put_beside(dialog, refused.violations)
    codes = {violation.code for violation in refused.violations}
    if all(violation.token for violation in refused.violations):
        dialog.overridable = refused.violations
    dialog.status = 403 if codes == {"role.missing"} else 409 if codes & CONFLICTS else 422


def put_beside(dialog: Dialog, violations: Iterable[Violation]) -> None:
    """Put each reason beside its field, which marks the clusters that the reason names.

    Reasons without a field go above the form.
    """
    for violation in violations:
        clusters = frozenset(str(violation.params[name]) for name in ("cluster", "other") if name in violation.params)
        dialog.form.add_error(_field(dialog, violation.code), ChoiceError(phrases.reason(violation), clusters))


def judge(dialog: Dialog, violations: Iterable[Violation]) -> None:
    """Put what the rules say about an invalid form beside its fields, so that all its errors are shown at once.

    Fields that can't be read are left out: they already say why.
    """
    unread = set(dialog.form.errors)
    put_beside(dialog, [violation for violation in violations if _field(dialog, violation.code) not in unread])


def _field(dialog: Dialog, code: str) -> str | None:
    found = (name for prefix, name in dialog.fields.items() if code.startswith(prefix) and name in dialog.form.fields)
    return next(found, None)


def done(request: HttpRequest, mesh: Mesh, text: str | Promise, *, url_name: str = "interconnect") -> HttpResponse:
    """Report that a small change has been made: the dialog closes, and the page stays and refreshes."""
    return _closed(request, reverse(url_name, kwargs={"name": mesh.name}), str(text), "good")


def outdated(request: HttpRequest, mesh: Mesh, text: str) -> HttpResponse:
    """Close a dialog whose subject has changed in the meantime, and say why; the page shows the current state."""
    return over(request, reverse("interconnect", kwargs={"name": mesh.name}), text)


def over(request: HttpRequest, back: str, text: str) -> HttpResponse:
    """Close a dialog that has nothing left to ask, and say why; `back` is the page that it belongs to."""
    return _closed(request, back, text, "bad")


def _closed(request: HttpRequest, back: str, text: str, tone: str) -> HttpResponse:
    if is_htmx(request) and not is_page_itself(request):
        return events(HttpResponse(status=204), close_dialog=True, refresh=True, toast={"text": text, "tone": tone})
    messages.add_message(request, messages.SUCCESS if tone == "good" else messages.WARNING, text)
    return redirect(request, back)


def to_rollout(request: HttpRequest, rollout: Rollout) -> HttpResponse:
    """Redirect to the rollout's own page, where joins, removals and the like are followed."""
    return redirect(request, reverse("rollout", kwargs={"name": rollout.mesh.name, "rollout_id": rollout.id}))


def started(rollout: Rollout) -> str:
    return _("Started: %(title)s") % {"title": phrases.rollout_title(rollout)}


def what_removing_means(groups: Iterable[str]) -> tuple[str, ...]:
    """Return the consequences that the second question about removing groups from the interconnect states."""
    return (
        _("Other groups then get the Pod IPs of %(groups)s, which they can't reach: calls to services there time out.")
        % {"groups": ", ".join(groups)},
        _(
            "The control plane restarts only if every cluster answers. A restart without one of them "
            "would drop its endpoints everywhere."
        ),
    )


def in_words(violations: Iterable[Violation]) -> tuple[str, ...]:
    return phrases.reasons(violations)
