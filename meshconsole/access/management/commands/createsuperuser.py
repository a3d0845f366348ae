"""`manage.py createsuperuser`: like Django's, but it refuses weak passwords from DJANGO_SUPERUSER_PASSWORD."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError


class Command(createsuperuser.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
        if settings.PRODUCTION and password is not None and not options["interactive"]:
            try:
                validate_password(password, User(username=options["username"] or ""))
            except ValidationError as error:
                raise CommandError(
                    f"DJANGO_SUPERUSER_PASSWORD is too weak for production. {' '.join(error.messages)}"
                ) from None
        super().handle(*args, **options)
