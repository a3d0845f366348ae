"""Basic settings: enable and disable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from interconnect.domain.changes import Disable, Enable, prerequisites_of_disable
from interconnect.domain.refusal import Refused
from interconnect.domain.rules import is_disable_phrase
from interconnect.forms.groups import ConfirmForm, DisableForm
from interconnect.views.parts import dialogs
from interconnect.views.parts.access import mesh_for
from interconnect.views.parts.changing import current, deleted_rule, submit
from interconnect.views.parts.dialogs import Dialog, posted
from interconnect.wording import phrases, word

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_http_methods(["GET", "POST"])
def enable(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name)
    intro = (
        _(
            "This writes the gateway rule cross-network-gateway to the config cluster. It opens port "
            "15443 on the east-west gateways."
        ),
        _(
            "Nothing else changes yet. Next, put clusters into groups, create a gateway in each group, "
            "and join the groups."
        ),
    )
    dialog = Dialog(
        _("Enable multicloud interconnection"),
        _("Enable"),
        ConfirmForm(posted(request)),
        intro=intro,
        extra={"looks_for_gateways": True},
    )
    return submit(request, visit, dialog, lambda: [Enable()], follow=True)


@require_http_methods(["GET", "POST"])
def disable(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name)
    topology, _facts = current(visit)
    checklist = [
        (word(line.code, {}), line.met, phrases.reason(line.missing) if line.missing else "")
        for line in prerequisites_of_disable(topology)
    ]
    form = DisableForm(posted(request))
    intro = (_("This deletes the gateway rule. It can take one to two minutes to take effect."),)
    dialog = Dialog(
        _("Disable multicloud interconnection"),
        _("Disable"),
        form,
        intro=intro,
        danger=True,
        deletes=deleted_rule(visit),
        extra={"checklist": checklist, "blocked": not all(met for _label, met, _why in checklist)},
    )
    if request.method == "POST" and form.is_valid() and not is_disable_phrase(form.cleaned_data["phrase"]):
        dialog.fields = {"interconnect.phrase": "phrase"}
        dialogs.refuse(dialog, Refused.because("interconnect.phrase"))
        return dialogs.show(request, visit, dialog)
    return submit(request, visit, dialog, lambda: [Disable()], follow=True)
