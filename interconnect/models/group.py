from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _


class NetworkGroup(models.Model):
    """Clusters whose Pods reach each other directly; the name is the Istio network and never changes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    mesh = models.ForeignKey("interconnect.Mesh", models.PROTECT, related_name="groups", verbose_name=_("mesh"))
    name = models.CharField(_("name"), max_length=63)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("network group")
        verbose_name_plural = _("network groups")
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("mesh", "name"), name="group_name_once_per_mesh"),)

    def __str__(self) -> str:
        return self.name
