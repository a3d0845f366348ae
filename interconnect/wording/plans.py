"""Words for plans that are shown before anything is started, and for checks."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

PLANS = {
    "plan.outdated": _(
        "The mesh or your selection has changed since this plan was made. A new plan is being made. Review it again."
    ),
    "plan.not-ready": _("The plan isn't ready yet. Wait until it is shown, then start it."),
    "plan.blocked": _(
        "The plan can't start because of its findings (%(codes)s). Fix them, or override those that allow it."
    ),
}

ASKING = {
    "asking.person": _(
        "You already have %(most)s requests to clusters in progress. Wait until one finishes, then try again."
    ),
    "asking.mesh": _(
        "%(most)s requests to the clusters of this mesh are already in progress. Wait until some "
        "finish, then try again."
    ),
    "asking.checks": _(
        "%(most)s of your checks within %(minutes)s minutes found no cluster. "
        "Make sure that the kubeconfig leads to a cluster, wait a few minutes, then check again."
    ),
}

MESSAGES = {**PLANS, **ASKING}
