from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class JoinDraft(models.Model):
    """What somebody has chosen in the join wizard so far: it survives a reload, a sign-out and another tab.

    `groups` holds names; `addresses` holds per group a list of {"host", "port", "gateway"} (the gateway's UUID or "").
    """

    mesh = models.ForeignKey("interconnect.Mesh", models.CASCADE, related_name="join_drafts", verbose_name=_("mesh"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user"))
    groups = models.JSONField(_("network groups"), default=list)
    addresses = models.JSONField(_("addresses"), default=dict)
    restart = models.CharField(_("control plane restart"), max_length=16, blank=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("join draft")
        verbose_name_plural = _("join drafts")
        constraints = (models.UniqueConstraint(fields=("mesh", "user"), name="one_join_draft_per_user_and_mesh"),)

    def __str__(self) -> str:
        return ", ".join(self.groups)
