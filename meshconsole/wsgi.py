"""The WSGI application that gunicorn serves."""

from __future__ import annotations

import logging
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshconsole.settings")

# Otherwise Python writes warnings itself, raw.
logging.captureWarnings(True)
application = get_wsgi_application()
