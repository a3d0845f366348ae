"""Words for plans that are shown before anything is started, and for checks."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

PLANS = {
    "plan.outdated": _(
        "The mesh, or what you have chosen, has changed since this plan was made. A new one is being made; "
        "look at it again."
    ),
    "plan.not-ready": _("The plan is not ready yet. Wait until it is shown, then start it."),
    "plan.blocked": _(
        "The plan can't start because of its findings (%(codes)s). Fix them, or override those that allow it."
    ),
}

ASKING = {
    "asking.person": _(
        "%(most)s of your questions to clusters are still open. Wait until one is answered, then try again."
    ),
    "asking.mesh": _(
        "%(most)s questions to the clusters of this mesh are still open. Wait until some are answered, then try again."
    ),
    "asking.checks": _(
        "%(most)s of your checks within %(minutes)s minutes found no cluster. "
        "Make sure that the kubeconfig leads to a cluster, wait a few minutes, then check again."
    ),
}

MESSAGES = {**PLANS, **ASKING}
