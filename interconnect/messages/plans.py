"""Words for plans that are shown before anything is started, and for checks."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

PLANS = {
    "plan.outdated": _(
        "The mesh, or what you have chosen, has changed since this plan was made. A new one is being made; look at it again."
    ),
    "plan.not-ready": _("The plan is not ready yet. Wait until it is shown, then start it."),
    "plan.blocked": _("The plan cannot be started because of its findings (%(codes)s). Mend them, or pass over those that allow it."),
}

MESSAGES = {**PLANS}
