from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from interconnect.domain.topology import MeshKind, RestartPolicy

KIND_LABELS = {MeshKind.HOSTED: _("Hosted"), MeshKind.DEDICATED: _("Dedicated"), MeshKind.EXTERNAL: _("External")}
RESTART_LABELS = {
    RestartPolicy.ALWAYS: _("Always"),
    RestartPolicy.AUTOMATIC: _("Automatic"),
    RestartPolicy.NEVER: _("Never"),
}


class Mesh(models.Model):
    """One Istio mesh.

    `revision` rises with every change of the topology; it is what the compare-and-set of a change checks.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=63, unique=True)
    kind = models.CharField(_("kind"), max_length=16, choices=list(KIND_LABELS.items()), default=MeshKind.HOSTED)
    control_plane = models.ForeignKey(
        "interconnect.Connection", models.PROTECT, related_name="+", verbose_name=_("control plane")
    )
    config = models.ForeignKey(
        "interconnect.Connection", models.PROTECT, related_name="+", verbose_name=_("config cluster")
    )
    config_uid = models.CharField(_("config cluster's identity"), max_length=64)
    system_namespace = models.CharField(_("system namespace"), max_length=63, default="istio-system")
    enabled = models.BooleanField(_("interconnect enabled"), default=False)
    restart = models.CharField(
        _("control plane restart"), max_length=16, choices=list(RESTART_LABELS.items()), default=RestartPolicy.ALWAYS
    )
    networks_cluster = models.CharField(
        _("cluster of meshNetworks"),
        max_length=64,
        blank=True,
        help_text=_("Identity of the cluster. If empty, it's detected automatically."),
    )
    networks_config_map = models.CharField(_("ConfigMap of meshNetworks"), max_length=253, blank=True)
    istiod_url = models.URLField(_("direct istiod URL"), blank=True)
    forgotten = models.JSONField(
        _("forgotten clusters"),
        default=dict,
        blank=True,
        help_text=_("Names by cluster identity, kept for as long as istiod might know them."),
    )
    simulated = models.BooleanField(
        _("simulated"),
        default=False,
        help_text=_("The clusters of this mesh are simulated, for trying out the console."),
    )
    revision = models.PositiveBigIntegerField(_("revision"), default=0)
    created_at = models.DateTimeField(_("registered at"), auto_now_add=True)

    class Meta:
        verbose_name = _("mesh")
        verbose_name_plural = _("meshes")
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                fields=("config_uid", "system_namespace"), name="one_mesh_per_config_cluster_and_namespace"
            ),
            models.CheckConstraint(
                condition=models.Q(enabled=False) | models.Q(kind=MeshKind.HOSTED),
                name="only_a_hosted_mesh_is_interconnected",
            ),
        )

    def __str__(self) -> str:
        return self.name
