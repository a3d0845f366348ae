"""The platform: settings, identity, audit, encryption and operation; it knows nothing about the product."""

from __future__ import annotations

from meshconsole.celery import app as celery_app

__all__ = ["celery_app"]
