from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from interconnect.domain.entries import AppliedState

STATE_LABELS = {
    AppliedState.INTENDED: _("Intended"),
    AppliedState.WRITTEN: _("Written"),
    AppliedState.LEAVING: _("Leaving"),
}


class AppliedEntry(models.Model):
    """What the console wrote to one object or foreign field.

    The row is saved before the first write and kept until what was written is seen to be gone. `found` is what was
    there before (null: nothing), set when the row is created and never again. `admitted` are the leaves of which the
    cluster made something else than was sent: [path, value], with null for a leaf that it took away. `archived` rows
    belong to a forgotten cluster; they come back when that cluster is registered again.
    """

    mesh = models.ForeignKey("interconnect.Mesh", models.PROTECT, related_name="applied", verbose_name=_("mesh"))
    cluster_uid = models.CharField(_("cluster"), max_length=64)
    api_version = models.CharField(_("API version"), max_length=128)
    kind = models.CharField(_("kind"), max_length=64)
    namespace = models.CharField(_("namespace"), max_length=63, blank=True)
    name = models.CharField(_("name"), max_length=253)
    field = models.CharField(_("field"), max_length=320, blank=True)
    object_uid = models.CharField(_("object's UID"), max_length=64, blank=True)
    state = models.CharField(_("state"), max_length=16, choices=list(STATE_LABELS.items()))
    value = models.JSONField(_("last sent"), null=True)
    found = models.JSONField(_("found before"), null=True)
    admitted = models.JSONField(_("changed by admission"), default=list, blank=True)
    adopted = models.BooleanField(_("adopted"), default=False)
    gateway = models.CharField(_("gateway"), max_length=36, blank=True)
    archived = models.BooleanField(_("archived"), default=False)
    rollout = models.ForeignKey(
        "interconnect.Rollout", models.SET_NULL, related_name="+", null=True, blank=True, verbose_name=_("rollout")
    )
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("applied entry")
        verbose_name_plural = _("applied entries")
        constraints = (
            models.UniqueConstraint(
                fields=("mesh", "cluster_uid", "api_version", "kind", "namespace", "name", "field"),
                name="applied_once_per_target",
            ),
        )
        indexes = (
            models.Index(fields=("mesh", "cluster_uid"), name="applied_by_cluster"),
        )  # each step reads those of its cluster

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name} {self.field}".strip()


class Consent(models.Model):
    """A mesh admin's consent to take over one field from one owner, or to adopt one object (`token` names which)."""

    mesh = models.ForeignKey("interconnect.Mesh", models.PROTECT, related_name="consents", verbose_name=_("mesh"))
    token = models.CharField(_("token"), max_length=200)
    actor = models.CharField(_("given by"), max_length=200)
    given_at = models.DateTimeField(_("given at"), auto_now_add=True)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = (models.UniqueConstraint(fields=("mesh", "token"), name="consent_once_per_token"),)

    def __str__(self) -> str:
        return self.token


class Publication(models.Model):
    """Per istiod Deployment: the joined networks at its last restart (made, skipped or not needed), and the digest of
    meshNetworks that was last verified on all its replicas.
    """

    mesh = models.ForeignKey("interconnect.Mesh", models.CASCADE, related_name="publications", verbose_name=_("mesh"))
    deployment = models.CharField(_("istiod"), max_length=253)
    restarted_networks = models.JSONField(_("networks at the last restart"), default=list)
    verified_digest = models.CharField(_("verified digest"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("publication")
        verbose_name_plural = _("publications")
        constraints = (models.UniqueConstraint(fields=("mesh", "deployment"), name="publication_once_per_istiod"),)

    def __str__(self) -> str:
        return self.deployment
