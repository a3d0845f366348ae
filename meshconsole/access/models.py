"""Tables of the access app."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from meshconsole.access.roles import PLATFORM_SCOPE, Role


class Binding(models.Model):
    """A role in a scope, for a user or for the members of a group.

    The scope "" is the whole platform; only the product knows what other scopes mean.
    """

    class RoleChoice(models.IntegerChoices):
        VIEWER = Role.VIEWER.value, _("Viewer")
        OPERATOR = Role.OPERATOR.value, _("Operator")
        MESH_ADMIN = Role.MESH_ADMIN.value, _("Mesh admin")
        PLATFORM_ADMIN = Role.PLATFORM_ADMIN.value, _("Platform admin")

    scope = models.CharField(_("scope"), max_length=100, blank=True, default="")
    role = models.PositiveSmallIntegerField(_("role"), choices=RoleChoice)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="bindings",
    )
    group = models.ForeignKey(
        Group, verbose_name=_("group"), on_delete=models.CASCADE, null=True, blank=True, related_name="bindings"
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("role binding")
        verbose_name_plural = _("role bindings")
        ordering = ["scope", "-role", "pk"]
        constraints = [
            models.CheckConstraint(
                name="binding_of_a_user_or_a_group",
                condition=Q(user__isnull=False, group__isnull=True) | Q(user__isnull=True, group__isnull=False),
            ),
            models.CheckConstraint(
                name="binding_platform_admin_of_the_platform",
                condition=~Q(role=Role.PLATFORM_ADMIN.value) | Q(scope=PLATFORM_SCOPE),
            ),
            models.CheckConstraint(name="binding_known_role", condition=Q(role__in=[role.value for role in Role])),
            models.UniqueConstraint(
                name="binding_one_per_user", fields=["scope", "user"], condition=Q(user__isnull=False)
            ),
            models.UniqueConstraint(
                name="binding_one_per_group", fields=["scope", "group"], condition=Q(group__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{Role(self.role).slug} {self.scope or 'platform'}"
