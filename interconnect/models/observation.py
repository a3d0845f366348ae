"""What clusters last said, with the time. Shapes of the JSON: `interconnect.state.observed`."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class MeshObservation(models.Model):
    mesh = models.OneToOneField(
        "interconnect.Mesh", models.CASCADE, primary_key=True, related_name="observation", verbose_name=_("mesh")
    )
    at = models.DateTimeField(_("observed at"))
    facts = models.JSONField(_("facts"), default=dict)
    findings = models.JSONField(_("findings"), default=list)

    class Meta:
        verbose_name = _("mesh observation")
        verbose_name_plural = _("mesh observations")

    def __str__(self) -> str:
        return str(self.mesh)


class ClusterObservation(models.Model):
    cluster = models.OneToOneField(
        "interconnect.Cluster", models.CASCADE, primary_key=True, related_name="observation", verbose_name=_("cluster")
    )
    at = models.DateTimeField(_("observed at"))
    answered_at = models.DateTimeField(_("last contact"), null=True, blank=True)
    error_code = models.CharField(_("error"), max_length=64, blank=True)
    error_params = models.JSONField(_("error's parameters"), default=dict)
    facts = models.JSONField(_("facts"), default=dict)
    findings = models.JSONField(_("findings"), default=list)

    class Meta:
        verbose_name = _("cluster observation")
        verbose_name_plural = _("cluster observations")

    def __str__(self) -> str:
        return str(self.cluster)


class GatewayObservation(models.Model):
    gateway = models.OneToOneField(
        "interconnect.Gateway", models.CASCADE, primary_key=True, related_name="observation", verbose_name=_("gateway")
    )
    at = models.DateTimeField(_("observed at"))
    facts = models.JSONField(_("facts"), default=dict)

    class Meta:
        verbose_name = _("gateway observation")
        verbose_name_plural = _("gateway observations")

    def __str__(self) -> str:
        return str(self.gateway)
