from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _


class Connection(models.Model):
    """An API server and the sealed credential for it. Two roles on one cluster may have a connection each."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    uid = models.CharField(_("identity"), max_length=64, help_text=_("UID of the cluster's kube-system namespace."))
    server = models.CharField(_("server"), max_length=500)
    sealed = models.TextField(_("sealed credential"), editable=False)
    fingerprint = models.CharField(_("fingerprint"), max_length=64)
    ends_at = models.DateTimeField(_("credential expiry"), null=True, blank=True)
    insecure_allowed = models.BooleanField(_("unverified TLS allowed"), default=False)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)
    # The circuit breaker: written on transitions only.
    open_since = models.DateTimeField(_("not answering since"), null=True, blank=True)
    open_code = models.CharField(_("why it doesn't answer"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")

    def __str__(self) -> str:
        return self.server


class Cluster(models.Model):
    """A member cluster.

    `name` is its Istio cluster ID; the mesh's system namespace is kept for the identity constraint.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    mesh = models.ForeignKey("interconnect.Mesh", models.PROTECT, related_name="clusters", verbose_name=_("mesh"))
    name = models.CharField(_("name"), max_length=63)
    uid = models.CharField(_("identity"), max_length=64)
    system_namespace = models.CharField(_("system namespace"), max_length=63)
    connection = models.OneToOneField(Connection, models.PROTECT, related_name="cluster", verbose_name=_("connection"))
    group = models.ForeignKey(
        "interconnect.NetworkGroup",
        models.PROTECT,
        related_name="clusters",
        null=True,
        blank=True,
        verbose_name=_("network group"),
    )
    pod_cidrs = models.JSONField(_("Pod CIDRs"), default=list, help_text=_("Entered by an admin."))
    registered_at = models.DateTimeField(_("registered at"), auto_now_add=True)

    class Meta:
        verbose_name = _("cluster")
        verbose_name_plural = _("clusters")
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("mesh", "name"), name="cluster_name_once_per_mesh"),
            models.UniqueConstraint(
                fields=("uid", "system_namespace"), name="cluster_in_one_mesh_per_system_namespace"
            ),
        )

    def __str__(self) -> str:
        return self.name
