"""gunicorn's settings, for every way of running the console: `gunicorn -c python:meshconsole.ops.serving`."""

from __future__ import annotations

from meshconsole.ops.logging import logging_config

wsgi_app = "meshconsole.wsgi:application"
worker_class = "meshconsole.ops.web.BufferedWorker"
worker_connections = 1000
# Also the time in which a request must arrive completely.
keepalive = 30
graceful_timeout = 10
# The socket would need a home directory, which the image's user doesn't have.
control_socket_disable = True
logconfig_dict = logging_config("INFO")
