"""Django's admin with the console's own site.

It is separate from the app `access`, which can have only one configuration.
"""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class ConsoleAdminConfig(AdminConfig):
    default_site = "meshconsole.access.site.ConsoleAdminSite"
