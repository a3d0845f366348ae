"""What clusters last said, with the time. Shapes of the JSON: `interconnect.state.observed`.

`at` is the last try, `answered_at` the last answer, and `standing` what counts of answering or readiness after two
looks (`interconnect.domain.steady`). A lease marks what a look is asking now. `noted_at` is when a step or a check last
noted what it read or wrote there itself: a look that began before says nothing any more.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Observation(models.Model):
    """What every look keeps of an API server."""

    at = models.DateTimeField(_("observed at"), null=True, blank=True)
    answered_at = models.DateTimeField(_("last contact"), null=True, blank=True)
    error_code = models.CharField(_("error"), max_length=64, blank=True)
    error_params = models.JSONField(_("error's parameters"), default=dict)
    standing = models.JSONField(_("whether it answers"), default=dict)
    facts = models.JSONField(_("facts"), default=dict)
    noted_at = models.DateTimeField(_("noted by a step at"), null=True, blank=True)
    lease_owner = models.CharField(_("lease owner"), max_length=64, blank=True)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)

    class Meta:
        abstract = True


class MeshObservation(Observation):
    """Its control plane. `summary` is what the list of meshes shows, from `summarized_at`."""

    mesh = models.OneToOneField(
        "interconnect.Mesh", models.CASCADE, primary_key=True, related_name="observation", verbose_name=_("mesh")
    )
    summary = models.JSONField(_("summary"), default=dict)
    summarized_at = models.DateTimeField(_("summarized at"), null=True, blank=True)

    class Meta:
        verbose_name = _("mesh observation")
        verbose_name_plural = _("mesh observations")

    def __str__(self) -> str:
        return str(self.mesh)


class ReplicaObservation(models.Model):
    """One istiod replica: a Pod, or the direct URL."""

    mesh = models.ForeignKey("interconnect.Mesh", models.CASCADE, related_name="replicas", verbose_name=_("mesh"))
    name = models.CharField(_("name"), max_length=253)
    at = models.DateTimeField(_("observed at"))
    answered_at = models.DateTimeField(_("last contact"), null=True, blank=True)
    standing = models.JSONField(_("whether it answers"), default=dict)
    facts = models.JSONField(_("facts"), default=dict)

    class Meta:
        verbose_name = _("istiod replica observation")
        verbose_name_plural = _("istiod replica observations")
        constraints = (models.UniqueConstraint(fields=("mesh", "name"), name="replica_once_per_mesh"),)

    def __str__(self) -> str:
        return self.name


class ClusterObservation(Observation):
    """`facts` are from the last fast look that was answered, `details` from the last slow one."""

    cluster = models.OneToOneField(
        "interconnect.Cluster", models.CASCADE, primary_key=True, related_name="observation", verbose_name=_("cluster")
    )
    details = models.JSONField(_("details"), default=dict)
    details_at = models.DateTimeField(_("details observed at"), null=True, blank=True)

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
    standing = models.JSONField(_("readiness"), default=dict)
    facts = models.JSONField(_("facts"), default=dict)

    class Meta:
        verbose_name = _("gateway observation")
        verbose_name_plural = _("gateway observations")

    def __str__(self) -> str:
        return str(self.gateway)


class ChecksObservation(models.Model):
    """What *Run checks* last found between the groups. The matrix is large: only the Checks page reads it."""

    mesh = models.OneToOneField(
        "interconnect.Mesh", models.CASCADE, primary_key=True, related_name="checks", verbose_name=_("mesh")
    )
    at = models.DateTimeField(_("checked at"))
    result = models.JSONField(_("result"), default=dict)

    class Meta:
        verbose_name = _("result of checks")
        verbose_name_plural = _("results of checks")

    def __str__(self) -> str:
        return str(self.mesh)
