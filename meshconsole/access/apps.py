from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.http import HttpRequest


class AccessConfig(AppConfig):
    name = "meshconsole.access"
    label = "access"
    verbose_name = _("Access")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib.auth import get_user_model
        from django.contrib.auth.signals import user_logged_in
        from django.db.models.signals import post_delete, pre_save
        from django_structlog.signals import bind_extra_request_metadata

        from meshconsole.access import checks as checks
        from meshconsole.access import sessions, users

        pre_save.connect(users.before_save, sender=get_user_model())
        post_delete.connect(users.after_delete, sender=get_user_model())
        user_logged_in.connect(sessions.begin)
        bind_extra_request_metadata.connect(bind_address)


def bind_address(request: HttpRequest, **kwargs: Any) -> None:
    structlog.contextvars.bind_contextvars(ip=request.META.get("REMOTE_ADDR", ""))
