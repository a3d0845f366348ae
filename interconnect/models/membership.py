from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from interconnect.domain.topology import GATEWAY_PORT


class Membership(models.Model):
    """A group's place in the interconnect list."""

    group = models.OneToOneField(
        "interconnect.NetworkGroup",
        models.PROTECT,
        primary_key=True,
        related_name="membership",
        verbose_name=_("network group"),
    )
    joined_at = models.DateTimeField(_("joined at"), auto_now_add=True)

    class Meta:
        verbose_name = _("interconnect membership")
        verbose_name_plural = _("interconnect memberships")
        ordering = ("group__name",)

    def __str__(self) -> str:
        return str(self.group)


class MembershipAddress(models.Model):
    """Where others reach a joined group. Without a gateway it was added by hand; without a host it is awaited.

    A gateway in use can't be deleted, and no two networks of a mesh share an address: the database enforces both.
    """

    membership = models.ForeignKey(Membership, models.CASCADE, related_name="addresses", verbose_name=_("membership"))
    mesh = models.ForeignKey("interconnect.Mesh", models.PROTECT, related_name="+", verbose_name=_("mesh"))
    gateway = models.ForeignKey(
        "interconnect.Gateway",
        models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("east-west gateway"),
    )
    host = models.CharField(_("address"), max_length=253, blank=True)
    port = models.PositiveIntegerField(
        _("port"), default=GATEWAY_PORT, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    position = models.PositiveIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("interconnect address")
        verbose_name_plural = _("interconnect addresses")
        ordering = ("position", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("mesh", "host", "port"), condition=~models.Q(host=""), name="address_of_one_network_per_mesh"
            ),
            models.UniqueConstraint(
                fields=("membership", "gateway", "port"),
                condition=models.Q(host=""),
                name="gateway_awaited_once_per_port",
            ),
            models.CheckConstraint(
                condition=~models.Q(host="") | models.Q(gateway__isnull=False), name="address_typed_or_of_a_gateway"
            ),
            models.CheckConstraint(condition=models.Q(port__gte=1, port__lte=65535), name="address_port_is_a_port"),
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"
