"""The WSGI application that gunicorn serves."""

from __future__ import annotations

import logging
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshconsole.settings")

# Python writes warnings by itself otherwise, as they are.
logging.captureWarnings(True)
application = get_wsgi_application()
