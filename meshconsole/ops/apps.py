from __future__ import annotations

from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "meshconsole.ops"
    label = "ops"

    def ready(self) -> None:
        from meshconsole import checks  # noqa: F401  (registers the system checks)
