from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from interconnect.domain.topology import ServiceType

SERVICE_TYPE_LABELS = {
    ServiceType.LOAD_BALANCER: _("Load balancer"),
    ServiceType.NODE_PORT: _("Node port"),
    ServiceType.CLUSTER_IP: _("Cluster IP"),
}


class Gateway(models.Model):
    """An east-west gateway. Its key is its cluster and number; `name` is what its objects are called on the cluster."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    cluster = models.ForeignKey(
        "interconnect.Cluster", models.PROTECT, related_name="gateways", verbose_name=_("cluster")
    )
    number = models.PositiveIntegerField(_("number"))
    name = models.CharField(_("name"), max_length=63)
    replicas = models.PositiveIntegerField(_("replicas"), default=1)
    autoscaling_min = models.PositiveIntegerField(_("minimum replicas"), null=True, blank=True)
    autoscaling_max = models.PositiveIntegerField(_("maximum replicas"), null=True, blank=True)
    annotations = models.JSONField(_("load balancer annotations"), default=dict, blank=True)
    load_balancer_ip = models.CharField(_("load balancer IP"), max_length=45, blank=True)
    service_type = models.CharField(
        _("service type"), max_length=16, choices=list(SERVICE_TYPE_LABELS.items()), default=ServiceType.LOAD_BALANCER
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("east-west gateway")
        verbose_name_plural = _("east-west gateways")
        ordering = ("cluster__name", "number")
        constraints = (
            models.UniqueConstraint(fields=("cluster", "number"), name="gateway_number_once_per_cluster"),
            models.UniqueConstraint(fields=("cluster", "name"), name="gateway_name_once_per_cluster"),
            models.CheckConstraint(condition=models.Q(replicas__gte=1), name="gateway_has_a_replica"),
            models.CheckConstraint(
                condition=models.Q(autoscaling_min__isnull=True, autoscaling_max__isnull=True)
                | models.Q(
                    # Checked explicitly, since a comparison with null would let half a range through.
                    autoscaling_min__isnull=False,
                    autoscaling_max__isnull=False,
                    autoscaling_min__gte=1,
                    autoscaling_max__gte=models.F("autoscaling_min"),
                ),
                name="gateway_autoscaling_is_a_range",
            ),
        )

    def __str__(self) -> str:
        return self.name
