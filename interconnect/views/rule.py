"""Live looks: the gateway rule as the config cluster has it now."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from interconnect.domain.manifests import gateway_rule
from interconnect.domain.render import rule_target
from interconnect.domain.results import RuleResult
from interconnect.models import InquiryStatus
from interconnect.planning.excerpt import as_yaml
from interconnect.services import looks
from interconnect.services.inquiries import Kind, inquiry_of, inquiry_start
from interconnect.state import pages
from interconnect.views.parts import plan_rows
from interconnect.views.parts.access import Visit, mesh_for
from interconnect.views.parts.frame import frame
from interconnect.wording import phrases
from meshconsole.htmx import is_htmx, page

if TYPE_CHECKING:
    from interconnect.models import Inquiry

PATIENCE = timedelta(seconds=20)
KINDS = (looks.RULE.name, looks.ENABLING.name)
PARTS = ("dialogs", "look")


@require_http_methods(["GET", "POST"])
def rule(request: HttpRequest, name: str) -> HttpResponse:
    """Show all Gateways on port 15443 in the config cluster as they are now; until it answers, show ours as written.

    `do=enabling`, sent by the enable dialog, asks only for the Gateways of others that our rule will meet.
    """
    visit = mesh_for(request, name)
    if request.method == "POST":
        return _ask(request, visit, looks.ENABLING if request.POST.get("do") == looks.ENABLING.name else looks.RULE)
    sight = pages.sight(visit.mesh)
    manifest = gateway_rule(rule_target(sight.topology), sight.topology.mesh, sight.facts.cluster_domain)
    written = sight.rule.value if sight.rule and sight.rule.value else manifest
    context = {"text": as_yaml(written), "in_place": sight.seen.work.rule_written, "asks": True}
    return _show(request, visit, looks.RULE.name, context)


@require_GET
def look(request: HttpRequest, name: str, inquiry_id: UUID) -> HttpResponse:
    """Show the state of a look. Only the person who asked for it can see it, and it is dropped after 15 minutes."""
    visit = mesh_for(request, name)
    inquiry = inquiry_of(inquiry_id=inquiry_id, user_id=visit.actor.user_id or 0)
    if inquiry is None or inquiry.mesh_id != visit.mesh.id or inquiry.kind not in KINDS:
        raise Http404
    return _show(request, visit, inquiry.kind, {"inquiry": inquiry, **_answer(inquiry)})


def _ask(request: HttpRequest, visit: Visit, kind: Kind) -> HttpResponse:
    inquiry = inquiry_start(user_id=visit.actor.user_id or 0, kind=kind, mesh=visit.mesh)
    if not is_htmx(request):
        return HttpResponseRedirect(reverse("look", kwargs={"name": visit.mesh.name, "inquiry_id": inquiry.id}))
    return _show(request, visit, kind.name, {"inquiry": inquiry, **_answer(inquiry)})


def _answer(inquiry: Inquiry) -> dict[str, Any]:
    if inquiry.status in (InquiryStatus.WAITING, InquiryStatus.RUNNING):
        return {"waiting": True, "slow": timezone.now() - inquiry.asked_at > PATIENCE}
    if inquiry.status == InquiryStatus.FAILED:
        return {"errors": phrases.refusal(inquiry.errors)}
    said = RuleResult.from_json(inquiry.result)
    return {"said": said, "differences": [plan_rows.write_row(write, frozenset()) for write in said.drift]}


def _titles() -> dict[str, str]:
    return {
        looks.RULE.name: _("Gateway rule"),
        looks.ENABLING.name: _("Enable multicloud interconnection"),
    }


def _show(request: HttpRequest, visit: Visit, kind: str, context: dict[str, Any]) -> HttpResponse:
    whole = {
        "mesh": visit.mesh,
        "kind": kind,
        "title": _titles()[kind],
        "may_restore": visit.may("restore"),
        **context,
    }
    if not is_htmx(request):
        whole = frame(visit, "interconnect") | whole
    return page(request, "interconnect/look.html", whole, parts=PARTS)
