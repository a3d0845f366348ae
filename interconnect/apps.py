from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from meshconsole.ops.processes import Process


class InterconnectConfig(AppConfig):
    name = "interconnect"
    verbose_name = _("Interconnect")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from interconnect.clients import binding_of
        from interconnect.models import Connection, Inquiry
        from interconnect.services import inquiries
        from meshconsole.vault.registry import register

        register(Connection, "sealed", binding_of)
        register(Inquiry, "sealed", inquiries.binding_of)

    def run_processes(self) -> list[Process]:
        """What `manage.py run` starts beside the console's own processes."""
        from interconnect.cli.demo import processes

        return processes()
