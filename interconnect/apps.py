from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InterconnectConfig(AppConfig):
    name = "interconnect"
    verbose_name = _("Interconnect")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from interconnect.clients import binding_of
        from interconnect.models import Connection
        from meshconsole.vault.registry import register

        register(Connection, "sealed", binding_of)
