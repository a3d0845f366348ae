"""Django's admin with the console's own site; apart from the app `access`, which may have one configuration only."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class ConsoleAdminConfig(AdminConfig):
    default_site = "meshconsole.access.site.ConsoleAdminSite"
