"""Basic settings: enable, the gateway rule, disable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from interconnect import queries
from interconnect.domain.changes import Disable, Enable, prerequisites_of_disable
from interconnect.domain.manifests import gateway_rule
from interconnect.domain.render import rule_target
from interconnect.domain.rules import is_disable_phrase
from interconnect.forms.groups import ConfirmForm, DisableForm
from interconnect.messages import word
from interconnect.services.refusal import Refused
from interconnect.views import dialogs, wording
from interconnect.views.access import mesh_for
from interconnect.views.changing import current, submit
from interconnect.views.dialogs import Dialog, posted
from meshconsole.access.roles import Role
from meshconsole.htmx import is_htmx, page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_http_methods(["GET", "POST"])
def enable(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name, Role.MESH_ADMIN)
    intro = (
        _("The gateway rule cross-network-gateway is written to the config cluster: it opens port 15443 of the east-west gateways."),
        _("Nothing else changes yet. Then put clusters into groups, give each group a gateway, and join the groups."),
    )
    dialog = Dialog(_("Enable multicloud interconnection"), _("Enable"), ConfirmForm(posted(request)), intro=intro)
    return submit(request, visit, dialog, lambda: [Enable()], follow=True)


@require_http_methods(["GET", "POST"])
def disable(request: HttpRequest, name: str) -> HttpResponse:
    visit = mesh_for(request, name, Role.MESH_ADMIN)
    topology, _facts = current(visit)
    checklist = [
        (word(line.code, {}), line.met, wording.reason(line.missing) if line.missing else "") for line in prerequisites_of_disable(topology)
    ]
    form = DisableForm(posted(request))
    intro = (_("The gateway rule is deleted. The effect can lag one to two minutes."),)
    dialog = Dialog(
        _("Disable multicloud interconnection"),
        _("Disable"),
        form,
        intro=intro,
        danger=True,
        extra={"checklist": checklist, "blocked": not all(met for _label, met, _why in checklist)},
    )
    if request.method == "POST" and form.is_valid() and not is_disable_phrase(form.cleaned_data["phrase"]):
        dialog.fields = {"interconnect.phrase": "phrase"}
        dialogs.refuse(dialog, Refused.because("interconnect.phrase"))
        return dialogs.show(request, visit, dialog)
    return submit(request, visit, dialog, lambda: [Disable()], follow=True)


@require_GET
def rule(request: HttpRequest, name: str) -> HttpResponse:
    """The gateway rule as the console writes it, and when it last did."""
    visit = mesh_for(request, name)
    sight = queries.sight(visit.mesh)
    target = rule_target(sight.topology)
    manifest = gateway_rule(target, sight.topology.mesh, sight.facts.cluster_domain)
    text = yaml.safe_dump(sight.rule.value if sight.rule and sight.rule.value else manifest, sort_keys=False)
    context = {"text": text, "applied": sight.rule, "in_place": queries.rule_is_in_place(sight.rule), "mesh": visit.mesh}
    if not is_htmx(request):
        from interconnect.views.mesh import frame

        context |= frame(visit, "interconnect")
    return page(request, "interconnect/rule.html", context, parts=("dialogs",))
