"""The Celery application: it only notifies workers; the work itself is in the database."""

from __future__ import annotations

import logging.config
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings
from django_structlog.celery.steps import DjangoStructLogInitStep

from meshconsole.ops import transport

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshconsole.settings")

transport.install()
app = Celery("meshconsole")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)
app.steps["worker"].add("meshconsole.ops.worker:Pulse")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**kwargs: Any) -> None:
    # Without a receiver for this signal, Celery configures logging itself, and would log without redaction.
    logging.config.dictConfig(settings.LOGGING)
