"""Dialogs that change the topology: one way to ask, to submit, and to show what the rules refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from interconnect.domain.refusal import Refused
from interconnect.domain.verify import GuardChoice
from interconnect.domain.warnings import warnings_of_all
from interconnect.forms.base import STALE, VersionedForm
from interconnect.services.rollouts import Start, rollout_start
from interconnect.state import desired, observed, pages
from interconnect.views.parts import dialogs
from interconnect.wording import phrases

if TYPE_CHECKING:
    from interconnect.domain.changes import Change
    from interconnect.domain.facts import Facts
    from interconnect.domain.topology import Gateway, Group, RestartPolicy, Topology
    from interconnect.models import Rollout
    from interconnect.views.parts.access import Visit
    from interconnect.views.parts.dialogs import Dialog


def current(visit: Visit) -> tuple[Topology, Facts]:
    return desired.load(visit.mesh), observed.facts(visit.mesh)


def group_of(topology: Topology, name: str) -> Group:
    if name not in topology.groups:
        raise Http404
    return topology.groups[name]


def submit(
    request: HttpRequest,
    visit: Visit,
    dialog: Dialog,
    changes: Callable[[], Sequence[Change]],
    *,
    follow: bool = False,
    restart: RestartPolicy | None = None,
) -> HttpResponse:
    """Show the dialog, or start its changes once it is submitted; `follow`: go to the rollout's page next."""
    form = dialog.form
    if request.method != "POST" or not form.is_valid():
        return dialogs.show(request, visit, dialog)
    if isinstance(form, VersionedForm) and form.is_stale:
        form.add_error(None, str(STALE))
        form.take_current_version()
        dialog.status = 409
        return dialogs.show(request, visit, dialog)
    try:
        start = Start(
            visit.mesh,
            list(changes()),
            accept=dialogs.consents(request.POST),
            guard=request.POST.get("guard", GuardChoice.FAIL),
            restart=restart,
        )
        rollout = rollout_start(actor=visit.actor, start=start)
    except Refused as refused:
        dialogs.refuse(dialog, refused)
        return dialogs.show(request, visit, dialog)
    return answer(request, visit, rollout, follow=follow)


def answer(request: HttpRequest, visit: Visit, rollout: Rollout, *, follow: bool) -> HttpResponse:
    if follow:
        return dialogs.to_rollout(request, rollout)
    return dialogs.done(request, visit.mesh, dialogs.started(rollout))


def deleted_with(visit: Visit, gateways: Iterable[Gateway]) -> tuple[str, ...]:
    """Return every object that is deleted along with these gateways, by kind and name."""
    found = pages.written_of(visit.mesh, [gateway.id for gateway in gateways])
    return tuple(_("%(object)s on %(cluster)s") % {"object": name, "cluster": cluster} for cluster, name in found)


def deleted_rule(visit: Visit) -> tuple[str, ...]:
    return tuple(pages.written_rule(visit.mesh))


def warned(topology: Topology, facts: Facts, *changes: Change) -> tuple[str, ...]:
    return phrases.reasons(warnings_of_all(topology, changes, facts))
